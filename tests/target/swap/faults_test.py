#!/usr/bin/env python3
"""Swap on disks that fail: who touches what is lost falls, everyone else goes on, and nothing is left behind."""
import os
import random
import sys

sys.dont_write_bytecode = True
from swapping import TORTURE, check_header, check_requests, check_verified
from ktap import check_equal, comment, main, test

REPEAT = "SWAP_FAULTS"  # in the environment: kind and numbers of the requests that fail, alone
KTH = {"read": 200, "write": 100}  # in the first round of the program's work, and in the first two
CHOSEN = 10
BURST = range(20, 60)  # behind those; longer than any request with all its pages tried again


def repeated(kind, which):
    """What repeats a case."""
    comment(f"{REPEAT}='{kind} {' '.join(map(str, which))}' python3 tests/target/swap/faults_test.py")


def check_chosen(kind, append=""):
    """Ten of the first, and then many in a row."""
    first = KTH[kind]
    which = sorted(random.Random(6).sample(range(2, first + 1), CHOSEN)) + [first + i for i in BURST]
    repeated(kind, which)
    fallen = check_requests(kind, which, append=append)
    comment(f"{fallen} fell")
    check_equal(fallen > 0, kind == "read")


if os.environ.get(REPEAT):
    @test("the requests that the environment names fail")
    def _():
        kind, *which = os.environ[REPEAT].split()
        comment(f"{check_requests(kind, [int(number) for number in which])} fell")
else:
    @test("where the header can't be read the disk is not used, and the system is as without one")
    def _():
        check_header()

    @test(f"ten of the first {KTH['read']} reads fail, and then many in a row: who waits for what is lost falls, and nobody else")
    def _():
        check_chosen("read")

    @test(f"ten of the first {KTH['write']} writes fail, and then many in a row, all with no free frame: nobody falls, and bad slots are used no more")
    def _():
        check_chosen("write", TORTURE)

    @test("QEMU's own comparison with a shadow image finds no difference, each slot is used five times, and no frame is free when it is written")
    def _():
        check_verified("in thousands", 4000, 5, append=TORTURE)


main()
