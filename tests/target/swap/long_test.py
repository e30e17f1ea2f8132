#!/usr/bin/env python3
"""What takes minutes: every k-th request of swap, and very many."""
import sys

sys.dont_write_bytecode = True
from swapping import check_header, check_requests, check_verified
from ktap import main, test

KTH = 200


def check_kth(kind, first):
    """A machine for each: its k-th request fails, and no other."""
    for which in range(first, KTH + 1):
        try:
            check_requests(kind, [which], legacy=which % 2 == 0)
        except AssertionError as error:
            raise AssertionError(f"SWAP_FAULTS='{kind} {which}' python3 tests/target/swap/faults_test.py: {error}") from error


@test(f"for every k to {KTH} the k-th read of swap fails, and no other request")
def _():
    check_header()
    check_kth("read", 2)


@test(f"for every k to {KTH} the k-th write of swap fails, and no other request")
def _():
    check_kth("write", 1)


@test("in 100,000 requests QEMU's own comparison with a shadow image finds no difference")
def _():
    check_verified("in a hundred thousand", 100_000, 10, seconds=1200)


main()
