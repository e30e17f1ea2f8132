#!/usr/bin/env python3
"""The archive of `make dist`, used as a stranger would who has nothing else of the project."""
import functools
import io
import os
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
import uboot
from uboot import SDK, boards
import boot
from ktap import check_equal, check_in, main, run, test

TIME = "1600000000"
KEPT = tempfile.TemporaryDirectory(prefix="faultline-dist-")
HELLO = '#include <stdio.h>\nint main(int argc, char **argv) { printf("hello %s\\n", argv[argc - 1]); return 7; }\n'


def make_parts(folder):
    """Cards and FITs of this test's making, beside what the build has."""
    os.makedirs(folder)
    for name in ("app", "user", "server", "initrd.cpio"):
        os.symlink(os.path.join(boot.BUILD, name), os.path.join(folder, name))
    for board in boards.BOARDS:
        for command, end in (("faultline-sdcard", "img"), ("faultline-fit", "itb")):
            uboot.make(command, board, os.path.join(folder, f"faultline-{board}.{end}"), SOURCE_DATE_EPOCH=TIME)


def pack(folder, out):
    result = run(os.path.join(SDK, "faultline-dist"), "--build", folder, "--kernels", boot.BUILD, "--lz4",
                 os.path.join(boot.BUILD, "lz4", "lib"), "--version", "of a test", "-o", out,
                 env=dict(os.environ, SOURCE_DATE_EPOCH=TIME))
    check_equal((result.returncode, result.stderr), (0, b""))


@functools.cache
def dist():
    """The archive of the build, made once; its path."""
    uboot.need_tools()
    parts = os.path.join(KEPT.name, "parts")
    make_parts(parts)
    pack(parts, os.path.join(KEPT.name, "faultline.tar.gz"))
    return os.path.join(KEPT.name, "faultline.tar.gz")


def unpack():
    check_equal(run("tar", "-xzf", dist()).returncode, 0)
    os.chdir("faultline")


def stranger():
    """An environment that knows nothing of the tree."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE")}


@test("checksums hold, and what README names is there")
def _():
    unpack()
    result = run("sha256sum", "--strict", "-c", "SHA256SUMS")
    check_equal((result.returncode, result.stderr), (0, b""))
    with open("SHA256SUMS", encoding="utf-8") as file:
        summed = {line.split("  ")[1].rstrip("\n") for line in file}
    found = {os.path.relpath(os.path.join(place, name)) for place, _, names in os.walk(".") for name in names}
    check_equal({name for name in found if not os.path.islink(name)}, summed | {"SHA256SUMS"})
    for name in ("Image", "initrd", "faultline-visionfive2.img.gz", "faultline-visionfive2.itb", "faultline-visionfive.img.gz",
                 "faultline-visionfive.itb", "docs/boards.md", "licences/lz4.txt", "docs/sdk.md", "LICENSE"):
        check_in(name, summed)


@test("a program is compiled with its SDK and run by it, and nothing of the tree is used")
def _():
    unpack()
    sdk = os.path.abspath("sdk")
    os.makedirs("elsewhere")
    os.chdir("elsewhere")
    with open("hello.c", "w", encoding="utf-8") as file:
        file.write(HELLO)
    told = run(os.path.join(sdk, "faultline-cc"), "-###", "hello.c", "-o", "hello", env=stranger())
    check_equal((told.returncode, os.fsencode(boot.TOP) in told.stderr, os.fsencode(boot.BUILD) in told.stderr), (0, False, False))
    check_equal(run(os.path.join(sdk, "faultline-cc"), "-O2", "hello.c", "-o", "hello", env=stranger()).returncode, 0)
    result = run(os.path.join(sdk, "faultline-run"), "hello", "you", env=stranger())
    check_equal((result.returncode, result.stdout), (7, b"hello you\n"))
    check_equal(os.path.exists(os.path.join(sdk, "run.log")), True)


@test("a pager is compiled with its SDK, and its runner tests it")
def _():
    unpack()
    sources = sorted(os.path.join("examples", "pager", name) for name in os.listdir("examples/pager") if name.endswith(".c"))
    result = run("sdk/faultline-cc", "--server", "-O2", *sources, "-o", "mine", env=stranger())
    check_equal((result.returncode, result.stderr), (0, b""))
    result = run("sdk/faultline-run", "--pager", "mine", env=stranger())
    check_equal(result.returncode, 0)
    check_in(b"every rule is kept", result.stdout)


@test("the same parts give the same bytes, which name no folder of the build and no user")
def _():
    make_parts("parts")
    pack("parts", "again")
    with open(dist(), "rb") as one, open("again", "rb") as other:
        data = one.read()
        check_equal(data == other.read(), True)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            check_equal((member.uid, member.gid, member.uname, member.gname, member.mtime), (0, 0, "", "", int(TIME)))
            content = tar.extractfile(member).read() if member.isfile() else b""
            check_equal((member.name, os.fsencode(boot.TOP) in content), (member.name, False))


main()
