#!/usr/bin/env python3
"""faultline-pack, compared with the cpio of the host."""
import os
import re
import sys

sys.dont_write_bytecode = True
from ktap import SDK, Skip, check_equal, check_in, main, run, test

sys.path.insert(0, SDK)
import faultline_archive

PACK = os.path.join(SDK, "faultline-pack")
ELF = b"\x7fELF" + bytes(range(256)) * 20


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def pack(*words):
    result = run(PACK, "-o", "out.cpio", *words)
    check_equal((result.returncode, result.stderr), (0, b""))
    with open("out.cpio", "rb") as file:
        return file.read()


def pack_samples():
    write("text", b"some text\n")
    write("program", ELF)
    write("nothing", b"")
    return pack("a/b/text=text", "program=program", "nothing=nothing", "z=text")


def cpio(*options):
    try:
        with open("out.cpio", "rb") as file:
            archive = file.read()
        os.makedirs("extracted", exist_ok=True)
        return run("cpio", *options, stdin=archive, cwd="extracted")
    except FileNotFoundError:
        raise Skip("no cpio") from None


@test("cpio lists the archive without a complaint")
def _():
    pack_samples()
    result = cpio("-it", "--quiet")
    check_equal((result.returncode, result.stderr), (0, b""))
    check_equal(result.stdout, b"a\na/b\na/b/text\nprogram\nnothing\nz\n")


@test("cpio extracts what was packed, a program with zeros to the end of its page")
def _():
    pack_samples()
    check_equal(cpio("-id", "--quiet", "--no-preserve-owner").returncode, 0)
    with open("extracted/a/b/text", "rb") as text, open("extracted/program", "rb") as program:
        check_equal(text.read(), b"some text\n")
        check_equal(program.read(), ELF + bytes(-len(ELF) % 4096))
    check_equal(os.path.getsize("extracted/nothing"), 0)


@test("the data of every file start on a page")
def _():
    archive = pack_samples()
    check_equal([archive.find(b"some text\n") % 4096, archive.find(ELF) % 4096, archive.rfind(b"some text\n") % 4096],
                [0, 0, 0])
    check_equal(len(archive) % 4096, 0)


@test("the same files give the same bytes, whatever their times and modes")
def _():
    first = pack_samples()
    os.utime("text", (1, 1))
    os.chmod("program", 0o600)
    check_equal(pack("a/b/text=text", "program=program", "nothing=nothing", "z=text") == first, True)


@test("an archive of cpio's own is read")
def _():
    os.makedirs("d/e")
    write("d/e/file", b"x" * 5001)
    try:
        result = run("cpio", "-o", "-H", "newc", "--quiet", stdin=b"d\nd/e\nd/e/file\n")
    except FileNotFoundError:
        raise Skip("no cpio") from None
    check_equal(faultline_archive.read(result.stdout), {b"d/e/file": b"x" * 5001})


@test("reading gives back what was written")
def _():
    members = {b"one": b"1", b".run/argv": b"a\0b\0", "\xfc/x".encode(): bytes(4096), b"e": b""}
    check_equal(faultline_archive.read(faultline_archive.write(members)), members)


@test("an archive cut anywhere is refused")
def _():
    archive = faultline_archive.write({b"one": b"1" * 100, b"two": b"2"})
    end = archive.find(faultline_archive.TRAILER)
    for cut in list(range(0, 300)) + list(range(4000, end, 37)):
        try:
            faultline_archive.read(archive[:cut])
        except faultline_archive.ArchiveError:
            continue
        raise AssertionError(f"{cut} bytes of {len(archive)} were taken for an archive")


@test("bad names and missing files are refused and named")
def _():
    write("x", b"x")
    for word, part in (("a", b"is not NAME=FILE"), ("../a=x", b"bad file name '../a'"), ("/a=x", b"bad file name"),
                       ("a//b=x", b"bad file name"), ("TRAILER!!!=x", b"ends an archive"), ("a=none", b"none")):
        result = run(PACK, "-o", "out.cpio", word)
        check_equal(result.returncode, 1)
        check_in(part, result.stderr)
    check_in(b"named twice", run(PACK, "-o", "out.cpio", "a=x", "a=x").stderr)
    check_in(b"is a file and a directory", run(PACK, "-o", "out.cpio", "a=x", "a/b=x").stderr)
    check_equal(bool(re.match(rb"usage", run(PACK).stderr)), True)


main()
