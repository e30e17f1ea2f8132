#!/usr/bin/env python3
"""Runs programs of the initrd by faultline-run and compares what they print and how they end.

usage: check.py [--run COMMAND] [CASE...]        (default: all *.case beside this file)

A case is lines of one letter, a blank and the rest:
    $ hello world      the program and its arguments, as shell words
    ? 3                the status that faultline-run must give (else 0)
    < text\\n           its standard input, escapes as in Python (else empty)
    | text             a line of its output, exactly
    ~ pattern          a line of its output, as a regular expression
    # text             a comment
Prints KTAP; ends with 0 when all cases passed.
"""
import glob
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
RUN = os.path.join(HERE, "..", "..", "..", "user", "sdk", "faultline-run")
TIME_LIMIT_S = "60"


class Case:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.words, self.status, self.input, self.lines = [], 0, b"", []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                self.add(line.rstrip("\n"), f"{path}:{number}")

    def add(self, line, where):
        key, rest = line[:1], line[2:]
        if key == "$":
            self.words = shlex.split(rest)
        elif key == "?":
            self.status = int(rest)
        elif key == "<":
            self.input += rest.encode().decode("unicode_escape").encode("latin-1")
        elif key == "|":
            self.lines.append(re.escape(rest))
        elif key == "~":
            self.lines.append(rest)
        elif key not in ("#", ""):
            sys.exit(f"{where}: not a line of a case: {line}")

    def complaints(self, run):
        """What is wrong with a run of the case; empty when it passed."""
        result = subprocess.run([*run, "--timeout", TIME_LIMIT_S, *self.words], input=self.input,
                                capture_output=True, check=False)
        if result.returncode != self.status:
            yield f"status {result.returncode}, expected {self.status}"
            yield from result.stderr.decode(errors="replace").splitlines()[-5:]
        got = result.stdout.decode("latin-1").split("\n")
        if got[-1] == "":
            got.pop()
        for number, pattern in enumerate(self.lines):
            line = got[number] if number < len(got) else "(nothing)"
            if not re.fullmatch(pattern, line):
                yield f"line {number + 1}: {line!r}, expected {pattern!r}"
        for number in range(len(self.lines), len(got)):
            yield f"line {number + 1}: {got[number]!r}, expected nothing"


def main():
    arguments, run = sys.argv[1:], [RUN]
    if arguments[:1] == ["--run"]:
        run, arguments = shlex.split(arguments[1]), arguments[2:]
    paths = arguments or sorted(glob.glob(os.path.join(HERE, "*.case")))
    failed = 0
    print(f"KTAP version 1\n1..{len(paths)}", flush=True)
    for number, path in enumerate(paths, 1):
        case = Case(path)
        complaints = list(case.complaints(run))
        for complaint in complaints:
            print(f"# {complaint}")
        failed += bool(complaints)
        print(f"{'not ' if complaints else ''}ok {number} - program case {case.name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
