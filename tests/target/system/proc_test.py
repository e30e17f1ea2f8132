#!/usr/bin/env python3
"""The views below /proc: their lines have the form that those of this host's Linux have.

What a line must look like is taken from the host: digits are replaced by patterns of the same width, words by themselves.
"""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, Skip, TOP, check_equal, main, run, skip_without_disks, test  # noqa: E402

INITRD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "initrd.cpio")
NAME_COLUMN = 73
# What the pager tells and Linux has no word for.
OWN_STATUS = {"Charged", "ChargedPeak", "Entries", "MinorFaults", "MajorFaults"}
OWN_MEMINFO = {"KernelObjects", "MessageBuffers", "PageRecords", "ZeroPage"}
CLASSES = {"MemFree", "AnonPages", "Cached", "Slab", "PageTables"} | OWN_MEMINFO
_told = {}


def host(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def ours(*words):
    """What a program prints on Faultline; each runs once."""
    if words not in _told:
        result = run(os.path.join(SDK, "faultline-run"), "--initrd", INITRD, *words)
        check_equal((result.returncode, result.stderr.decode()[-300:] if result.returncode else ""), (0, ""))
        _told[words] = result.stdout.decode()
    return _told[words]


def shape(line):
    """The pattern of one line of maps; addresses are as wide as they must be, from 8 digits on."""
    head, name = line[:NAME_COLUMN].rstrip(" "), line[NAME_COLUMN:]
    head = re.sub(r"^[0-9a-f]{8,16}-[0-9a-f]{8,16}", "@", re.sub(r" \d+$", " #", head))
    head = re.sub(r" [r-][w-][x-][ps] ", " % ", re.sub(r" [0-9a-f]{8} ", " & ", head))
    head = re.sub(r"[0-9a-f]{2}:[0-9a-f]{2}", "!", head)
    return head, "path" if name.startswith("/") else "bracket" if name.startswith("[") else repr(name)


def figures(text):
    """{name: (width of the line, first blank, unit, number)} of lines "Name:  123 kB"."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([\w()]+):(\s+)(\d+)( kB)?", line)
        if match:
            found[match[1]] = (len(match[1] + match[2] + match[3]), match[2][0], match[4] or "", int(match[3]))
    return found


def check_figures(text, linux, own):
    """Each line is one of Linux's, and as wide if it is a size, or one of our own."""
    known = figures(linux)
    for name, (width, blank, unit, _) in figures(text).items():
        check_equal(name in known or name in own, True)
        if name in known and unit:
            check_equal((name, width, blank, unit), (name, *known[name][:3]))


@test("every line of maps has a form that lines of Linux have, to the column")
def _():
    known = {shape(line) for line in host("/proc/self/maps").splitlines()}
    lines = ours("cat", "/proc/self/maps").splitlines()
    check_equal(len(lines) > 3, True)
    check_equal([line for line in lines if shape(line) not in known], [])


@test("smaps has Linux's lines for each area, in Linux's order and to the column")
def _():
    text, linux = ours("cat", "/proc/self/smaps"), host("/proc/self/smaps")
    known = [line.split(":")[0] for line in re.split(r"(?m)^(?=[0-9a-f]+-)", linux)[1].splitlines()[1:]]
    areas = re.split(r"(?m)^(?=[0-9a-f]+-)", text)[1:]
    check_figures(text, linux, set())
    check_equal([area.splitlines()[0] for area in areas], ours("cat", "/proc/self/maps").splitlines())
    for area in areas:
        names = [line.split(":")[0] for line in area.splitlines()[1:]]
        check_equal(names, [name for name in known if name in names])
        check_equal(re.fullmatch(r"VmFlags:( [a-z]{2})+ ", area.splitlines()[-1]) is not None, True)
        told = {name: number for name, (*_, number) in figures(area).items()}
        check_equal(told["Rss"], sum(told[name] for name in told if name.startswith(("Shared_", "Private_"))))


@test("status has Linux's lines in Linux's order, and our own behind them")
def _():
    text, linux = ours("cat", "/proc/self/status"), host("/proc/self/status")
    names = [line.split(":")[0] for line in text.splitlines()]
    known = [line.split(":")[0] for line in linux.splitlines()]
    shared = [name for name in names if name not in OWN_STATUS]
    check_figures(text, linux, OWN_STATUS)
    check_equal(shared, [name for name in known if name in shared])
    check_equal(names, shared + [name for name in names if name in OWN_STATUS])
    check_equal(text.splitlines()[0], "Name:\tcat")


@test("meminfo has Linux's lines to the column, and every frame in one of them")
def _():
    text = ours("cat", "/proc/meminfo")
    told = {name: number for name, (*_, number) in figures(text).items()}
    check_figures(text, host("/proc/meminfo"), OWN_MEMINFO)
    check_equal(told["MemTotal"], sum(told[name] for name in CLASSES))
    check_equal(len(told), len(text.splitlines()))


@test("vmstat is names and numbers, as on Linux")
def _():
    lines = ours("cat", "/proc/vmstat").splitlines()
    check_equal([line for line in lines if not re.fullmatch(r"[a-z_]+ \d+", line)], [])
    known = {line.split()[0] for line in host("/proc/vmstat").splitlines()}
    check_equal({"nr_free_pages", "nr_anon_pages", "nr_file_pages", "pgfault", "pgmajfault"} <=
                known & {line.split()[0] for line in lines}, True)


@test("buddyinfo has the line that Linux has for a zone, to the column")
def _():
    line = re.compile(r"Node \d+, zone (?=.{8} ) *\w+ (?:(?=.{6} ) *\d+ )+")
    check_equal(line.fullmatch(host("/proc/buddyinfo").splitlines()[0]) is not None, True)
    text = ours("cat", "/proc/buddyinfo")
    check_equal((text.count("\n"), line.fullmatch(text.rstrip("\n")) is not None), (1, True))
    blocks = [int(word) for word in text.split()[4:]]
    check_equal((len(blocks), blocks[-1] > 0), (10, True))  # 4 KiB to 2 MiB


@test("no server has a space here, so none can be suspended, put out, or ended for want of memory")
def _():
    skip_without_disks()
    result = run(os.path.join(SDK, "faultline-run"), "--initrd", INITRD, "-s", "16M", "cat", "/proc/vmstat", "/proc/swaps")
    check_equal("/dev/vda" in result.stdout.decode(), True)  # root task, pager, console and disk driver run
    check_equal("nr_spaces 1" in result.stdout.decode().splitlines(), True)


@test("pmap prints the lines that procps' pmap prints for such an area")
def _():
    if not shutil.which("pmap"):
        raise Skip("this host has no pmap")
    def form(line):
        return re.sub(r"[0-9a-f]{16} +\d+K", lambda match: f"@{len(match[0])}",
                      re.sub(r"K [r-][w-][x-][s-]- ", "K % ", line))
    theirs = run("pmap", str(os.getpid())).stdout.decode().splitlines()
    lines = ours("pmap", "2").splitlines()
    check_equal(lines[0], "2:   pmap")
    check_equal([form(line).replace("pmap", "NAME") for line in lines[1:-1] if line.endswith("]")],
                [form(line) for line in theirs[1:-1] if line.endswith("[ anon ]")][:1] +
                [form(line) for line in theirs if line.endswith("[ stack ]")])
    check_equal(len(lines[-1]), len(theirs[-1]))
    check_equal(int(re.fullmatch(r" total +(\d+)K", lines[-1])[1]),
                sum(int(line.split()[1][:-1]) for line in lines[1:-1]))


main()
