#!/usr/bin/env python3
"""Checks of the sources that no compiler makes.

Fails when C is not laid out as .clang-format says (--format=report: only told), when a Markdown
document names, in backticks or in a block of commands, a path, make target or faultline-* command
that does not exist, or when a file or function is longer than the limits and not in LONG.  Reports,
without failing: lengths of functions, asserts and preprocessor conditions in each top folder.
"""
import argparse
import glob
import os
import re
import subprocess
import sys

TOP_FOLDERS = ("arch", "kernel", "mm", "drivers", "user", "tests")
LINES_MAX_FILE = 600
LINES_MAX_FUNCTION = 60
# What may be longer, with the reason; who makes it shorter takes its line away.
LONG = {}
SPAN = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^( *)```.*?\n(.*?)^\1```", re.S | re.M)
PATH = re.compile(r"(\.?[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_.][A-Za-z0-9_.-]*/?")
SUFFIXES = (".c", ".h", ".S", ".ld", ".mk", ".def", ".md", ".py", ".tsv", ".txt", ".dts", ".case")
COMMAND = re.compile(r"(make\s|make$|\./|user/|tests/|\.ci/|docs/|faultline-)")
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
ASSERT = re.compile(r"\b\w*assert\w*\s*\(", re.I)


def sources(*suffixes):
    """The tree's own files with these suffixes, sorted."""
    found = []
    for top in TOP_FOLDERS + ("docs",):
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [os.path.join(folder, name) for name in files if name.endswith(suffixes)]
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# --- layout --------------------------------------------------------------------------------------

def layout_complaints():
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", *sources(".c", ".h")],
                            capture_output=True, text=True, check=False)
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    if result.returncode and not lines:
        lines = result.stderr.splitlines()[:5]
    return lines


# --- documents -----------------------------------------------------------------------------------

def make_targets():
    targets = set()
    for path in ["Makefile", *sources(".mk")]:
        for line in read(path).splitlines():
            rule = re.match(r"([A-Za-z0-9_./ -]+?)\s*&?::?(?!=)", line)
            if rule:
                targets.update(rule[1].split())
    fuzzers = glob.glob("tests/fuzz/*_fuzz.c")
    return targets | {"fuzz-" + os.path.basename(path)[:-len("_fuzz.c")] for path in fuzzers}


def make_complaint(words, targets):
    for word in words:
        if re.match(r"[A-Z_]+=", word):
            continue
        if not re.fullmatch(r"[a-z][a-z0-9_./-]*", word):
            return None  # options, or prose
        if word not in targets:
            return f"make has no target '{word}'"
    return None


def path_exists(path, folder):
    places = (path, os.path.join(folder, path))
    return any(os.path.exists(place) or glob.glob(place) for place in places)


def complaint(text, folder, targets):
    """What is wrong with one span or command line; None if nothing."""
    words = text.split()
    if not words:
        return None
    if words[0] == "make":
        return make_complaint(words[1:], targets)
    first = words[0].removeprefix("./")
    if first.startswith("faultline-") and "." not in first:
        return None if os.path.exists(f"user/sdk/{first}") else f"there is no command '{first}'"
    if first.startswith(("build/", "/")) or not PATH.fullmatch(first):
        return None  # made later, or the host's
    if re.search(r"\b[A-Z]{3,}(\b|_)", os.path.splitext(first)[0]) and not os.path.basename(first).startswith("README"):
        return None  # a pattern such as NAME.c
    if "/" not in first and any(os.path.basename(path) == first for path in sources(*SUFFIXES)):
        return None
    looks_like_path = first.split("/")[0] in TOP_FOLDERS + ("docs", ".ci") and "/" in first
    if looks_like_path or (len(words) == 1 and first.endswith(SUFFIXES) and not first.startswith(".")):
        return None if path_exists(first, folder) else f"there is no '{first}'"
    return None


