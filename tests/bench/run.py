#!/usr/bin/env python3
"""run.py KERNELS: runs the benchmarks under instruction counting, with the kernel images of that folder, and
writes bench.tsv into it.

Columns: operation, instructions, iterations, note.  Rows are named as published figures of other
systems name them.  Figures are reported, never judged here; docs/bench.tsv holds the accepted ones."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import paging_cost  # noqa: E402

BUILD = os.environ.get("FAULTLINE_BUILD", "build")
ACCEPTED = "docs/bench.tsv"
KERNELS = sys.argv[1]
RUN = ["user/sdk/faultline-run", "--icount", "-m", "128M", "--timeout", "900"]
KERNEL_RUN = RUN + ["--console", "--no-initrd", "-k", f"{KERNELS}/kernel_bench.bin"]
# What is run, what is added to the names of its rows, and which of them are taken.
RUNS = [
    (KERNEL_RUN, "", ""),
    (RUN + ["-k", f"{KERNELS}/faultline.bin", f"{BUILD}/programs/vm_bench"], "", ""),
    (RUN + ["-k", f"{KERNELS}/faultline.bin", "--append", "fork=clone", f"{BUILD}/programs/vm_bench"], ", cloned tables",
     "fork|COW"),
    (RUN + ["-k", f"{KERNELS}/faultline.bin", "-s", "64M", "--once", f"{BUILD}/programs/swap_bench"], "", ""),
    (RUN + ["-k", f"{KERNELS}/faultline.bin", f"{BUILD}/programs/merge_bench"], "", ""),
    (RUN + ["--console", "--no-initrd", "-k", f"{KERNELS}/compress_bench.bin"], "", ""),
    (KERNEL_RUN + ["--append", "asid=0"], ", without ASIDs", "IPC round trip, 4|fault"),
]


def rows(command, suffix, wanted):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    found = []
    for line in done.stdout.splitlines():
        fields = line.rstrip("\r").split("\t")
        if fields[0] == "RES" and len(fields) == 6:
            if re.match(wanted, fields[1]):
                found.append([fields[1] + suffix] + fields[2:])
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
    print(f"{'operation':<60}{'instructions':>13}{'accepted':>10}{'fences':>8}")
    for run in RUNS:
        for operation, figure, iterations, fences, note in rows(*run):
            counted = "" if fences == "-" else f"{fences} fences each; "  # "-": not counted
            lines.append(f"{operation}\t{figure}\t{iterations}\t{counted}{note}")
            print(f"{operation:<60}{figure:>13}{accepted.get(operation, '-'):>10}{fences:>8}")
    try:
        paging = paging_cost.rows(f"{KERNELS}/faultline.bin", f"{BUILD}/programs/paging_phases")
    except ValueError as failure:
        sys.exit(f"bench: paging_phases: {failure}")
    for row in paging:
        lines.append("\t".join(row))
        print(f"{row[0]:<60}{row[1]:>13}{accepted.get(row[0], '-'):>10}{'-':>8}")
    with open(f"{KERNELS}/bench.tsv", "w") as file:
        file.write("\n".join(lines) + "\n")


main()
