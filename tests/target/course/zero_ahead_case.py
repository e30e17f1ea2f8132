"""After a pause all pages are ready and their faults spare the zeroing of a page, some 530 instructions, or 64 by cbo.zero and
what is around them; never else."""
import re

RUNS = [("64",), ("100",), ("128",)]
OPTIONS = ("--icount",)
ALONE = "the cost of zeroing is told to some instructions in a hundred, which what ran before changes by more"
ONLY_HERE = "Linux zeroes no frames ahead"


def model(pages):
    cycles = re.compile("1[0-9]{3}")
    return [["first write to each page", "ready", "cycles"],
            ["without a pause", 0, cycles],
            ["after a pause", pages, re.compile("[1-9][0-9]{2}|1[0-9]{3}")],
            ["when what was ready is used up", 0, cycles],
            ["saved by a page that was ready:", re.compile("5[0-4][0-9]|1[34][0-9]")]]
