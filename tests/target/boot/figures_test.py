#!/usr/bin/env python3
"""Figures that the kernel promises: its size and how soon it enters user mode."""
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
from ktap import check_equal, comment, main, test

TEXT_AND_RODATA_BYTES_MAX = 64 << 10
BOOT_INSTRUCTIONS_MAX = 2_000_000
BOOT_INSTRUCTIONS_PER_GIB_MAX = 1_000_000


def sections(elf):
    """Section sizes by name."""
    table, = struct.unpack_from("<Q", elf, 40)
    count, names = struct.unpack_from("<HH", elf, 60)
    rows = [struct.unpack_from("<IIQQQQ", elf, table + 64 * i) for i in range(count)]
    start = rows[names][4]
    return {elf[start + row[0]:elf.index(b"\0", start + row[0])].decode(): row[5] for row in rows}


@test("text and read-only data of the kernel, without the root task's blob, are at most 64 KiB")
def _():
    sizes = sections(boot.build_file("faultline.elf"))
    comment(f"text {sizes['.text']} bytes, read-only data {sizes['.rodata']} bytes")
    check_equal(".blob" in sizes, True)
    check_equal(sizes[".text"] + sizes[".rodata"] <= TEXT_AND_RODATA_BYTES_MAX, True)


@test("with 128 MiB the first user instruction comes less than 2 million after the kernel's first")
def _():
    result = boot.boot(kernel=boot.build_file("kernel_bench.bin"), memory="128M",
                       options=("-icount", "shift=0,sleep=off"), seconds=40)
    found = re.search(r"RES\tkernel entry to first user instruction\t(\d+)\t", result.log)
    check_equal(found is not None, True)
    comment(f"{found[1]} instructions")
    check_equal(int(found[1]) < BOOT_INSTRUCTIONS_MAX, True)


@test("each further GiB of memory costs less than a million instructions more")
def _():
    found = {}
    for gib in (1, 8):
        result = boot.boot(kernel=boot.build_file("kernel_bench.bin"), memory=f"{gib}G",
                           options=("-icount", "shift=0,sleep=off"), seconds=40)
        found[gib] = int(re.search(r"RES\tkernel entry to first user instruction\t(\d+)\t", result.log)[1])
    comment(f"{found} instructions")
    check_equal(found[8] - found[1] < 7 * BOOT_INSTRUCTIONS_PER_GIB_MAX, True)


main()
