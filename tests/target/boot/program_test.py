#!/usr/bin/env python3
"""Files that are no programs: refused with name and reason, and the next program runs."""
import random
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
from boot import archive
from ktap import check_equal, main, test

FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
FILE_FIELDS = "ident type machine version entry headers sections flags size header_size count s_size s_count names".split()
SEGMENT = struct.Struct("<IIQQQQQQ")
SEGMENT_FIELDS = "type flags offset address physical file_bytes memory_bytes align".split()
LOAD, DYNAMIC, INTERP = 1, 2, 3


def change(header=None, segment=None, index=0):
    """A function from a good ELF file to one with other fields, in its header or in a segment to
    load.  Values may be functions of the old fields."""
    def new(fields, changes):
        return fields | {key: value(fields) if callable(value) else value for key, value in changes.items()}

    def apply(elf):
        elf = bytearray(elf)
        head = dict(zip(FILE_FIELDS, FILE_HEADER.unpack_from(elf)))
        places = [head["headers"] + i * SEGMENT.size for i in range(head["count"])]
        loads = [place for place in places if struct.unpack_from("<I", elf, place)[0] == LOAD]
        if segment:
            old = dict(zip(SEGMENT_FIELDS, SEGMENT.unpack_from(elf, loads[index])))
            SEGMENT.pack_into(elf, loads[index], *new(old, segment).values())
        if header:
            FILE_HEADER.pack_into(elf, 0, *new(head, header).values())
        return bytes(elf)
    return apply


def ident(byte, value):
    """The identification with one byte changed."""
    return lambda fields: fields["ident"][:byte] + bytes([value]) + fields["ident"][byte + 1:]


