#!/usr/bin/env python3
"""The firmware's console where no driver knows the UART: the debug console of SBI 2.0, and before it the legacy calls."""
import concurrent.futures
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [os.path.join(TOP, "tests"), os.path.join(HERE, "..", "boot"), os.path.join(TOP, "tests", "sdk")]
import boot
import debugger
import machines
import tree
from ktap import Skip, check_equal, main, test

INITRD_AT = 0x82000000
DEBUG_CONSOLE, READ, WRITE_BYTE = 0x4442434e, 1, 2  # Spec: SBI 2.0, chapter 12
PUTCHAR, GETCHAR = 1, 2  # extensions of one call each.  Spec: SBI 2.0, chapter 5
SECONDS = 60  # for a boot that stops at each call to the firmware


def firmware_calls():
    """Where the kernel's instructions are that call the firmware."""
    listing = subprocess.run(["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn",
                              os.path.join(boot.BUILD, "faultline.elf")], capture_output=True, text=True, check=True)
    return [int(address, 16) for address in re.findall(r"^\s*([0-9a-f]+):\s+ecall", listing.stdout, re.M)]


def boot_and_watch(read):
    """Which of the console's calls (extension, function) the kernel made up to the first `read`; the program's output."""
    initrd = boot.full_initrd("cat")
    root = tree.of_machine(f"nonce={boot.NONCE}", (INITRD_AT, len(initrd)))
    root.at("/soc/serial@10000000").props.update(compatible=tree.text("acme,uart"))
    places, seen = firmware_calls(), set()
    with debugger.Debugger("debugger") as link, concurrent.futures.ThreadPoolExecutor() as pool:
        booted = pool.submit(boot.boot_tree, tree.write(root), initrd, stdin=b"a line\n", options=link.options,
                             seconds=SECONDS)
        while read not in seen:
            link.run_to(*places)
            call = link.get("a7", "a6")
            if call[0] in (PUTCHAR, GETCHAR, DEBUG_CONSOLE):
                seen.add(call)
        link.leave()
        result = booted.result()
    check_equal((result.hung, result.status), (False, "exit 0"))
    return seen, result.output


@test("firmware with the debug console gets and gives bytes by that, and is not asked by the old calls")
def _():
    machine = machines.Machines().named("virt-new")
    lack = machine.lack(boot.BUILD)
    if lack:
        raise Skip(lack)
    boot.QEMU = machine.qemu_program(boot.BUILD)
    check_equal(boot_and_watch((DEBUG_CONSOLE, READ)),
                ({(DEBUG_CONSOLE, WRITE_BYTE), (DEBUG_CONSOLE, READ)}, b"a line\n"))


@test("older firmware is asked by the old calls, and for the debug console's output once")
def _():
    boot.QEMU = "qemu-system-riscv64"
    if not boot.boot(boot.small_initrd()).log.startswith("\nOpenSBI v1.1"):
        raise Skip("the firmware of this host's QEMU may have the debug console")
    check_equal(boot_and_watch((GETCHAR, 0)),
                ({(DEBUG_CONSOLE, WRITE_BYTE), (PUTCHAR, 0), (DEBUG_CONSOLE, READ), (GETCHAR, 0)}, b"a line\n"))


main()
