#!/usr/bin/env python3
"""Working sets and load control on the target: what wss shows of a program, and what becomes of programs that fit alone
and not together."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, TOP, check_equal, comment, main, run, skip_on_other_machines, test  # noqa: E402

INITRD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "initrd.cpio")
SETS = re.compile(r" +(\d+) +(\d+) +(\d+)( +suspended)?")
# Programs that thrash, MiB of each, rounds, and work for each page, and the memory; with a disk and without.  One finds room, not
# two.  (The "none" of the small ones is in the middle of sizes from 2,960 to 3,240 KiB for which load control pays, as looked at in
# steps of 20.)
SMALL = {"disk": ((4, 1, 16, 4000), "mem=2400K"), "none": ((4, 2, 10, 4000), "mem=3160K")}
LARGE = {"disk": ((4, 6, 10, 4000), ""), "none": ((3, 6, 8, 4000), "")}
SIZES = LARGE if os.environ.get("SIZES") == "large" else SMALL


def check(holds, what):
    """`what` is shown if it does not hold."""
    check_equal((bool(holds), None if holds else what), (True, None))


def runner(*words, append="", options=(), clock="work"):
    """What a program prints, and what the system logs.  Work is counted, so that waits for disks are not."""
    result = run(os.path.join(SDK, "faultline-run"), "--icount", "--once", "--initrd", INITRD, "--append", f"clock={clock} {append}",
                 *options, *words, seconds=220)
    check_equal(result.returncode, 0)
    return result.stdout.decode().splitlines(), result.stderr.decode()


@test("wss shows the pages that a program used in each window, and how uses are spread over them")
def _():
    out, _ = runner("wss", "2", "words", "60000", options=("-m", "32M"))
    sets = [tuple(map(int, match.groups()[:3])) for match in map(SETS.fullmatch, out) if match]
    uses = [int(line.split()[2]) for line in out[out.index("of the pages, the most    of the uses") + 1:]]
    check(len(sets) >= 5, f"{len(sets)} windows")
    check(all(used <= resident + 16 and faults == 0 for used, resident, faults in sets), sets)
    check(max(used for used, _, _ in sets) > 100, sets)
    check_equal(len(uses), 10)
    check(uses == sorted(uses) and uses[-1] == 100 and uses[4] > 50, uses)


@test("a window that was to last an hour ends when it is due by a length that is written meanwhile")
def _():
    out, _ = runner("wss", "2", "words", "60000", options=("-m", "32M"), append="vm.window=3600000", clock="time")
    used = [int(match[1]) for match in map(SETS.fullmatch, out) if match]
    check(any(used), used)


def thrash(control, sizes, append="", disk=()):
    skip_on_other_machines("windows and work are counted instructions of the one hart of virt")
    words, memory = sizes
    out, log = runner("thrash", *map(str, words), append=f"vm.load-control={control} {memory} {append}",
                      options=("-m", "16M", *disk))
    figures = dict(re.split(r"  +", line) for line in out if "  " in line)
    check_equal(figures["programs that failed"], "0")
    return {name: int(value.split()[0]) for name, value in figures.items()}, log


def check_untouched(figures, log):
    check_equal(figures["programs suspended"], 0)
    check("load control" not in log, log)


def suspended(figures, log):
    """The processes that were, each because the sets did not fit."""
    waits = re.findall(r"load control: process (\d+) waits: the working sets do not fit \(it used (\d+) pages, "
                       r"all (\d+) of (\d+)\)", log)
    check(waits and figures["programs suspended"] > 0, f"{figures} {log}")
    check(all(int(needed) > int(frames) for _, _, needed, frames in waits), log)
    return [pid for pid, *_ in waits]


# How much they thrash depends on the host's disk: while one waits long for its page the others find room.
@test("programs that fit alone and not together end well with a disk, and with load control one waits meanwhile")
def _():
    for control, look in (("off", check_untouched), ("on", suspended)):
        figures, log = thrash(control, SIZES["disk"], disk=("-s", "64M"))
        look(figures, log)
        check(figures["pages in"] > 0 and figures["disk requests"] > 0, figures)


@test("without a disk too; who waited goes on; and together they unpack fewer pages and get on with less work than without load control")
def _():
    off, log = thrash("off", SIZES["none"], append="vm.compress=50")
    check_untouched(off, log)
    on, log = thrash("on", SIZES["none"], append="vm.compress=50")
    waited = suspended(on, log)
    check_equal(len(waited), on["programs suspended"])
    check_equal(sorted(re.findall(r"load control: process (\d+) goes on", log)), sorted(waited))
    check_equal([(figures["pages in"], figures["disk requests"]) for figures in (off, on)], [(0, 0), (0, 0)])
    check(on["compressed pages in"] < off["compressed pages in"], f"{on} {off}")
    check(on["work, thousand cycles"] < off["work, thousand cycles"], f"{on} {off}")
    check(on["computed, of the work"] > off["computed, of the work"], f"{on} {off}")
    comment(f"computed, of the work: {off['computed, of the work']} % without, {on['computed, of the work']} % with it")


main()
