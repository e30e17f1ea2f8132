#!/usr/bin/env python3
"""Programs at the prompt that are larger than memory together: each compares all that it reads with what it wrote, and what
/proc/vmstat counted says which way the pages went."""
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

INITRD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "initrd.cpio")
POLICIES = ("fifo", "clock", "lru", "lfu", "clockpro")
PAGE = 4096


def prompt(*lines, append="", options=(), programs=1, env=None):
    """What is printed when these lines are typed; `programs` of them compared what they read."""
    result = run(os.path.join(SDK, "faultline-run"), "--once", "-m", "16M", "--initrd", INITRD, "--append", append, *options, "sh",
                 stdin="".join(line + "\n" for line in lines).encode(), seconds=100, env={**os.environ, **(env or {})})
    check_equal(result.returncode, 0)
    out = result.stdout.decode().replace("faultline$ ", "")
    wrong = re.findall(r"^visit +\d+ +(\d+)", out, re.M)
    told = out + result.stderr.decode()
    failed = re.findall(r"^(?:\[\d+\] .*: (?:ended by|exited with status [1-9]).*|(?:faultline\$ )*\w+: .*(?:Not enough|No more) .*)", told, re.M)
    check_equal((wrong, failed), (["0"] * programs, []))
    return out


def counts(out):
    """Each time that /proc/vmstat was told."""
    lines = re.findall(r"^(\w+) (\d+)$", out, re.M)
    names = [name for name, _ in lines]
    many = names.count("pgsteal")
    return [dict((name, int(value)) for name, value in lines[i * len(lines) // many:(i + 1) * len(lines) // many])
            for i in range(many)]


@test("one program larger than memory that takes a page at a time: pages leave in the background alone, before fewer than `min` are free")
def _():
    (told,) = counts(prompt("locality 6 3000", "cat /proc/vmstat", options=("--icount",), append="mem=5M vm.compress=60"))
    comment(f"{told['pgsteal_kswapd']} pages left in the background")
    check_equal((told["pgsteal_kswapd"] > 1000, told["pgscan_kswapd"] >= told["pgsteal_kswapd"]), (True, True))
    check_equal([told[name] for name in ("pgsteal_direct", "pgscan_direct", "allocstall", "oom_kill")], [0, 0, 0, 0])


@test("twelve programs in 2.5 MiB, whose disk is slow: all start, pages leave in the background and directly; nobody is ended")
def _():
    each = "locality 2 800"
    # What is still being written has not left: swapoff ends when nothing is.
    (told,) = counts(prompt(*[each + " &"] * 12, "wait", "swapoff /dev/vda", "cat /proc/vmstat", options=("-s", "64M", "--icount"),
                            append="mem=2560K", programs=12, env=throttled("iops-write=50")))
    comment(f"{told['pgsteal_kswapd']} pages left in the background, {told['pgsteal_direct']} directly, in {told['allocstall']} turns")
    check_equal((told["pgsteal_direct"] > 0, told["pgsteal_kswapd"] > 0, told["oom_kill"]), (True, True, 0))
    check_equal(0 < told["allocstall"] <= told["pgscan_direct"], True)
    check_equal(told["pgscan_direct"] >= told["pgsteal_direct"], True)
    check_equal(told["pgsteal"] >= told["pgsteal_kswapd"] + told["pgsteal_direct"], True)


@test("in front of a disk the compressed store takes pages first, and the disk what it has no room for")
def _():
    (told,) = counts(prompt("locality 14 4000", "cat /proc/vmstat", options=("-s", "64M"), append="vm.compress=30"))
    comment(f"{told['zswpout']} pages to the store, {told['pswpout']} to the disk")
    for name in ("zswpout", "zswpin", "pswpout", "pswpin"):
        check_equal((name, told[name] > 0), (name, True))


@test("the replacement policy is changed while a program is larger than memory: each one puts pages out, and none loses any")
def _():
    lines = [line for policy in POLICIES
             for line in (f"sysctl vm.replacement={policy}", "locality 5 600", "cat /proc/vmstat")]
    out = prompt("locality 6 20000 &", *lines, "wait", options=("-s", "64M"), append="mem=4M", programs=len(POLICIES) + 1)
    check_equal(re.findall(r"^vm\.replacement = (\w+)$", out, re.M), list(POLICIES))
    left = [told["pgsteal"] for told in counts(out)]
    check_equal((len(left), left), (len(POLICIES), sorted(set(left))))


@test("a disk with a list of bad pages is used but for them, and what they hold stays")
def _():
    pages, bad = 2048, [1, 7, 40, 41, 1000, 2047]
    data = bytearray(random.Random(pages).randbytes(pages * PAGE))
    data[:PAGE] = bytes(PAGE)
    struct.pack_into("<III", data, 1024, 1, pages - 1, len(bad))
    struct.pack_into(f"<{len(bad)}I", data, 1536, *bad)
    data[PAGE - 10:PAGE] = b"SWAPSPACE2"
    with open("bad", "wb") as file:
        file.write(data)
    out = prompt("swapon -s", "locality 9 2000", options=("-d", "bad"), append="mem=4M")
    (size,) = re.findall(r"^/dev/vda +partition\t(\d+)\t", out, re.M)
    check_equal(int(size), (pages - 1 - len(bad)) * PAGE // 1024)
    with open("bad", "rb") as file:
        now = file.read()
    written = {page for page in range(pages) if now[page * PAGE:(page + 1) * PAGE] != data[page * PAGE:(page + 1) * PAGE]}
    comment(f"{len(written)} of {pages} pages were written")
    check_equal((written & {0, *bad}, len(written) > pages // 2), (set(), True))


main()
