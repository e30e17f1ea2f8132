#!/usr/bin/env python3
"""What is on a card: partitions, files and times, read back by tools that did not write them."""
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
import uboot
from uboot import BOOT_PART, SDK, boards
import boot
from ktap import check_equal, check_in, main, run, test

COMMIT_TIME = 1600000000  # 2020-09-13 12:26:40
FAT_DATE, FAT_TIME = (2020 - 1980) << 9 | 9 << 5 | 13, 12 << 11 | 26 << 5 | 40 // 2
LONG_NAME, DIRECTORY = 0x0f, 0x10
SPL, UBOOT, BOOT = boards.PARTITIONS


def part(partition, count=None):
    """The partition's bytes on the card, or its first ones."""
    with open("card", "rb") as file:
        file.seek(partition.start * boards.SECTOR_BYTES)
        return file.read(partition.bytes() if count is None else count)


def tool(*words):
    """What a tool of the host says; its status must be 0."""
    result = run(*words, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    if result.returncode:
        raise AssertionError(f"{words[0]}: {result.stdout.decode()}{result.stderr.decode()}")
    return result.stdout.decode()


def card_file(path):
    return uboot.mtools("mcopy", "-n", "-i", "card" + BOOT_PART, "::/" + path, "-")


def directory_entries(volume, cluster):
    """(entry, path) of all entries in a directory of a FAT32 volume and below, long names left out."""
    reserved, copies = struct.unpack_from("<HB", volume, 14)
    fat_sectors, = struct.unpack_from("<I", volume, 36)
    data = (reserved + copies * fat_sectors) * boards.SECTOR_BYTES
    cluster_bytes = volume[13] * boards.SECTOR_BYTES
    while cluster < 0x0ffffff8:
        start = data + (cluster - 2) * cluster_bytes
        for at in range(start, start + cluster_bytes, 32):
            entry = volume[at:at + 32]
            if entry[0] in (0, 0xe5) or entry[11] == LONG_NAME:
                continue
            yield entry
            if entry[11] & DIRECTORY and entry[0] != ord("."):
                high, low = struct.unpack_from("<H", entry, 20)[0], struct.unpack_from("<H", entry, 26)[0]
                yield from directory_entries(volume, high << 16 | low)
        cluster = struct.unpack_from("<I", volume, reserved * boards.SECTOR_BYTES + 4 * cluster)[0] & 0x0fffffff


@test("three partitions of the types that firmware looks for, the third marked for it")
def _():
    uboot.make_card("visionfive2")
    check_in("No problems found", tool("sgdisk", "-v", "card"))
    for number, partition in enumerate(boards.PARTITIONS, 1):
        told = tool("sgdisk", "-i", str(number), "card")
        check_in(f"Partition GUID code: {partition.type_guid}", told)
        check_in(f"First sector: {partition.start} ", told)
        check_in(f"Last sector: {partition.end} ", told)
        check_in(f"Attribute flags: {'0' * 15}{4 if partition is BOOT else 0}", told)


@test("the third is a sound FAT32 and gives back every file")
def _():
    uboot.make_card("visionfive2")
    with open("volume", "wb") as file:
        file.write(part(BOOT))
    tool("fsck.vfat", "-n", "volume")
    check_equal(card_file("Image"), boot.build_file("faultline.bin"))
    check_equal(card_file("initrd"), boot.build_file("initrd.cpio"))
    check_equal(card_file("extlinux/extlinux.conf"), boards.EXTLINUX.encode())
    check_equal(len(card_file("uEnv.txt")), boards.ENVIRONMENT_BYTES)


@test("Debian's loaders are in the first two, byte for byte")
def _():
    folder = uboot.need_folder("--firmware")
    uboot.make_card("visionfive2")
    for partition, name in ((SPL, "u-boot-spl.bin.normal.out"), (UBOOT, "u-boot.itb")):
        with open(boards.find_files(folder, name)[name], "rb") as file:
            data = file.read()
        check_equal(part(partition, len(data)), data)
    check_in("spl and uboot hold U-Boot with OpenSBI", card_file("README.txt").decode())
    check_in("GNU GENERAL PUBLIC LICENSE", card_file("licences/u-boot-starfive.txt").decode().upper())


@test("Debian's device trees are on the card, and the settings name one of them")
def _():
    folder = uboot.need_folder("--trees")
    for board in boards.BOARDS.values():
        uboot.make_card(board.name)
        paths = boards.find_files(folder, ".dtb")
        for name in filter(lambda name: name.startswith(board.chip), paths):
            with open(paths[name], "rb") as file:
                check_equal(card_file("dtbs/starfive/" + name), file.read())
        named = re.search(rb"^fdtfile=(.*)$", card_file("uEnv.txt"), re.M)[1].decode()
        check_equal(card_file("dtbs/" + named)[:4], b"\xd0\x0d\xfe\xed")


@test("without them partitions stay empty and the loader's tree must do, and output and README say so")
def _():
    said = uboot.make("faultline-sdcard", "visionfive2", "card")
    check_in("no loaders for visionfive2", said)
    check_in("no device trees for visionfive2", said)
    check_in("no device trees for visionfive2: ", uboot.make("faultline-fit", "visionfive2", "fit"))
    for partition in (SPL, UBOOT):
        check_equal(part(partition).strip(b"\0"), b"")
    readme = card_file("README.txt").decode()
    check_in("spl and uboot are EMPTY", readme)
    check_in("the kernel gets the loader's own tree", readme)


@test("one loader without the other is none")
def _():
    os.mkdir("firmware")
    with open("firmware/u-boot.itb", "wb") as file:
        file.write(b"loader")
    check_in("no loaders for visionfive2", uboot.make("faultline-sdcard", "visionfive2", "card", "--firmware", "firmware"))
    check_equal(part(UBOOT, 6), bytes(6))


@test("every time on a card and in a FIT is the one of SOURCE_DATE_EPOCH, wherever the host is")
def _():
    uboot.make_card("visionfive2", SOURCE_DATE_EPOCH=str(COMMIT_TIME), TZ="Asia/Tokyo")
    volume = part(BOOT)
    entries = [entry for entry in directory_entries(volume, 2) if entry[11] & 8 == 0]
    check_equal(len(entries) > 5, True)
    for entry in entries:
        made_fine, made_time, made_date, read_date = struct.unpack_from("<BHHH", entry, 13)
        changed_time, changed_date = struct.unpack_from("<HH", entry, 22)
        check_equal((entry[:11], made_fine, made_time, made_date, read_date, changed_time, changed_date),
                    (entry[:11], 0, FAT_TIME, FAT_DATE, FAT_DATE, FAT_TIME, FAT_DATE))
    check_equal(struct.unpack_from(">I", card_file("boot.scr"), 8)[0], COMMIT_TIME)
    uboot.make("faultline-fit", "visionfive2", "fit", SOURCE_DATE_EPOCH=str(COMMIT_TIME))
    check_in("Sun Sep 13 12:26:40 2020", run("mkimage", "-l", "fit", env=dict(os.environ, TZ="UTC")).stdout.decode())


@test("two cards and two FITs of the same parts are the same bytes, and none names the folder of the build")
def _():
    for command, file in (("faultline-sdcard", "card"), ("faultline-fit", "fit")):
        for number in "12":
            os.makedirs(number * 3, exist_ok=True)
            uboot.make(command, "visionfive", f"{number * 3}/{file}", "--trees", uboot.FOLDERS["--trees"], SOURCE_DATE_EPOCH="1")
        with open(f"111/{file}", "rb") as first, open(f"222/{file}", "rb") as second:
            data = first.read()
            check_equal(data == second.read(), True)
        check_equal((os.fsencode(boot.TOP) in data, os.getcwd().encode() in data), (False, False))


@test("what is no kernel, no board or too large is refused by name, and nothing is written")
def _():
    image = bytearray(boot.build_file("faultline.bin"))
    struct.pack_into("<Q", image, boards.TEXT_OFFSET, 0x400000)
    files = {"moved": bytes(image), "text": b"no kernel", "large": bytes(64 << 20), "fw/u-boot.itb": bytes(5 << 20),
             "fw/u-boot-spl.bin.normal.out": b"spl"}
    os.mkdir("fw")
    for name, data in files.items():
        with open(name, "wb") as file:
            file.write(data)
    good = {"--board": "visionfive2", "--kernel": os.path.join(boot.BUILD, "faultline.bin"),
            "--initrd": os.path.join(boot.BUILD, "initrd.cpio")}
    for change, reason in (({"--board": "nonesuch"}, "no board 'nonesuch'; there are visionfive2 and visionfive"),
                           ({"--kernel": "text"}, "text has no RISC-V image header"),
                           ({"--kernel": "moved"}, "moved wants to be 0x400000 behind the start of RAM"),
                           ({"--initrd": "nonesuch"}, "nonesuch: No such file"), ({"--initrd": "large"}, "mcopy failed"),
                           ({"--firmware": "fw"}, "u-boot.itb has 5242880 bytes, partition uboot 4194304")):
        words = [word for pair in (good | change).items() for word in pair]
        result = run(os.path.join(SDK, "faultline-sdcard"), *words, "-o", "card")
        check_equal((result.returncode, os.path.exists("card")), (1, False))
        check_in(reason, result.stderr.decode())


main()
