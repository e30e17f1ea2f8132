"""A running system, stopped: every page table in its memory, read from outside by a walker of its own.

All spaces have the kernel's half in common, so a frame whose upper half equals the upper half of the root in satp is a
root too.  Spec: RISC-V Privileged 1.12, 4.3 and 4.4.
"""
import json
import os
import re
import selectors
import socket
import struct
import subprocess
import tempfile
import time

import boot

PAGE = 4096
V, R, W, X, U = 1, 2, 4, 8, 16
LEVELS, ENTRIES = 3, 512
TEXT = 0x10000  # where all programs and servers begin
MEMORY_MIB = 64


class Space:
    """One root: its number of tables below the user's end, root included, and its leaves, as (address, bytes, bits)."""

    def __init__(self, memory, root):
        self.memory, self.tables = memory, 1
        self.user, self.kernel = [], []
        self._walk(root, LEVELS - 1, 0)

    def _walk(self, frame, level, base):
        span = PAGE * ENTRIES ** level
        for index, entry in enumerate(self.memory.words(frame)):
            if not entry & V:
                continue
            address, is_user = base + index * span, base + index * span < 1 << 38
            if entry & (R | W | X):
                (self.user if is_user else self.kernel).append((address, span, entry & 0xff, entry >> 10 & (1 << 44) - 1))
            else:
                self.tables += is_user
                self._walk(entry >> 10 & (1 << 44) - 1, level - 1, address)

    def runs(self):
        """The user's half as [address, pages, rights], rights of a run being equal."""
        found = []
        for address, span, bits, _ in self.user:
            rights = "".join(letter for letter, bit in (("r", R), ("w", W), ("x", X)) if bits & bit)
            if found and found[-1][0] + found[-1][1] * PAGE == address and found[-1][2] == rights:
                found[-1][1] += span // PAGE
            else:
                found.append([address, span // PAGE, rights])
        return found

    def name(self):
        """The program whose text begins the space: a file of the initrd, or init."""
        files = boot.archive.read(boot.build_file("initrd.cpio")) | {b"init": boot.build_file("user/init.elf")}
        text = self.page(TEXT) or b"-"
        return next((name.decode() for name, data in files.items() if text in data), None)

    def page(self, address):
        """The bytes of a mapped page; None if there is none."""
        for start, _, _, frame in self.user:
            if start == address:
                return self.memory.page(frame)
        return None


class Memory:
    """The machine's RAM."""

    def __init__(self, data):
        self.data, self.first = data, boot.RAM_BASE // PAGE

    def page(self, frame):
        at = (frame - self.first) * PAGE
        return self.data[at:at + PAGE]

    def words(self, frame):
        return struct.unpack(f"<{ENTRIES}Q", self.page(frame))

    def spaces(self, satp):
        """Every root with the upper half of the one in satp."""
        half = self.page(satp & (1 << 44) - 1)[PAGE // 2:]
        return [Space(self, self.first + i) for i in range(len(self.data) // PAGE)
                if self.data[i * PAGE + PAGE // 2:(i + 1) * PAGE] == half]


def _ask(stream, command, **arguments):
    """One command of QEMU's machine protocol; its answer."""
    stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    stream.flush()
    while True:
        answer = json.loads(stream.readline())
        if "error" in answer:
            raise AssertionError(f"QEMU: {command}: {answer['error']}")
        if "return" in answer:
            return answer["return"]


def _read_out(path, folder):
    dump = os.path.join(folder, "ram")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stream = connection.makefile("rw")
        stream.readline()
        _ask(stream, "qmp_capabilities")
        _ask(stream, "stop")
        registers = _ask(stream, "human-monitor-command", **{"command-line": "info registers -a"})
        _ask(stream, "pmemsave", val=boot.RAM_BASE, size=MEMORY_MIB << 20, filename=dump)
    with open(dump, "rb") as file:
        return Memory(file.read()).spaces(max(int(satp, 16) for satp in re.findall(r"satp\s+([0-9a-f]+)", registers)))


def _wait_for(child, *wanted):
    """Reads the console until all these texts have come, in any order."""
    deadline, console = time.monotonic() + boot.SECONDS, b""
    poll = selectors.DefaultSelector()
    poll.register(child.stdout, selectors.EVENT_READ)
    while not all(text in console for text in wanted):
        data = poll.select(max(0, deadline - time.monotonic())) and os.read(child.stdout.fileno(), 1 << 16)
        if not data:
            raise AssertionError(f"the console never said {wanted}:\n{console[-600:].decode(errors='replace')}")
        if not console:
            child.stdin.write(b"hello_vm one 1000 &\nhello_vm two 1000 &\n")
            child.stdin.flush()
        console += data


def spaces():
    """The spaces of a system in which `sh` and two `hello_vm` wait."""
    with tempfile.TemporaryDirectory(prefix="faultline-boot-") as folder:
        path, initrd = os.path.join(folder, "qmp"), os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            file.write(boot.full_initrd("sh"))
        command = [boot.QEMU, "-machine", "virt", "-m", f"{MEMORY_MIB}M", "-display", "none", "-monitor", "none", "-serial",
                   "stdio", "-no-reboot", "-append", f"nonce={boot.NONCE}", "-kernel",
                   os.path.join(boot.BUILD, "faultline.bin"), "-initrd", initrd, "-qmp", f"unix:{path},server=on,wait=off"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            try:
                _wait_for(child, b'holds "one"', b'holds "two"')
                return _read_out(path, folder)
            finally:
                child.kill()


if __name__ == "__main__":  # the layouts of docs/page_tables.py
    for each in spaces():
        if each.user:
            print(each.name(), each.tables, ", ".join(f"(0x{address:x}, {pages}, \"{rights}\")" for address, pages, rights in each.runs()))
