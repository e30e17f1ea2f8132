#!/usr/bin/env python3
"""Chooses the seeds of a fuzz target that stay in the tree.

usage: choose_corpus.py --build DIR TARGET [INPUTS]

From what the target's corpus under DIR has grown to and the seeds in the tree, takes those inputs that reach most,
each time the one that adds most, until INPUTS (40) are taken or none adds anything; they replace the seeds.
Seeds that somebody named stay; the others are named by their contents.  Inputs of 4 KiB or more are passed over.
"""
import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile

BYTES = 4096
CHOSEN = re.compile(r"[0-9a-f]{8}")


def measure(program, path, scratch):
    """The features that an input reaches.  In a merge of several each tells only what is new after those before it,
    so this is one of a single input."""
    control = os.path.join(scratch, "control")
    with open(control, "w", encoding="utf-8") as file:
        file.write(f"1\n0\n{path}\n")
    subprocess.run([program, "-merge_inner=1", f"-merge_control_file={control}"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(control, encoding="utf-8") as file:
        words = [line.split() for line in file]
    return {int(word) for line in words if line[:1] == ["FT"] for word in line[2:]}


def choose(reached, inputs):
    """Greedy: the paths that add most; of equals the shortest."""
    seen, chosen = set(), []
    while len(chosen) < inputs:
        best = max(reached, key=lambda path: (len(reached[path] - seen), -os.path.getsize(path)), default=None)
        if best is None or not reached[best] - seen:
            break
        seen |= reached.pop(best)
        chosen.append(best)
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("target")
    parser.add_argument("inputs", nargs="?", type=int, default=40)
    arguments = parser.parse_args()
    seeds = os.path.join("tests/fuzz/corpus", arguments.target)
    grown = os.path.join(arguments.build, "fuzz/corpus", arguments.target)
    program = os.path.join(arguments.build, "fuzz", arguments.target)
    paths = [entry.path for folder in (seeds, grown) for entry in os.scandir(folder) if entry.stat().st_size < BYTES]
    with tempfile.TemporaryDirectory() as scratch:
        reached = {path: measure(program, path, scratch) for path in sorted(paths)}
    if not reached:
        sys.exit(f"{arguments.target}: no input to choose from")
    named = {name for name in os.listdir(seeds) if not CHOSEN.fullmatch(name)}
    kept = {}
    for path in choose(reached, arguments.inputs):
        with open(path, "rb") as file:
            contents = file.read()
        kept[hashlib.sha256(contents).hexdigest()[:8]] = contents
    have = [open(os.path.join(seeds, name), "rb").read() for name in named]
    for name in os.listdir(seeds):
        if name not in named:
            os.remove(os.path.join(seeds, name))
    for name, contents in kept.items():
        if contents not in have:
            with open(os.path.join(seeds, name), "wb") as file:
                file.write(contents)
    print(f"{arguments.target}: {len(os.listdir(seeds))} inputs, {sum(map(len, kept.values()))} bytes chosen")


main()
