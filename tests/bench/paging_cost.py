"""What paging costs a program of 12 MiB that has 6 MiB of memory: programs/paging_phases in two runs, each of which compares
every page that it reads with what was written to it.

In a counted run faultline-run says itself what a page cost (user/sdk/faultline_paging.py): all work of the machine is in
it, idle is not, and waits for the disk do not count.  Figures differ by a percent from run to run: which page is wanted while
an earlier request runs depends on when the host ends that."""
import os
import re
import subprocess

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
MIB, LEFT = 12, 6
IN_ORDER = ("read", "read")
ALL = ("read", "seek", "change", "rewrite")
MOVED = re.compile(r"faultline-run: swap: (\d+) pages in by (\d+) requests, (\d+) out by (\d+): ")
COST = re.compile(r"faultline-run: paging: \d+ instructions: (\d+) a page-in, (\d+) a page-out")


def measure(kernel, program, phases):
    """(instructions a page-in, a page-out, requests for a thousand pages moved, pages moved).  ValueError: the run failed."""
    done = subprocess.run([os.path.join(TOP, "user/sdk/faultline-run"), "--icount", "-m", "16M", "-s", "32M", "--append",
                           f"clock=work mem={LEFT}M", "--timeout", "100", "-k", kernel, program, str(MIB), *phases],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    moved, cost = MOVED.search(done.stderr), COST.search(done.stderr)
    verdicts = re.findall(r"^(\w+): \d+ pages, (\d+) wrong$", done.stdout, re.M)
    if done.returncode != 0 or not moved or not cost or verdicts != [(phase, "0") for phase in ("fill", *phases)]:
        raise ValueError(f"status {done.returncode}\n{done.stdout}{done.stderr[-2000:]}")
    came, reads, left, writes = map(int, moved.groups())
    return int(cost[1]), int(cost[2]), round(1000 * (reads + writes) / (came + left)), came + left


def rows(kernel, program):
    """Rows of docs/bench.tsv: operation, figure, times, note."""
    _, _, requests, ordered = measure(kernel, program, IN_ORDER)
    page_in, page_out, _, moved = measure(kernel, program, ALL)
    setting = f"{MIB} MiB in {LEFT} MiB"
    return [[f"paging {setting}, all phases, a page-in", str(page_in), str(moved), "fill, " + ", ".join(ALL)],
            [f"paging {setting}, all phases, a page-out", str(page_out), str(moved), "fill, " + ", ".join(ALL)],
            [f"paging {setting}, in order, requests for 1,000 pages", str(requests), str(ordered), "fill, " + ", ".join(IN_ORDER)]]
