#!/usr/bin/env python3
"""A VisionFive 2's own device tree, on a machine changed as little as can be: see visionfive2_tree."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "sdk"))
from ktap import SDK, Skip, check_equal, check_in, comment, main, run, test

RUN = os.path.join(SDK, "faultline-run")
BUILD = os.path.abspath(os.environ.get("FAULTLINE_BUILD", os.path.join(HERE, "..", "..", "..", "build")))
MIB = 1 << 20
BOOTS = 5
BOOT_INSTRUCTIONS_MAX = 2_000_000
BOOT_INSTRUCTIONS_PER_GIB_MAX = 1_000_000


def boot(*words, memory=256, **options):
    """What came of a run with the tree for so many MiB."""
    made = subprocess.run([os.path.join(HERE, "visionfive2_tree"), str(memory * MIB)], capture_output=True, check=False)
    if made.returncode == 3:
        raise Skip(made.stderr.decode().strip())
    check_equal(made.returncode, 0)
    with open("tree", "wb") as file:
        file.write(made.stdout)
    return run(RUN, "-c", "5", "-m", f"{memory}M", "--dtb", "tree", "--timeout", "60", *words, **options)


@test("whichever hart boots, programs run; the firmware starts none but harts 1 to 4")
def _():
    seen = []
    for _ in range(BOOTS):
        result = boot("hello", "again")
        check_equal(result.returncode, 0)
        check_in(b'argv[1] = "again"\n', result.stdout)
        told = result.stderr.decode(errors="replace")
        check_in("StarFive VisionFive 2", told)
        check_equal("hart 0" in told or "left out" in told or "panic" in told, False)
        seen.append(int(re.search(r"Boot HART ID +: (\d+)", told)[1]))
    comment(f"booted by harts {seen}")
    check_equal(set(seen) <= {1, 2, 3, 4}, True)


@test("all four of its harts run user code, and do so while another one is in the kernel")
def _():
    console = boot("--console", "-k", os.path.join(BUILD, "smp_test.bin"), "--no-initrd").stdout.replace(b"\r", b"").decode()
    check_equal(re.findall(r"\n# (\d+) harts ran user code\nok \d+ - each hart", console), ["4"])


@test("the tour comes to its end, and the kernel says that nobody switches the board off")
def _():
    console = boot("--console", "--append", "tour=only").stdout.replace(b"\r", b"").decode()
    check_in("\nThe tour is over; all was as it should be.\n", console)
    check_equal(console.endswith("\ninit: power off\nfaultline: halted\n"), True)


@test("the UART has its driver, and its input comes by the PLIC as the tree wires it")
def _():
    result = boot("--console", "--append", "tour=no", stdin=b"echo one two\n\x04")
    console = result.stdout.replace(b"\r", b"").decode()
    check_in("\nfaultline$ echo one two\none two\nfaultline$ ", console)
    check_equal("the firmware's console stays" in console, False)


@test("a disk is found and read, by interrupts")
def _():
    told = boot("-s", "16M", "hello").stderr.replace(b"\r", b"")
    check_in(b"\ninit: disk 0: 16384 KiB at 0x10001000\npager: disk 0: swap, 16380 KiB\n", told)


def instructions(memory):
    """From the kernel's first instruction to the first one in user mode, all harts' and the firmware's among them."""
    result = boot("--icount", "--console", "-k", os.path.join(BUILD, "kernel_bench.bin"), "--no-initrd", memory=memory)
    found = re.search(rb"RES\tkernel entry to first user instruction\t(\d+)\t", result.stdout)
    check_equal(found is not None, True)
    comment(f"{memory} MiB: {int(found[1])} instructions")
    return int(found[1])


@test("with 128 MiB, five harts and a tree of 80 devices the boot takes less than 2 million instructions")
def _():
    check_equal(instructions(128) < BOOT_INSTRUCTIONS_MAX, True)


@test("each further GiB of memory costs less than a million instructions more")
def _():
    check_equal(instructions(8 << 10) - instructions(1 << 10) < 7 * BOOT_INSTRUCTIONS_PER_GIB_MAX, True)


main()
