#!/usr/bin/env python3
"""Device trees with fewer, other and odder devices: the kernel runs with what it can use and tells the rest."""
import functools
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
import tree
from ktap import check_equal, main, test

TOLD = r"faultline: (\d+ harts cannot run this system, by the device tree|halted)"  # true of some machines


def fresh():
    return tree.of_machine("")


def plic(root):
    """Its node, whatever this QEMU calls it."""
    name = next(name for name in root.at("/soc").children if name.endswith("@c000000"))
    return root.at("/soc").children[name]


def run(root, memory="64M"):
    """What the suite of the kernel's half says of this machine: (log, number of devices, has interrupts)."""
    result = boot.boot_tree(tree.write(root), image="kernel_half.bin", memory=memory)
    if result.hung or "not ok" in result.log or "ok 5" not in result.log:
        raise AssertionError(f"hung: {result.hung}\n{result.log[-1500:]}")
    return result.log, int(re.search(r"# (\d+) devices", result.log)[1]), "# no source of interrupts" not in result.log


@functools.cache
def whole():
    """Devices of the unspoilt tree, of one boot."""
    return run(fresh())[1]


@test("the unspoilt tree has interrupts and devices, and nothing is told")
def _():
    log, devices, interrupts = run(fresh())
    check_equal(devices > 10, True)
    check_equal(interrupts, True)
    check_equal("faultline:" in re.sub(TOLD, "", log), False)


def without_interrupts(sentence):
    """A tree whose PLIC is of no use: told, and every source is out of range."""
    def register(spoil):
        @test(f"{sentence}: there are no interrupts, and that is told")
        def _():
            root = fresh()
            spoil(root)
            log, devices, interrupts = run(root)
            check_equal(interrupts, False)
            check_equal(devices >= whole(), True)
            check_equal(bool(re.search(r"faultline: no interrupt controller for hart \d", log)), True)
    return register


@without_interrupts("no PLIC")
def _(root):
    soc = root.at("/soc")
    del soc.children[next(name for name in soc.children if name.endswith("@c000000"))]


@without_interrupts("a PLIC of another kind")
def _(root):
    plic(root).props["compatible"] = tree.text("somebody,else")


@without_interrupts("a PLIC that is disabled")
def _(root):
    plic(root).props["status"] = tree.text("disabled")


@without_interrupts("a PLIC without sources")
def _(root):
    plic(root).props["riscv,ndev"] = struct.pack(">I", 0)


@without_interrupts("a PLIC wired to machine mode alone")
def _(root):
    wires = plic(root).props["interrupts-extended"]
    plic(root).props["interrupts-extended"] = wires[:8]


@without_interrupts("a PLIC whose registers end before the context's")
def _(root):
    plic(root).props["reg"] = tree.cells64(0xc000000, 0x201000)


@without_interrupts("a PLIC with half a reg")
def _(root):
    plic(root).props["reg"] = tree.cells64(0xc000000)


@test("a device that is disabled is not handed out")
def _():
    root = fresh()
    tree.console(root).props["status"] = tree.text("disabled")
    check_equal(run(root)[1], whole() - 1)


@test("a bus that is disabled takes all its devices with it, the PLIC too")
def _():
    root = fresh()
    root.at("/soc").props["status"] = tree.text("disabled")
    log, devices, interrupts = run(root)
    check_equal(devices < 4, True)
    check_equal(interrupts, False)


@test("devices whose reg is cut, wraps, is RAM or the controller's are passed over")
def _():
    for reg in (b"\0\0\0", tree.cells64(0x10000000), tree.cells64(0xfffffffffffff000, 0x2000),
                tree.cells64(0x80400000, 0x1000), tree.cells64(0xc001000, 0x1000), tree.cells64(0x2000000, 8), b""):
        root = fresh()
        tree.console(root).props["reg"] = reg
        check_equal(run(root)[1], whole() - 1)


@test("more devices than there is room for: 48 are handed out, the rest is counted")
def _():
    root = fresh()
    more = 60
    for i in range(more):
        root.children[f"d@{i}"] = tree.Node(reg=tree.cells64(0x40000000 + i * 0x1000, 0x1000))
    log, devices, interrupts = run(root)
    check_equal(devices, 48)
    check_equal(f"faultline: {whole() + more - 48} devices are left out" in log, True)


@test("a device between banks of RAM is told and not handed out")
def _():
    root = fresh()
    tree.set_banks(root, (boot.RAM_BASE, 32 << 20), (boot.RAM_BASE + (48 << 20), 16 << 20))
    root.children["d@82800000"] = tree.Node(reg=tree.cells64(0x82800000, 0x1000), compatible=tree.text("test,between"))
    log, devices, interrupts = run(root)
    check_equal(devices, whole())
    check_equal(bool(re.search(r"device at 0*82800000, 4096 bytes \(test,between\): between banks", log)), True)


@test("memory that does not hold the image: no device is put over the kernel, nor the interrupt controller")
def _():
    root = fresh()
    tree.set_banks(root, (boot.RAM_BASE + (32 << 20), 32 << 20))
    for at in (boot.KERNEL - 0x1000, boot.KERNEL, boot.KERNEL + 0x10000):
        root.children[f"d@{at:x}"] = tree.Node(reg=tree.cells64(at, 0x1001))
    check_equal(run(root)[1:], (whole(), True))
    plic(root).props["reg"] = tree.cells64(boot.KERNEL, 0x600000)
    check_equal(run(root)[1:], (whole(), False))


@test("asid= takes whole numbers up to 16; anything else is told and ignored")
def _():
    for words, bad in (("asid=0", False), ("x asid=16 y", False), ("myasid=99", False), ("asid=17", True),
                       ("asid=", True), ("asid=1k", True)):
        root = fresh()
        root.at("/chosen").props["bootargs"] = tree.text(words)
        check_equal("boot argument asid= takes 0 to 16: ignored" in run(root)[0], bad)


main()
