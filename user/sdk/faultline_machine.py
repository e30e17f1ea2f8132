"""A machine of QEMU's as a child process: its command line, its console, its end.

Machine.run moves bytes until QEMU ends, and owns these promises:

 1. No write blocks: every descriptor is written only when it is ready, so the time limit holds
    whatever the readers and writers around us do.
 2. Nothing is buffered without bound: when a reader is slow we stop reading from QEMU, when the
    guest is slow we stop reading our input.
 3. QEMU never outlives us: it is killed at the end of run, and by the host if we are killed.
 4. What goes to one reader (both of our outputs on one terminal, say) arrives in the order of write.
 5. A machine that can't switch itself off is ended when the kernel says so, and as if it could.
"""
import ctypes
import errno
import os
import re
import selectors
import signal
import struct
import subprocess
import time

MIB = 1 << 20
PAGE_BYTES = 4096
SWAP_MAGIC = b"SWAPSPACE2"
SWAP_LEAST_BYTES = 10 * PAGE_BYTES  # as mkswap has it
CHUNK_BYTES = 4096  # a pipe that is ready takes this much at once
BACKLOG_BYTES = MIB  # most that waits for a slow reader
GRACE_SECONDS = 10  # from the guest's last word to its power-off
PDEATHSIG = 1  # prctl(2)
HALTED = re.compile(rb"(^|\n)faultline: halted[^\n]*\n\Z")  # the kernel's last line where no firmware switches off
HALTED_BYTES_MAX = 64


class Board:
    """What QEMU makes of a machine's name."""

    def __init__(self, harts, cpu, disks_max, switches_off):
        self.harts, self.cpu = harts, cpu  # without options; cpu None: the machine's own
        self.disks_max = disks_max
        self.switches_off = switches_off


BOARDS = {"virt": Board("1", "rv64", 8, True), "sifive_u": Board("5", None, 0, False)}


class MachineError(Exception):
    """The machine can't be started; the text says why."""


class OutputClosed(Exception):
    """Our reader went away."""


def parse_size(text):
    """'64M' or '1G' (or plain MiB, as QEMU reads it) in bytes."""
    units = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in units else (text, "M")
    if not digits.isdecimal() or int(digits) == 0:
        raise MachineError(f"'{text}' is no memory size such as 64M")
    return int(digits) * units[unit]


def swap_header(size_bytes):
    """The first page of a Linux swap device of this size, as mkswap makes it."""
    pages = size_bytes // PAGE_BYTES
    fixed = struct.pack("<III", 1, pages - 1, 0)  # version, last page, bad pages
    return bytes(1024) + fixed + bytes(PAGE_BYTES - 1024 - len(fixed) - len(SWAP_MAGIC)) + SWAP_MAGIC


def make_swap(size):
    """A swap device in a file without a name, which is gone when this process is; its path."""
    size_bytes = parse_size(size) // PAGE_BYTES * PAGE_BYTES
    if size_bytes < SWAP_LEAST_BYTES:
        raise MachineError(f"'{size}' is too small for swap: {SWAP_LEAST_BYTES // 1024}K is the least")
    import tempfile  # takes a while, and most runs do not come here

    number = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR)
    os.set_inheritable(number, True)  # QEMU may take our place
    os.ftruncate(number, size_bytes)
    os.pwrite(number, swap_header(size_bytes), 0)
    return f"/proc/{os.getpid()}/fd/{number}"


