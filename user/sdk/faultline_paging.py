"""What paging cost in a run that counted instructions.

The root task says at power-off how much was done since the program began, what went to swap and back, and how
much of the work was writing pages out.  What the program would have done anyway is not known from that, so it runs a
second time, with the same input, in a machine that has memory for all and no swap.  The difference is what
paging cost, all of it: faults, reclaim, the driver, interrupts and what the kernel does for them.  Idle is in neither.

    page-out: what the pager (its calls of the kernel included) and the driver did to find and write pages
    page-in:  everything else, so also pages that left without being written because swap had a copy of them
"""
import os
import re
import subprocess
import sys

MIB = 1 << 20
SPARE_BYTES = 16 * MIB  # of the second machine: what lies beside the program is a little more there
WORK = re.compile(rb"^init: work: (\d+) cycles, (\d+) of them to write to swap;", re.M)
SWAP = re.compile(rb"^init: swap: (\d+) pages in by (\d+) requests, (\d+) out by (\d+)", re.M)


class Tally:
    """What a run says of itself, and what went into it."""

    def __init__(self):
        self.work, self.to_write, self.swap = None, None, None
        self.input = bytearray()

    def take_lines(self, data):
        work, swap = WORK.search(data), SWAP.search(data)
        if work:
            self.work, self.to_write = int(work[1]), int(work[2])
        if swap:
            self.swap = [int(number) for number in swap.groups()]

    def is_needed(self):
        """Whether a second run would tell anything."""
        return self.work is not None and self.swap is not None


def second_machine(memory_bytes, disks, append):
    """Memory and boot words of the second run: nothing is swapped there, or kept from the pager."""
    whole = memory_bytes + sum(os.path.getsize(path) for path in disks) + SPARE_BYTES
    words = [word for word in append.split() if not word.startswith(("mem=", "clock="))]
    return f"{-(-whole // MIB)}M", " ".join(["clock=work"] + words)


def run_again(command, given, status):
    """The work of a second run, or None if it did not end as the first one did."""
    import tempfile  # takes a while, and most runs do not come here

    with tempfile.TemporaryDirectory(prefix="faultline-") as folder:
        command = [sys.executable, "-B", command[0], "--icount", "--log", os.path.join(folder, "log")] + command[1:]
        done = subprocess.run(command, input=bytes(given), capture_output=True, check=False)
    work = WORK.search(done.stderr)
    return int(work[1]) if work and done.returncode == status else None


def a_page(figure, pages):
    return f"{figure / pages:.0f}" if pages else "-"


def describe(tally, own, memory):
    """Lines for the user; own: the work of the second run with so much memory, or None."""
    came, reads, left, writes = tally.swap
    lines = [f"swap: {came} pages in by {reads} requests, {left} out by {writes}: "
             f"{(reads + writes) / (came + left):.3f} requests a page"]
    if own is None:
        return lines + [f"work: {tally.work} instructions; the program's own are not known: with {memory} of memory "
                        "and no swap it did not end the same way"]
    lines.append(f"work: {tally.work} instructions, {own} of them in a second run with {memory} of memory and no swap")
    paging = tally.work - own
    return lines + [f"paging: {paging} instructions: {a_page(paging - tally.to_write, came)} a page-in, "
                    f"{a_page(tally.to_write, left)} a page-out"]
