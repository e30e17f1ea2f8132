"""Tests in Python, as C has them in harness.h:

    @test("an empty file is packed")
    def _():
        check_equal(run("..."), 0)

    main()
"""
import os
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SDK = os.path.join(TOP, "user", "sdk")
sys.path += [os.path.join(TOP, "tests"), SDK]
import faultline_machine  # noqa: E402
import machines  # noqa: E402

_tests = []


class Skip(Exception):
    """Raised by a test that can't run here; the argument is the reason."""


def skip_on_other_machines(reason):
    """For tests of what one machine does: when the driver has chosen another (tests/machines.txt)."""
    if "TEST_MACHINE" in os.environ:
        raise Skip(f"{reason}, this is {os.environ['TEST_MACHINE']}")


def skip_without_disks():
    """For tests that need a disk, on a machine of tests/machines.txt that has no place for one."""
    name = os.environ.get("TEST_MACHINE")
    if name and faultline_machine.BOARDS[machines.Machines().named(name).machine].disks_max == 0:
        raise Skip(f"needs a disk, and {name} has none")


def test(sentence):
    """Registers the decorated function."""
    def register(function):
        _tests.append((sentence, function))
        return function
    return register


def _shown(value):
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-200:]}"


def check_equal(got, expected):
    if got != expected:
        raise AssertionError(f"got {_shown(got)}\nexpected {_shown(expected)}")


def check_in(part, whole):
    if part not in whole:
        raise AssertionError(f"no {_shown(part)}\nin {_shown(whole)}")


def run(*command, stdin=b"", seconds=60, **options):
    """subprocess.run with everything captured, as bytes."""
    return subprocess.run([str(word) for word in command], input=stdin, capture_output=True,
                          timeout=seconds, check=False, **options)


def comment(text):
    for line in text.rstrip("\n").split("\n"):
        print(f"# {line}")


def main():
    """Runs the tests, each in an empty folder of its own; prints KTAP."""
    failed = 0
    print(f"KTAP version 1\n1..{len(_tests)}")
    for number, (sentence, function) in enumerate(_tests, 1):
        result, skip = "ok", ""
        with tempfile.TemporaryDirectory(prefix="faultline-test-") as folder:
            os.chdir(folder)
            try:
                function()
            except Skip as reason:
                skip = f" # SKIP {reason}"
            except Exception as error:  # whatever it is, the test failed
                frames = traceback.extract_tb(error.__traceback__)
                frames = [frame for frame in frames if os.path.abspath(frame.filename).startswith(TOP) and
                          os.path.basename(frame.filename) != "ktap.py"] or frames
                comment(f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: {error}")
                result = "not ok"
                failed += 1
            os.chdir(TOP)
        print(f"{result} {number} - {sentence}{skip}", flush=True)
    sys.exit(1 if failed else 0)
