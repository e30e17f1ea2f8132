#!/usr/bin/env python3
"""QEMU's sifive_u: hart 0 has no supervisor mode, the firmware boots on any of the others, time runs at 1 MHz."""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "sdk"))
from ktap import SDK, check_equal, check_in, main, run, test

RUN = os.path.join(SDK, "faultline-run")


def boot(*words, stdin=b"", **options):
    """What the console said, without CR, of a machine that came to its end."""
    result = run(RUN, "-M", "sifive_u", "--timeout", "60", *words, stdin=stdin, **options)
    check_equal((result.returncode, result.stderr.decode().splitlines()[-1]),
                (0, "faultline-run: the machine is off, status 0"))
    return result.stdout.replace(b"\r", b"").decode()


@test("the tour comes to its end")
def _():
    console = boot("--console", "--append", "tour=only")
    check_in("\nThe tour is over; all was as it should be.\n", console)
    check_equal(console.endswith("\ninit: power off\nfaultline: halted\n"), True)


@test("a program's status arrives, with 16 MiB of memory too")
def _():
    for memory in ("16M", "1G"):
        result = run(RUN, "-M", "sifive_u", "--timeout", "60", "-m", memory, "hello", "one word")
        check_equal(result.returncode, 0)
        check_in(b'argv[1] = "one word"\n', result.stdout)


@test("the prompt answers what is typed, through the UART's own driver")
def _():
    console = boot("--console", "--append", "tour=no", stdin=b"echo one two\n\x04")
    check_in("\nfaultline$ echo one two\none two\nfaultline$ ", console)
    check_equal("the firmware's console stays" in console, False)


@test("input and output that fill the FIFOs many times arrive whole")
def _():
    data = bytes(byte for byte in range(256) for _ in range(3))
    result = run(RUN, "-M", "sifive_u", "--timeout", "60", "cat", stdin=data)
    check_equal((result.returncode, result.stdout), (0, data))


main()
