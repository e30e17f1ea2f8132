#!/usr/bin/env python3
"""Writes files that a loader must refuse with ENOEXEC, made from a good program.

usage: make_bad_programs.py PROGRAM FOLDER
"""
import os
import struct
import sys

PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")  # type, flags, offset, vaddr, paddr, filesz, memsz, align
LOAD = 1


def load_headers(image):
    """Offsets in `image` of the program headers of type LOAD."""
    first, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    offsets = [first + i * size for i in range(count)]
    return [o for o in offsets if struct.unpack_from("<I", image, o)[0] == LOAD]


def with_address(image, header, address):
    """A copy of `image` whose segment at `header` starts at `address`."""
    changed = bytearray(image)
    fields = list(PROGRAM_HEADER.unpack_from(changed, header))
    fields[3] = fields[4] = address
    PROGRAM_HEADER.pack_into(changed, header, *fields)
    return bytes(changed)


def main():
    program, folder = sys.argv[1:]
    with open(program, "rb") as file:
        good = file.read()
    first, second = load_headers(good)[:2]
    address = PROGRAM_HEADER.unpack_from(good, first)[3]
    files = {
        "text_file": b"This is no program.\nIts last line has no end",
        "truncated_elf": good[:100],
        "overlapping_elf": with_address(good, second, address),
        "kernel_elf": with_address(good, second, 0xffffffc080200000),
    }
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
