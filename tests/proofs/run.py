#!/usr/bin/python3
"""Runs the proofs of this folder and prints KTAP.

usage: run.py [--build DIR] [--only TEXT]

Spin models (NAME.pml): every state is searched, and no error may be found; every statement of the
model must have been reached, so that nothing is shown of what never happens.

Proofs of C (NAME_proof.c): symbolic.py executes the real source for all inputs at once.

Each file names the mistakes that it must find, in its head comment:
    bug: SENTENCE: `text` => `other text`                in the model itself, head comment aside
    bug: SENTENCE: FILE: `text` => `other text`          in a source of the tree
The text stands once in the file.  All is repeated with the other text in a copy of it, and must fail; a
mistake that is not found fails the run.  What fails in C is shown to fail in the program that the host's
compiler makes, too (replay.c).
"""
import argparse
import functools
import glob
import os
import re
import shutil
import subprocess
import sys
import time

import symbolic

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
SOURCES = ("kernel", "kernel/abi", "mm", "user/pager/core", "user/protocol", "user/common")
MODEL_BUG = re.compile(r"^ \*   bug: (.+?): `(.+?)` => `(.*?)`$", re.M)
SOURCE_BUG = re.compile(r"^ \*   bug: (.+?): (\S+): `(.+?)` => `(.*?)`$", re.M)
PROOF = re.compile(r'^PROOF\((\w+),\s+"([^"]+)"\)', re.M)
SPIN_DEPTH = 2_000_000
SPIN_MEGABYTES = 3000
TRAIL_LINES = 150
TIME_LIMIT_S = 300


