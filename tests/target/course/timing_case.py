"""A first read faults and so does the first write after it; a write to a fresh page faults once, and no read follows it."""
import re

RUNS = [("1",), ("5",)]
OPTIONS = ("--icount",)
DIFFERS = {"cycles": "instructions here, nanoseconds on Linux"}
FAULTS = {"first read": 1, "second read": 0, "first write": 1, "second write": 0}
FRESH = {"write, fresh": 1, "then read": 0}


def model(pages):
    anything = re.compile("[0-9]+")
    return [["page", "access", "cycles", "minor", "major"],
            *([page, access, anything, minor, 0] for part in (FAULTS, FRESH)
              for page in range(int(pages)) for access, minor in part.items())]
