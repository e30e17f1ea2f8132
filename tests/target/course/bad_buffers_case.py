"""A buffer that is not wholly the program's own is EFAULT, and then nothing was transferred."""
RUNS = [("4",), ("1",), ("100",)]
PART = "Linux transfers the part that it can"
DIFFERS = {("read()", "half absent"): PART, ("write()", "half absent"): PART,
           "bytes changed by refused calls": "Linux fills a structure in as far as it can"}


def model(pages):
    size = int(pages) * 4096
    refused = ["EFAULT"] * 3
    return [["call with a buffer that is", "untouched", "read-only", "absent", "half absent"],
            ["read()", size, *refused],
            ["write()", size, size, *refused[1:]],
            ["fstat()", 0, *refused],
            ["getrusage()", 0, *refused],
            ["waitpid()", 0, *refused],
            ["bytes changed by refused calls", 0]]
