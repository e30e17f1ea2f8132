#!/usr/bin/env python3
"""docs/proofs.md against the proofs and the invariants that it names.

Fails when a proof (PROOF in tests/proofs/NAME_proof.c) or a model (tests/proofs/NAME.pml) is not in the
document; when one that is there does not exist; when a sentence is two strings, which nobody finds; and
when a file does not have an invariant that the document says it has.  The document names a proof as "sentence" (`NAME_proof.c`), a model as `NAME.pml`,
invariants as: F1, F2 of `mm/frame.h`.
"""
import glob
import os
import re
import sys

DOCUMENT = "docs/proofs.md"
FOLDER = "tests/proofs"
PROOF = re.compile(r'^PROOF\(\w+,\s+"([^"]+)"\)', re.M)
NAMED = re.compile(r'"([^"]+)" \(`(\w+_proof\.c)`\)')
MODEL = re.compile(r"`(\w+\.pml)`")
INVARIANTS = re.compile(r"\b([A-Z]+\d+(?:, [A-Z]+\d+)*) of `([^`]+)`")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def complaints(text):
    for path in glob.glob(f"{FOLDER}/*_proof.c"):
        if len(re.findall(r"^PROOF\(", read(path), re.M)) != len(PROOF.findall(read(path))):
            yield f"{path}: a proof's sentence is more than one string"
    proofs = {(sentence, os.path.basename(path)) for path in glob.glob(f"{FOLDER}/*_proof.c")
              for sentence in PROOF.findall(read(path))}
    named = set(NAMED.findall(text))
    for sentence, name in sorted(named - proofs):
        yield f"{FOLDER}/{name} has no proof '{sentence}'"
    for sentence, name in sorted(proofs - named):
        yield f"'{sentence}' ({name}) is not in it"
    models, named = {os.path.basename(path) for path in glob.glob(f"{FOLDER}/*.pml")}, set(MODEL.findall(text))
    for name in sorted(models ^ named):
        yield f"{name} is not in it" if name in models else f"there is no {FOLDER}/{name}"
    for numbers, path in INVARIANTS.findall(text):
        for number in numbers.split(", "):
            if not os.path.exists(path) or not re.search(rf"^(?: \*|/\*|-) +(?:\*\*)?{number}(?:\.\*\*)? ", read(path), re.M):
                yield f"{path} has no {number}"


def main():
    wrong = [f"{DOCUMENT}: {line}" for line in complaints(read(DOCUMENT))]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


main()
