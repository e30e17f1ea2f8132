#!/usr/bin/env python3
"""Memory that is too small, without a place for pages to go: the tests of programs/shortage_test, and what the log says
of those that were ended."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, TOP, check_equal, check_in, comment, main, run, test  # noqa: E402

PROGRAM = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "programs", "shortage_test")
HAD = re.compile(r"no memory is left, and it had the most, (\d+) pages")


def runs_like(name):
    """Runs the tests of the program with that in their names; what it prints, and what the system logs."""
    result = run(os.path.join(SDK, "faultline-run"), "-m", "16M", PROGRAM, name, seconds=110)
    out = result.stdout.decode()
    for line in out.splitlines():
        if not line.startswith(("ok", "KTAP", "1..")):
            comment(line.removeprefix("# "))
    check_equal(result.returncode, 0)
    return out, result.stderr.decode()


@test("programs that want more than there is: as many are ended as must be, the others find what they wrote")
def _():
    runs_like("programs")


@test("beside a hog a small program gets what it asks for, and the log says why the hog was ended")
def _():
    out, log = runs_like("beside a hog")
    (least,) = re.findall(r"# the hog had (\d+) pages or more", out)
    (had,) = HAD.findall(log)
    check_equal(int(had) >= int(least), True)
    check_equal(log.count("ended"), 1)


main()
