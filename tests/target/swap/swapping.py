"""A machine with disks for swap that fail, in which build/programs/swap_faults_test works on more memory than there is."""
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blk"))
from disks import BUILD, EIO, MIB, PAGE, Disks, disk, failing_disk, file_node, image, plain, servers, verified  # noqa: E402
import faultline_machine as machine  # noqa: E402
from ktap import check_equal, check_in, comment  # noqa: E402

NONCE = "0"
PROGRAM, CORRUPT, COMPRESSED = "swap_faults_test", "swap_corrupt_test", "compress_corrupt_test"
WORKERS = {kind: f"while {kind}s of swap fail" for kind in ("read", "write")}
MORE = 60  # requests of the kind behind the last that fails, so that the system is seen to go on
DIFFERENT = "while disks differ"
ALONE = "without swap"
PROGRAMS = range(0x1000000000, 0x3f00000000)  # where mmap of a program gives memory
TORTURE = "vm.torture=on"  # the pager takes all free frames away whenever it puts pages out
LOST = "can't be read from where it is kept"
SIGBUS = 7
SECONDS = 120  # for one boot, which takes two; a busy host is slower


def swap_image(name, size=16 * MIB):
    """A file as mkswap leaves it."""
    return image(name, size, machine.swap_header(size))


class Swapping(Disks):
    """One run of the program's tests whose name contains `part`."""
    kernel, memory = "faultline.bin", "12M"

    def __init__(self, part, *options, append="", program=PROGRAM, driver=None, count=None, **more):
        self.part, self.program, self.driver, self.count = part, program, driver, count
        super().__init__(f"nonce={NONCE} {append}".strip(), *options, **{"seconds": SECONDS, **more})

    def files(self):
        with open(os.path.join(BUILD, "programs", self.program), "rb") as file:
            program = file.read()
        words = (self.program, self.part) + ((str(self.count),) if self.count else ())
        others = {}
        if self.driver:
            with open(os.path.join(BUILD, "user", self.driver), "rb") as file:
                others[b"blk"] = file.read()
        return {**servers(b"pager", b"console", b"blk"), **others, self.program.encode(): program,
                b".run/argv": b"".join(word.encode() + b"\0" for word in words)}

    def end(self):
        """Reads to the program's end."""
        self.until(f"\x1e{NONCE} X ").until_off()
        self.log = re.sub(rf"\x1e{NONCE} [12] \d+\n", "", self.log)
        return self

    def check(self):
        """The program's own verdict, which its laws are part of."""
        passed = f"\x1e{NONCE} X exit 0\n" in self.log and len(self.lines(r"ok \d+ - .*")) == 1
        if not passed or self.lines(r"not ok.*"):
            raise AssertionError(f"the program failed: {self.log[self.log.find('init:'):][-4000:]}")

    def failed(self, kind):
        """Requests that failed: how many pages each had."""
        return [int(pages) for pages in self.lines(rf".*disk \d+: {kind} of (\d+) pages at page \d+: error \d+")]

    def fallen(self):
        """Processes that did not come to their end, each with the address that it touched last."""
        return {int(pid): int(address, 16) for pid, address in self.lines(r"# fell: (\d+) touching 0x([0-9a-f]+)")}

    def told(self):
        """Processes that the system ended for what they accessed, as it says itself: the address, why, and the signal."""
        found = self.lines(rf"{self.program}\[(\d+)\]: (?:read from|write to|instruction fetch from) 0x([0-9a-f]+) \((.*)\) at pc "
                           r"0x[0-9a-f]+: ended by signal (\d+)")
        return {int(pid): (int(address, 16), why, int(signal)) for pid, address, why, signal in found}

    def ended_as_largest(self):
        """Processes that were ended for want of memory, with the pages that each had."""
        found = self.lines(rf"{self.program}\[(\d+)\]: no memory is left, and it had the most, (\d+) pages: ended by signal 9")
        return {int(pid): int(pages) for pid, pages in found}

    def retired(self):
        """Slots that are never used again."""
        (kib,) = self.lines(r"# .* retired (\d+) kB")
        return int(kib) * 1024 // PAGE

    def check_fallen(self):
        """Those who did not come to their end are those whom the system ended, at the page that each touched, or at
        another of its own: stack or data (which may be before it could say who it is)."""
        fallen, told = self.fallen(), self.told()
        check_equal(sorted(fallen.keys() - told.keys() - self.ended_as_largest().keys()), [])
        for pid, (address, why, number) in told.items():
            check_equal((pid, why, number), (pid, LOST, SIGBUS))
            if address in PROGRAMS:
                check_equal((pid, hex(address // PAGE)), (pid, hex(fallen.get(pid, 0) // PAGE)))
        return len(told)


def failing_swap(kind, which, name="swap.img"):
    """A disk for swap of which the requests with these numbers fail: of all that read, or all that write, counted from 1."""
    event = f"{kind}_aio"
    rules = [{"event": event, "state": state, "new_state": state + 1} for state in range(1, max(which) + 1)]
    errors = [{"event": event, "iotype": kind, "errno": EIO, "state": state, "once": True} for state in which]
    return failing_disk(rules, errors, swap_image(name))


def check_requests(kind, which, **more):
    """The law, when these requests fail and no others.  Returns how many processes fell."""
    with Swapping(WORKERS[kind], *failing_swap(kind, which), count=max(which) + MORE, **more) as run:
        run.end().check()
        failed = run.failed(kind)
        check_equal(len(failed), len(which))
        check_equal(run.failed("write" if kind == "read" else "read"), [])
        fallen = run.check_fallen()
        single = failed.count(1)
        check_equal(run.retired(), single if kind == "write" else 0)
        wanted = len(run.lines(r"pager: disk \d+: page \d+ of process \d+: cannot be read"))  # not those read ahead
        if kind == "write" or single == 0:
            check_equal((fallen, wanted), (0, 0))
        elif len(which) == 1:
            check_equal(fallen > 0, wanted > 0)
        return fallen


def check_verified(part, requests, uses, seconds=SECONDS, append=""):
    """QEMU compares each read with a second image; each slot is used so many times over."""
    size = 3 * MIB
    words = verified(0, swap_image("d.img", size), swap_image("shadow.img", size))
    with Swapping(part, *words, seconds=seconds, append=append) as run:
        run.end().check()
        check_equal("contents mismatch" in run.log, False)
        (counts,) = run.lines(r"# (\d+) reads, (\d+) writes, (\d+) pages in, (\d+) out, .*")
        reads, writes, came, went = map(int, counts)
        check_equal((reads + writes >= requests, went >= uses * (size // PAGE - 1), run.told()), (True, True, {}))
        (at_zero,) = run.lines(r"# (\d+) writes while no frame was free")
        check_equal(TORTURE not in append or int(at_zero) == writes, True)
        comment(f"{reads + writes} requests, {came} pages in, {went} out: each slot written {went / (size // PAGE):.0f} times")


def check_header():
    """The first read is that of the header: the disk is not used, and the system is as without one."""
    with Swapping(ALONE, *failing_swap("read", [1])) as run:
        run.end().check()
        check_in("disk 0: its first page can't be read: error 5\n", run.log)
