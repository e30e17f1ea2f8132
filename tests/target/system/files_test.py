#!/usr/bin/env python3
"""Files: what four programs print on Faultline is what they print on the Linux of this host.

files.c calls, file_maps.c maps, streams.c uses stdio, bad_pointers.c gives pointers that are not its own.  On
the host they run without privileges in a folder of their own, which takes the place of /tmp.
"""
import collections
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, TOP, check_equal, main, run, test

NOBODY = 65534
SOURCES = os.path.join(TOP, "tests", "target", "system")
BUILD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"))
PROGRAMS = {"files": 300, "file_maps": 160, "streams": 35, "bad_pointers": 120}  # at least so many cases
KINDS = ("hole", "read-only", "half a hole", "kernel", "last page")
REFUSED = "EFAULT, at 10, nothing changed"
# Where Faultline differs, and means it: {program: {(group, case): its answer}}.
DIFFERS = {
    # The C library of Linux says EINVAL and ENOENT; POSIX names another error.  Directories can't be opened, and
    # "/", in which /tmp lies, is read-only.
    "files": {("paths", "open: folder"): "EISDIR", ("paths", "unlink: folder"): "EROFS",
              ("names", "unlink of a folder"): "EROFS",
              ("shm", "name too long"): "ENAMETOOLONG", ("shm", "unlink, name too long"): "ENAMETOOLONG"},
    # Linux transfers what it can and says how much that was, or fills a result in as far as it can.
    "bad_pointers": {("pointers", case): REFUSED for case in (
        *(f"{call}: half a hole" for call in ("read", "pread", "write", "pwrite", "fstat", "stat", "getrusage",
                                              "getrlimit", "mincore", "read of much", "write of much")),
        "write of much: read-only", "read of much: its last page is a hole", "write of much: its last page is a hole")},
}
OWN = {**{f"{call}: {kind}": "EFAULT"
          for call in ("clock_gettime", "clock_getres", "gettimeofday", "times", "waitpid", "console read")
          for kind in KINDS},
       "the child is still to be waited for": "1", "read": REFUSED, "write": REFUSED}


def answers(result):
    """{(group, case): answer} of what a run printed."""
    check_equal((result.returncode, result.stderr.decode()[-300:] if result.returncode else ""), (0, ""))
    lines = [line.split(" | ") for line in result.stdout.decode().splitlines()]
    counts = collections.Counter()
    found = {}
    for group, case, answer in lines:
        counts[group, case] += 1
        number = counts[group, case]
        found[group, case if number == 1 else f"{case} ({number})"] = answer
    return found


def on_host(program):
    check_equal(run("cc", "-D_GNU_SOURCE", "-Wno-nonnull", "-O1", "-o", program,
                    os.path.join(SOURCES, f"{program}.c")).returncode, 0)
    os.chmod(".", 0o755)
    os.mkdir("tmp")
    os.chmod("tmp", 0o777)
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return answers(run(f"./{program}", os.path.realpath("tmp"), **identity))


def on_target(*words):
    return answers(run(os.path.join(SDK, "faultline-run"), "--initrd", os.path.join(BUILD, "initrd-test.cpio"),
                       *words))


for name, least in PROGRAMS.items():
    @test(f"{name}: its {least} answers and more are those of Linux")
    def _(program=name, count=least):
        target, expected = on_target(program, "/tmp"), on_host(program)
        expected.update(DIFFERS.get(program, {}))
        check_equal({case: (target.get(case), expected.get(case)) for case in {**target, **expected}
                     if target.get(case) != expected.get(case)}, {})
        check_equal(len(target) >= count, True)


@test("bad pointers are refused where Linux makes no call of it or does half")
def _():
    check_equal({case: answer for (_, case), answer in on_target("bad_pointers", "/tmp", "own").items()}, OWN)


main()
