#!/usr/bin/env python3
"""Device trees that a kernel can't run with: it names what is wrong, and the machine ends."""
import struct
import sys

sys.dont_write_bytecode = True
import boot
import tree
from ktap import check_equal, main, test

INITRD_AT = 0x82000000


def fresh():
    """(tree, initrd) of a boot that succeeds."""
    initrd = boot.small_initrd()
    return tree.of_machine(f"nonce={boot.NONCE}", (INITRD_AT, len(initrd))), initrd


def told(sentence, pattern):
    """A test whose function spoils the tree; the panic line must match the pattern."""
    def register(spoil):
        @test(sentence)
        def _():
            root, initrd = fresh()
            blob = tree.write(root) if spoil(root) is None else None
            boot.check_told(boot.boot_tree(blob, initrd), f"panic: .*{pattern}")
    return register


def cpu(root):
    return next(node for name, node in root.at("/cpus").children.items() if name.startswith("cpu@"))


@test("the unspoilt tree boots, so each test below fails for its own reason")
def _():
    root, initrd = fresh()
    boot.check_ran(boot.boot_tree(tree.write(root), initrd))


@test("the writer of trees is right: what it wrote reads back the same")
def _():
    root, _ = fresh()
    again = tree.read(tree.write(root))
    check_equal(tree.write(again), tree.write(root))
    check_equal(again.at("/cpus").props["timebase-frequency"], struct.pack(">I", 10000000))


@told("a tree without a memory node", "no enabled memory node")
def _(root):
    root.remove("/memory@80000000")


@told("a memory node that is disabled", "no enabled memory node")
def _(root):
    root.at("/memory@80000000").props["status"] = tree.text("disabled")


@told("memory of 0 bytes", "add up to 0 bytes")
def _(root):
    tree.set_banks(root, (boot.RAM_BASE, 0))


@told("memory that wraps around the end of addresses, with its numbers", "memory node.*fffffffffffff000")
def _(root):
    tree.set_banks(root, (0xfffffffffffff000, 0x2000))


@told("a memory reg of half an entry", "memory node has a malformed reg")
def _(root):
    root.at("/memory@80000000").props["reg"] = tree.cells64(boot.RAM_BASE)


@told("no timebase", "timebase-frequency")
def _(root):
    del root.at("/cpus").props["timebase-frequency"]


@told("a timebase of 0", "timebase-frequency")
def _(root):
    root.at("/cpus").props["timebase-frequency"] = struct.pack(">I", 0)


@told("no /cpus", "no enabled RV64 hart")
def _(root):
    root.remove("/cpus")


@told("a cpu without an MMU", "no enabled RV64 hart with an MMU")
def _(root):
    cpu(root).props["mmu-type"] = tree.text("riscv,none")


@told("a cpu that is disabled", "no enabled RV64 hart")
def _(root):
    cpu(root).props["status"] = tree.text("disabled")


@told("a cpu of 32 bits", "no enabled RV64 hart")
def _(root):
    cpu(root).props["riscv,isa"] = tree.text("rv32imafdc")
    cpu(root).props.pop("riscv,isa-base", None)  # newer trees say it twice


@told("an initrd that ends before it starts, with its numbers", f"initrd.*{INITRD_AT:x}")
def _(root):
    root.at("/chosen").props["linux,initrd-end"] = tree.cells64(0x81fff000)


@told("an initrd of which only one end is told", "one end missing")
def _(root):
    del root.at("/chosen").props["linux,initrd-end"]


@told("more reserved ranges than can be remembered", "more reserved ranges")
def _(root):
    for i in range(40):
        tree.reserve(root, 0x83000000 + i * 0x2000, 0x1000)


@told("a reserved range that wraps, with its numbers", "reserved range.*ffffffffffff0000")
def _(root):
    tree.reserve(root, 0xffffffffffff0000, 0x20000)


def spoilt(sentence, change, pattern):
    """A test with the bytes of a good blob changed."""
    @test(sentence)
    def _():
        root, initrd = fresh()
        boot.check_told(boot.boot_tree(change(tree.write(root)), initrd), f"panic: device tree at .*{pattern}")


spoilt("a wrong magic number", lambda blob: b"\xde" + blob[1:], "wrong magic")
spoilt("a total size beyond what can be looked at", lambda blob: blob[:4] + struct.pack(">I", 1 << 30) + blob[8:],
       "larger than the memory it is in")
spoilt("a total size smaller than the header", lambda blob: blob[:4] + struct.pack(">I", 8) + blob[8:], "total size")
spoilt("a structure block without its end", lambda blob: blob[:36] + struct.pack(">I", 64) + blob[40:], "damaged")
spoilt("version 99, compatible with none before", lambda blob: blob[:20] + struct.pack(">II", 99, 99) + blob[28:],
       "version")
spoilt("nothing but zeros", lambda blob: bytes(len(blob)), "wrong magic")
spoilt("nothing but ones", lambda blob: b"\xff" * len(blob), "wrong magic")


@test("a tree cut anywhere, and zeros behind the cut")
def _():
    root, initrd = fresh()
    blob = tree.write(root)
    for eighth in range(8):
        cut = len(blob) * eighth // 8
        boot.check_ran_or_told(boot.boot_tree(blob[:cut] + bytes(len(blob) - cut), initrd), "panic: device tree")


@test("a tree that no more than 8 bytes align, across a boundary of 2 MiB")
def _():
    root, initrd = fresh()
    boot.check_ran(boot.boot_tree(tree.write(root), initrd, tree_at=0x83200000 - 1000))


def through_firmware(root, initrd):
    """The tree goes to QEMU, which adds initrd and arguments, and through the firmware's hands."""
    with open("blob", "wb") as file:
        file.write(tree.write(root))
    return boot.boot(initrd, options=("-dtb", "blob"))


@test("a smaller RAM that the firmware passes on is believed")
def _():
    root, initrd = fresh()
    tree.set_banks(root, (boot.RAM_BASE, 48 << 20))
    result = through_firmware(root, initrd)
    boot.check_ran(result)
    check_equal(boot.free_kib(result)[1] < 46 << 10, True)


@test("a tree without memory that the firmware passes on is refused")
def _():
    root, initrd = fresh()
    root.remove("/memory@80000000")
    boot.check_told(through_firmware(root, initrd), "panic: .*no enabled memory node")


@test("boot arguments that can't be read are named")
def _():
    for words in ("tour=sometimes", "nonce=xyz", "nonce="):
        root, initrd = fresh()
        root.at("/chosen").props["bootargs"] = tree.text(words)
        boot.check_told(boot.boot_tree(tree.write(root), initrd), f"boot arguments: can't read `{words}`")


@test("more harts than can be known are told")
def _():
    root, initrd = fresh()
    cpus = root.at("/cpus")
    for number in range(1, 18):
        cpus.children[f"cpu@{number:x}"] = tree.Node(**(cpu(root).props | {"reg": struct.pack(">I", number)}))
    result = boot.boot_tree(tree.write(root), initrd)
    boot.check_ran(result)
    check_equal("faultline: 2 harts are left out: 16 are as many as are known\n" in result.log, True)


@test("boot arguments too long to be kept are told")
def _():
    root, initrd = fresh()
    root.at("/chosen").props["bootargs"] = tree.text(f"nonce={boot.NONCE} " + "x" * 5000)
    result = boot.boot_tree(tree.write(root), initrd)
    boot.check_ran(result)
    check_equal("boot arguments" in result.log, True)


main()
