#!/usr/bin/env python3
"""replacement.py PROGRAM FILE: the tables of docs/replacement.md, written between its two marks (--check: only compared).

PROGRAM is tests/replace/compare.c, compiled.  It gets the recorded traces of tests/replace/traces.
"""
import glob
import subprocess
import sys

BEGIN, END = "<!-- docs/replacement.py: begin -->\n", "<!-- docs/replacement.py: end -->\n"


def main():
    check = "--check" in sys.argv
    program, path = [word for word in sys.argv[1:] if word != "--check"]
    result = subprocess.run([program, *sorted(glob.glob("tests/replace/traces/*.trace"))],
                            stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        sys.exit(f"{program} ended with {result.returncode}")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    new = head + BEGIN + "\n" + result.stdout + "\n" + END + rest.split(END)[1]
    if check:
        sys.exit(f"{path} is stale: make replacement" if new != text else 0)
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)


main()
