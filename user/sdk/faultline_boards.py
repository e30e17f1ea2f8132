"""What the firmware of each board wants to find on an SD card, and the files that serve it.

One layout serves all of them.  Three partitions in a GPT:

    spl    sector 4096   first loader, raw    found by its type; may stay empty
    uboot  sector 8192   second loader, raw   found by its type, or because it is the second
    boot   sector 16384  FAT32, to the end    found by its legacy-boot attribute, or because it is the third

In the third, two ways to the kernel: extlinux/extlinux.conf, which every U-Boot of these boards looks for, and boot.scr
for one that finds scripts only.  Which device tree the kernel gets is the loader's to say: it knows the board, and names
the file in its variable fdtfile.  A loader that knows no such file passes its own tree on; so the same card also boots
QEMU's machine.

All bytes follow from the input: identifiers are fixed, and times are those of SOURCE_DATE_EPOCH.
"""
import os
import struct
import subprocess
from dataclasses import dataclass

SECTOR_BYTES = 512
CARD_SECTORS = 131072  # 64 MiB
BOOT_END_SECTOR = CARD_SECTORS - 34  # the last sectors hold the copy of the table
KERNEL_OFFSET = 0x200000  # from the start of RAM to where the kernel is put
ENVIRONMENT_BYTES = 512  # of uEnv.txt: the JH7110's first firmware imports so many, whatever the file has
TEXT_OFFSET, IMAGE_MAGIC_OFFSET, IMAGE_MAGIC = 8, 56, b"RSC\x05"


class ImageError(Exception):
    """An image can't be made; the text says why."""


@dataclass(frozen=True)
class Partition:
    """A part of the card: [start, end] in sectors, both inclusive, as GPT counts."""
    name: str
    start: int
    end: int
    type_guid: str
    guid: str

    def bytes(self):
        return (self.end - self.start + 1) * SECTOR_BYTES


@dataclass(frozen=True)
class Board:
    """A board: name, where its RAM starts, its device trees (that of `tree` if the loader is silent)."""
    name: str
    title: str
    ram_base: int
    chip: str  # trees of the chip's boards start with its name
    tree: str
    first_loader: str  # files of the firmware package; "" where the board boots from its own flash only
    second_loader: str
    environment: tuple  # lines of uEnv.txt
    disk_guid: str

    def kernel_address(self):
        return self.ram_base + KERNEL_OFFSET


