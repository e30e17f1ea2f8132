#!/usr/bin/env python3
"""The memory calls: what memcalls.c prints on Faultline is what it prints on the Linux of this host.

On the host it runs without privileges, since those lift limits.
"""
import collections
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, TOP, check_equal, main, run, test

NOBODY = 65534
SOURCE = os.path.join(TOP, "tests", "target", "system", "memcalls.c")
BUILD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"))
GROUPS = ("ranges", "mmap", "mremap", "contents", "locks", "limits")
PROMISES = {"more than there is": ("ENOMEM", "ENOMEM"),
            "most of it": ("0", "0"),
            "most of it twice": ("0", "ENOMEM"),
            "shared": ("0", "ENOMEM"),
            "without reserve": ("0", "ENOMEM"),
            "read-only": ("0", "0"),
            "made writable": ("ENOMEM", "ENOMEM"),
            "a part made writable": ("0", "0")}
_told = {}


def lines(result):
    """{group: {case: answer}} of what a run printed."""
    check_equal((result.returncode, result.stderr.decode()[-300:] if result.returncode else ""), (0, ""))
    groups = collections.defaultdict(dict)
    for line in result.stdout.decode().splitlines():
        group, case, answer = line.split(" | ")
        groups[group][case] = answer
    return groups


def on_host():
    check_equal(run("cc", "-D_GNU_SOURCE", "-Wno-nonnull", "-O1", "-o", "on_host", SOURCE).returncode, 0)
    os.chmod(".", 0o755)
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return lines(run("./on_host", **identity))


def on_target(*words, append=""):
    return lines(run(os.path.join(SDK, "faultline-run"), "--initrd", os.path.join(BUILD, "initrd-test.cpio"),
                     *(("--append", append) if append else ()), "memcalls", *words))


def told():
    if not _told:
        _told.update(host=on_host(), target=on_target())
    return _told["host"], _told["target"]


for name in GROUPS:
    @test(f"the answers of group {name} are those of Linux")
    def _(group=name):
        host, target = told()
        check_equal(list(target[group]), list(host[group]))
        differing = [case for case in host[group] if target[group][case] != host[group][case]]
        check_equal({case: target[group][case] for case in differing},
                    {case: host[group][case] for case in differing})


for column, mode in enumerate(("heuristic", "strict")):
    @test(f"overcommit={mode} promises what it should")
    def _(number=column, word=mode):
        check_equal(on_target("promise", append=f"overcommit={word}")["promise"],
                    {case: answers[number] for case, answers in PROMISES.items()})


main()
