#!/usr/bin/env python3
"""RAM of any size, in any pieces: the system runs in it, or names it and ends."""
import re
import sys

sys.dont_write_bytecode = True
import boot
import tree
from boot import MIB, RAM_BASE
from ktap import check_equal, comment, main, test

INITRD_AT = 0x80400000
KIB_PER_FRAME_RECORD_MAX = 64 / 4096  # what the frame table may take of each KiB


def run_in(*banks, reserved=(), initrd_at=INITRD_AT, memory="64M", **places):
    """Boots with RAM in banks (start, bytes) as the tree tells it; `memory` is what there is."""
    initrd = boot.small_initrd()
    root = tree.of_machine(f"nonce={boot.NONCE}", (initrd_at, len(initrd)))
    tree.set_banks(root, *banks)
    for start, size in reserved:
        tree.reserve(root, start, size)
    return boot.boot_tree(tree.write(root), initrd, initrd_at=initrd_at, memory=memory, **places)


def check_uses(result, kib):
    """The program ran, and init's total is what is left of `kib` behind image and frame table."""
    boot.check_ran(result)
    total = boot.free_kib(result)[1]
    if not kib * (1 - KIB_PER_FRAME_RECORD_MAX) - 512 <= total <= kib:
        raise AssertionError(f"init counts {total} KiB where there are {kib}\n{boot.tail(result)}")


def sized(size, mib):
    @test(f"with {size} of memory a program runs, and all of it is counted")
    def _():
        check_uses(boot.boot(boot.small_initrd(), memory=size), mib * 1024 - 2048)


for text, number in (("16M", 16), ("17M", 17), ("64M", 64), ("128M", 128), ("1G", 1024), ("4G", 4096)):
    sized(text, number)


@test("with 16 MiB the whole initrd fits and the tour runs to its end")
def _():
    initrd = boot.full_initrd("tour")
    check_equal(len(initrd) < 4 * MIB, True)
    boot.check_ran(boot.boot(initrd, memory="16M"), b"")


def free_of_programs(append):
    """KiB that programs may have, as /proc/meminfo says it."""
    result = boot.boot(boot.full_initrd("cat", "/proc/meminfo"), memory="128M", append=append)
    boot.check_ran(result, b"MemTotal:")
    return int(re.search(rb"^MemFree: +(\d+) kB", result.output, re.M)[1])


@test("mem= caps what the pager is given, whatever there is; more than there is changes nothing")
def _():
    most = free_of_programs("")
    check_equal(most > 100 * 1024, True)
    check_equal(abs(free_of_programs("mem=1G") - most) <= 16, True)
    for mib in (64, 4):
        free = free_of_programs(f"mem={mib}M")
        comment(f"mem={mib}M: {free} KiB free")
        check_equal(mib * 1024 - 1024 - 8 * mib <= free <= mib * 1024, True)  # records take up to 1/128


@test("with mem=672K a program runs; with less the pager's need is named, and a size that is none is repeated")
def _():
    boot.check_ran(boot.boot(boot.small_initrd(), append="mem=672K"))
    boot.check_told(boot.boot(boot.small_initrd(), append="mem=668K"), "memory: mem= leaves the pager 668 KiB, it needs 672 KiB")
    boot.check_told(boot.boot(boot.small_initrd(), append="mem=lots"), "boot arguments: can't read `mem=lots`")


@test("with four harts three stay parked, whichever the firmware chose")
def _():
    for _ in range(3):
        check_uses(boot.boot(boot.small_initrd(), options=("-smp", "4")), 62 * 1024)


@test("the smallest machines that QEMU starts run or say what is missing")
def _():
    started = 0
    for size in (3, 4, 5, 6, 7, 8, 10, 12, 14):
        result = boot.boot(boot.small_initrd(), memory=f"{size}M")
        if "regions overlap" in result.complaint or "to place DTB" in result.complaint:
            continue  # QEMU itself found no room for its device tree (7.2 and 10 say it differently)
        started += 1
        boot.check_ran_or_told(result, r"(init|pager|panic): .*(memory|RAM|initrd).*\d+")
    check_equal(started > 0, True)


def first_complaint(result):
    return next(line for line in result.told() if "not in free RAM" not in line and "KiB free, initrd of" not in line)


@test("too little RAM is told with its sizes, and from some size on all are enough")
def _():
    enough, answers = None, []
    for kib in (2048 + 64, 2304, 2560, 3072, 3584, 4096, 4608, 5120, 6144, 7168, 8192):
        result = run_in((RAM_BASE, kib * 1024), initrd_at=0x80280000)
        boot.check_ran_or_told(result, r"(init|pager|panic): .*(memory|RAM).*\d")
        if result.status == "exit 0":
            enough = enough or kib
        else:
            answers.append(f"{kib} KiB: {first_complaint(result)}")
            check_equal(enough, None)
    for answer in answers:
        comment(answer)
    comment(f"enough: {enough} KiB, of which 2048 lie below the kernel")
    check_equal(enough is not None, True)


