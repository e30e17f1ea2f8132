#!/usr/bin/env python3
"""How much of mm/ and user/pager/core the host tests run: lines and branches, by file.

usage: coverage.py --build DIR --tests NAME...   runs the tests built for it, prints KTAP, writes docs/coverage.md
       coverage.py --check                       says if docs/coverage.md quotes code that is no longer there

Asserts are not counted: a correct program never takes the branch that they add.  Everything else is, checkers too: their
tests break what they check.  A branch is one way out of a condition; a condition on several lines has its branches where
the compiler puts them.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
DOCUMENT = os.path.join(TOP, "docs", "coverage.md")
FOLDERS = ("mm", "user/pager/core")
LINES_PERCENT = 95
BRANCHES_PERCENT = 90
# The same of each file, but for those with a reason.
FILE_LINES_PERCENT = 90
FILE_BRANCHES_PERCENT = 80
EXCEPTIONS = {
    "mm/vspace.h": "what it says of rights is asked by the kernel's calls, whose objects are not counted here: "
                   "`kernel_fuzz.c` and `target/conformance` make them with any rights",
    "user/pager/core/trace.c": "names of actions are for the pager's log, which the target prints: `tests/target/boot/watch_test.py`",
}
AT_ONCE = 2
TEST_SECONDS = 300
ROW = re.compile(r"\| `([^`]+):\d+` \| `(.*)` \|")


def read_source(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read().split("\n")


def find_asserts(lines):
    """Numbers of the lines that belong to an assert."""
    inside, depth = set(), 0
    for number, line in enumerate(lines, 1):
        rest = line
        if depth == 0:
            at = line.find("MM_ASSERT(")
            if at < 0 or line.lstrip().startswith("#"):
                continue
            rest = line[at:]
        inside.add(number)
        depth += rest.count("(") - rest.count(")")
    return inside


class File:
    """What was run of one source: counts by line, and of each of its branches."""

    def __init__(self, path):
        self.path, self.text = path, read_source(path)
        self.asserts = find_asserts(self.text)
        self.lines = defaultdict(int)
        self.branches = defaultdict(int)  # by line, function and index: one function is in several objects

    def add(self, line):
        number = line["line_number"]
        if number in self.asserts:
            return
        self.lines[number] += line["count"]
        for index, branch in enumerate(line["branches"]):
            self.branches[number, line.get("function_name"), index] += branch["count"]

    def never(self):
        """Lines with branches never taken: number, how many, of how many."""
        rows = defaultdict(list)
        for (number, _, _), count in self.branches.items():
            rows[number].append(count)
        return [(number, counts.count(0), len(counts)) for number, counts in sorted(rows.items()) if 0 in counts]

    def figures(self):
        return Figures(sum(1 for count in self.lines.values() if count), len(self.lines),
                       sum(1 for count in self.branches.values() if count), len(self.branches))


class Figures:
    """Lines and branches that were run, of how many."""

    def __init__(self, lines=0, all_lines=0, branches=0, all_branches=0):
        self.lines, self.all_lines, self.branches, self.all_branches = lines, all_lines, branches, all_branches

    def __add__(self, other):
        return Figures(self.lines + other.lines, self.all_lines + other.all_lines, self.branches + other.branches,
                       self.all_branches + other.all_branches)

    def percent(self):
        return (100 * self.lines / max(self.all_lines, 1), 100 * self.branches / max(self.all_branches, 1))

    def is_enough(self):
        """Whether one file may have these."""
        lines, branches = self.percent()
        return lines >= FILE_LINES_PERCENT and (branches >= FILE_BRANCHES_PERCENT or not self.all_branches)

    def row(self, name):
        lines, branches = self.percent()
        return (f"| {name} | {self.lines} of {self.all_lines} | {lines:.1f} % | "
                f"{self.branches} of {self.all_branches} | {branches:.1f} % |")


def run_tests(objects, tests):
    """Runs all tests; those that fail are named."""
    for path in glob.glob(os.path.join(objects, "**", "*.gcda"), recursive=True):
        os.remove(path)

    def run(name):
        try:
            return subprocess.run([os.path.join(objects, name)], cwd=TOP, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=TEST_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            return "late"
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return [name for name, status in zip(tests, pool.map(run, tests)) if status != 0]


def read_counts(objects):
    """All files of the folders, as the objects made of these folders tell."""
    files = {}
    for folder in FOLDERS:
        data = sorted(glob.glob(os.path.join(objects, folder, "*.gcda")))
        told = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *data], cwd=TOP,
                              capture_output=True, check=True).stdout
        for report in told.decode().splitlines():
            for entry in json.loads(report)["files"]:
                path = os.path.relpath(os.path.join(TOP, entry["file"]), TOP)
                if os.path.dirname(path) not in FOLDERS:
                    continue
                if path not in files:
                    files[path] = File(path)
                for line in entry["lines"]:
                    files[path].add(line)
    return [files[path] for path in sorted(files)]


def write_document(files, sums):
    out = ["# Coverage", "",
           "Written by `make coverage` from a run of all host tests that contain `mm/` or `user/pager/core`. Asserts are not",
           f"counted. The run fails below {LINES_PERCENT} % of the lines or {BRANCHES_PERCENT} % of the branches of either folder.", "",
           f"So it does below {FILE_LINES_PERCENT} % of the lines or {FILE_BRANCHES_PERCENT} % of the branches of a file, but for these:", "",
           *(f"- `{path}`: {reason}." for path, reason in EXCEPTIONS.items()), "",
           "| file | lines | | branches | |", "|---|---|---|---|---|"]
    out += [file.figures().row(f"`{file.path}`") for file in files]
    out += [sums[folder].row(f"**{folder}**") for folder in FOLDERS]
    out += ["", "## Branches that are never taken", "",
            "The number counts the ways out of the line's conditions that no test takes.", "",
            "| line | text | never |", "|---|---|---|"]
    for file in files:
        for number, never, of in file.never():
            text = file.text[number - 1].strip()
            shown = text.replace("|", "\\|")
            out.append(f"| `{file.path}:{number}` | `{shown}` | {never} of {of} |")
    with open(DOCUMENT, "w", encoding="utf-8") as document:
        document.write("\n".join(out) + "\n")


def check_document():
    """Lines that the document quotes and that are no longer in their files."""
    stale = []
    with open(DOCUMENT, encoding="utf-8") as document:
        for line in document:
            row = ROW.match(line)
            if not row:
                continue
            path, text = row.group(1), row.group(2).replace("\\|", "|")
            if not os.path.exists(os.path.join(TOP, path)) or text not in (l.strip() for l in read_source(path)):
                stale.append(f"{path}: {text}")
    for text in stale:
        print(f"docs/coverage.md is stale (make coverage): {text}")
    return 1 if stale else 0


def judge_files(files):
    """Each file has enough, or is an exception, which has not: what Report.add takes."""
    wrong = [file.figures().row(file.path) for file in files if file.figures().is_enough() == (file.path in EXCEPTIONS)]
    wrong += [f"{path}: no such file" for path in EXCEPTIONS if path not in [file.path for file in files]]
    return (not wrong, f"{FILE_LINES_PERCENT} % of the lines and {FILE_BRANCHES_PERCENT} % of the branches of each file run, "
            "but of the exceptions", *wrong)


class Report:
    """KTAP."""

    def __init__(self, planned):
        self.number, self.failed = 0, 0
        print(f"KTAP version 1\n1..{planned}", flush=True)

    def add(self, ok, name, *comments):
        self.number += 1
        self.failed += not ok
        for comment in comments:
            print(f"# {comment}")
        print(f"{'' if ok else 'not '}ok {self.number} - {name}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build")
    parser.add_argument("--tests", nargs="*", default=[])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        sys.exit(check_document())
    objects = os.path.join(os.path.abspath(arguments.build), "tests", "coverage")
    report = Report(2 + 2 * len(FOLDERS))
    failed = run_tests(objects, arguments.tests)
    report.add(not failed, "all tests pass where coverage is counted", *failed)
    files = read_counts(objects)
    sums = {folder: sum((file.figures() for file in files if os.path.dirname(file.path) == folder), Figures())
            for folder in FOLDERS}
    for folder in FOLDERS:
        lines, branches = sums[folder].percent()
        report.add(lines >= LINES_PERCENT, f"{LINES_PERCENT} % of the lines of {folder} run", f"{lines:.2f} %")
        report.add(branches >= BRANCHES_PERCENT, f"{BRANCHES_PERCENT} % of the branches of {folder} are taken",
                   f"{branches:.2f} %")
    report.add(*judge_files(files))
    write_document(files, sums)
    sys.exit(1 if report.failed else 0)


main()