# name of the file, how it comes from a good program, the reason that must be told
CASES = [
    ("zero-length", lambda _: b"", "shorter than an ELF header"),
    ("text-file", lambda _: b"#!/bin/sh\necho this is a script\n" * 4, "not an ELF file"),
    ("cut-in-header", lambda elf: elf[:63], "shorter than an ELF header"),
    ("cut-in-headers", lambda elf: elf[:100], "program headers lie outside the file"),
    ("cut-in-text", lambda elf: elf[:4096 + 100], "bytes lie outside the file"),
    ("32-bit", change({"ident": ident(4, 1)}), "not a 64-bit ELF file"),
    ("big-endian", change({"ident": ident(5, 2)}), "not for little-endian RISC-V"),
    ("x86", change({"machine": 62}), "not for little-endian RISC-V"),
    ("version-2", change({"version": 2}), "unknown ELF version"),
    ("object-file", change({"type": 1}), "not an executable"),
    ("pie", change({"type": 3}), "position-independent"),
    ("quad-float", change({"flags": 7}), "ABI"),
    ("many-headers", change({"count": 999}), "more than 16 program headers"),
    ("headers-far", change({"headers": 1 << 63}), "program headers lie outside the file"),
    ("headers-wrap", change({"headers": (1 << 64) - 56}), "program headers lie outside the file"),
    ("no-segments", change({"count": 0}), "nothing to load"),
    ("overlap", change(None, {"address": lambda f: f["address"] - 0x1000 * (f["address"] // 0x1000 - 0x10)}, 1),
     "two segments share a page"),
    ("kernel-address", change(None, {"address": 0xffffffc080200000, "offset": 0, "file_bytes": 0}, 1),
     "outside the addresses of programs"),
    ("null-address", change(None, {"address": lambda f: f["address"] % 4096}, 0), "outside the addresses of programs"),
    ("address-wrap", change(None, {"memory_bytes": (1 << 64) - 0x8000}, 1), "outside the addresses of programs"),
    ("file-wrap", change(None, {"offset": lambda f: (1 << 64) - 0x1000 + f["offset"] % 4096}, 1), "bytes lie outside the file"),
    ("huge-in-file", change(None, {"file_bytes": 1 << 40, "memory_bytes": 1 << 40}, 1), "bytes lie outside the file"),
    ("file-exceeds", change(None, {"memory_bytes": lambda f: f["file_bytes"] - 1}, 0),
     "more bytes in the file than in memory"),
    ("unaligned", change(None, {"address": lambda f: f["address"] + 8}, 1), "differ within the page"),
    ("writable-text", change(None, {"flags": 7}, 0), "both writable and executable"),
    ("interpreter", change(None, {"type": INTERP}, 1), "needs an interpreter"),
    ("dynamic", change(None, {"type": DYNAMIC}, 1), "dynamically linked"),
    ("entry-null", change({"entry": 0}), "entry point is not in an executable segment"),
    ("entry-odd", change({"entry": lambda f: f["entry"] + 1}), "entry point is not in an executable segment"),
    ("entry-kernel", change({"entry": 0xffffffc080200000}), "entry point is not in an executable segment"),
    ("entry-in-data", lambda elf: change({"entry": data_address(elf)})(elf), "entry point is not in an executable segment"),
]


def data_address(elf):
    """Where the writable segment starts."""
    head = dict(zip(FILE_FIELDS, FILE_HEADER.unpack_from(elf)))
    for i in range(head["count"]):
        segment = dict(zip(SEGMENT_FIELDS, SEGMENT.unpack_from(elf, head["headers"] + i * SEGMENT.size)))
        if segment["type"] == LOAD and segment["flags"] & 2:
            return segment["address"]
    raise AssertionError("the good program has no writable segment")


def every(*words):
    """The system's initrd with all the bad files in it."""
    files = archive.read(boot.build_file("initrd.cpio"))
    for name, spoil, _ in CASES:
        files[name.encode()] = spoil(files[b"hello"])
    files[b".run/argv"] = b"".join(word.encode() + b"\0" for word in words)
    return boot.plain_archive(files)


@test("the program that the cases are made from is good")
def _():
    boot.check_ran(boot.boot(every("hello")))


def session():
    """One boot: sh is given each bad name, and `hello` after each.  The boot, and by name what sh and
    init said between two greetings."""
    lines = "".join(f"{name}\nhello {name}\n" for name, _, _ in CASES)
    return boot.boot(every("sh"), stdin=lines.encode())


SESSION = []


@test("a shell that is given all the bad ones outlives them, and a good program runs after each")
def _():
    SESSION.append(session())
    result = SESSION[0]
    boot.check_ran(result, b"") if result.status == "exit 0" else check_equal((result.hung, result.status), (False, "exit 0"))
    greetings = re.findall(rb'argv\[1\] = "([^"]*)"', result.output)
    check_equal([name.decode() for name in greetings], [name for name, _, _ in CASES])


def refused(name, reason):
    @test(f"{name}: refused with name and reason")
    def _():
        told = [line for line in SESSION[0].log.split("\n") if line.startswith(f"init: {name}: not a program: ")]
        check_equal((len(told), reason in "".join(told)), (1, True))
        shell = (SESSION[0].output + SESSION[0].errors).decode()
        check_equal(len(re.findall(rf"sh: {name}: \S.*", shell)), 1)


for case in CASES:
    refused(case[0], case[2])


@test("run by itself a bad file is a failure of the run, with name and reason")
def _():
    for name, _, reason in (CASES[4], CASES[16], CASES[24]):
        result = boot.boot(every(name))
        check_equal((result.hung, result.status.split(": ")[0]), (False, f"failed {name}"))
        boot.check_told(result, re.escape(f"init: {name}: not a program: ") + f".*{reason}")


@test("an unknown program is a failure of the run")
def _():
    result = boot.boot(every("nonesuch"))
    check_equal((result.hung, "nonesuch: no such file in the initrd" in (result.status or "")), (False, True))


@test("the shell's status is 126 for a file that is no program and 127 for none")
def _():
    for name, status in (("text-file", 126), ("nonesuch", 127)):
        check_equal(boot.boot(every("sh"), stdin=f"{name}\n".encode()).status, f"exit {status}")


@test("a program of 1 GiB of .bss is refused or runs, and never breaks the system")
def _():
    files = boot.members("big")
    grow = change(None, {"memory_bytes": 1 << 30}, -1)
    files[b"big"] = grow(files[b"hello"])
    result = boot.boot(archive.write(files))
    check_equal((result.hung, result.status is not None), (False, True))


@test("30 programs with random bits flipped in their headers end, are ended or are refused alone (seed 7)")
def _():
    numbers = random.Random(7)
    files = archive.read(boot.build_file("initrd.cpio"))
    lines = ""
    for i in range(30):
        elf = bytearray(files[b"true"])
        elf[numbers.choice((numbers.randrange(64), 64 + numbers.randrange(56 * 3)))] ^= 1 << numbers.randrange(8)
        files[b"flip%d" % i] = bytes(elf)
        lines += f"flip{i}\nhello {i}\n"
    files[b".run/argv"] = b"sh\0"
    result = boot.boot(archive.write(files), stdin=lines.encode())
    check_equal((result.hung, result.status), (False, "exit 0"))
    check_equal(re.findall(rb'argv\[1\] = "(\d+)"', result.output), [b"%d" % i for i in range(30)])


main()
