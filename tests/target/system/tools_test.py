#!/usr/bin/env python3
"""Programs that show and change what the pager does, at the prompt: their lines have the form that people know."""
import os
import random
import re
import struct
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "sdk"), os.path.join(HERE, "..", "blk")]
from disks import throttled  # noqa: E402
from ktap import SDK, TOP, check_equal, comment, main, run, test  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"))
PROMPT_SECONDS = 200  # several harts one after the other take a while


def prompt(*lines, append="", options=(), initrd="initrd.cpio", env=None):
    """What the prompt and its programs print when these lines are typed, and what the system logs."""
    result = run(os.path.join(SDK, "faultline-run"), "--initrd", os.path.join(BUILD, initrd), "--append", append, *options, "sh",
                 stdin="".join(line + "\n" for line in lines).encode(), seconds=PROMPT_SECONDS, env=os.environ | (env or {}))
    log = result.stderr.decode()
    return result.stdout.decode().replace("faultline$ ", "").splitlines(), log


@test("sysctl shows, writes and lists settings, and names what is none")
def _():
    out, log = prompt("sysctl vm.fork", "sysctl vm.fork=clone vm.overcommit", "sysctl -a", "sysctl vm.x",
                      "sysctl vm.fork=x", "sysctl vm.fork=", "sysctl kernel.x=1", "sysctl vm.fork")
    lines = [line for line in out if line.startswith("vm.")]
    listed = lines[3:-1]
    check_equal(lines[:3] + lines[-1:],
                ["vm.fork = fault", "vm.fork = clone", "vm.overcommit = heuristic", "vm.fork = clone"])
    check_equal([line for line in listed if not re.fullmatch(r"vm\.[a-z0-9-]+ = \S+", line)], [])
    check_equal({"vm.fork = clone", "vm.overcommit = heuristic"} <= set(listed), True)
    check_equal(sorted(listed), listed)
    told = [line for line in out + log.splitlines() if line.startswith("sysctl: ")]
    check_equal(told, ["sysctl: vm.x: No such file or directory", 'sysctl: setting key "vm.fork": Invalid argument',
                       'sysctl: setting key "vm.fork": Invalid argument', "sysctl: kernel.x: No such file or directory"])


@test("settings are boot arguments too; a wrong one is named, and the boot goes on")
def _():
    out, log = prompt("sysctl vm.fork vm.overcommit", append="vm.fork=clone vm.none=1 vm.overcommit=maybe vm. vm.fork")
    check_equal([line for line in out if line.startswith("vm.")], ["vm.fork = clone", "vm.overcommit = heuristic"])
    check_equal(re.findall(r"pager: boot arguments: (.*)", log),
                ["`vm.none=1`: no such setting", "`vm.overcommit=maybe`: not a value of this setting",
                 "`vm.`: no such setting", "`vm.fork`: no such setting"])


