#!/usr/bin/env python3
"""init's watch: a pager that stops answering ends the system with a report; a slow one is let alone.

The pager is the system's own with a vice (hanging_pager.c).  Where everybody sleeps, the machine's
clock leaps, and where somebody runs an instruction takes 128 ns (COUNTED): 15 s of the system's are
less than one of ours."""
import os
import re
import sys

sys.dont_write_bytecode = True
import boot
from boot import archive
from ktap import check_equal, check_in, main, run, skip_without_disks, test
from machine import Machine, user_calls

RUN = os.path.join(boot.TOP, "user", "sdk", "faultline-run")
PAGER = os.path.join(boot.BUILD, "user", "hanging_pager.elf")
COUNTED = ("-icount", "shift=7,sleep=off")
SECONDS = 60  # for one boot
PATIENCE = 15  # seconds in which a pager that stopped answering is found
LOOKS = 6      # of the watch: more than it needs to find a pager
PROCESSES = 60  # that the watch looks at, each by a call
SILENCE = "does not answer"


def initrd_of(*words, without=()):
    """The system's initrd with our pager, and the program to run."""
    files = archive.read(boot.full_initrd(*words))
    with open(PAGER, "rb") as file:
        files[b"pager"] = file.read()
    return archive.write({name: data for name, data in files.items() if name not in without})


def check_report(result, reason, *lines):
    """The machine ended by itself; the report has the pager's registers, the counters and these lines."""
    check_equal(result.hung, False)
    if not result.status or not re.fullmatch(f"failed the pager {SILENCE}: {reason} waits for more than 10 s", result.status):
        raise AssertionError(f"status: {result.status}\n{result.log[-2000:]}")
    told = "\n".join(result.told())
    for pattern in (*lines, r"pager: pc 0x[12]\w{4} sp 0x3fff01\w{4} ra 0x\w+", r"pager: a0 0x\w+ a1 0x\w+ a2 0x\w+ a3 0x\w+",
                    r"pager: a4 0x\w+ a5 0x\w+ a6 0x\w+ a7 0x\w+", r"counter FRAMES_FREE \d+", r"counter INTERRUPTS \d+"):
        if not re.search(f"^init: {pattern}\r?$", told, re.M):
            raise AssertionError(f"no line '{pattern}' in:\n{told}")


# --- pagers that stop answering ------------------------------------------------------------------

@test("a pager that loops ends the run with a report and a clear message, long before its time limit")
def _():
    with open("counted", "w", encoding="utf-8") as script:
        script.write(f'#!/bin/sh\nexec {boot.QEMU} "$@" {" ".join(COUNTED)}\n')
    os.chmod("counted", 0o755)
    result = run(RUN, "--pager", PAGER, "--append", "vice=loop,3", "--timeout", str(SECONDS), "hello", seconds=2 * SECONDS,
                 env=dict(os.environ, FAULTLINE_QEMU=os.path.abspath("counted")))
    text = result.stderr.decode(errors="replace").replace("\r", "")
    check_equal(result.returncode, 125)
    for line in ("init: server: waits for a message", "init: pager: runs",
                 "faultline-run: the system failed: the pager does not answer: fault 3 of hello[2], the oldest of 1, "
                 "waits for more than 10 s, status 125"):
        check_in(line + "\n", text)


@test("a pager that sleeps with a fault it has taken is found")
def _():
    result = boot.boot(initrd_of("hello"), append="vice=sleep,3", options=COUNTED)
    check_report(result, r"fault 3 of hello\[2\], the oldest of 1,", "server: waits for a message",
                 r"hello\[2\]: waits for an answer, fault 3 at pc 0x[12]\w{4}", "pager: waits for a notification")


def check_dropped(*options):
    result = boot.boot(initrd_of("hello"), append="vice=drop,3", options=COUNTED + options)
    check_report(result, r"fault 3 of hello\[2\], the oldest of 1,",
                 r"hello\[2\]: waits for an answer, fault 3 at pc 0x[12]\w{4}")


@test("a pager that lets faults wait and answers calls is found")
def _():
    check_dropped()


@test("a pager that lets faults wait and answers calls is found, also beside a disk that has nothing to do")
def _():
    skip_without_disks()
    with open("disk.img", "wb") as file:
        file.truncate(1 << 20)
    check_dropped("-drive", "if=none,id=disk,format=raw,file=disk.img", "-device", "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0")


