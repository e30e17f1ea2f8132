#!/usr/bin/env python3
"""run.py KERNELS: runs the benchmarks under instruction counting, with the kernel images of that folder, and
writes bench.tsv into it.

Columns: operation, instructions, iterations, note.  Rows are named as published figures of other
systems name them.  Figures are reported, never judged here; docs/bench.tsv holds the accepted ones."""
import os
import subprocess
import sys

BUILD = os.environ.get("FAULTLINE_BUILD", "build")
ACCEPTED = "docs/bench.tsv"
KERNELS = sys.argv[1]
RUN = ["user/sdk/faultline-run", "--icount", "-m", "128M", "--timeout", "120"]
RUNS = [
    RUN + ["--console", "--no-initrd", "-k", f"{KERNELS}/kernel_bench.bin"],
    RUN + ["-k", f"{KERNELS}/faultline.bin", f"{BUILD}/programs/vm_bench"],
]


def rows(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    found = []
    for line in done.stdout.splitlines():
        fields = line.rstrip("\r").split("\t")
        if fields[0] == "RES" and len(fields) == 6:
            found.append(fields[1:])
        elif fields[0] == "FAIL":
            sys.exit(f"bench: {' '.join(fields[1:])}")
    if done.returncode != 0 or not found:
        sys.exit(f"bench: {' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found


def read(path):
    try:
        with open(path) as file:
            return {line.split("\t")[0]: line.split("\t")[1] for line in file if "\t" in line}
    except FileNotFoundError:
        return {}


def main():
    accepted = read(ACCEPTED)
    lines = ["operation\tinstructions\titerations\tnote"]
    print(f"{'operation':<48}{'instructions':>13}{'accepted':>10}{'fences':>8}")
    for command in RUNS:
        for operation, figure, iterations, fences, note in rows(command):
            lines.append(f"{operation}\t{figure}\t{iterations}\t{fences} fences each; {note}")
            print(f"{operation:<48}{figure:>13}{accepted.get(operation, '-'):>10}{fences:>8}")
    with open(f"{KERNELS}/bench.tsv", "w") as file:
        file.write("\n".join(lines) + "\n")


main()