class Failure(Exception):
    """Why a proof did not come out as it must; the text is shown."""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def command(words, folder, may_fail=False):
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    if result.returncode and not may_fail:
        raise Failure(f"{' '.join(words)}: status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def with_bug(text, old, new):
    """The text after its head comment with one place changed."""
    head, body = text[:text.index("*/")], text[text.index("*/"):]
    if body.count(old) != 1:
        raise Failure(f"`{old}` stands there {body.count(old)} times")
    return head + body.replace(old, new)


# --- Spin ----------------------------------------------------------------------------------------

def spin_search(model, folder):
    """(errors found, what pan said) of a search of all states."""
    write(os.path.join(folder, "model.pml"), model)
    command(["spin", "-o3", "-a", "model.pml"], folder)
    command(["cc", "-w", "-O2", "-DSAFETY", f"-DMEMLIM={SPIN_MEGABYTES}", "-o", "pan", "pan.c"], folder)
    output = command(["./pan", f"-m{SPIN_DEPTH}"], folder, may_fail=True)
    errors = re.search(r"errors: (\d+)", output)
    if errors is None:
        raise Failure(output)
    return int(errors[1]), output


def spin_unreached(output, transitions):
    """Lines of a model of which no statement was reached in any of the places that they are written out to."""
    process, lines, missed = None, {}, set()
    for word in re.finditer(r"/\* PROC (\S+) \*/|STATE (\d+) - model\.pml:(\d+) - \[(.*?)\] ", transitions):
        if word[1]:
            process = word[1]
        elif word[4] != "-end-":
            lines.setdefault(int(word[3]), set()).add((process, word[2]))
    for word in re.finditer(r"unreached in (?:proctype )?(\S+)|model\.pml:\d+, state (\d+),", output):
        if word[1]:
            process = word[1]
        else:
            missed.add((process, word[2]))
    return [line for line, states in sorted(lines.items()) if states <= missed]


def spin_prove(model, folder):
    errors, output = spin_search(model, folder)
    if errors:
        trail = command(["spin", "-t", "-p", "-g", "model.pml"], folder, may_fail=True)
        raise Failure("\n".join(trail.splitlines()[-TRAIL_LINES:]))
    if re.search(r"max search depth too small|out of memory|search not completed", output, re.I):
        raise Failure("the search was not complete\n" + output)
    unreached = spin_unreached(output, read(os.path.join(folder, "pan.m")))
    if unreached:
        raise Failure(f"never reached: lines {unreached}")
    states = re.search(r"(\d+) states, stored", output)[1]
    return f"{states} states"


def spin_find(model, folder):
    errors, output = spin_search(model, folder)
    if not errors:
        raise Failure("the mistake was not found\n" + output)
    error = re.search(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", output, re.M)
    return error[1] if error else "found"


def spin_cases(path):
    """(sentence, proof) of a model: the model as it is, and with each of its mistakes."""
    name, text = os.path.basename(path), read(path)
    folder = os.path.join(options.build, name)
    yield f"{name}: no error in any state", lambda: spin_prove(text, os.path.join(folder, "model"))
    for number, (sentence, old, new) in enumerate(MODEL_BUG.findall(text), 1):
        yield f"{name}: found: {sentence}", lambda number=number, old=old, new=new: spin_find(
            with_bug(text, old, new), os.path.join(folder, f"bug{number}"))


# --- C -------------------------------------------------------------------------------------------

def compile_words(root):
    return [f"-iquote{folder}" for folder in (root, *(os.path.join(root, name) for name in SOURCES), FOLDER)]


@functools.lru_cache(maxsize=1)
def c_llvm(path, root, folder):
    """The LLVM text of a file of proofs, with the sources of the tree below `root`."""
    os.makedirs(folder, exist_ok=True)
    return command(["clang", "-O1", "-w", "-S", "-emit-llvm", "-fno-vectorize", "-fno-slp-vectorize", "-o", "-",
                    *compile_words(root), path], folder)


def c_prove(text, name):
    executor = symbolic.prove(text, f"@proof_{name}")
    return executor.reached, f"{executor.paths} paths, {executor.claims} claims"


def c_claims(path, name):
    """The texts of the claims that stand in a proof's own body."""
    body = read(path).split(f"PROOF({name},")[1].split("\nPROOF(")[0]
    return set(re.findall(r'proof_claim\([^;]*?"([^"]*)"\);', body))


def c_must_hold(path, name):
    folder = os.path.join(options.build, os.path.basename(path))
    try:
        reached, note = c_prove(c_llvm(path, ROOT, folder), name)
    except symbolic.Failed as failure:
        raise Failure(f"{failure}: {c_inputs(failure)}") from failure
    missed = c_claims(path, name) - reached
    if missed or not reached:
        raise Failure(f"claims that no path comes to: {sorted(missed)}")
    return note


def c_inputs(failure):
    return " ".join(f"{name}={value:#x}" for name, value in failure.inputs)


def c_replays(path, root, folder, name, failure):
    """Whether the program that the host's compiler makes fails with these inputs as well."""
    program = os.path.join(folder, "replay")
    command(["cc", "-O1", "-w", "-ffunction-sections", "-Wl,--gc-sections", *compile_words(root), f"-DREPLAY=proof_{name}", path,
             os.path.join(FOLDER, "replay.c"), "-o", program], folder)
    result = subprocess.run([program, *(str(value) for _, value in failure.inputs)], check=False,
                            capture_output=True, text=True, timeout=TIME_LIMIT_S)
    return result.returncode != 0


def c_find(path, bug, number):
    sentence, source, old, new = bug
    folder = os.path.join(options.build, os.path.basename(path), f"bug{number}")
    root = os.path.join(folder, "tree")
    for name in SOURCES:
        shutil.copytree(os.path.join(ROOT, name), os.path.join(root, name), dirs_exist_ok=True)
    text = read(os.path.join(ROOT, source))
    if text.count(old) != 1:
        raise Failure(f"{source}: `{old}` stands there {text.count(old)} times")
    write(os.path.join(root, source), text.replace(old, new))
    llvm = c_llvm(path, root, folder)
    for name, _ in PROOF.findall(read(path)):
        try:
            c_prove(llvm, name)
        except symbolic.Failed as failure:
            if not c_replays(path, root, folder, name, failure):
                raise Failure(f"{name}: {failure}: not in the host's program: {c_inputs(failure)}") from failure
            return f"{name}: {failure}: {c_inputs(failure)}"
    raise Failure("the mistake was not found")


def c_cases(path):
    name, text = os.path.basename(path), read(path)
    for proof, sentence in PROOF.findall(text):
        yield f"{name}: {sentence}", lambda proof=proof: c_must_hold(path, proof)
    for number, bug in enumerate(SOURCE_BUG.findall(text), 1):
        yield f"{name}: found: {bug[0]}", lambda number=number, bug=bug: c_find(path, bug, number)


# --- the run ---------------------------------------------------------------------------------------

def run(cases):
    failed = 0
    print(f"KTAP version 1\n1..{len(cases)}")
    for number, (sentence, prove) in enumerate(cases, 1):
        begin = time.monotonic()
        try:
            result, note = "ok", prove()
        except (Failure, symbolic.Unsupported, subprocess.TimeoutExpired) as failure:
            result, note, failed = "not ok", str(failure), failed + 1
        print(f"{result} {number} {sentence}")
        for line in f"{note}, {time.monotonic() - begin:.1f} s".splitlines():
            print(f"# {line}")
        sys.stdout.flush()
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", default="build/proofs")
parser.add_argument("--only", default="")
options = parser.parse_args()
options.build = os.path.abspath(options.build)
all_cases = [case for path in sorted(glob.glob(f"{FOLDER}/*.pml")) for case in spin_cases(path)]
all_cases += [case for path in sorted(glob.glob(f"{FOLDER}/*_proof.c")) for case in c_cases(path)]
sys.exit(run([case for case in all_cases if options.only in case[0]]))
