#!/usr/bin/env python3
"""smp.py KERNELS: what several harts are good for, with the kernel image of that folder.  A report: it judges nothing.

Four programs run on their own for 20,000 instructions between any two page faults (tests/bench/smp_bench.c).

Time: how long four of them take at once, measured by one alone, on harts that QEMU runs as threads of the host.  It depends on
the host, so it is a ratio of runs that took turns, and wants a host that does nothing else.  What the host itself makes of four
things at once is measured in the same way, by machines with one hart, which share nothing.

Shares: who executed how many instructions, with 1, 2 and 4 harts.  QEMU counts instructions and writes down each
one's address, but for those of the programs, which are known, and of the firmware, whose calls are counted.  The lock is held from where the kernel takes it to where
it gives it back (arch/riscv/trap.S, lock.c); nothing is added to the kernel for this.
"""
import concurrent.futures
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading

BUILD = os.environ.get("FAULTLINE_BUILD", "build")
KERNELS = sys.argv[1]
QEMU = os.environ.get("FAULTLINE_QEMU", "qemu-system-riscv64")
PREFIX = os.environ.get("CROSS", "riscv64-unknown-elf-")
PROGRAM = f"{BUILD}/programs/smp_bench"
RUN = ["user/sdk/faultline-run", "-m", "128M", "--timeout", "300", "-k", f"{KERNELS}/faultline.bin"]
OWN = 20000  # instructions between two faults
TOGETHER = 4
TIMED_HARTS, TIMED_PAGES, TIMES = (2, 4), 1500, 15
HOST_TIMES, HOST_ROUNDS = 3, 5
COUNTED_PAGES = 250
HARTS = (1, 2, 4)
SERVERS = (0x10000, 0x100000)  # where their text lies
KINDS = ("lock", "wait", "edge", "servers", "firmware calls")