def write_disk(name, kib, header=None, **fields):
    """A file with a swap header for all of it, or garbage."""
    data = bytearray(random.Random(kib).randbytes(kib << 10))
    if header is not None:
        fields = {"version": 1, "last": kib // 4 - 1, "bad": 0} | fields
        data[:4096] = bytes(4096)
        struct.pack_into("<III", data, 1024, fields["version"], fields["last"], fields["bad"])
        data[4086:4096] = header
    with open(name, "wb") as file:
        file.write(data)


def areas(lines):
    """The lines of tables of areas: (name, size, used, priority)."""
    found = [re.fullmatch(r"(/dev/vd\S+) +partition\t(\d+)\t\t(\d+)\t\t(-?\d+)", line) for line in lines]
    return [(match[1], *(int(word) for word in match.groups()[1:])) for match in found if match]


def told(out, log, program):
    return [line for line in out + log.splitlines() if line.startswith(program + ": ")]


@test("swapon -s and --show have the columns of util-linux; disks are in the driver's order, with and without priority")
def _():
    write_disk("a", 1024, b"SWAPSPACE2")
    write_disk("b", 2048, b"SWAPSPACE2")
    out, log = prompt("swapon -s", "swapon -p 7 /dev/vda", "swapon /dev/vdb", "swapon -s", "swapon --show", "swapon /dev/vda",
                      "swapoff /dev/vda", "swapoff /dev/vda", "swapon --show", "swapoff -a", "swapon -s", "swapon",
                      "ls /dev", "ls /dev/vdb", "cat /dev/vda",
                      append="vm.swap-auto=off", options=("-d", "a", "-d", "b"))
    heads = [i for i, line in enumerate(out) if line.startswith("Filename")]
    check_equal([out[i] for i in heads], ["Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"])  # no area: nothing
    check_equal(out[heads[0] + 1], "/dev/vda".ljust(40) + "partition\t1020\t\t0\t\t7")
    check_equal(areas(out), [("/dev/vda", 1020, 0, 7), ("/dev/vdb", 2044, 0, -2)])
    shown = [line for line in out if re.match(r"NAME |/dev/vd. partition ", line)]
    check_equal(shown, ["NAME     TYPE      SIZE USED PRIO", "/dev/vda partition 1020K   0B    7",
                        "/dev/vdb partition   2M   0B   -2", "NAME     TYPE      SIZE USED PRIO",
                        "/dev/vdb partition   2M   0B   -2"])
    check_equal(told(out, log, "swapon"), ["swapon: /dev/vda: swapon failed: Device or resource busy"])
    check_equal(told(out, log, "swapoff"), ["swapoff: /dev/vda: swapoff failed: Invalid argument"])
    check_equal([line.split() for line in out if re.fullmatch(r" +\d+  /dev/vd.", line)],
                [["1048576", "/dev/vda"], ["2097152", "/dev/vdb"], ["2097152", "/dev/vdb"]])
    check_equal(told(out, log, "cat"), ["cat: /dev/vda: Permission denied"])
    check_equal(re.findall(r"pager: disk (\d): swap, (\d+) KiB", log), [("0", "1020"), ("1", "2044")])


@test("swapon of what is no swap area says why, at the prompt and in the log, and nothing is used")
def _():
    cases = (("no swap header for pages of 4,096 bytes", None, {}), ("swap header of version 0", b"SWAP-SPACE", {}),
             ("unknown version of the swap header", b"SWAPSPACE2", {"version": 2}),
             ("last page behind the end of the device", b"SWAPSPACE2", {"last": 64}),
             ("swap header without pages", b"SWAPSPACE2", {"last": 0}),
             ("more bad pages than the header can list", b"SWAPSPACE2", {"bad": 638}),
             ("holds the memory of a system that sleeps", b"S1SUSPEND\0", {}))
    options, lines = [], []
    for i, (_, header, fields) in enumerate(cases):
        write_disk(f"d{i}", 256, header, **fields)
        options += ["-d", f"d{i}"]
        lines.append(f"swapon /dev/vd{'abcdefgh'[i]}")
    out, log = prompt(*lines, "swapon /dev/vdh", "swapon hello", "swapon /dev", "swapon -s", append="vm.swap-auto=off",
                      options=options)
    expected = [f"swapon: {line.split()[1]}: {reason}" for line, (reason, _, _) in zip(lines, cases)]
    check_equal(told(out, log, "swapon"), expected + ["swapon: /dev/vdh: swapon failed: No such file or directory",
                "swapon: hello: swapon failed: Invalid argument", "swapon: /dev: swapon failed: Invalid argument"])
    check_equal(re.findall(r"pager: disk (\d): no swap: (.*)", log),
                [(str(i), reason) for i, (reason, _, _) in enumerate(cases)])
    check_equal(areas(out), [])


def numbers(line):
    return [int(word) for word in re.findall(r"\d+", line)]


@test("free has the columns of procps, and total is the sum of its parts in each line")
def _():
    out, log = prompt("free", "free -b", "free -m", "free -x", "free -h", options=("-s", "16M"))
    heads = [i for i, line in enumerate(out) if line.strip().startswith("total")]
    check_equal([out[i] for i in heads], ["               total        used        free      shared  buff/cache   available"] * 4)
    for head, unit in zip(heads, (1024, 1)):
        memory, swap = out[head + 1], out[head + 2]
        check_equal((bool(re.fullmatch(r"Mem: {4}( *\d+){6}", memory)), len(memory)), (True, 80))
        check_equal((bool(re.fullmatch(r"Swap: {3}( *\d+){3}", swap)), len(swap)), (True, 44))
        total, used, free, shared, cache, available = numbers(memory)
        check_equal((total, free <= available + cache, shared <= cache), (used + free + cache, True, True))
        check_equal(numbers(swap), [(16384 - 4) * 1024 // unit, 0, (16384 - 4) * 1024 // unit])
    check_equal(numbers(out[heads[2] + 2]), [15, 0, 15])
    memory, swap = out[heads[3] + 1], out[heads[3] + 2]
    check_equal((len(memory), swap), (80, "Swap:" + "15Mi".rjust(15) + "0B".rjust(12) + "15Mi".rjust(12)))
    check_equal([word for word in memory.split()[1:] if not re.fullmatch(r"0B|\d\.\d[KM]i|\d{2,3}[KM]i", word)], [])
    check_equal(told(out, log, "usage"), ["usage: free [-b | -k | -m | -g | -h]"])


@test("free, swapon and vmstat tell the pages that are out, and what came back")
def _():
    out, _ = prompt("put_out 500", "free", "swapon -s", "swapon", "major_faults 64", "vmstat", "cat /proc/vmstat",
                    options=("-m", "32M", "-s", "64M"), initrd="initrd-test.cpio")
    slots = (64 << 20) // 4096 - 1
    swap = next(line for line in out if line.startswith("Swap:"))
    check_equal(numbers(swap), [slots * 4, 500 * 4, (slots - 500) * 4])
    check_equal(areas(out), [("/dev/vda", slots * 4, 500 * 4, -2)])
    check_equal([line.split()[2:4] for line in out if line.startswith("/dev/vda partition ")], [["64M", "2M"]])
    row = numbers(next(line for line in out if re.fullmatch(r"( *\d+){17}", line)))
    si, so, bi, bo = row[6:10]
    check_equal((row[2], bi, bo), (500 * 4, si, so))
    moved = dict(line.split() for line in out if line.startswith(("pswpin ", "pswpout ")))
    check_equal(moved, {"pswpin": "128", "pswpout": str(500 + 64)})  # twice 64 came, and left clean the second time
    # Rates since the start, so they are to each other as the pages are, but for their rounding.
    check_equal((si > 0, abs(so * 128 - si * 564) <= 128 + 564), (True, True))


@test("vmstat tells requests that wait, and pages that go and come meanwhile")
def _():
    # Four that do not fit together wait for pages, and a disk that is slow in the host's time has all of them wait at once: then
    # time leaps to the next row.
    out, _ = prompt("thrash 4 2 6 4000 &", "vmstat 0.1 60", append="clock=work mem=3000K",
                    options=("--icount", "--once", "-m", "16M", "-s", "64M"), env=throttled("iops-total=200"))
    rows = [numbers(line) for line in out if re.fullmatch(r"( *\d+){17}", line)]
    check_equal(len(rows), 60)
    check_equal([any(row[column] > 0 for row in rows) for column in (1, 2, 6, 7)], [True] * 4)  # b, swpd, si, so
    check_equal([row for row in rows if row[8:10] != row[6:8]], [])


@test("vmstat has the columns of procps, and its figures are those of the views")
def _():
    out, log = prompt("vmstat", "cat /proc/meminfo", "vmstat 0.1 3", "vmstat 0", "vmstat 1 2 3", "vmstat -h",
                      options=("-s", "16M"))
    heads = [i for i, line in enumerate(out) if line.startswith("procs ")]
    check_equal([out[i] for i in heads],
                ["procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----"] * 2)
    check_equal([out[i + 1] for i in heads],
                [" r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st"] * 2)
    rows = [numbers(line) for line in out if re.fullmatch(r"( *\d+){17}", line)]
    check_equal((len(rows), {len(row) for row in rows}), (4, {17}))
    for row in rows:
        r, b, swpd, free, buff, cache, si, so, bi, bo, _, _, us, sy, idle, wa, st = row
        check_equal((r, b, swpd, buff, cache, si, so, bi, bo, sy, wa, st), (0,) * 12)
        check_equal(us + idle, 100)
    meminfo = numbers(next(line for line in out if line.startswith("MemFree:")))[0]
    check_equal(abs(rows[0][3] - meminfo) < 256, True)
    check_equal(told(out, log, "usage"), ["usage: vmstat [DELAY [COUNT]]"] * 3)
    check_equal([line.split()[0] for line in out[out.index("Always 0, for nobody counts it:") + 1:][:4]], ["r", "sy", "wa", "st"])


def first_program(*words, limit, disks=1):
    """What the first program prints beside disks that are as slow, and the log."""
    result = run(os.path.join(SDK, "faultline-run"), "--once", *("-s", "16M") * disks, *words, seconds=PROMPT_SECONDS,
                 env=os.environ | throttled(limit, disks))
    check_equal(result.returncode, 0)
    return result.stdout.decode().splitlines(), result.stderr.decode()


SILENT = "bps-total=1"  # and QEMU has read more already
TOO_LATE = r"pager: disk (\d): has not answered yet; the boot goes on"


@test("the first program finds each disk in use for swap, though a header comes late")
def _():
    # In the host's time half a second for a header, and the second one waits until the first one's is over.
    out, log = first_program("cat", "/proc/swaps", limit="bps-total=8192", disks=2)
    check_equal(sorted(areas(out)), [("/dev/vda", 16380, 0, -2), ("/dev/vdb", 16380, 0, -2)])  # in the order in which they came
    check_equal(re.findall(TOO_LATE, log), [])


@test("waiting for headers is no work of the session's, whichever hart does it")
def _():
    _, log = first_program("-c", "4", "--icount", "true", limit="bps-total=8192", disks=2)
    work = int(re.search(r"init: work: (\d+) cycles", log)[1])
    comment(f"{work} cycles")
    check_equal(work < 2_000_000, True)  # each tenth of a second of the host's is more


@test("beside a disk that does not answer the first program starts without its swap, and the log says so")
def _():
    out, log = first_program("cat", "/proc/swaps", limit=SILENT)
    check_equal((len(out), re.findall(TOO_LATE, log)), (1, ["0"]))


@test("the tour finds nothing lost beside a disk for swap, whenever its header comes")
def _():
    result = run(os.path.join(SDK, "faultline-run"), "-c", "4", "--icount", "-s", "16M", "tour", seconds=PROMPT_SECONDS)
    counted = re.findall(r"before.*: (\d+), now: (\d+)", result.stdout.decode())
    check_equal([(before, before) for before, _ in counted], counted)
    check_equal((len(counted), result.returncode), (2, 0))


@test("the tour comes to its end beside a disk that does not answer")
def _():
    _, log = first_program("--append", "clock=work", "tour", limit=SILENT)  # no other limit of time
    check_equal(re.findall(TOO_LATE, log), ["0"])


@test("time says what a program took in the lines of POSIX, with its faults, and keeps its status")
def _():
    out, log = prompt("time demand_zero 64", "time -p exitwith 3", "time sleep 0.3", "time", "time nonesuch", "exit")
    lines = [line for line in out + log.splitlines() if re.match(r"(real|user|sys|minor|major)", line)]
    check_equal(len(lines), 25)
    check_equal([re.sub(r"[\d.]+", "#", line) for line in lines],
                ["real #", "user #", "sys #", "minor faults #", "major faults #"] * 5)
    minor = [numbers(line)[0] for line in lines if line.startswith("minor")]
    check_equal((minor[0] >= 64, minor[3], minor[4]), (True, 0, 0))
    check_equal([line for line in lines if line.startswith("major")], ["major faults 0"] * 5)
    check_equal(float(lines[10].split()[1]) >= 0.3, True)
    check_equal([line.split("] ")[1] for line in out if "exited with status" in line], ["exitwith: exited with status 3"])
    check_equal(re.findall(r"exit status (\d+)", log), ["127"])


@test("time tells major faults: the page that was waited for, not those that came along")
def _():
    out, log = prompt("time major_faults 64", "cat /proc/vmstat", options=("-s", "16M"))
    major = [numbers(line)[0] for line in out + log.splitlines() if line.startswith("major faults")]
    told = dict(line.split() for line in out if line.startswith(("pgmajfault ", "swap_reads ")))
    check_equal((len(major), str(major[0])), (1, told["pgmajfault"]))
    check_equal(2 <= major[0] <= int(told["swap_reads"]), True)


main()