def initrd_room(memory_bytes):
    """Most bytes of initrd that QEMU places: from 2 MiB plus half of the memory (at most 128 MiB)
    up to the device tree in the last 2 MiB."""
    top = min(memory_bytes, 3072 * MIB) // (2 * MIB) * (2 * MIB)
    return max(0, top - 2 * MIB - 2 * MIB - min(memory_bytes // 2, 128 * MIB))


def qemu_program():
    """QEMU's name: FAULTLINE_QEMU overrides it."""
    return os.environ.get("FAULTLINE_QEMU", "qemu-system-riscv64")


def qemu_command(options, initrd, bootargs="", icount=False, monitor=False):
    """The argument list that boots options.kernel (and initrd, unless None) on options.machine."""
    board = BOARDS[options.machine]
    command = [qemu_program(), "-machine", options.machine, "-m", options.memory, "-smp", options.harts or board.harts,
               "-display", "none", "-no-reboot", "-kernel", options.kernel, "-append", bootargs]
    if options.cpu or board.cpu:
        command += ["-cpu", options.cpu or board.cpu]
    if options.tree:
        command += ["-dtb", options.tree]
    command += ["-serial", "mon:stdio"] if monitor else ["-monitor", "none", "-serial", "stdio"]
    if initrd:
        command += ["-initrd", initrd]
    if icount:
        command += ["-icount", "shift=0,sleep=off"]
    for number, path in enumerate(options.disks):
        command += disk_options(number, path)
    return command


def disk_options(number, path):
    """A file as disk `number`; what goes wrong with it is told to the guest."""
    escaped = path.replace(",", ",,")
    return ["-global", "virtio-mmio.force-legacy=false",
            "-drive", f"if=none,id=disk{number},format=raw,file={escaped}",
            "-device", f"virtio-blk-device,drive=disk{number},bus=virtio-mmio-bus.{number},"
                       "rerror=report,werror=report"]


_LIBC = ctypes.CDLL(None)


def die_with_parent():
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(PDEATHSIG, signal.SIGKILL)


def _start(command):
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True,
                                preexec_fn=die_with_parent)
    except OSError as error:
        raise MachineError(f"can't start {command[0]}: {error.strerror}; "
                           "faultline-setup run installs it") from None


def _same_reader():
    """Whether our standard output and error are one terminal, pipe or file."""
    try:
        return os.path.sameopenfile(1, 2)
    except OSError:  # closed
        return False


class Machine:
    """One run.  on_console and on_stderr take the bytes that come; encode turns our input (b"" at
    its end) into the bytes that the guest gets.  Those call write and finish.  switches_off: the
    machine does; of another one the kernel's word is taken for it."""

    def __init__(self, command, on_console, on_stderr, encode, switches_off=True):
        self.on_console, self.on_stderr, self.encode = on_console, on_stderr, encode
        self.queues = {1: bytearray(), 2: bytearray()}
        self.fd_of = {1: 1, 2: 1 if _same_reader() else 2}  # which of the two carries it
        self.to_guest = bytearray()
        self.input_open = True
        self.heard = False  # the guest spoke: its firmware no longer clears the receiver
        self.timed_out = False
        self.deadline = None
        self.finished = False
        self.switches_off, self.halted, self.last_bytes = switches_off, False, b""
        self.line_open = False  # standard error is inside a line
        self.child = _start(command)

    def write(self, fd, data):
        """Queues bytes for our standard output (1) or error (2)."""
        self.queues[self.fd_of[fd]] += data
        if fd == 2 and data:
            self.line_open = not data.endswith(b"\n")

    def finish(self):
        """The guest said its last word: what is left must end soon."""
        if not self.finished:
            self.finished = True
            self._limit(GRACE_SECONDS)

    def _limit(self, seconds):
        limit = time.monotonic() + seconds
        self.deadline = limit if self.deadline is None else min(limit, self.deadline)

    def run(self, limit_seconds=None):
        """Until QEMU has ended and all is written.  Returns QEMU's status; see timed_out."""
        if limit_seconds is not None:
            self._limit(limit_seconds)
        try:
            self._relay()
            status = self.child.wait()
            return 0 if self.halted else status
        finally:
            self.child.kill()
            self.child.wait()

    def _relay(self):
        pipes = [self.child.stdin, self.child.stdout, self.child.stderr]
        for pipe in pipes:
            os.set_blocking(pipe.fileno(), False)
        sources = {self.child.stdout.fileno(): self._hear, self.child.stderr.fileno(): self.on_stderr}
        while sources:
            if self._expired():
                self.child.kill()
                self._drain_ready()
                return
            readable, writable = self._wait(sources)
            for fd in writable:
                self._drain(fd)
            for fd in readable:
                if fd == 0:
                    self._take_input()
                elif not self._take(fd, sources[fd]):
                    del sources[fd]
        self.flush()

    def flush(self):
        """Writes what is queued, also after run; at the time limit only what is taken at once."""
        while any(self.queues.values()):
            if self._expired():
                self._drain_ready()
                return
            for fd in self._wait({})[1]:
                self._drain(fd)

    def _drain_ready(self):
        """Writes what our readers take without waiting."""
        self.deadline = time.monotonic()
        writable = [1]
        while writable:
            _, writable = self._wait({})
            for fd in writable:
                self._drain(fd)

    def _hear(self, data):
        self.heard = True
        self.on_console(data)
        if self.switches_off:
            return
        self.last_bytes = (self.last_bytes + data.replace(b"\r", b""))[-HALTED_BYTES_MAX:]
        if HALTED.search(self.last_bytes):
            self.halted = True
            self.child.kill()

    def _expired(self):
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        if not self.finished:
            self.timed_out = True
        return True

    def _wait(self, sources):
        """The descriptors that are ready, of those that may be served now."""
        poll = selectors.PollSelector()
        if all(len(queue) < BACKLOG_BYTES for queue in self.queues.values()):
            for fd in sources:
                poll.register(fd, selectors.EVENT_READ)
        guest_listens = self.heard and self.child.stdout.fileno() in sources
        if guest_listens and self.input_open and len(self.to_guest) < CHUNK_BYTES:
            poll.register(0, selectors.EVENT_READ)
        if guest_listens and self.to_guest:
            poll.register(self.child.stdin.fileno(), selectors.EVENT_WRITE)
        for fd, queue in self.queues.items():
            if queue:
                poll.register(fd, selectors.EVENT_WRITE)
        timeout = None if self.deadline is None else max(0, self.deadline - time.monotonic())
        ready = [(key.fd, event) for key, event in poll.select(timeout)]
        return ([fd for fd, event in ready if event & selectors.EVENT_READ],
                [fd for fd, event in ready if event & selectors.EVENT_WRITE])

    def _drain(self, fd):
        queue = self.queues.get(fd, self.to_guest)
        try:
            done = os.write(fd, queue[:CHUNK_BYTES])
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
                raise
            queue.clear()
            if fd == 1:
                raise OutputClosed() from None
            return
        del queue[:done]

    def _take(self, fd, consume):
        """Reads from QEMU; False at its end."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return True
        if data:
            consume(data)
        return bool(data)

    def _take_input(self):
        try:
            data = os.read(0, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:  # closed, or a terminal that went away
            data = b""
        self.input_open = bool(data)
        self.to_guest += self.encode(data)
