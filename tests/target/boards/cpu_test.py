#!/usr/bin/env python3
"""What a processor has or lacks shows in what a page fault costs, and in nothing else.  Needs QEMU 10."""
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [os.path.join(TOP, "tests"), os.path.join(TOP, "tests", "sdk")]
import machines
from ktap import SDK, Skip, check_equal, comment, main, run, test

BUILD = os.path.abspath(os.environ.get("FAULTLINE_BUILD", os.path.join(TOP, "build")))
PAGE_ZEROED = 528  # instructions by words; user/pager/core/page.c
BLOCKS_AT_MOST = 200  # by cbo.zero of 64 bytes


def qemu(name="virt-new"):
    """The emulator of a machine of the list."""
    machine = machines.Machines().named(name)
    lack = machine.lack(BUILD)
    if lack:
        raise Skip(lack)
    return machine.qemu_program(BUILD)


def timing(cpu):
    """What the course's `timing` prints, instructions counted."""
    result = run(os.path.join(SDK, "faultline-run"), "--icount", "--timeout", "100", "--cpu", cpu, "timing", seconds=120,
                 env=dict(os.environ, FAULTLINE_QEMU=qemu(), FAULTLINE_BUILD=BUILD))
    check_equal(result.returncode, 0)
    return result.stdout.decode()


def fresh_write(report):
    """Instructions of the last first write, of a page that nobody read before."""
    return int(re.findall(r"write, fresh +(\d+)", report)[-1])


@test("no page fault reads the clock: where the firmware emulates it, each takes as many instructions")
def _():
    cpus = machines.Machines().cpus
    check_equal(timing(cpus["u74"] + ",zicntr=off"), timing(cpus["u74"]))


@test("a processor that clears memory by blocks clears a program's page by them")
def _():
    words, blocks = (fresh_write(timing(f"rv64,zicboz={has}")) for has in ("off", "on"))
    comment(f"{words} instructions, by blocks {blocks}")
    check_equal(PAGE_ZEROED - BLOCKS_AT_MOST <= words - blocks <= PAGE_ZEROED, True)


main()
