"""Nothing is both writable and executable: in no file that is loaded, and in no page table of a running system."""
import glob
import os
import struct
import sys

sys.dont_write_bytecode = True
import boot
import frozen
from frozen import R, U, W, X
from ktap import check_equal, comment, main, test

PT_LOAD, PF_X, PF_W = 1, 1, 2


def segments(elf):
    """(flags, address, bytes) of each segment that is loaded."""
    table, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for i in range(count):
        kind, flags, _, address, _, _, memory_bytes, _ = struct.unpack_from("<IIQQQQQQ", elf, table + size * i)
        if kind == PT_LOAD:
            yield flags, address, memory_bytes


def check_segments(files):
    for name, elf in files:
        both = [f"{name}: {address:x}" for flags, address, _ in segments(elf) if flags & PF_W and flags & PF_X]
        shared = {}
        for flags, address, memory_bytes in segments(elf):
            for page in range(address // 4096, (address + memory_bytes + 4095) // 4096):
                shared[page] = shared.get(page, 0) | flags
        both += [f"{name}: page {page:x}" for page, flags in shared.items() if flags & PF_W and flags & PF_X]
        check_equal(both, [])


@test("no kernel image has a segment, or a page of two segments, that is writable and executable")
def _():
    paths = [os.path.join(boot.BUILD, name) for name in ("faultline.elf", "kernel_test.elf", "clang/faultline.elf")]
    check_segments((path, boot.build_file(path)) for path in paths)


@test("no server and no program of the initrd has one")
def _():
    every = [(name.decode(), data) for name, data in boot.archive.read(boot.build_file("initrd.cpio")).items()
             if data.startswith(boot.archive.ELF_MAGIC)]
    every += [(path, boot.build_file(path)) for path in glob.glob(os.path.join(boot.BUILD, "user", "*.elf"))]
    comment(f"{len(every)} files")
    check_equal({"pager", "sh", "hello"} <= {name for name, _ in every}, True)
    check_segments(every)


def seen():
    """The spaces of the running system, taken once."""
    if not hasattr(seen, "spaces"):
        seen.spaces = frozen.spaces()
    return seen.spaces


@test("in a running system no entry of any page table is writable and executable")
def _():
    spaces = seen()
    leaves = [leaf for space in spaces for leaf in space.user + space.kernel]
    comment(f"{len(spaces)} roots, {len(leaves)} leaves")
    check_equal(sum(1 for space in spaces if space.user) >= 5, True)  # init, pager, sh, two programs
    check_equal([f"{address:x}" for address, _, bits, _ in leaves if bits & W and bits & X], [])


@test("the user's half holds only user pages, the kernel's none, and nothing is writable without being readable")
def _():
    for space in seen():
        check_equal([f"{address:x}" for address, _, bits, _ in space.user if not bits & U], [])
        check_equal([f"{address:x}" for address, _, bits, _ in space.kernel if bits & U], [])
        check_equal([f"{address:x}" for address, _, bits, _ in space.user + space.kernel if bits & W and not bits & R], [])


@test("the kernel's own text is writable through no other address")
def _():
    kernel = seen()[0].kernel
    text = {frame + i for _, span, bits, frame in kernel if bits & X for i in range(span // 4096)}
    writable = [(frame, frame + span // 4096) for space in seen() for _, span, bits, frame in space.user + kernel if bits & W]
    comment(f"{len(text)} pages of text")
    check_equal(len(text) > 5, True)
    check_equal([f"{frame:x}" for frame in text if any(start <= frame < end for start, end in writable)], [])


main()
