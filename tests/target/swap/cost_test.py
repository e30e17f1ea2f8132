#!/usr/bin/env python3
"""What paging costs may not rise unseen: the figures of tests/bench/paging_cost.py, which repeat within a percent, beside those of
docs/bench.tsv and the goals of the project."""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "sdk"), os.path.join(HERE, "..", "..", "bench")]
import paging_cost  # noqa: E402
from ktap import TOP, check_equal, comment, main, skip_on_other_machines, test  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"))
# Instructions a page-in, and requests for a thousand pages in order, a sixteenth of them, whatever was accepted.
GOALS = {"a page-in": 9000, "requests for 1,000 pages": 62}
ROOM = 1.10  # above an accepted figure: another compiler's code is within it, another way to page is not


def accepted():
    with open(os.path.join(TOP, "docs", "bench.tsv"), encoding="utf-8") as file:
        return {line.split("\t")[0]: line.split("\t")[1] for line in file}


@test("a program twice as large as its memory reads what it wrote, and a page costs no more than was accepted")
def _():
    skip_on_other_machines("accepted figures are those of QEMU's virt")
    rows = paging_cost.rows(os.path.join(BUILD, "faultline.bin"), os.path.join(BUILD, "programs", "paging_phases"))
    known = accepted()
    for operation, figure, times, _note in rows:
        comment(f"{operation}: {figure}, accepted {known[operation]} ({times} pages moved)")
    for operation, figure, _times, _note in rows:
        limit = min(int(known[operation]) * ROOM, GOALS.get(operation.split(", ")[-1], float("inf")))
        check_equal((operation, figure, int(figure) <= limit), (operation, figure, True))


main()
