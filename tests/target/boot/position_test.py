#!/usr/bin/env python3
"""The image runs wherever it is put, and its header says what a loader must know."""
import struct
import sys

sys.dont_write_bytecode = True
import boot
import tree
from ktap import check_equal, main, test

HEADER = struct.Struct("<IIQQQIIQ8s4sI")


def header():
    names = ("code0", "code1", "text_offset", "image_size", "flags", "version", "res1", "res2", "magic", "magic2", "res3")
    return dict(zip(names, HEADER.unpack_from(boot.build_file("faultline.bin"))))


def end_of_bss():
    """Bytes of memory from the first to the last loaded address, by the ELF file's program headers."""
    elf = boot.build_file("faultline.elf")
    first, = struct.unpack_from("<Q", elf, 32)
    count, = struct.unpack_from("<H", elf, 56)
    loads = [struct.unpack_from("<IIQQQQQQ", elf, first + 56 * i) for i in range(count)]
    loads = [load for load in loads if load[0] == 1]
    return max(load[3] + load[6] for load in loads) - min(load[3] for load in loads)


@test("the image header has the fields of a Linux RISC-V image, .bss in its size")
def _():
    fields = header()
    check_equal((fields["magic"], fields["magic2"]), (b"RISCV\0\0\0", b"RSC\x05"))
    check_equal((fields["text_offset"], fields["flags"], fields["version"]), (0x200000, 0, 2))
    check_equal((fields["res1"], fields["res2"], fields["res3"]), (0, 0, 0))
    check_equal(fields["image_size"], end_of_bss())
    check_equal(fields["image_size"] >= len(boot.build_file("faultline.bin")), True)


@test("the first instruction is a jump over the header, not compressed")
def _():
    code = header()["code0"]
    distance = (code >> 21 & 0x3ff) << 1 | (code >> 20 & 1) << 11 | (code >> 12 & 0xff) << 12
    check_equal((code & 0xfff, code >> 31), (0x06f, 0))
    check_equal(distance >= HEADER.size, True)


def at(address):
    @test(f"the same bytes run a program at 0x{address:x}")
    def _():
        kernel = boot.elf_of([(address, boot.build_file("faultline.bin"))])
        boot.check_ran(boot.boot(boot.small_initrd(), kernel=kernel))


for place in (0x80200000, 0x80400000, 0x80600000):
    at(place)


def with_ram_end(end, kernel_at):
    initrd = boot.small_initrd()
    root = tree.of_machine(f"nonce={boot.NONCE}", (0x82000000, len(initrd)))
    tree.set_banks(root, (boot.RAM_BASE, end - boot.RAM_BASE))
    return boot.boot_tree(tree.write(root), initrd, kernel_at=kernel_at, tree_at=0x80800000)


@test("they run in the middle of RAM")
def _():
    boot.check_ran(with_ram_end(0x83c00000, 0x81e00000))


@test("in the last 2 MiB of RAM, where nothing is left behind them, they say so")
def _():
    boot.check_told(with_ram_end(0x83c00000, 0x83a00000), r"initrd at 0*82000000, \d+ bytes: not in free RAM",
                    r"(memory|RAM)")


main()
