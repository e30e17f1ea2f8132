#!/usr/bin/env python3
"""Harts that do not start, or that differ from the first one: each is named, and the others run the system."""
import concurrent.futures
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
import debugger
import tree
from ktap import check_equal, main, test

INITRD_AT = 0x82000000
COUNTED = ("-icount", "shift=10,sleep=off")  # an instruction takes a microsecond: 10 s of the kernel's are less than one of ours


def left_out(result):
    return [line for line in result.told() if " is left out" in line]


def trapped(result):
    """Value, pc and ra of each report of a trap of the kernel's own."""
    told = re.findall(r"the kernel trapped: .* value (\S+)\s+pc (\S+)  ra (\S+)", result.log)
    return [[int(word, 16) for word in words] for words in told]


def boot_with(harts, named, bare=(), options=(), slower=1, **more):
    """A machine with so many harts, whose tree names these; those in `bare` have no MMU.  The clock is said to be
    slower: the kernel's seconds are that much shorter."""
    initrd = boot.small_initrd()
    root = tree.of_machine(f"nonce={boot.NONCE}", (INITRD_AT, len(initrd)))
    cpus = root.at("/cpus")
    first = cpus.children.pop("cpu@0")
    hertz, = struct.unpack(">I", cpus.props["timebase-frequency"])
    cpus.props["timebase-frequency"] = struct.pack(">I", hertz // slower)
    cpus.children.pop("cpu-map", None)
    for number in named:
        props = first.props | {"reg": struct.pack(">I", number)}
        if number in bare:
            props["mmu-type"] = b"riscv,none\0"
        cpus.children[f"cpu@{number:x}"] = tree.Node(**props)
    return boot.boot_tree(tree.write(root), initrd, options=("-smp", str(harts), *options), **more)


@test("harts that the firmware does not know are named and left out, wherever in the tree they are")
def _():
    result = boot_with(2, (9, 0, 7, 1))
    boot.check_ran(result)
    check_equal(left_out(result), ["faultline: hart 9 is left out, error -3", "faultline: hart 7 is left out, error -3"])


@test("harts that the tree says cannot run the system are told, how many")
def _():
    result = boot_with(3, (0, 1, 2), bare=(1, 2))
    boot.check_ran(result)
    check_equal([line for line in result.told() if "cannot run" in line],
                ["faultline: 2 harts cannot run this system, by the device tree"])


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


def boot_and_change(count, address, change, options=()):
    """Four harts; `count` times one comes to the address, and change(debugger, order) is called."""
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot.boot, boot.small_initrd(), options=("-smp", "4", *options, *link.options))
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


def physical(name):
    return debugger.symbol("faultline.elf", name) - debugger.symbol("faultline.elf", "_start") + boot.KERNEL


@test("a hart that was started and does not come is named and left out, and those after it run")
def _():
    def lead_astray(link, order):
        if order == 1:
            link.set(pc=physical("boot_stay") + 4)  # its jump: from wfi a step does not come back
    result = boot_and_change(3, physical("boot_other_entry"), lead_astray, COUNTED)
    boot.check_ran(result)
    told = left_out(result)
    check_equal(len(told), 1)
    check_equal(told[0].endswith(" is left out: it was started and did not come"), True)


@test("a hart that comes too late stays where it is, also when the firmware refused the one after it")
def _():
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot_with, 2, (0, 1, 9), slower=8, options=link.options)
        first = link.run_to(debugger.symbol("faultline.elf", "boot_kernel"))
        late = link.run_to(physical("boot_other_entry"))
        link.run_to(debugger.symbol("faultline.elf", "arch_enter_user"), only=first)
        link.run_to(physical("boot_stay"), debugger.symbol("faultline.elf", "boot_other_hart"), only=late)
        came_to, = link.get("pc")
        link.leave()
        result = booted.result()
    check_equal(came_to, physical("boot_stay"))
    boot.check_ran(result)
    told = left_out(result)
    check_equal(told[0].endswith(" is left out: it was started and did not come"), True)
    check_equal(told[1:], ["faultline: hart 9 is left out, error -3"])


@test("a hart with fewer ASIDs than the first one is named and left out, and those after it run")
def _():
    def find_few(link, order):
        if order == 2:
            link.set(a0=4, pc="ra")
    result = boot_and_change(4, debugger.symbol("faultline.elf", "paging_asid_bits"), find_few)
    boot.check_ran(result)
    told = left_out(result)
    check_equal(len(told), 1)
    check_equal(told[0].endswith(" is left out: it differs from the first one"), True)


@test("a hart that the firmware lets go to where the first one began starts all the same")
def _():
    result = boot_and_change(3, physical("boot_other_entry"), lambda link, _: link.set(pc=boot.KERNEL, a1=0x82000000))
    boot.check_ran(result)
    check_equal(left_out(result), [])


@test("of two harts that trap in the kernel at once one reports, with its own registers")
def _():
    ends = [debugger.symbol("faultline.elf", name) for name in ("panic_trap", "trap_stopped")]
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot.boot, boot.small_initrd(), options=("-smp", "2", *link.options))
        first = link.run_to(debugger.symbol("faultline.elf", "boot_kernel"))
        second = link.run_to(debugger.symbol("faultline.elf", "boot_other_hart"))
        link.set(pc=0x2000, ra=0x2222)  # where nothing is mapped
        link.run_to(*ends, only=second)
        reports = link.get("pc")[0] == ends[0]
        link.run_to(debugger.symbol("faultline.elf", "lock_pause"), only=first)
        link.set(pc=0x1000, ra=0x1111)
        link.run_to(*ends, only=first)
        stops = link.get("pc")[0] == ends[1]
        link.leave()
        result = booted.result()
    check_equal((reports, stops, result.hung), (True, True, False))
    check_equal(trapped(result), [[0x2000, 0x2000, 0x2222]])


@test("a hart that traps in the kernel and does not know which it is reports all the same")
def _():
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot.boot, boot.small_initrd(), options=link.options)
        link.run_to(debugger.symbol("faultline.elf", "boot_kernel"))
        link.set(pc=0x2000, ra=0x2222, tp=0x1000)  # nothing is mapped at either
        link.leave()
        result = booted.result()
    check_equal((trapped(result), result.hung), ([[0x2000, 0x2000, 0x2222]], False))


main()
