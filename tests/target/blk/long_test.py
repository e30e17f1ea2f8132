#!/usr/bin/env python3
"""What takes minutes: every k-th request, and very many."""
import sys

sys.dont_write_bytecode = True
from disks import Disks, check_kth, image, verified
from ktap import check_in, comment, main, test

KTH = 200


@test(f"for every k to {KTH} the k-th read fails, and no other request")
def _():
    for which in range(1, KTH + 1):
        check_kth("read", which, KTH, which % 2 == 0)


@test(f"for every k to {KTH} the k-th write fails, and no other request")
def _():
    for which in range(1, KTH + 1):
        check_kth("write", which, KTH, which % 2 == 0)


@test("120,000 requests, each page written 60 times: QEMU's own comparison with a shadow image finds no difference")
def _():
    for legacy in (False, True):
        with Disks("do=patterns longest=1 rounds=60", *verified(0, image("d.img"), image("shadow.img")), legacy=legacy,
                   seconds=300) as machine:
            machine.end()
            check_in("patterns: 120000 requests 0 errors 0 wrong pages\n", machine.log)
            comment(str(machine.statistics(0)))


main()
