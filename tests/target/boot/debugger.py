"""Stops a machine where a test wants it and changes registers: a client of QEMU's gdb server.

Spec: GDB Remote Serial Protocol, packets.
"""
import os
import re
import socket
import subprocess

import boot

REGISTERS = {"ra": 1, "tp": 4, "a0": 10, "a1": 11, "a6": 16, "a7": 17, "pc": 32}  # their places among all
DIGITS = 16


def symbol(elf, name):
    """The address of a symbol of the build."""
    listed = subprocess.run(["riscv64-unknown-elf-nm", os.path.join(boot.BUILD, elf)], capture_output=True, text=True,
                            check=True)
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", listed.stdout, re.M)[1], 16)


class Debugger:
    """A machine started with `options` calls here, and stands until the first `run_to`."""

    def __init__(self, path):
        self.options = ("-S", "-chardev", f"socket,id=debugger,path={path}", "-gdb", "chardev:debugger")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.settimeout(boot.SECONDS)
        self.server.bind(path)
        self.path = path
        self.server.listen()
        self.stream = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        os.unlink(self.path)

    def _ask(self, text):
        """Sends one packet; the text of the answer."""
        if self.stream is None:
            connection, _ = self.server.accept()
            connection.settimeout(3 * boot.SECONDS)  # a hart that does not come is awaited for a while
            self.stream = connection.makefile("rwb")
        self.stream.write(f"${text}#{sum(text.encode()) & 0xff:02x}".encode())
        self.stream.flush()
        answer = b""
        while not re.search(rb"\$[^#]*#..$", answer):
            byte = self.stream.read(1)
            if not byte:
                raise AssertionError(f"the machine ended after {text}")
            answer += byte
        self.stream.write(b"+")
        self.stream.flush()
        return answer[answer.index(b"$") + 1:-3].decode()

    def run_to(self, *addresses, only=None):
        """Lets the machine run until a hart comes to one of them; the registers below are then that hart's, whose name
        is the result.  With the name of a hart, which stands elsewhere now, no other one runs."""
        if only is None:
            self._ask("s")  # where it stands now is not meant
        for address in addresses:
            self._ask(f"Z1,{address:x},4")
        stopped = self._ask("c" if only is None else f"vCont;c:{only}")
        for address in addresses:
            self._ask(f"z1,{address:x},4")
        hart = re.search(r"thread:([^;]+);", stopped)[1]
        self._ask("Hg" + hart)
        return hart

    def _registers(self):
        held = self._ask("g")
        return [held[at:at + DIGITS] for at in range(0, len(held), DIGITS)]

    def get(self, *names):
        """The values of registers of REGISTERS."""
        words = self._registers()
        return tuple(int.from_bytes(bytes.fromhex(words[REGISTERS[name]]), "little") for name in names)

    def set(self, **values):
        """Gives registers of REGISTERS other values: a number, or the name of a register whose value they get."""
        words = self._registers()
        for name, value in values.items():
            words[REGISTERS[name]] = (words[REGISTERS[value]] if value in REGISTERS
                                      else value.to_bytes(DIGITS // 2, "little").hex())
        self._ask("G" + "".join(words))

    def leave(self):
        """The machine runs on alone."""
        self._ask("D")
        self.stream.close()