def run(options, *arguments, qemu=QEMU):
    """The lines that the program printed, in fields."""
    done = subprocess.run([*RUN, *options, PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", env=dict(os.environ, FAULTLINE_QEMU=qemu), check=False)
    if done.returncode != 0:
        sys.exit(f"smp_bench {arguments}: status {done.returncode}\n{done.stdout}{done.stderr[-2000:]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


# --- time ----------------------------------------------------------------------------------------

def timed_rows(loops, harts, times):
    """Of each time: nanoseconds of one program alone, of four, and how often an entry into the kernel waited."""
    lines = run(["-c", str(harts)], "time", loops, TIMED_PAGES, times)
    return [tuple(map(int, fields[1:])) for fields in lines if fields[0] == "RUN"]


def host_round(loops, machines):
    """Nanoseconds of four programs on a machine's only hart, with so many machines at once."""
    with concurrent.futures.ThreadPoolExecutor(machines) as pool:
        found = pool.map(lambda _: timed_rows(loops, 1, HOST_TIMES), range(machines))
        return statistics.median(four for rows in found for _, four, _ in rows)


def measure_host(loops):
    ratios = []
    for _ in range(HOST_ROUNDS):
        one = host_round(loops, 1)
        ratios.append(host_round(loops, TOGETHER) / one)
    print(f"the host: {TOGETHER} machines with one hart each at once by one alone, {HOST_ROUNDS} times: median "
          f"{statistics.median(ratios):.2f}, least {min(ratios):.2f}, most {max(ratios):.2f}; compare the row of {TOGETHER} harts")


def measure_time(loops, harts):
    rows = timed_rows(loops, harts, TIMES)
    ratios = sorted(four / one for one, four, _ in rows)
    one, four = (statistics.median(row[i] for row in rows) / 1e6 for i in (0, 1))
    waits = statistics.median(row[2] for row in rows) / (TOGETHER * TIMED_PAGES)
    print(f"{harts:>5}{one:>9.0f}{four:>9.0f}{statistics.median(ratios):>9.2f}{ratios[0]:>9.2f}{ratios[-1]:>9.2f}{waits:>9.2f}",
          flush=True)


def print_times(loops):
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} processors of the host, load {load}; {TIMES} times, {TIMED_PAGES} faults a program")
    print(f"harts  one, ms  {TOGETHER}, ms   median    least     most  waits for the lock a fault; {TOGETHER} at once by one alone: median of "
          "ratios, least, most")
    for harts in TIMED_HARTS:
        measure_time(loops, harts)
    measure_host(loops)


# --- shares --------------------------------------------------------------------------------------

def output(tool, *arguments):
    return subprocess.run([PREFIX + tool, *arguments], capture_output=True, text=True, check=True).stdout


def symbols(elf):
    return {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]+) \w (\S+)$", output("nm", elf), re.M)}


class Places:
    """Where a hart takes the kernel's lock and gives it back, by the address of the next instruction."""

    def __init__(self, elf):
        found = symbols(elf)
        code = output("objdump", "-d", "--no-show-raw-insn", elf)
        self.start, self.end = found["image_start"], found["image_text_end"]
        self.take = found["lock_take"]
        body = re.search(r"^[0-9a-f]+ <lock_take>:\n(.*?)\n\n", code, re.M | re.S)[1]
        self.took = {int(at, 16) for at in re.findall(r"^\s*([0-9a-f]+):\s+ret", body, re.M)}
        self.held = {found["trap_call_locked"], found["trap_full_locked"]}
        self.calls = {int(at, 16) for at in re.findall(r"^\s*([0-9a-f]+):\s+ecall", code, re.M)}
        dropping = re.findall(r"^\s*[0-9a-f]+:\s+amoswap\.d\.rl\s.*\n\s*([0-9a-f]+):", code, re.M)
        self.dropped = {int(at, 16) for at in dropping} | {self.take}
        if not self.took or len(dropping) != 2:
            sys.exit("smp: the kernel takes or drops its lock in another way than this counts")


class Count:
    """Instructions by kind and phase, from QEMU's lines."""

    def __init__(self, places, mark):
        self.places, self.mark = places, mark
        self.phase = 0
        self.kinds = [dict.fromkeys(KINDS, 0) for _ in range(4)]
        self.has_lock, self.waits, self.before = {}, {}, {}

    def kind(self, hart, pc):
        places = self.places
        is_kernel = pc >= places.start
        if is_kernel:
            if pc in places.held or self.before.get(hart) in places.took:
                self.has_lock[hart], self.waits[hart] = True, False
            elif pc in places.dropped:
                self.has_lock[hart], self.waits[hart] = False, pc == places.take
            self.before[hart] = pc
        if self.has_lock.get(hart):
            return "lock"
        if self.waits.get(hart):
            return "wait"
        return "edge" if is_kernel else "servers"

    def read(self, lines):
        for line in lines:
            if not line.startswith("Trace "):
                continue
            pc = int(line.split("/", 2)[1], 16)
            if pc == self.mark:
                self.phase += 1
                continue
            counts = self.kinds[self.phase]
            counts[self.kind(line[6], pc)] += 1
            counts["firmware calls"] += pc in self.places.calls


def single_steps():
    version = re.search(r"version (\d+)\.(\d+)", subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout)
    is_new = (int(version[1]), int(version[2])) >= (8, 1)
    return "-accel tcg,one-insn-per-tb=on" if is_new else "-singlestep"


def count_shares(loops, harts):
    """Instructions of each kind that the faults took: those of programs that fault, less those of programs that do not."""
    places, mark = Places(f"{KERNELS}/faultline.elf"), symbols(f"{BUILD}/user/programs/smp_bench.elf")["smp_mark"]
    ranges = ",".join(f"{start:#x}..{end:#x}" for start, end in (SERVERS, (places.start, places.end), (mark, mark)))
    count = Count(places, mark)
    with tempfile.TemporaryDirectory(prefix="faultline-smp-") as folder:
        trace, emulator = os.path.join(folder, "trace"), os.path.join(folder, "qemu")
        os.mkfifo(trace)
        with open(emulator, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {QEMU} "$@" {single_steps()} -d exec,nochain -dfilter {ranges} -D {trace}\n')
        os.chmod(emulator, 0o755)
        command = [*RUN, "--icount", "-c", str(harts), PROGRAM, "run", str(loops), str(COUNTED_PAGES), str(TOGETHER)]
        reader, writer = os.open(trace, os.O_RDONLY | os.O_NONBLOCK), os.open(trace, os.O_WRONLY)
        os.set_blocking(reader, True)
        with open(reader, encoding="ascii", errors="replace") as lines, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=dict(os.environ, FAULTLINE_QEMU=emulator)) as child:
            ender = threading.Thread(target=lambda: (child.wait(), os.close(writer)))  # ours is the last writer
            ender.start()
            count.read(lines)
            ender.join()
            if child.returncode != 0 or count.phase != 3:
                sys.exit(f"smp_bench run with {harts} harts: status {child.returncode}, {count.phase} marks of 3")
    return {kind: count.kinds[2][kind] - count.kinds[1][kind] for kind in KINDS}


def print_shares(loops):
    print(f"\nshares of all instructions but the firmware's; {TOGETHER} programs, {COUNTED_PAGES} faults each, {OWN:,} own "
          "instructions a fault")
    print(f"{'harts':>5}{'own':>10}{'lock':>10}{'pager':>10}{'entry, exit':>13}{'waiting':>10}   a fault: lock, pager, calls of the "
          "firmware")
    faults = TOGETHER * COUNTED_PAGES
    for harts in HARTS:
        found = count_shares(loops, harts)
        each = [OWN, *(found[kind] / faults for kind in ("lock", "servers", "edge", "wait"))]
        shares = "".join(f"{100 * count / sum(each):>{width}.2f}%" for count, width in zip(each, (9, 9, 9, 12, 9)))
        print(f"{harts:>5}{shares}   {each[1]:.0f}, {each[2]:.0f}, {found['firmware calls'] / faults:.2f}", flush=True)


def main():
    thousand = int(next(fields[1] for fields in run(["--icount"], "loop") if fields[0] == "LOOP"))
    loops = round(OWN * 1000 / thousand)
    print_times(loops)
    print_shares(loops)


main()