def document_complaints(path, targets):
    folder, text = os.path.dirname(path), read(path)
    lines = [line.strip().removeprefix("$ ") for block in BLOCK.finditer(text) for line in block[2].splitlines()]
    lines = [line.split("#")[0] for line in lines if COMMAND.match(line)]
    spans = [match[1] for match in SPAN.finditer(BLOCK.sub("", text))]
    for span in spans + lines:
        wrong = complaint(span, folder, targets)
        if wrong:
            yield f"{path}: `{span.strip()}`: {wrong}"


# --- measures ------------------------------------------------------------------------------------

def function_lengths(path):
    """(lines, name) of each function: from its first line to the brace that ends it."""
    start, name = None, None
    for number, line in enumerate(read(path).splitlines()):
        if re.match(r"[A-Za-z_].*\(", line) and not line.rstrip().endswith(";") and not line.startswith("#"):
            start, name = number, line.split("(")[0].split()[-1].lstrip("*")
        elif line.startswith(("}", "#")) or line.rstrip().endswith(";") and not line.startswith((" ", "\t")):
            if line.rstrip() == "}" and start is not None:
                yield number - start + 1, f"{path}: {name}"
            start = None


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def conditions(path):
    """Preprocessor conditions, a header's guard not counted."""
    lines = [line for line in read(path).splitlines() if CONDITION.match(line)]
    guard = path.endswith(".h") and lines and re.match(r"#ifndef \w+_H$", lines[0])
    return len(lines) - (1 if guard else 0)


def report():
    print(f"{'folder':8} {'lines':>6} {'functions':>9} {'p50':>4} {'p95':>4} {'max':>4} {'asserts/1000':>12} {'#if/1000':>8}")
    for top in TOP_FOLDERS:
        files = [path for path in sources(".c", ".h") if path.startswith(top + "/")]
        lines = sum(read(path).count("\n") for path in files)
        lengths = sorted(length for path in files for length, _ in function_lengths(path))
        per_thousand = 1000 / lines if lines else 0
        asserts = sum(len(ASSERT.findall(read(path))) for path in files) * per_thousand
        ifs = sum(conditions(path) for path in files) * per_thousand
        print(f"{top:8} {lines:6} {len(lengths):9} {percentile(lengths, .5):4} {percentile(lengths, .95):4} "
              f"{max(lengths, default=0):4} {asserts:12.1f} {ifs:8.1f}")


def long_places():
    """(name, lines, limit) of each file and function that is longer than its limit."""
    for path in sources(".c", ".h", ".S", ".py"):
        lines = read(path).count("\n")
        if lines > LINES_MAX_FILE:
            yield path, lines, LINES_MAX_FILE
        if path.endswith((".c", ".h")):
            for length, name in function_lengths(path):
                if length > LINES_MAX_FUNCTION:
                    yield name, length, LINES_MAX_FUNCTION


def length_complaints():
    found = {name: (lines, limit) for name, lines, limit in long_places()}
    for name, (lines, limit) in found.items():
        if name not in LONG:
            yield f"{name}: {lines} lines, {limit} at most"
    for name in LONG.keys() - found.keys():
        yield f"{name}: is not too long any more: its line in LONG of tests/lint/lint.py goes"


def replay_complaints():
    """A random test that reads the name of a trace itself is not run by it (tests/effort.h)."""
    for path in sources("_test.c"):
        if 'getenv("TRACE")' in read(path):
            yield f"{path}: asks for TRACE itself, which effort_names_trace does"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--format", choices=("fail", "report"), default="fail")
    arguments = parser.parse_args()
    report()
    layout = layout_complaints()
    for line in layout:
        print(line)
    documents = [path for path in ["README.md", *sources(".md")] if os.path.exists(path)]
    targets = make_targets()
    wrong = [text for path in documents for text in document_complaints(path, targets)]
    wrong += [*length_complaints(), *replay_complaints()]
    for text in wrong:
        print(text)
    if not wrong and not layout:
        print("lint: nothing to complain about")
    sys.exit(1 if wrong or (layout and arguments.format == "fail") else 0)


main()
