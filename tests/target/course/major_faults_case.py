"""What was put out comes back with the same bytes, by faults of which some wait for the disk; how many pages come along
with one, and are mapped beside it, is the pager's affair."""
import re

RUNS = [("64",), ("5",), ("600",)]
OPTIONS = ("-s", "16M")
ONLY_HERE = "a host need not have swap"
SOME = re.compile(r"[1-9]\d*")


def model(pages):
    pages = int(pages)
    total = sum(page % 255 + 1 for page in range(pages))
    return [["pages", "faults", "major", "sum"],
            ["written", pages, "no", total],
            ["put out, then read", SOME, "yes", total],
            ["read again", 0, "no", total],
            ["put out, then written", SOME, "yes", total]]
