#!/usr/bin/env python3
"""The test driver itself: a suite that goes wrong in any way must not pass."""
import os
import sys

sys.dont_write_bytecode = True
from ktap import TOP, check_equal, check_in, main, run, test


def drive(*suites):
    """Runs the driver over (seconds, shell command) suites: (status, lines of output)."""
    with open("suites", "w", encoding="utf-8") as file:
        for number, (seconds, command) in enumerate(suites):
            file.write(f"s{number} {seconds} {command}\n")
    result = run(os.path.join(TOP, "tests", "run.py"), "--build", "out", "--suites", "suites")
    return result.returncode, result.stdout.decode().splitlines()


def ktap(*lines):
    return "printf '" + "\\n".join(("KTAP version 1",) + lines) + "\\n'"


@test("suites that pass are summed up in the last line")
def _():
    status, lines = drive((5, ktap("1..2", "ok 1 - a", "ok 2 - b")), (5, "echo noise; " + ktap("1..1", "ok 1 - c")))
    check_equal((status, lines[-1]), (0, "3 passed, 0 failed"))


@test("skips are named with their reason on the line before the last")
def _():
    status, lines = drive((5, ktap("1..2", "ok 1 - a # SKIP no disk", "ok 2 - b")))
    check_equal((status, lines[-2:]), (0, ["# 1 skipped: s0: a (no disk)", "1 passed, 0 failed"]))


@test("a failed test fails, and the comments before it are shown")
def _():
    status, lines = drive((5, ktap("1..2", "# one is not two", "not ok 1 - a", "ok 2 - b") + "; exit 1"))
    check_equal((status, lines[-1]), (1, "1 passed, 1 failed"))
    check_in("         # one is not two", lines)


@test("a suite fails that has no plan, runs too few or too many, lies in its status, or hangs")
def _():
    for seconds, command in ((5, "true"), (5, "no-such-command"), (5, ktap("1..0")),
                             (5, ktap("1..2", "ok 1 - a")),
                             (5, ktap("1..1", "ok 1 - a", "ok 2 - b")), (5, ktap("1..1", "ok 1 - a") + "; exit 3"),
                             (5, ktap("1..1", "not ok 1 - a")), (1, ktap("1..1", "ok 1 - a") + "; sleep 30"),
                             (5, ktap("1..1", "ok 1 - a") + "; kill -9 $$")):
        status, lines = drive((seconds, command))
        check_equal((command, status), (command, 1))
        check_equal(lines[-1].endswith(" 0 failed"), False)


@test("a test in Python that fails is one failed test, also of a script that is in no checkout")
def _():
    with open("elsewhere_test.py", "w", encoding="utf-8") as file:
        file.write(f"""import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {os.path.join(TOP, "tests", "sdk")!r})
from ktap import check_equal, main, test
@test("wrong")
def _():
    check_equal(1, 2)
@test("right")
def _():
    check_equal(1, 1)
main()
""")
    result = run(sys.executable, "elsewhere_test.py")
    lines = result.stdout.decode().splitlines()
    check_equal((result.returncode, lines[:2], lines[-2:], result.stderr),
                (1, ["KTAP version 1", "1..2"], ["not ok 1 - wrong", "ok 2 - right"], b""))
    check_in("got 1", result.stdout.decode())


def make(*words):
    """Lines that make prints, by nobody's jobserver and with nobody's ONLY."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "ONLY")}
    return run("make", "-C", TOP, "--no-print-directory", *words, env=env, seconds=170).stdout.decode().splitlines()


def host_suites(*words):
    """The suites that make test-host would run."""
    drivers = [line.split() for line in make("-n", "test-host", *words) if line.startswith("tests/run.py")]
    return [name for option, name in zip(drivers[-1], drivers[-1][1:]) if option == "--host"]


@test("make test-host runs every host test, and with ONLY those with the text in their names")
def _():
    every = [line.split()[0] for line in make("-s", "list-host-tests")]
    check_equal(host_suites(), every)
    wanted = [name for name in every if "pager_file" in name]
    check_equal((host_suites("ONLY=pager_file"), 1 < len(wanted) < len(every)), (wanted, True))


@test("make test runs every host test: by itself, or as a line of tests/suites.txt that has its name")
def _():
    lines = make("-s", "--eval", "show-driver:;@echo driver $(DRIVER)", "list-host-tests", "show-driver")
    words = lines[-1].split()
    alone = [name for option, name in zip(words, words[1:]) if option == "--host"]
    with open(os.path.join(TOP, "tests", "suites.txt"), encoding="utf-8") as file:
        listed = {line.split()[0]: line for line in file if line.strip()}
    every = [line.split()[0] for line in lines[:-1]]
    check_equal([name for name in every
                 if name not in alone and f"$FAULTLINE_BUILD/tests/{name}" not in listed.get(name, "")], [])
    check_equal((words[0], len(set(alone)), set(alone) - set(every)), ("driver", len(alone), set()))


@test("carriage returns and firmware messages around KTAP do no harm")
def _():
    status, lines = drive((5, "printf 'OpenSBI\\r\\nKTAP version 1\\r\\n1..1\\r\\nok 1 - a\\r\\nbye\\r\\n'"))
    check_equal((status, lines[-1]), (0, "1 passed, 0 failed"))


main()