@test("too little RAM, narrowed down to two pages around what is just enough, never hangs")
def _():
    low, high = 2560, 8192  # fails, runs
    while high - low > 8:
        middle = (low + high) // 2 // 4 * 4
        result = run_in((RAM_BASE, middle * 1024), initrd_at=0x80280000)
        boot.check_ran_or_told(result, "(memory|RAM)")
        if result.status == "exit 0":
            high = middle
        else:
            low = middle
    comment(f"{high} KiB are enough, {low} are not")


@test("RAM in two banks is used on both sides of the hole")
def _():
    check_uses(run_in((RAM_BASE, 16 * MIB), (RAM_BASE + 32 * MIB, 32 * MIB)), 46 * 1024)


@test("with the larger bank first, too")
def _():
    check_uses(run_in((RAM_BASE, 40 * MIB), (RAM_BASE + 56 * MIB, 4 * MIB)), 42 * 1024)


@test("two banks that touch are as good as one")
def _():
    check_uses(run_in((RAM_BASE, 20 * MIB), (RAM_BASE + 20 * MIB, 44 * MIB)), 62 * 1024)


@test("two banks that overlap are counted once")
def _():
    check_uses(run_in((RAM_BASE, 40 * MIB), (RAM_BASE + 20 * MIB, 44 * MIB)), 62 * 1024)


@test("of more banks than can be remembered it uses what it can")
def _():
    banks = [(RAM_BASE, 24 * MIB)] + [(RAM_BASE + (26 + 3 * i) * MIB, 2 * MIB) for i in range(11)]
    boot.check_ran(run_in(*banks))


@test("reserved memory in the middle is left out")
def _():
    check_uses(run_in((RAM_BASE, 64 * MIB), reserved=((RAM_BASE + 24 * MIB, 8 * MIB),)), 54 * 1024)


@test("memory that is not there is never touched when it is reserved")
def _():
    check_uses(run_in((RAM_BASE, 256 * MIB), reserved=((RAM_BASE + 64 * MIB, 192 * MIB),)), 62 * 1024)


@test("twenty reserved pages in a row of their own, none aligned to more than a page")
def _():
    parts = [(RAM_BASE + 16 * MIB + i * 0x21000, 0x1000) for i in range(20)]
    boot.check_ran(run_in((RAM_BASE, 64 * MIB), reserved=parts))


@test("reserved memory over the initrd: it is not used, and the reason is told")
def _():
    result = run_in((RAM_BASE, 64 * MIB), reserved=((INITRD_AT + 0x1000, 0x1000),))
    boot.check_told(result, r"initrd at 0*80400000, \d+ bytes: not in free RAM", "init: initrd: there is none")


@test("reserved memory over the kernel itself changes nothing else")
def _():
    check_uses(run_in((RAM_BASE, 64 * MIB), reserved=((boot.KERNEL, 2 * MIB),)), 60 * 1024)


@test("reserved memory that is all of it is told")
def _():
    boot.check_told(run_in((RAM_BASE, 64 * MIB), reserved=((RAM_BASE, 64 * MIB),)), "panic: .*(memory|RAM)")


@test("RAM that starts at the kernel")
def _():
    check_uses(run_in((boot.KERNEL, 62 * MIB)), 62 * 1024)


@test("RAM of which only the upper half is told, the kernel outside it")
def _():
    check_uses(run_in((RAM_BASE + 32 * MIB, 32 * MIB), initrd_at=0x82800000), 32 * 1024)


@test("RAM of which only the upper half is told, the kernel in it")
def _():
    check_uses(run_in((RAM_BASE + 32 * MIB, 32 * MIB), kernel_at=0x82200000, initrd_at=0x82800000, tree_at=0x80800000),
               30 * 1024)


@test("a bank whose ends are no page boundaries")
def _():
    check_uses(run_in((RAM_BASE + 0x123, 48 * MIB + 0x456)), 46 * 1024)


@test("a bank further away than can be mapped does no harm")
def _():
    boot.check_ran_or_told(run_in((RAM_BASE, 64 * MIB), (1 << 40, 64 * MIB)), r"panic: .*(memory|RAM).*\d+")


@test("an initrd that starts in the middle of a page")
def _():
    check_uses(run_in((RAM_BASE, 64 * MIB), initrd_at=INITRD_AT + 0x124), 62 * 1024)


@test("an initrd outside RAM is told with its place")
def _():
    boot.check_told(run_in((RAM_BASE, 16 * MIB), initrd_at=0x82000000), r"initrd at 0*82000000, \d+ bytes: not in free RAM")


main()
