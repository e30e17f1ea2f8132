#!/usr/bin/env python3
"""Run time and faults of one program against the memory that it has.

usage: memory_curve.py --measure    runs it, a minute or two; writes docs/memory-curve.tsv, then as without
       memory_curve.py              writes the table and the plot of the rows in docs/memory-curve.tsv
       memory_curve.py --check      status 1 if table or plot are not those of the rows

The program is `locality` (user/apps/course/locality.c), 32 MiB; the machine has 128 MiB and 64 MiB of swap, and the
boot argument mem= leaves the pager from 4 to 64 MiB of it.  Run time is instructions of everybody since the program
began, idle not counted.
"""
import math
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROWS, PLOT, DOCUMENT = (os.path.join(TOP, "docs", name) for name in ("memory-curve.tsv", "memory-curve.svg", "measurements.md"))
BEGIN, END = "<!-- tests/bench/memory_curve.py: begin -->\n", "<!-- tests/bench/memory_curve.py: end -->\n"
SIZES = (4, 6, 8, 12, 16, 24, 32, 48, 64)
PROGRAM = ("locality", "32")
RUN = (os.path.join(TOP, "user", "sdk", "faultline-run"), "--icount", "-m", "128M", "-s", "64M", "--once", "--timeout", "600")
COLUMNS = ("MiB", "instructions", "minor faults", "major faults", "pages in", "reads", "pages out", "writes")
WORK = re.compile(r"^init: work: (\d+) cycles, \d+ of them to write to swap; (\d+) minor and (\d+) major faults", re.M)
SWAP = re.compile(r"^init: swap: (\d+) pages in by (\d+) requests, (\d+) out by (\d+)", re.M)


def measure_row(mib):
    done = subprocess.run([*RUN, "--append", f"mem={mib}M", *PROGRAM], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False)
    work, swap = WORK.search(done.stderr), SWAP.search(done.stderr)
    if done.returncode != 0 or not work:
        sys.exit(f"with {mib} MiB: status {done.returncode}\n{done.stdout}{done.stderr[-2000:]}")
    row = (mib, *work.groups(), *(swap.groups() if swap else (0, 0, 0, 0)))
    print(*row, sep="\t", flush=True)
    return row


def measure():
    rows = [COLUMNS, *map(measure_row, SIZES)]
    with open(ROWS, "w", encoding="utf-8") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows)


def read_rows():
    with open(ROWS, encoding="utf-8") as file:
        head, *rows = (line.rstrip("\n").split("\t") for line in file)
    rows = [tuple(map(int, row)) for row in rows]
    if tuple(head) != COLUMNS or tuple(row[0] for row in rows) != SIZES:
        sys.exit(f"{ROWS}: other columns or sizes: --measure")
    return rows


# --- the table -----------------------------------------------------------------------------------

def table(rows):
    least = min(row[1] for row in rows)
    lines = ["| memory, MiB | instructions | times the least | minor faults | major faults | pages in | requests | pages out | requests |",
             "|" + "---:|" * 9]
    for mib, work, *rest in rows:
        lines.append(f"| {mib} | {work:,} | {work / least:.2f} | " + " | ".join(f"{number:,}" for number in rest) + " |")
    return "\n".join(lines) + "\n"


# --- the plot ------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, RIGHT, ABOVE, BELOW = 720, 400, 70, 70, 50, 50
STYLE = ("text{font:13px sans-serif;fill:#222}.axis{stroke:#222;fill:none}.grid{stroke:#ddd}"
         ".time{stroke:#1b5e9b;fill:none;stroke-width:2}.faults{stroke:#b5421c;fill:none;stroke-width:2;stroke-dasharray:6 4}"
         ".of-time{fill:#1b5e9b}.of-faults{fill:#b5421c}")


def ticks(most):
    """At most nine round numbers from 0 to at least `most`."""
    step = next(factor * 10 ** power for power in range(20) for factor in (1, 2, 5) if most <= 8 * factor * 10 ** power)
    return [i * step for i in range(-(-most // step) + 1)]


def place_x(mib):
    """Twice the memory is as far everywhere."""
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(mib / SIZES[0]) / math.log2(SIZES[-1] / SIZES[0])


def place_y(value, most):
    return HEIGHT - BELOW - (HEIGHT - ABOVE - BELOW) * value / most


def curve(name, values, most):
    points = [(place_x(mib), place_y(value, most)) for mib, value in zip(SIZES, values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="of-{name}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points)
    return f'<polyline class="{name}" points="{line}"/>{dots}'


def scale(values, x, anchor, kind):
    return "".join(f'<text class="of-{kind}" x="{x}" y="{place_y(value, values[-1]) + 4:.1f}" text-anchor="{anchor}">{value:,}</text>'
                   for value in values)


def plot(rows):
    millions, faults = [row[1] // 1000000 for row in rows], [row[3] for row in rows]
    time_ticks, fault_ticks = ticks(max(millions)), ticks(max(faults))
    base, right = HEIGHT - BELOW, WIDTH - RIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
             "<title>Run time and major faults of locality 32 against memory</title>",
             f"<style>{STYLE}</style>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    parts += [f'<path class="grid" d="M{LEFT} {place_y(value, time_ticks[-1]):.1f}H{right}"/>' for value in time_ticks]
    parts += [f'<path class="axis" d="M{LEFT} {ABOVE}V{base}H{right}V{ABOVE}"/>',
              scale(time_ticks, LEFT - 8, "end", "time"), scale(fault_ticks, right + 8, "start", "faults"),
              *(f'<text x="{place_x(mib):.1f}" y="{base + 20}" text-anchor="middle">{mib}</text>' for mib in SIZES),
              f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">memory left to the pager, MiB</text>',
              f'<text class="of-time" x="{LEFT}" y="24">million instructions (solid)</text>',
              f'<text class="of-faults" x="{right}" y="24" text-anchor="end">major faults (dashed)</text>',
              curve("time", [row[1] / 1000000 for row in rows], time_ticks[-1]), curve("faults", faults, fault_ticks[-1]),
              "</svg>"]
    return "\n".join(parts) + "\n"


# --- what is written -----------------------------------------------------------------------------

def documents():
    """Each file with what it shall hold."""
    rows = read_rows()
    with open(DOCUMENT, encoding="utf-8") as file:
        head, rest = file.read().split(BEGIN)
    return {PLOT: plot(rows), DOCUMENT: head + BEGIN + "\n" + table(rows) + "\n" + END + rest.split(END)[1]}


def is_as(path, text):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == text
    except FileNotFoundError:
        return False


def main():
    if sys.argv[1:] == ["--check"]:
        stale = [os.path.relpath(path, TOP) for path, text in documents().items() if not is_as(path, text)]
        sys.exit(f"{' and '.join(stale)}: stale: tests/bench/memory_curve.py" if stale else 0)
    if sys.argv[1:] == ["--measure"]:
        measure()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    for path, text in documents().items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


main()
