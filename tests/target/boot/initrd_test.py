#!/usr/bin/env python3
"""Initrds that are not what they should be: the place and the reason are told, and the machine ends."""
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
import boot
from boot import archive
from ktap import Skip, check_equal, main, test

HEADER_BYTES = 110
FLIPS, SEED = int(os.environ.get("FLIPS", "10")), 20
TOLD = r"(init|panic|hello\[\d+\]): "


def layout(initrd):
    """(offset of the header, of the data, of what follows) of each member but the trailer."""
    at, places = 0, []
    while True:
        size = int(initrd[at + 54:at + 62], 16)
        name_bytes = int(initrd[at + 94:at + 102], 16)
        data = at + HEADER_BYTES + name_bytes + 3 & ~3
        if initrd[at + HEADER_BYTES:at + HEADER_BYTES + 10] == archive.TRAILER:
            return places
        places.append((at, data, data + size + 3 & ~3))
        at = places[-1][2]


@test("none at all")
def _():
    boot.check_told(boot.boot(), r"init: initrd: there is none; it must hold the program `pager`")


@test("an empty one")
def _():
    result = boot.boot(b"")
    boot.check_told(result, r"init: initrd: ") if not result.complaint else None


@test("an archive without files")
def _():
    boot.check_told(boot.boot(archive.write({})), r"init: initrd: no file `pager` among its 0 files")


@test("no cpio archive: zeros, ones, text, noise")
def _():
    for content in (bytes(8192), b"\xff" * 8192, b"This is no archive.\n" * 100, random.Random(SEED).randbytes(8192)):
        boot.check_told(boot.boot(content), r"init: initrd: no newc header \(magic 070701\) here at byte 0 of \d+")


@test("archives of the other cpio formats")
def _():
    for magic in (b"070702", b"070707", b"\xc7\x71"):
        initrd = boot.small_initrd()
        boot.check_told(boot.boot(magic + initrd[len(magic):]), r"init: initrd: no newc header .* at byte 0 of \d+")


@test("a shorter one than any header")
def _():
    for count in (1, 6, 109):
        boot.check_told(boot.boot(boot.small_initrd()[:count]), f"init: initrd: .*inside a header at byte 0 of {count}$")


@test("cut at each sixteenth of its length")
def _():
    initrd = boot.small_initrd()
    for sixteenth in range(1, 16):
        cut = len(initrd) * sixteenth // 16
        boot.check_told(boot.boot(initrd[:cut]), rf"init: initrd: the archive ends .*at byte \d+ of {cut}$")


@test("cut inside header, name and data of the first and the second file, and before the trailer")
def _():
    initrd = boot.small_initrd()
    (_, data, second), (_, second_data, third), *_ = layout(initrd)
    last = layout(initrd)[-1][2]
    for cut, where in ((50, "a header"), (HEADER_BYTES + 1, "a file name"), (data - 1, "a file name"),
                       (data, "a file's data"), (data + 1, "a file's data"), (second - 4, "a file's data"),
                       (second, "without its trailer"), (second + 50, "a header"), (second_data - 1, "a file name"),
                       (third - 4, "a file's data"), (last, "without its trailer"), (last + 20, "a header")):
        boot.check_told(boot.boot(initrd[:cut]), rf"init: initrd: the archive ends .*{where} at byte \d+ of {cut}$")


@test(f"one flipped bit in a header, {FLIPS} times (seed {SEED})")
def _():
    random_numbers = random.Random(SEED)
    initrd = boot.small_initrd()
    headers = [header for header, _, _ in layout(initrd)]
    for _ in range(FLIPS):
        at = random_numbers.choice(headers) + random_numbers.randrange(HEADER_BYTES)
        bit = random_numbers.randrange(8)
        damaged = bytearray(initrd)
        damaged[at] ^= 1 << bit
        try:
            boot.check_ran_or_told(boot.boot(bytes(damaged)), TOLD)
        except AssertionError as error:
            raise AssertionError(f"bit {bit} of byte {at}: {error}") from None


@test("one flipped bit in a name")
def _():
    initrd = boot.small_initrd()
    for index, expected in ((0, "no file `pager`"), (1, r"hello: no such file"), (-1, r"no file `.run/argv`")):
        damaged = bytearray(initrd)
        damaged[layout(initrd)[index][0] + HEADER_BYTES] ^= 1
        boot.check_told(boot.boot(bytes(damaged)), f"init: .*{expected}")


