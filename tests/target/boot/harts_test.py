#!/usr/bin/env python3
"""Harts that do not start, or that differ from the first one: each is named, and the others run the system."""
import concurrent.futures
import struct
import sys

sys.dont_write_bytecode = True
import boot
import debugger
import tree
from ktap import check_equal, main, test

INITRD_AT = 0x82000000


def left_out(result):
    return [line for line in result.told() if " is left out" in line]


def boot_with(harts, named):
    """A machine with so many harts, whose tree names these."""
    initrd = boot.small_initrd()
    root = tree.of_machine(f"nonce={boot.NONCE}", (INITRD_AT, len(initrd)))
    cpus = root.at("/cpus")
    first = cpus.children.pop("cpu@0")
    cpus.children.pop("cpu-map", None)
    for number in named:
        cpus.children[f"cpu@{number:x}"] = tree.Node(**first.props | {"reg": struct.pack(">I", number)})
    return boot.boot_tree(tree.write(root), initrd, options=("-smp", str(harts)))


@test("harts that the firmware does not know are named and left out, wherever in the tree they are")
def _():
    result = boot_with(2, (9, 0, 7, 1))
    boot.check_ran(result)
    check_equal(left_out(result), ["faultline: hart 9 is left out, error -3", "faultline: hart 7 is left out, error -3"])


@test("a hart that the tree does not name runs the system when the firmware chose it")
def _():
    result = boot_with(1, (7,))
    boot.check_ran(result)
    check_equal(left_out(result), ["faultline: hart 7 is left out, error -3"])


@test("harts above the limit are named and left out, and the others run")
def _():
    result = boot_with(10, range(10))
    boot.check_ran(result)
    check_equal([line[-8:] for line in left_out(result)], ["error -1"] * 2)


def boot_and_change(count, address, change):
    """Four harts; `count` times one comes to the address, and change(debugger, order) is called."""
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot.boot, boot.small_initrd(), options=("-smp", "4", *link.options))
        for order in range(count):
            link.run_to(address)
            change(link, order)
        link.leave()
        return booted.result()


def boot_with_odd(odd):
    """Harts in `odd`, by their order of start, find that they lack something."""
    def find_nothing(link, order):
        if order in odd:
            link.set(a0=0, pc="ra")
    return boot_and_change(4, debugger.symbol("faultline.elf", "cpu_start"), find_nothing)


@test("a hart that differs from the first one is named and left out, and those after it run")
def _():
    for odd in ((1,), (3,), (1, 2, 3)):
        result = boot_with_odd(odd)
        boot.check_ran(result)
        told = left_out(result)
        check_equal(len(told), len(odd))
        check_equal(all(line.endswith(" is left out: it differs from the first one") for line in told), True)


@test("a hart that the firmware lets go to where the first one began starts all the same")
def _():
    entry = debugger.symbol("faultline.elf", "boot_other_entry") - debugger.symbol("faultline.elf", "_start") + boot.KERNEL
    result = boot_and_change(3, entry, lambda link, _: link.set(pc=boot.KERNEL, a1=0x82000000))
    boot.check_ran(result)
    check_equal(left_out(result), [])


main()
