#!/usr/bin/env python3
"""Programs that show and change what the pager does, at the prompt: their lines have the form that people know."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "sdk"))
from ktap import SDK, TOP, check_equal, main, run, test  # noqa: E402

INITRD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "initrd.cpio")


def prompt(*lines, append="", options=()):
    """What the prompt and its programs print when these lines are typed, and what the system logs."""
    result = run(os.path.join(SDK, "faultline-run"), "--initrd", INITRD, "--append", append, *options, "sh",
                 stdin="".join(line + "\n" for line in lines).encode())
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


main()
