#!/usr/bin/env python3
"""faultline-flash, with disks of this test's making: a tree like sysfs, one like /proc, and a file for a device."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from ktap import SDK, check_equal, check_in, main, run, test

FLASH = os.path.join(SDK, "faultline-flash")
IMAGE = bytes(range(256)) * 4096 * 5  # 5 MiB: more than is copied at once
OLD = b"\xee" * 8
GIB = 1 << 30


def write(path, data):
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def make_disk(name="sdx", size=8 * GIB, removable="0", bus="usb", partitions=(), card_type="SD", read_only="0", model="Reader"):
    """A disk on a bus, with partitions; its device file is dev/NAME."""
    place = f"sys/devices/{bus}1/target/block/{name}"
    write(f"{place}/dev", "8:16\n")
    for file, text in (("size", size // 512), ("removable", removable), ("ro", read_only)):
        write(f"{place}/{file}", f"{text}\n")
    os.makedirs(f"{place}/holders")
    for number in partitions:
        write(f"{place}/{name}{number}/partition", f"{number}\n")
        write(f"{place}/{name}{number}/dev", f"8:{16 + number}\n")
        os.makedirs(f"{place}/{name}{number}/holders")
    target = f"sys/devices/{bus}1/target"
    write(f"{target}/model", model + "  \n")
    write(f"{target}/type", card_type + "\n")
    for folder, kind in ((target, "scsi" if bus == "usb" else bus), (f"sys/devices/{bus}1", bus)):
        os.makedirs(f"sys/bus/{kind}", exist_ok=True)
        os.symlink(os.path.abspath(f"sys/bus/{kind}"), f"{folder}/subsystem")
    os.symlink(os.path.abspath(target), f"{place}/device")
    os.makedirs("sys/class/block", exist_ok=True)
    for path in [place] + [f"{place}/{name}{number}" for number in partitions]:
        os.symlink(os.path.abspath(path), f"sys/class/block/{os.path.basename(path)}")
        write(f"dev/{os.path.basename(path)}", OLD)
    write("proc/self/mountinfo", "22 1 259:2 / / rw shared:1 - ext4 /dev/nvme0n1p2 rw\n")
    write("proc/swaps", "Filename Type Size Used Priority\n")
    write("image", IMAGE)


def flash(*words, typed="sdx\n", device="dev/sdx"):
    """(status, output and errors)."""
    result = run(FLASH, "--sys", os.path.abspath("sys"), "--proc", os.path.abspath("proc"), *words, "image", device,
                 stdin=typed.encode())
    return result.returncode, (result.stdout + result.stderr).decode()


def contents(path="dev/sdx"):
    with open(path, "rb") as file:
        return file.read()


def check_refused(reason, *words, **options):
    """The disk is refused for this reason, also when nothing is asked, and keeps its contents."""
    for more in ((), ("--yes",)):
        status, said = flash(*words, *more, **options)
        check_equal((status, contents()), (1, OLD))
        check_in(reason, said)


@test("a card on USB, a removable one and an SD card are written and read back")
def _():
    for number, kind in enumerate(({"bus": "usb"}, {"bus": "pci", "removable": "1"}, {"bus": "mmc"})):
        os.mkdir(str(number))
        os.chdir(str(number))
        make_disk(**kind)
        status, said = flash()
        check_equal((kind, status, contents() == IMAGE), (kind, 0, True))
        check_in("image goes to dev/sdx: ", said)
        check_in("Reader, 8.0 GiB", said)
        check_in("Everything on it will be lost", said)
        check_in("bytes of image are on dev/sdx, and read back as they were written", said)
        os.chdir("..")


@test("only the device's own name, typed, starts it; or --yes")
def _():
    make_disk()
    for typed in ("", "\n", "yes\n", "sdy\n", "sdx1\n", "sd\n"):
        status, said = flash(typed=typed)
        check_equal((typed, status, contents()), (typed, 1, OLD))
        check_in("nothing was written", said)
    check_equal((flash("--yes", typed="")[0], contents() == IMAGE), (0, True))
    write("dev/sdx", OLD)
    check_equal((flash(typed="/dev/sdx\n")[0], contents() == IMAGE), (0, True))


@test("a disk that is mounted is refused, by its number and by its name, and a mounted partition too")
def _():
    make_disk(partitions=(1, 2))
    for line in ("30 1 8:16 / /mnt/card rw - vfat /dev/sdx rw", "30 1 8:18 / /mnt/card rw - vfat /dev/root rw",
                 "30 1 0:44 /sub /mnt/card rw shared:9 - btrfs /dev/sdx2 rw"):
        write("proc/self/mountinfo", f"22 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n{line}\n")
        check_refused("is mounted at /mnt/card")


@test("a disk with swap, or that something is built on, is refused")
def _():
    make_disk(partitions=(1, 2))
    write("proc/swaps", "Filename Type Size Used Priority\n/dev/sdx2 partition 1 0 -2\n")
    check_refused("/dev/sdx2 is in use for swap")
    write("proc/swaps", "Filename Type Size Used Priority\n/dev/sdxy partition 1 0 -2\n")
    os.mkdir("sys/class/block/sdx1/holders/dm-0")
    check_refused("/dev/sdx1 is part of dm-0")
    os.rmdir("sys/class/block/sdx1/holders/dm-0")
    os.mkdir("sys/class/block/sdx/holders/md3")
    check_refused("/dev/sdx is part of md3")


@test("what is built in is refused: a disk of the machine, and its eMMC")
def _():
    make_disk(bus="pci")
    check_refused("is built in")
    os.rename("sys", "old")
    make_disk(bus="mmc", card_type="MMC")
    check_refused("is built in")


@test("an empty reader, a protected card and a partition are refused by name")
def _():
    make_disk(size=0, partitions=(1,))
    check_refused("has no card in it")
    check_refused("is a partition; the whole card is", device="dev/sdx1")
    write("sys/class/block/sdx/size", f"{8 * GIB // 512}\n")
    write("sys/class/block/sdx/ro", "1\n")
    check_refused("is write-protected")


@test("a card that is too small or as large as a disk is refused, the latter until --force-size")
def _():
    make_disk(size=len(IMAGE) - 512)
    check_refused(f"is too small: it has {len(IMAGE) - 512} bytes, the image {len(IMAGE)}")
    write("sys/class/block/sdx/size", f"{256 * GIB // 512 + 1}\n")
    check_refused("256 GiB, more than 256")
    check_equal((flash("--force-size")[0], contents() == IMAGE), (0, True))
    write("sys/class/block/sdx/size", f"{256 * GIB // 512}\n")
    check_equal(flash()[0], 0)
    write("sys/class/block/sdx/size", f"{len(IMAGE) // 512}\n")
    check_equal(flash()[0], 0)


@test("what is no device at all is refused, a plain file by the host's own sysfs too")
def _():
    make_disk()
    write("dev/file", b"")
    check_refused("is not a block device", device="dev/file")
    check_refused("No such file", device="dev/nonesuch")
    result = run(FLASH, "--yes", "image", "dev/sdx")
    check_equal((result.returncode, contents()), (1, OLD))
    check_in(b"is not a block device", result.stderr)
    for device, reason in (("/dev/null", b"is not a block device"), ("/dev", b"is not a block device")):
        result = run(FLASH, "--yes", "image", device)
        check_equal(result.returncode, 1)
        check_in(reason, result.stderr)


@test("another card put in while the question stands is not written")
def _():
    make_disk()
    child = subprocess.Popen([FLASH, "--sys", os.path.abspath("sys"), "--proc", os.path.abspath("proc"), "image", "dev/sdx"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b""
    while b"to go on: " not in said:
        said += os.read(child.stdout.fileno(), 1000)
    write("sys/devices/usb1/target/model", "Another\n")
    _, errors = child.communicate(b"sdx\n")
    check_equal((child.returncode, contents()), (1, OLD))
    check_in(b"is not what it was a moment ago", errors)


@test("a card that takes nothing is told")
def _():
    make_disk()
    os.symlink("/dev/full", "dev/full")
    os.symlink(os.path.abspath("sys/class/block/sdx"), "sys/class/block/full")
    status, said = flash("--yes", device="dev/full")
    check_equal(status, 1)
    check_in("No space left on device", said)


def load_flash():
    """The command as a module, for what no plain file does."""
    loader = importlib.machinery.SourceFileLoader("flash", FLASH)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("flash", loader))
    loader.exec_module(module)
    return module


@test("a device that shows no partitions is written all the same")
def _():
    make_disk()
    with open("dev/sdx", "rb") as card, contextlib.redirect_stdout(io.StringIO()) as said:
        load_flash().show_partitions(card.fileno())
    check_in("does not see the new partitions yet", said.getvalue())


@test("a card that reads back other than it was written, or is at its end too soon, is named with the byte")
def _():
    module = load_flash()
    make_disk()
    at = len(IMAGE) - 1000
    for data, expected in ((IMAGE, None), (IMAGE[:at] + b"\xaa" + IMAGE[at + 1:], at), (IMAGE[:at], at)):
        write("dev/sdx", data)
        said = None
        with open("image", "rb") as image, open("dev/sdx", "rb") as card:
            try:
                module.compare(image, card.fileno(), len(IMAGE))
            except module.Refused as reason:
                said = str(reason)
        check_equal(said and said.split(" reads back")[0], expected and f"byte {expected}")


main()