PARTITIONS = (
    Partition("spl", 4096, 8191, "2E54B353-1271-4842-806F-E436D6AF6985", "d90b3d57-f5b4-4cb1-93b4-3ae8f1a1f3a1"),
    Partition("uboot", 8192, 16383, "BC13C2FF-59E6-4262-A352-B275FD6F7172", "4c1a7fd2-10f6-4b32-8ed5-6a7ce0a1c5a2"),
    Partition("boot", 16384, BOOT_END_SECTOR, "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "8f9c4e86-7e0c-4a05-9d0e-0b7ae4d2b8a3"),
)
LEGACY_BOOT = 2  # bit of a partition's attributes

# The JH7110's first firmware (U-Boot 2021.10 in its flash) boots the third partition when this is there.  The addresses
# keep kernel, tree and initrd apart; its own are too close together.
JH7110_ENVIRONMENT = (
    "fdt_high=0xffffffffffffffff",
    "initrd_high=0xffffffffffffffff",
    "kernel_addr_r=0x44000000",
    "fdt_addr_r=0x48000000",
    "ramdisk_addr_r=0x48100000",
    "fdtfile=starfive/jh7110-starfive-visionfive-2-v1.3b.dtb",
    "boot_targets=distro mmc1 mmc0",
    "bootcmd=run bootcmd_distro",
)
JH7100_ENVIRONMENT = (
    "fdtfile=starfive/jh7100-starfive-visionfive-v1.dtb",
)
BOARDS = {board.name: board for board in (
    Board("visionfive2", "StarFive VisionFive 2 (JH7110) and boards with the same chip", 0x40000000, "jh7110-",
          "jh7110-starfive-visionfive-2-v1.3b.dtb", "u-boot-spl.bin.normal.out", "u-boot.itb", JH7110_ENVIRONMENT,
          "6ab2c1f4-54d8-4b8f-9a57-7d2e2f0a7110"),
    Board("visionfive", "StarFive VisionFive (JH7100)", 0x80000000, "jh7100-",
          "jh7100-starfive-visionfive-v1.dtb", "", "", JH7100_ENVIRONMENT,
          "6ab2c1f4-54d8-4b8f-9a57-7d2e2f0a7100"),
)}

EXTLINUX = """\
# Words for the kernel's command line go behind `append`, in a line of their own.
default faultline
prompt 0
timeout 1
label faultline
    linux /Image
    initrd /initrd
    fdtdir /dtbs
"""

SCRIPT = """\
setenv faultline_tree ${fdtcontroladdr}
if load ${devtype} ${devnum}:${distro_bootpart} ${fdt_addr_r} /dtbs/${fdtfile}; then
    setenv faultline_tree ${fdt_addr_r}
fi
load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} /Image
load ${devtype} ${devnum}:${distro_bootpart} ${ramdisk_addr_r} /initrd
booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${faultline_tree}
"""


def environment_text(board):
    """uEnv.txt, filled up with empty lines: what follows the file in memory must not be read as part of it."""
    text = "".join(line + "\n" for line in board.environment).encode()
    if len(text) > ENVIRONMENT_BYTES:
        raise ImageError(f"uEnv.txt of {board.name} has {len(text)} bytes, {ENVIRONMENT_BYTES} is the most")
    return text + b"\n" * (ENVIRONMENT_BYTES - len(text))


def find_files(folder, suffix):
    """{base name: path} of the files below `folder` that end like that; of files with one name the last by path."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        found.update((name, os.path.join(place, name)) for name in sorted(names) if name.endswith(suffix))
    return found


def board_trees(board, folder):
    """[(name, bytes)] of the chip's device trees below `folder`, sorted by name."""
    paths = find_files(folder, ".dtb") if folder else {}
    return [(name, read_file(paths[name])) for name in sorted(paths) if name.startswith(board.chip)]


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from None


def write_file(path, data):
    """Writes the whole file or none of it."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)


def find_board(name):
    if name not in BOARDS:
        raise ImageError(f"no board '{name}'; there are {' and '.join(BOARDS)}")
    return BOARDS[name]


def read_kernel(path):
    """The bytes of a kernel image, with the header that loaders ask for."""
    data = read_file(path)
    if data[IMAGE_MAGIC_OFFSET:IMAGE_MAGIC_OFFSET + 4] != IMAGE_MAGIC:
        raise ImageError(f"{path} has no RISC-V image header")
    offset, = struct.unpack_from("<Q", data, TEXT_OFFSET)
    if offset != KERNEL_OFFSET:
        raise ImageError(f"{path} wants to be 0x{offset:x} behind the start of RAM, not 0x{KERNEL_OFFSET:x}")
    return data


def epoch():
    """The one time that images know, in seconds; FAT's first day is the earliest."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or "0"
    if not text.isdecimal():
        raise ImageError(f"SOURCE_DATE_EPOCH is '{text}', no number of seconds")
    return max(int(text), 315532800)


def run_tool(*command):
    """Runs a tool of the host quietly, in a world whose time stands still."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # where Debian keeps tools for disks
    environment = dict(os.environ, PATH=path, SOURCE_DATE_EPOCH=str(epoch()), TZ="UTC", LC_ALL="C", MTOOLS_SKIP_CHECK="1")
    try:
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError:
        raise ImageError(f"{command[0]} is not there; faultline-setup images installs it") from None
    if result.returncode:
        raise ImageError(f"{command[0]} failed: {(result.stderr or result.stdout).strip()}")
    return result.stdout
