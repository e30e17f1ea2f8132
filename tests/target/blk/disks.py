"""A machine with disks, whose client is build/blk_test.bin (main.c says what `do=NAME` asks of them)."""
import json
import os
import re
import selectors
import shlex
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [os.path.join(TOP, "user", "sdk"), os.path.join(TOP, "tests", "sdk")]
import faultline_archive as archive  # noqa: E402
from ktap import check_equal  # noqa: E402

BUILD = os.path.abspath(os.environ.get("FAULTLINE_BUILD", os.path.join(TOP, "build")))
QEMU = os.environ.get("FAULTLINE_QEMU", "qemu-system-riscv64")
SECONDS = 60  # for one boot, which takes one to three
PAGE = 4096
EIO = 5
MIB = 1 << 20


def throttled(limit, disks=1):
    """The environment for a faultline-run whose first disks have a limit together in the host's time, however fast the host's own
    disk is: `iops-write=200`, say."""
    words = "".join(f" -set drive.disk{disk}.throttling.{word}" for disk in range(disks) for word in (limit, "group=slow"))
    with open("throttled", "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.quote(QEMU)} "$@"{words}\n')
    os.chmod("throttled", 0o755)
    return {"FAULTLINE_QEMU": os.path.abspath("throttled")}


def servers(*names):
    """Servers of the system's initrd, by name."""
    with open(os.path.join(BUILD, "initrd.cpio"), "rb") as file:
        members = archive.read(file.read())
    return {name: members[name] for name in names}


def page(disk, number, generation):
    """A page's contents as main.c writes them."""
    first = number << 32 | disk << 24 | generation << 16
    return b"".join((first + i).to_bytes(8, "little") for i in range(PAGE // 8))


def image(name, size=8 * MIB, contents=b""):
    with open(name, "wb") as file:
        file.write(contents)
        file.truncate(size)
    return name


def disk(number, *nodes, **options):
    """QEMU's words for a disk whose block nodes are these, the last one on top.  Told the geometry, QEMU does not read the
    first sector to guess it."""
    words = []
    for node in nodes:
        words += ["-blockdev", json.dumps(node)]
    told = "".join(f",{name}={value}" for name, value in options.items())
    return words + ["-device", f"virtio-blk-device,drive={nodes[-1]['node-name']},bus=virtio-mmio-bus.{number},"
                    f"cyls=16,heads=16,secs=63,rerror=report,werror=report{told}"]


def file_node(name, path, **more):
    return {"driver": "file", "filename": path, "node-name": name, **more}


def plain(number, path, read_only=False, **options):
    """A raw disk."""
    return disk(number, file_node(f"f{number}", path, **{"read-only": read_only, "discard": "unmap"}),
                {"driver": "raw", "file": f"f{number}", "node-name": f"r{number}", "read-only": read_only,
                 "discard": "unmap"}, **options)


def verified(number, path, shadow):
    """A disk of which QEMU compares each read with a second image, and ends with an error when they differ."""
    return disk(number, file_node(f"f{number}", path), file_node(f"s{number}", shadow),
                {"driver": "blkverify", "test": f"f{number}", "raw": f"s{number}", "node-name": f"v{number}"})


def failing_disk(rules, errors, path=None):
    """A disk with faults of QEMU's blkdebug.  QEMU does not make one request of several."""
    return disk(0, file_node("f0", path or image("d.img")),
                {"driver": "blkdebug", "image": "f0", "node-name": "b0", **({"inject-error": errors} if errors else {}),
                 **({"set-state": rules} if rules else {})},
                {"driver": "raw", "file": "b0", "node-name": "r0"}, **{"request-merging": "off"})


def check_kth(kind, which, count, legacy):
    """The k-th write or read of `count` each fails, and no other; what was not written is not there later."""
    event = f"{kind}_aio"
    rules = [{"event": event, "state": state, "new_state": state + 1} for state in range(1, which)]
    error = {"event": event, "iotype": kind, "errno": EIO, "state": which, "once": True}
    with Disks(f"do=errors count={count}", *failing_disk(rules, [error]), legacy=legacy) as machine:
        machine.end()
        check_equal(machine.lines(r"(write|read|again) (\d+): error (\d+)"), [(kind, str(which - 1), str(EIO))])
        wrong = "1" if kind == "write" else "0"
        check_equal(machine.lines(rf"(\w+): {count} done (\d+) wrong"), [("write", "0"), ("read", wrong), ("again", wrong)])
        check_equal(machine.statistics(0)["resets"], 0)


def qmp_answer(stream):
    """What QEMU answers, None when it ended first.  It leaves the end of a line unread until it has answered: that is a reset."""
    try:
        while line := stream.readline():
            answer = json.loads(line)
            if "event" not in answer:
                return answer
    except ConnectionResetError:
        pass
    return None


class Disks:
    """One run of the client.  legacy: the older form of virtio-mmio."""
    kernel, memory = "blk_test.bin", "32M"

    def files(self):
        """What is in the initrd."""
        return servers(b"blk")

    def __init__(self, what, *options, legacy=False, icount=False, seconds=SECONDS):
        with open("initrd", "wb") as file:
            file.write(archive.write(self.files()))
        command = [QEMU, "-machine", "virt", "-m", self.memory, "-display", "none", "-monitor", "none", "-serial", "stdio",
                   "-no-reboot", "-kernel", os.path.join(BUILD, self.kernel), "-initrd", "initrd", "-append", what,
                   "-global", f"virtio-mmio.force-legacy={'true' if legacy else 'false'}",
                   "-qmp", "unix:qmp,server=on,wait=off", *options]
        if icount:
            command += ["-icount", "shift=0,sleep=off"]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.child.stdout, selectors.EVENT_READ)
        self.deadline = time.monotonic() + seconds
        self.log = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def read(self):
        """More of the log; False at its end."""
        if not self.poll.select(max(0, self.deadline - time.monotonic())):
            raise AssertionError(f"the machine did not end: {self.log[-600:]}")
        data = os.read(self.child.stdout.fileno(), 1 << 16)
        self.log += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def until(self, text, times=1):
        while self.log.count(text) < times:
            if not self.read():
                raise AssertionError(f"the machine ended with status {self.child.wait()} before '{text}': {self.log[-600:]}")
        return self

    def say(self, data):
        """Bytes for the console."""
        self.child.stdin.write(data)
        self.child.stdin.flush()
        return self

    def end(self):
        """Reads to the end, which must be the client's."""
        return self.until("the end\n").until_off()

    def until_off(self):
        while self.read():
            pass
        return self

    def qmp(self, command, **arguments):
        """One command of QEMU's monitor protocol.  The log must tell what it did: the machine may end before QEMU has answered it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect("qmp")
            stream = connection.makefile("rw")
            stream.readline()
            for words in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(words) + "\n")
                stream.flush()
                answer = qmp_answer(stream)
                if answer is not None and "return" not in answer:
                    raise AssertionError(f"QEMU refuses {words}: {answer}")

    def lines(self, pattern):
        """The groups of each line that matches."""
        return re.findall(f"^{pattern}$", self.log, re.M)

    def statistics(self, number):
        """What the driver counted: requests, errors, resets, interrupts, signals."""
        (found,) = self.lines(rf"disk {number}: (\d+) requests (\d+) errors (\d+) resets (\d+) interrupts (\d+) signals")
        return dict(zip(("requests", "errors", "resets", "interrupts", "signals"), map(int, found)))
