"""A boot that a test reads and writes step by step."""
import fcntl
import glob
import os
import re
import select
import selectors
import struct
import subprocess
import termios
import time

import boot

PIPE_BYTES = 4096
SECONDS = 90  # for one boot, which takes some two; 256 KiB through the sifive_u's UART take ten
QUIET_SECONDS = 0.5  # in which a machine does what it does by itself
POLL_SECONDS = 0.1


class Machine:
    """A boot that is read and written step by step; its output waits in a pipe of 4 KiB."""

    def __init__(self, initrd, *options, append="", run_mode=True):
        with open("initrd", "wb") as file:
            file.write(initrd)
        words = [f"nonce={boot.NONCE}"] * run_mode + [append]
        command = [boot.QEMU, "-machine", "virt", "-m", "64M", "-display", "none", "-monitor", "none", "-serial",
                   "stdio", "-no-reboot", "-append", " ".join(words), "-initrd", "initrd", "-kernel",
                   os.path.join(boot.BUILD, "faultline.bin"), *options]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        fcntl.fcntl(self.child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.child.stdout, selectors.EVENT_READ)
        self.deadline = time.monotonic() + SECONDS
        self.console = b""

    def read(self, count=PIPE_BYTES, seconds=SECONDS):
        """At most count bytes; b"" at the end of the machine; None if nothing came in time."""
        left = max(0, self.deadline - time.monotonic())
        if not self.poll.select(min(seconds, left)):
            if seconds >= left:
                raise AssertionError(f"the machine did not end: {self.console[-300:]}")
            return None
        data = os.read(self.child.stdout.fileno(), count)
        self.console += data
        return data

    def read_until(self, text):
        while text not in self.console:
            if not self.read():
                raise AssertionError(f"the machine ended before {text}: {self.console[-300:]}")

    def stall(self, seconds=QUIET_SECONDS):
        """Leaves the output alone until the pipe is full, and then for a while."""
        waiting = 0
        while waiting < PIPE_BYTES:
            waiting, = struct.unpack("i", fcntl.ioctl(self.child.stdout, termios.FIONREAD, b"1234"))
            if time.monotonic() > self.deadline or self.child.poll() is not None:
                raise AssertionError(f"the machine does not fill a pipe: {waiting} bytes")
        selectors.DefaultSelector().select(seconds)

    def stall_asleep(self):
        """Leaves the output alone until the pipe is full and the machine, whose time is not counted, sleeps."""
        self.stall(0)
        self.await_asleep()

    def await_asleep(self):
        """Waits until nothing goes on in the machine, whose time is not counted."""
        before = None
        while before is None or before != self._sleeps():
            before = self._sleeps()
            self.wait_until(lambda: self._sleeps() is not None)

    def _sleeps(self):
        """How often each thread of the machine's processes went to sleep, when all of them do; else None."""
        counts, processes = {}, [self.child.pid]
        try:
            for folder in (task for process in processes for task in glob.glob(f"/proc/{process}/task/*")):
                with open(f"{folder}/status", encoding="utf-8") as file:
                    status = dict(line.split(":", 1) for line in file.read().splitlines())
                if status["State"].split()[0] != "S":
                    return None
                counts[folder] = status["voluntary_ctxt_switches"]
                with open(f"{folder}/children", encoding="utf-8") as file:
                    processes += map(int, file.read().split())
        except (FileNotFoundError, ProcessLookupError):  # a thread has ended
            return None
        return counts

    def wait_until(self, happened):
        """Leaves the output alone until happened()."""
        while not happened():
            if time.monotonic() > self.deadline or self.child.poll() is not None:
                raise AssertionError(f"what was waited for did not happen: {self.console[-300:]}")
            selectors.DefaultSelector().select(POLL_SECONDS)

    def send(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def send_all(self, data):
        """Sends what is more than a pipe holds, reading meanwhile."""
        writer = self.child.stdin.fileno()
        os.set_blocking(writer, False)
        while data:
            ready = [key.fd for key, _ in self.poll.select(0)] + select.select([], [writer], [], 0.01)[1]
            if time.monotonic() > self.deadline:
                raise AssertionError(f"the machine takes no input: {len(data)} bytes are left")
            if writer in ready:
                data = data[os.write(writer, data[:PIPE_BYTES]):]
            elif ready:
                self.read()

    def end(self):
        """Reads to the end; what came of it all."""
        while self.read():
            pass
        self.child.wait()
        return boot.Boot(self.console, "", False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def timer_interrupts(path):
    with open(path, encoding="utf-8") as file:
        return len(re.findall(r"async:1, cause:0*[57],", file.read()))


def user_calls(path):
    """Kernel calls of all threads.  A timer that ends an idle wait is no trap, but what it wakes makes calls."""
    with open(path, encoding="utf-8") as file:
        return file.read().count("desc=user_ecall")
