"""What an area shows: file for text, anonymous over the file for data; two new objects at a fork, none of them later."""
import re

RUNS = [("16",), ("7",), ("300",)]
ONLY_HERE = "Linux has no view of these structures"


def model(pages):
    pages = int(pages)
    half = pages // 2
    alone = f"anonymous {pages}"
    return [["area", "chain of objects"],
            ["text", "file"],
            ["initialised data, written", re.compile(r"anonymous [1-9]\d* > file")],
            ["stack", re.compile(r"anonymous [1-9]\d*")],
            ["private memory, written", alone],
            ["shared memory, written", alone],
            ["forked: the child's memory", f"anonymous 0 > {alone}"],
            ["the child wrote half of it", f"anonymous {half} > {alone}"],
            ["the parent's memory meanwhile", f"anonymous 0 > {alone}"],
            ["the parent wrote the same half", f"anonymous {half} > anonymous {pages - half}"],
            ["The child ended: status 0."],
            ["the parent's memory, alone again", alone],
            ["New objects for each private one that held pages: 2, remainder 0."]]
