#!/usr/bin/env python3
"""Disks for swap that are told what nobody wants, as the host sees it; and disks that cannot take it."""
import os
import random
import sys

sys.dont_write_bytecode = True
from swapping import EIO, MIB, Swapping, disk, file_node, plain, swap_image
from ktap import check_equal, check_in, comment, main, test

PROGRAM = "swap_discard_test"
DISCARDED, NOT_DISCARDED = "what was there", "a disk that discards nothing"
BY_HAND = "vm.swap-auto=off"
SIZE = 16 * MIB


def full_image(name):
    """One of which every block is there."""
    swap_image(name, SIZE)
    with open(name, "r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(SIZE - 4096))
    return name


def kept(name):
    """Bytes that the host keeps for a file."""
    return os.stat(name).st_blocks * 512


@test("what was there when swapon -d came, and what is given back later, takes no room on the host; what is in use comes back")
def _():
    path = full_image("swap.img")
    with Swapping(DISCARDED, *plain(0, path), program=PROGRAM, append=BY_HAND) as run:
        sizes = [kept(path)]
        for phase in ("once", "out", "freed"):
            run.until(f"# {phase}\n")
            sizes.append(kept(path))
            run.say(b"g")
        run.end().check()
        check_in("disk 0: swap, 16380 KiB; discards what was there and what becomes free\n", run.log)
        comment(f"KiB: {', '.join(str(size // 1024) for size in sizes)}")
        full, once, out, freed = sizes
        check_equal((full >= SIZE, once <= MIB, out - once >= 3 * MIB, out - freed >= MIB), (True,) * 4)


@test("a disk without discards is used without, and the log says so")
def _():
    path = full_image("swap.img")
    with Swapping(NOT_DISCARDED, *plain(0, path, discard="off"), program=PROGRAM, append=BY_HAND) as run:
        run.until("# on\n").say(b"g").end().check()
        check_in("disk 0: swap, 16380 KiB; cannot discard\n", run.log)
        check_equal(kept(path) >= SIZE, True)


@test("after a discard that failed no other is tried, and the disk is used on")
def _():
    errors = [{"event": "none", "iotype": "discard", "errno": EIO, "once": False}]
    words = disk(0, file_node("f0", swap_image("swap.img"), discard="unmap"),
                 {"driver": "blkdebug", "image": "f0", "node-name": "b0", "discard": "unmap", "inject-error": errors},
                 {"driver": "raw", "file": "b0", "node-name": "r0", "discard": "unmap"})
    with Swapping(NOT_DISCARDED, *words, program=PROGRAM, append=BY_HAND) as run:
        run.until("nothing is discarded there any more\n").until("# on\n").say(b"g").end().check()
        check_equal(run.lines(r"pager: disk 0: discard of (\d+) pages at page (\d+): error (\d+); .*"), [("384", "64", str(EIO))])


main()
