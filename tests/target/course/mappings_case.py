"""What POSIX says of mmap and munmap, and Linux where POSIX leaves it open."""
RUNS = [("16",), ("7",)]


def model(pages):
    kept = (int(pages) + 1) // 2
    return [["memory", "what came of it"],
            ["private: what a child writes, its parent has", "not seen"],
            ["shared: what a child writes, its parent has", "seen"],
            ["at a hint that is free", "there, byte 0"],
            ["at a hint that is taken", "elsewhere, byte 0"],
            ["fixed, not to replace, taken", "EEXIST"],
            ["fixed, taken: it is replaced", "there, byte 0"],
            ["every second page unmapped", f"{int(pages) - kept} given back, {kept} kept"],
            ["what is kept", "status 0"],
            ["what was unmapped", "ended by signal 11"],
            ["a file from its second page on", "byte 2"],
            ["its last page, behind its end", "byte 0"],
            ["the page behind that", "ended by signal 7"],
            ["map no bytes", "EINVAL"],
            ["map more than all addresses", "ENOMEM"],
            ["map neither shared nor private", "EINVAL"],
            ["map a file that is not open", "EBADF"],
            ["map from half a page on", "EINVAL"],
            ["map a file from half a page on", "EINVAL"],
            ["map a file that is open to read, private", "done"],
            ["the same, shared and writable", "EACCES"],
            ["map fixed at half a page", "EINVAL"],
            ["unmap from half a page on", "EINVAL"],
            ["unmap no bytes", "EINVAL"],
            ["unmap it", "done"],
            ["unmap it again", "done"],
            ["protect it then", "ENOMEM"]]
