"""Cards for tests, and U-Boot on QEMU's machine with one of them in its only disk.

U-Boot is Debian's for QEMU, in S-mode behind the machine's firmware: the part of a board's start that QEMU can play."""
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "boot"), os.path.join(HERE, "..", "..", "sdk")]
import boot  # noqa: E402
import machine  # noqa: E402
from ktap import SDK, Skip, run  # noqa: E402

sys.path.insert(0, SDK)
import faultline_boards as boards  # noqa: E402

UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"
NEW_UBOOT = os.path.join(boot.BUILD, "boards", "emulated", UBOOT[1:])  # of Debian 13
FOLDERS = {"--trees": os.path.join(boot.BUILD, "boards", "trees"), "--firmware": os.path.join(boot.BUILD, "boards", "firmware")}
BOOT_PART = f"@@{boards.PARTITIONS[2].start * boards.SECTOR_BYTES}"  # behind a card's name: mtools reads that partition
END_OF_TOUR = b"The tour is over; all was as it should be."
PROMPT = b"faultline$ "
TOOLS = "sgdisk", "mkfs.vfat", "mcopy", "mkimage", "dtc"


def need_tools():
    """Skips the test where a card can't be made."""
    for tool in TOOLS:
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise Skip(f"no {tool}; faultline-setup images installs it")


def need_folder(option):
    """Skips the test where Debian's files for the boards were not fetched."""
    if not os.path.isdir(FOLDERS[option]):
        raise Skip(f"no {FOLDERS[option]}: could not be fetched; make board-packages tries again")
    return FOLDERS[option]


def make(command, board, out, *more, kernel=None, **variables):
    """Runs faultline-sdcard or faultline-fit for the build's system; its output."""
    need_tools()
    words = [os.path.join(SDK, command), "--board", board, "--kernel", kernel or os.path.join(boot.BUILD, "faultline.bin"),
             "--initrd", os.path.join(boot.BUILD, "initrd.cpio"), "-o", out, *more]
    result = run(*words, env=dict(os.environ, **variables))
    if result.returncode:
        raise AssertionError(result.stderr.decode())
    return result.stdout.decode()


_kept_folder = tempfile.TemporaryDirectory(prefix="faultline-cards-")
_cards = {}  # by board and variables: the first of each, which the others are copied from


def make_card(board, out="card", **variables):
    """A card as `make sdcard` makes it, with what of Debian's is there."""
    kept = _cards.get((board, *variables.items()))
    if not kept:
        words = [word for option, folder in FOLDERS.items() if os.path.isdir(folder) for word in (option, folder)]
        kept = os.path.join(_kept_folder.name, str(len(_cards)))
        make("faultline-sdcard", board, kept, *words, **variables)
        _cards[(board, *variables.items())] = kept
    shutil.copyfile(kept, out)


def mtools(*words, stdin=b""):
    """One of the mtools, on a card's file system; its output."""
    result = run(*words, stdin=stdin, env=dict(os.environ, MTOOLS_SKIP_CHECK="1"))
    if result.returncode:
        raise AssertionError(f"{words}: {result.stderr.decode()}")
    return result.stdout


class Loader(machine.Machine):
    """A boot by U-Boot from the card `card`, read and written step by step."""

    def __init__(self, card="card", harts=1, uboot=UBOOT):
        if not os.path.exists(uboot):
            raise Skip(f"no {uboot}; faultline-setup images and make board-packages get it")
        command = [boot.QEMU, "-machine", "virt", "-m", "256M", "-smp", str(harts), "-display", "none", "-monitor",
                   "none", "-serial", "stdio", "-no-reboot", "-kernel", uboot,
                   "-drive", f"file={card},format=raw,if=none,id=card", "-device", "virtio-blk-device,drive=card"]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.child.stdout, selectors.EVENT_READ)
        self.deadline = time.monotonic() + machine.SECONDS
        self.console = b""

    def stop_autoboot(self):
        """To U-Boot's own prompt, without its two seconds of waiting."""
        self.read_until(b"Hit any key to stop autoboot")
        self.send(b" ")
        self.read_until(b"=> ")

    def command(self, text):
        """One command to U-Boot; what it printed."""
        start = len(self.console)
        self.send(text.encode() + b"\n")
        while not re.search(rb"\n=> $", self.console[start:]):
            if not self.read():
                raise AssertionError(f"the machine ended in {text}: {self.console[start:]}")
        return self.console[start:].replace(b"\r", b"")

    def start(self):
        """Boots as the card says, at once."""
        self.stop_autoboot()
        self.send(b"boot\n")

    def pass_tour(self):
        """The tour passes, and the machine is off when its prompt is left; all that was printed."""
        self.read_until(PROMPT)
        if END_OF_TOUR not in self.console:
            raise AssertionError(f"the tour did not pass: {self.console[-2000:]}")
        self.send(b"\x04")
        while self.read():
            pass
        return self.console.replace(b"\r", b"")
