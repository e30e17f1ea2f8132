"""Equal pages of two processes take one frame each, until one is written; and the times of writes tell the bits of a
secret that nobody said: 1, where somebody else has the page that was guessed."""
import re

RUNS = [("16",), ("64",)]
OPTIONS = ("--icount", "--append", "vm.merge=on")
ALONE = "the times of single writes are told, and an interrupt by the shell's next command that arrives meanwhile is as long as one"
ONLY_HERE = "merging is for root to switch on there"

SECRET = 0xC5
BITS = 8


def model(pages):
    pages = int(pages)
    known = bin(SECRET).count("1")
    rows = [["step", "frames", "sharing"],
            ["as both filled it", 0, 0],
            ["merged", -(pages + known), pages + known],
            ["the child wrote every second page", -(pages // 2 + known), pages // 2 + known],
            ["wrong pages of the parent", 0]]
    for bit in range(BITS):
        copy = SECRET >> bit & 1
        rows.append([f"cycles to write guess {bit}", re.compile("[12][0-9]{3}" if copy else "[1-9][0-9]{0,2}")])
    return rows + [["the child's secret, by these times alone", hex(SECRET)],
                   ["wrong pages of the child", 0]]
