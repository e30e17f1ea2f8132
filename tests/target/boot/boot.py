"""Boots QEMU "virt" with images, archives and device trees of the tests' making.

A boot is in run mode (user/sdk/faultline-run has the protocol): init runs the program that the
initrd's `.run/argv` names.  Whatever is wrong with the input, three things must hold, and the
checks here say so when they don't: the machine ends by itself, it says why, and what it says has
the values in it.
"""
import os
import re
import selectors
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [os.path.join(TOP, "user", "sdk"), os.path.join(TOP, "tests", "sdk")]
import faultline_archive as archive  # noqa: E402

BUILD = os.path.abspath(os.environ.get("FAULTLINE_BUILD", os.path.join(TOP, "build")))
QEMU = os.environ.get("FAULTLINE_QEMU", "qemu-system-riscv64")
SECONDS = 20  # for one boot, which takes less than one; what is not done by then hangs
NONCE = "0123456789abcdef"
FRAME = re.compile(rb"\x1e" + NONCE.encode() + rb" (?:([12]) (\d+)|X ([^\n]*))\n")
GREETING = b"Hello from a program whose every page came by a message.\n"
MIB = 1 << 20

RAM_BASE = 0x80000000
TRAMPOLINE = 0x80100000  # between firmware and kernel
KERNEL = 0x80200000      # where the firmware of "virt" starts what it is given


def build_file(name):
    with open(os.path.join(BUILD, name), "rb") as file:
        return file.read()


# --- what to boot --------------------------------------------------------------------------------

def members(*words):
    """A small initrd's files by name: the servers, `hello`, and the command line to run (`hello`)."""
    every = archive.read(build_file("initrd.cpio"))
    chosen = {name: every[name] for name in (b"pager", b"hello", b"console")}
    chosen[b".run/argv"] = b"".join(word.encode() + b"\0" for word in words or ("hello",))
    return chosen


def full_initrd(*words):
    """The system's own initrd, with the command line to run."""
    return archive.write(archive.read(build_file("initrd.cpio")) |
                         {b".run/argv": b"".join(word.encode() + b"\0" for word in words)})


def small_initrd(*words):
    return archive.write(members(*words))


def plain_archive(files):
    """A newc archive whose files keep their exact size and lie anywhere, as other packers make it."""
    made = b""
    for name, content in [*files.items(), (archive.TRAILER, b"")]:
        header = (0, 0 if name == archive.TRAILER else 0o100755, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        made += archive.MAGIC + b"".join(b"%08X" % number for number in header) + name + b"\0"
        made += bytes(-len(made) % 4) + content
        made += bytes(-len(made) % 4)
    return made


def elf_of(parts):
    """An ELF file that loads each (address, bytes); QEMU starts the one at the lowest address."""
    parts = sorted(parts)
    offset = 64 + 56 * len(parts)
    head = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, 243, 1, parts[0][0], 64, 0, 0,
                       64, 56, len(parts), 64, 0, 0)
    table, data = b"", b""
    for address, content in parts:
        table += struct.pack("<IIQQQQQQ", 1, 7, offset + len(data), address, address, len(content), len(content), 8)
        data += content
    return head + table + data


def jump_with_tree(at, tree, kernel):
    """Code for address `at` that jumps to the kernel, with a1 = the tree; a0 stays the hart's id."""
    def reach(register, position, target):
        distance = target - position
        high = (distance + 0x800) >> 12 & 0xfffff
        return high << 12 | register << 7 | 0x17, distance & 0xfff  # auipc

    first, low_tree = reach(11, at, tree)
    third, low_kernel = reach(5, at + 8, kernel)
    return struct.pack("<IIII", first, low_tree << 20 | 11 << 15 | 11 << 7 | 0x13,  # addi a1, a1
                       third, low_kernel << 20 | 5 << 15 | 0x67)  # jalr zero, t0


# --- boots ---------------------------------------------------------------------------------------

class Boot:
    """What came of one boot: `log` (console text outside frames), `output` and `errors` of the
    program (bytes), `status` (the last frame's text, or None), `hung`, and QEMU's own `complaint`."""

    def __init__(self, console, complaint, hung):
        self.console = re.sub(rb"\r+\n", b"\n", console)
        self.complaint, self.hung = complaint, hung
        self.output, self.errors, self.status, self.log = b"", b"", None, ""
        self._take_apart()

    def _take_apart(self):
        at, outside = 0, b""
        while frame := FRAME.search(self.console, at):
            outside += self.console[at:frame.start()]
            at = frame.end()
            if frame[3] is not None:
                self.status = frame[3].decode(errors="replace")
                continue
            payload = self.console[at:at + int(frame[2])]
            at += len(payload)
            if frame[1] == b"1":
                self.output += payload
            else:
                self.errors += payload
        self.log = (outside + self.console[at:]).decode(errors="replace")

    def told(self):
        """The lines of kernel and servers, without the firmware's."""
        return [line for line in self.log.split("\n") if re.match(r"(faultline|init|pager|panic|[\w.]+\[\d+\])", line)]


