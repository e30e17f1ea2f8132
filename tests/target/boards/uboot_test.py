#!/usr/bin/env python3
"""U-Boot boots the card of a board: each way that the card offers, up to the end of the tour."""
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
import uboot
from uboot import BOOT_PART, Loader, boards
import boot
from ktap import check_equal, check_in, main, test

OTHER_OFFSET = 0x1400000
MOVED = b"Moving Image from 0x84000000 to 0x%x"


def told_steps():
    """What docs/boards.md says a boot shows, in order, of steps that QEMU has too."""
    with open(os.path.join(boot.TOP, "docs", "boards.md"), encoding="utf-8") as file:
        table = file.read().partition("| step | on the line |")[2].partition("\n\n")[0]
    cells = [line.split("|")[2] for line in table.split("\n")[2:]]
    return [re.search("`(.*?)`", cell)[1].encode() for cell in cells if "boards only" not in cell]


@test("a card that is left alone boots through extlinux, with four harts, step by step as docs/boards.md says")
def _():
    uboot.make_card("visionfive2")
    with Loader(harts=4) as loader:
        console = loader.pass_tour()
    check_in(MOVED % 0x80200000, console)
    rest, steps = console, told_steps()
    check_equal(len(steps) >= 9, True)
    for step in steps:
        check_in(step, rest)
        rest = rest[rest.index(step):]


@test("a kernel that asks for another place in RAM is moved there and runs")
def _():
    uboot.make_card("visionfive")
    image = bytearray(boot.build_file("faultline.bin"))
    struct.pack_into("<Q", image, boards.TEXT_OFFSET, OTHER_OFFSET)
    with open("Image", "wb") as file:
        file.write(image)
    uboot.mtools("mcopy", "-o", "-i", "card" + BOOT_PART, "Image", "::/Image")
    with Loader() as loader:
        loader.start()
        check_in(MOVED % (boot.RAM_BASE + OTHER_OFFSET), loader.pass_tour())


@test("Debian 13's U-Boot boots it by the command that its build for the VisionFive 2 has")
def _():
    uboot.make_card("visionfive2")
    with Loader(uboot=uboot.NEW_UBOOT, harts=2) as loader:  # until the kernel starts them, all but one spin
        loader.stop_autoboot()
        loader.send(b"bootflow scan\n")
        console = loader.pass_tour()
    check_in(b"part_3' with extlinux", console)
    check_in(MOVED % 0x80200000, console)


@test("boot.scr boots where there is no extlinux")
def _():
    uboot.make_card("visionfive2")
    uboot.mtools("mdel", "-i", "card" + BOOT_PART, "::/extlinux/extlinux.conf")
    with Loader() as loader:
        loader.start()
        console = loader.pass_tour()
    check_in(b"Found U-Boot script /boot.scr", console)
    check_in(MOVED % 0x80200000, console)


@test("bootm boots the FIT, its hashes verified")
def _():
    uboot.make("faultline-fit", "visionfive", "fit")
    uboot.make_card("visionfive")
    uboot.mtools("mcopy", "-i", "card" + BOOT_PART, "fit", "::/fit")
    with Loader() as loader:
        loader.stop_autoboot()
        check_in(b"bytes read", loader.command("load virtio 0:3 ${kernel_addr_r} /fit"))
        loader.send(b"bootm ${kernel_addr_r}#plain ${kernel_addr_r}#plain ${fdtcontroladdr}\n")
        check_equal(loader.pass_tour().count(b"sha256+ OK"), 2)


@test("the settings for a board's first firmware are all there when it imports 512 bytes, and nothing else is")
def _():
    uboot.make_card("visionfive2")
    with Loader() as loader:
        loader.stop_autoboot()
        before = loader.command("env print")
        loader.command("mw.b ${loadaddr} 41 1000")  # what was in memory before
        loader.command("load virtio 0:3 ${loadaddr} /uEnv.txt")
        loader.command("env import ${loadaddr} 200")
        after = loader.command("env print")
    lines = {line.encode() for line in boards.BOARDS["visionfive2"].environment}
    check_equal(lines - set(after.split(b"\n")), set())
    new = {line for line in after.split(b"\n") if line not in before.split(b"\n")}
    check_equal({line for line in new - lines if not line.startswith((b"file", b"Environment size"))}, set())


main()