@test("numbers that are far too large")
def _():
    initrd = boot.small_initrd()
    for field, expected in ((54, "inside a file's data"), (94, "inside a file name")):
        for value in (b"FFFFFFFF", b"7FFFFFFF", b"80000000", b"FFFFFFF0"):
            damaged = initrd[:field] + value + initrd[field + 8:]
            boot.check_told(boot.boot(damaged), f"init: initrd: .*{expected} at byte 0 of ")


@test("a name without an end, an empty one, one of 300 bytes")
def _():
    initrd = boot.small_initrd()
    for name in (b"n" * 6, b"", b"n" * 299 + b"\0"):
        damaged = initrd[:94] + b"%08X" % len(name) + initrd[102:HEADER_BYTES] + name + initrd[HEADER_BYTES:]
        boot.check_told(boot.boot(damaged), "init: initrd: ")


@test("more files than the index holds")
def _():
    many = boot.members() | {b"file%d" % i: b"x" for i in range(600)}
    boot.check_told(boot.boot(archive.write(many)), r"init: initrd: more files than the index holds at byte \d+ of \d+")


@test("two files of one name: the later one counts, as cpio unpacks them")
def _():
    first = archive.write(boot.members("false"))
    every = archive.read(boot.build_file("initrd.cpio"))
    end = layout(first)[-1][2]
    second = archive.write({b"false": every[b"false"]})
    again = archive.write({b"false": every[b"hello"]})
    result = boot.boot(first[:end] + second[:layout(second)[-1][2]] + again)
    boot.check_ran_or_told(result, TOLD)
    check_equal(result.status, "exit 0")


@test("links, devices and directories among the files are passed over")
def _():
    initrd = boot.small_initrd()
    extra = b""
    for mode, name, content in ((0o120777, b"link", b"hello"), (0o020600, b"tty", b""), (0o040755, b"folder", b"")):
        one = archive.write({name: content})
        one = one[:14] + b"%08X" % mode + one[22:layout(one)[-1][2]]
        extra += one + bytes(-len(one) % 4)
    boot.check_ran(boot.boot(extra + initrd))


@test("an archive made by cpio itself, whose files lie anywhere, is copied and runs")
def _():
    for name, content in boot.members("hello").items():
        os.makedirs(os.path.dirname(name) or b".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    try:
        made = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=b"pager\nhello\n.run\n.run/argv\n",
                              capture_output=True, check=True, timeout=20)
    except FileNotFoundError:
        raise Skip("no cpio here") from None
    check_equal(all(data % 4096 == 0 for _, data, _ in layout(made.stdout)), False)
    boot.check_ran(boot.boot(made.stdout))


@test("names that start with ./, as find prints them")
def _():
    listed = boot.members()
    for name in list(listed):
        listed[b"x/" + name] = listed.pop(name)
    initrd = bytearray(archive.write(listed))
    for header, _, _ in layout(initrd)[1:]:
        if initrd[header + HEADER_BYTES:header + HEADER_BYTES + 2] == b"x/":
            initrd[header + HEADER_BYTES] = ord(".")
    boot.check_ran(boot.boot(bytes(initrd)))


def pager(sentence, content, pattern):
    @test(f"the pager is {sentence}")
    def _():
        files = boot.members()
        files[b"pager"] = content(files[b"pager"])
        boot.check_told(boot.boot(boot.plain_archive(files)), f"init: initrd: {pattern}")


@test("the pager is missing")
def _():
    files = boot.members()
    del files[b"pager"]
    boot.check_told(boot.boot(archive.write(files)), "init: initrd: no file `pager` among its 3 files")


pager("a text file", lambda _: b"I serve pages.\n" * 9, r"pager: not an ELF file \(135 bytes\)")
pager("empty", lambda _: b"", r"pager: .*shorter than an ELF header \(0 bytes\)")
pager("cut in its ELF header", lambda elf: elf[:40], r"pager: .*shorter than an ELF header \(40 bytes\)")
pager("cut behind its ELF header", lambda elf: elf[:64], r"pager: program headers lie outside the file \(\d+ bytes\)")
pager("cut in its text", lambda elf: elf[:6000], r"pager: a segment's bytes lie outside the file \(\d+ bytes\)")


@test("the pager is a program for the paged world: told, not waited for")
def _():
    files = boot.members()
    files[b"pager"] = files[b"hello"]
    boot.check_told(boot.boot(archive.write(files)), r"(init|panic): .*")


@test("the arguments' file is empty or not ended by NUL")
def _():
    for content in (b"", b"hello", b"hello\0x"):
        files = boot.members()
        files[b".run/argv"] = content
        boot.check_told(boot.boot(archive.write(files)), r"init: run: `.run/argv` \(\d bytes\) is no list")


main()