def give_input(child, data):
    """Writes the input; a machine that has ended already takes none, and what it printed says why."""
    try:
        while data:
            data = data[os.write(child.stdin.fileno(), data):]
    except BrokenPipeError:
        pass


def run_qemu(command, stdin, seconds):
    """(console bytes, standard error, whether the time was up).  Input follows the first output:
    before it the firmware clears the receiver."""
    deadline = time.monotonic() + seconds
    console, hung = b"", False
    with tempfile.TemporaryFile() as complaint, subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaint) as child:
        poll = selectors.DefaultSelector()
        poll.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not poll.select(max(0, deadline - time.monotonic())):
                hung = True
                child.kill()
                break
            data = os.read(child.stdout.fileno(), 1 << 16)
            if not data:
                break
            if not console:
                give_input(child, stdin)
            console += data
        child.wait()
        complaint.seek(0)
        return console, complaint.read().decode(errors="replace"), hung


def boot(initrd=None, kernel=None, memory="64M", options=(), append="", stdin=b"", seconds=SECONDS):
    """Boots kernel (bytes of an image or ELF file; the system's own) with initrd (bytes, or none)."""
    command = [QEMU, "-machine", "virt", "-m", memory, "-display", "none", "-monitor", "none", "-serial", "stdio",
               "-no-reboot", "-append", f"nonce={NONCE} {append}".strip(), *options]
    stdin = stdin.replace(b"\x10", b"\x10d") + b"\x10e"
    with tempfile.TemporaryDirectory(prefix="faultline-boot-") as folder:
        for option, content in (("-kernel", kernel or build_file("faultline.bin")), ("-initrd", initrd)):
            if content is not None:
                path = os.path.join(folder, option[1:])
                with open(path, "wb") as file:
                    file.write(content)
                command += [option, path]
        return Boot(*run_qemu(command, stdin, seconds))


def boot_tree(tree, initrd=None, kernel_at=KERNEL, tree_at=0x83000000, initrd_at=0x82000000, memory="64M",
              trampoline=TRAMPOLINE, image="faultline.bin", **options):
    """Boots with the blob `tree` in the kernel's hands; the firmware keeps the machine's own tree.
    The initrd is loaded where the tree must say it is; `image` is the build's kernel to start."""
    parts = [(trampoline, jump_with_tree(trampoline, tree_at, kernel_at)),
             (kernel_at, build_file(image)), (tree_at, tree)]
    if initrd is not None:
        parts.append((initrd_at, initrd))
    return boot(kernel=elf_of(parts), memory=memory, **options)


# --- checks --------------------------------------------------------------------------------------

def tail(result):
    return "\n".join(result.told()[-6:] or result.log.split("\n")[-6:]) + result.complaint


def check_ran(result, output=GREETING):
    """The program came to its end, and its output starts like this."""
    if result.hung or result.status != "exit 0" or not result.output.startswith(output):
        raise AssertionError(f"hung: {result.hung}, status: {result.status}, output: {result.output[:100]}\n{tail(result)}")


def check_told(result, *patterns):
    """The machine ended by itself, the program did not run, and one line matches each pattern."""
    if result.hung:
        raise AssertionError(f"the machine did not end\n{tail(result)}")
    if result.status is not None and not result.status.startswith("failed "):
        raise AssertionError(f"it ran: {result.status}\n{tail(result)}")
    if "the kernel trapped" in result.log or "assertion failed" in result.log:
        raise AssertionError(f"the kernel broke\n{tail(result)}")
    for pattern in patterns:
        if not any(re.search(pattern, line) for line in result.told()):
            raise AssertionError(f"no line like '{pattern}'\n{tail(result)}")


def check_ran_or_told(result, *patterns):
    """Either the program ran to its end, or the machine ended with such a line."""
    if result.status == "exit 0":
        check_ran(result)
    else:
        check_told(result, *patterns)


def free_kib(result):
    """(free, total) of init's first line."""
    found = re.search(r"init: (\d+) KiB of (\d+) KiB free", result.log)
    if not found:
        raise AssertionError(f"init does not tell the memory\n{tail(result)}")
    return int(found[1]), int(found[2])