@test("a pager that sleeps in a call of init's is found, before the first program and after it")
def _():
    for number, own in ((1, 1), (4, 4), (12, r"\d+")):  # programs call the pager too
        result = boot.boot(initrd_of("sh"), stdin=b"hello\n", append=f"vice=call,{number}", options=COUNTED)
        check_report(result, rf"call {own} of init", "server: waits for an answer", "pager: waits for a notification")


@test("a pager that sleeps in a program's call is found: init asks it something")
def _():
    result = boot.boot(initrd_of("walk"), append="vice=call,7", options=COUNTED)
    check_report(result, r"call \d+ of init", "server: waits to be received",
                 r"walk\[2\]: waits for an answer, last fault \d+", "pager: waits for a notification")


@test("with many programs the report names them all, and the oldest fault")
def _():
    result = boot.boot(initrd_of("sh"), stdin=b"sleep 1000 &\n" * 40, append="vice=sleep,100", options=COUNTED)
    check_report(result, r"fault 100 of \w+\[\d+\], the oldest of \d,", r"sh\[2\]: waits .*",
                 r"\w+\[\d+\]: waits for an answer, fault 100 at pc 0x\w+",
                 r"sleep\[3\]: waits for a notification, last fault \d+", r"sleep\[10\]: waits for a notification, last fault \d+")


@test("without the console driver the firmware's console takes the report")
def _():
    result = boot.boot(initrd_of("hello", without=(b"console",)), append="vice=sleep,3", options=COUNTED)
    check_report(result, r"fault 3 of hello\[2\], the oldest of 1,", "pager: waits for a notification")


@test("at the prompt the report is readable too")
def _():
    with Machine(initrd_of(), *COUNTED, append="tour=no vice=sleep,3", run_mode=False) as machine:
        result = machine.end()
    check_in("init: pager: waits for a notification\n", result.log)
    check_in("init: the pager does not answer: fault 3 of sh[2]", result.log)


# --- and those that don't ------------------------------------------------------------------------

@test("a pager that takes 5 s for each of some faults is let alone")
def _():
    result = boot.boot(initrd_of("hello"), append="vice=slow,3", options=COUNTED, seconds=SECONDS)
    boot.check_ran(result)
    check_equal(SILENCE in result.log, False)


@test("a program that runs for long without a fault is let alone")
def _():
    result = boot.boot(initrd_of("sh"), stdin=b"spin &\nsleep %d\nhello\n" % (PATIENCE + 5), options=COUNTED)
    check_equal((result.status, boot.GREETING in result.output, SILENCE in result.log), ("exit 0", True, False))


@test("thirty programs that sleep for long, and one that reads meanwhile, are let alone")
def _():
    with Machine(initrd_of("sh"), *COUNTED) as machine:
        machine.send(b"sleep 1000 &\n" * 30 + b"sleep 500\nhello\n")
        machine.read_until(boot.GREETING)
        machine.send(b"wait\n\x10e")
        result = machine.end()
    check_equal((result.status, SILENCE in result.log), ("exit 0", False))


@test("a pager that the console holds up is let alone: nobody read its output for long")
def _():
    with Machine(initrd_of("tour"), *COUNTED, "-d", "int", "-D", "traps", append="events=1") as machine:
        machine.stall()
        before = user_calls("traps")
        machine.wait_until(lambda: user_calls("traps") - before > LOOKS * PROCESSES)
        result = machine.end()
    check_equal((result.status, SILENCE in result.log), ("exit 0", False))


# --- rest ----------------------------------------------------------------------------------------

@test("at an idle prompt nobody wakes, and the watch looks again when there is work")
def _():
    with Machine(initrd_of(), *COUNTED, "-d", "int", "-D", "traps", append="tour=no vice=sleep,40", run_mode=False) as machine:
        machine.read_until(b"$ ")
        machine.read(seconds=1)
        before = user_calls("traps")
        check_equal(machine.read(seconds=1), None)
        check_equal(user_calls("traps") - before, 0)
        machine.send(b"hello\n" * 10)
        result = machine.end()
    check_in("init: the pager does not answer: fault 40 of ", result.log)


main()
