#!/usr/bin/env python3
"""Rule H6 of docs/fault-protocol.md: a fault of a thread whose handler is System stops the system."""
import os
import re
import sys

sys.dont_write_bytecode = True
import boot
from ktap import check_in, main, run, test

RUN = os.path.join(boot.TOP, "user", "sdk", "faultline-run")
IMAGE = os.path.join(boot.BUILD, "system_handler.bin")


@test("H6: a fault of a thread whose handler is System stops the system with a report")
def _():
    result = run(RUN, "--timeout", "20", "--console", "-k", IMAGE, "--no-initrd", seconds=40)
    text = result.stdout.decode(errors="replace")
    for part in ("a thread whose handler is System writes to 0x2000000000",
                 "panic: a thread that the system needs faulted: store page fault (cause 15), value 0000002000000000",
                 "faultline: the system has stopped"):
        if part not in text:
            raise AssertionError(f"'{part}' is not in:\n{text}")
    if "the root task still runs" in text:
        raise AssertionError(text)


@test("H6: with four harts, of which three write and two fault, there is one report, whole, and nothing behind it")
def _():
    result = run(RUN, "--timeout", "20", "--console", "-c", "4", "-k", IMAGE, "--no-initrd", seconds=40)
    text = result.stdout.decode(errors="replace").replace("\r", "")
    before, panic, report = text.partition("faultline: panic: ")
    check_in("a thread writes\n", before)
    registers = r"(\n {2}(\w+ [0-9a-f]{16} {0,2}){4}){8}"
    if not re.fullmatch(rf"a thread that the system needs faulted: store page fault \(cause 15\), value 0000002000000000{registers}\n"
                        r"faultline: the system has stopped\n(faultline: halted by a failure\n)?", report):
        raise AssertionError(panic + report)


main()
