#!/usr/bin/env python3
"""The console driver on QEMU's ns16550a, and the firmware's console where it can't serve."""
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
import tree
from boot import archive
from ktap import Skip, check_equal, check_in, comment, main, test
from machine import PIPE_BYTES, QUIET_SECONDS, Machine, timer_interrupts

INITRD_AT = 0x82000000
OTHER = "/soc/rtc@101000"
LAYOUT = b"ns16550a\0"  # of its registers there are several kinds


def initrd_of(*words, without=()):
    files = archive.read(boot.build_file("initrd-test.cpio"))
    files[b".run/argv"] = b"".join(word.encode() + b"\0" for word in words)
    return archive.write({name: data for name, data in files.items() if name not in without})


def pattern(count):
    return bytes(i * 7 >> 3 & 0xff for i in range(count))


def numbers(result):
    return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", result.errors.decode())}


# --- with the driver -----------------------------------------------------------------------------

@test("256 KiB of output to a slow reader arrive exactly; the machine idles meanwhile and is interrupted for more")
def _():
    count = 256 << 10
    with Machine(initrd_of("console_probe", "flood", str(count))) as machine:
        machine.read_until(b"init: ")
        machine.stall_asleep()
        result = machine.end()
    found = numbers(result)
    comment(result.errors.decode())
    check_equal((result.status, result.output == pattern(count)), ("exit 0", True))
    check_equal((found["interrupts"] > 0, found["idle"] > 0), (True, True))


@test("the last words of a machine that goes off reach a reader that comes late")
def _():
    with Machine(initrd_of("console_probe", "flood", str(PIPE_BYTES))) as machine:
        machine.read_until(b"init: ")
        machine.stall()
        result = machine.end()
    check_equal((result.status, result.output), ("exit 0", pattern(PIPE_BYTES)))


@test("no line of the pager's falls into a frame, when it logs each fault and the reader stalls")
def _():
    with Machine(initrd_of("system_test", "course"), append="events=1") as machine:
        machine.read_until(b"init: ")
        while machine.read(count=997):
            pass
    result = boot.Boot(machine.console, "", False)
    lines = [line for line in result.log.split("\n") if line.startswith("pager: fault ")]
    torn = [line for line in lines if not re.fullmatch(r"pager: fault \d+: space \d+ \w+ 0x[0-9a-f]+ pc 0x[0-9a-f]+: [\w -]+", line)]
    check_equal((result.status, torn, len(lines) > 100), ("exit 0", [], True))
    check_equal(result.output.startswith(b"KTAP version 1\n"), True)


@test("no CR is added to output: what a program writes is on the line as it is")
def _():
    with Machine(initrd_of("echo", "one\r\ntwo")) as machine:
        machine.end()
    frame = b"\x1e" + boot.NONCE.encode()
    check_in(frame + b" 1 5\none\r\n" + frame + b" 1 4\ntwo\n" + frame + b" X exit 0\n", machine.console)


@test("64 KiB of input at once, read slowly, lose nothing")
def _():
    data = pattern(65536).replace(b"\x10", b"\x11")
    with Machine(initrd_of("console_probe", "slowly")) as machine:
        machine.read_until(b"OpenSBI")
        machine.send_all(data + b"\x10e")
        result = machine.end()
    check_equal((result.status, result.output == data), ("exit 0", True))
    check_equal("input was lost" in result.log, False)


@test("who waits for input is woken by an interrupt; no timer goes off meanwhile, but the watch's last")
def _():
    with Machine(initrd_of("console_probe", "wait"), "-d", "int", "-D", "interrupts") as machine:
        machine.read_until(b"ready\n")
        machine.await_asleep()  # who waited for the kernel's lock may have napped until just now
        before = timer_interrupts("interrupts")
        check_equal(machine.read(seconds=QUIET_SECONDS), None)
        check_equal(timer_interrupts("interrupts") - before <= 1, True)
        machine.send(b"here")
        result = machine.end()
    check_equal((result.status, result.output), ("exit 0", b"ready\nhere"))
    check_equal(numbers(result)["interrupts"] > 0, True)


@test("with counted instructions and a clock that leaps over idle time, late input arrives")
def _():
    with Machine(initrd_of("console_probe", "wait"), "-icount", "shift=0,sleep=off") as machine:
        machine.read_until(b"ready\n")
        check_equal(machine.read(seconds=QUIET_SECONDS), None)
        machine.send(b"here")
        result = machine.end()
    check_equal((result.status, result.output), ("exit 0", b"ready\nhere"))


@test("a driver that faults stops the system with a report")
def _():
    files = archive.read(initrd_of("hello"))
    files[b"console"] = files[b"hello"]
    result = boot.boot(archive.write(files))
    check_equal((result.hung, result.status), (False, None))
    check_in("panic", result.log)


# --- without it ----------------------------------------------------------------------------------

def check_firmware_serves(result, line):
    """The line is told, and both directions work."""
    check_equal((result.hung, result.status, result.output), (False, "exit 0", b"a line\n"))
    boot_lines = [told for told in result.told() if re.search(line, told)]
    check_equal(len(boot_lines), 1)


def machine_tree(initrd=None):
    return tree.of_machine(f"nonce={boot.NONCE}", initrd and (INITRD_AT, len(initrd)))


def spoilt(spoil):
    """A boot of `cat` whose device tree was changed."""
    initrd = boot.full_initrd("cat")
    root = machine_tree(initrd)
    spoil(root)
    return boot.boot_tree(tree.write(root), initrd, stdin=b"a line\n")


def uart():
    """How the log calls this machine's UART, and where that is."""
    props = tree.console(machine_tree()).props
    return f"`{props['compatible'].split(bytes(1))[0].decode()}` at 0x{struct.unpack_from('>Q', props['reg'])[0]:x}"


def disable_uarts(root):
    """All that are like the console: a system may use another one where the one that is named is none."""
    names = tree.console(root).props["compatible"]
    for node in root.at("/soc").children.values():
        if node.props.get("compatible") == names:
            node.props["status"] = tree.text("disabled")


@test("a UART that is disabled in the device tree is none: the firmware's console stays")
def _():
    result = spoilt(disable_uarts)
    check_firmware_serves(result, r"init: console: no UART among \d+ devices: the firmware's console stays")


@test("a UART that no driver knows is named")
def _():
    result = spoilt(lambda root: tree.console(root).props.update(compatible=tree.text("acme,uart")))
    check_firmware_serves(result, rf"init: console: no driver for `acme,uart` {uart().partition(' ')[2]}: ")


@test("the console that stdout-path names is the only one that counts, though another UART is known")
def _():
    if OTHER.rpartition("/")[2] not in machine_tree().at("/soc").children:
        raise Skip(f"there is no {OTHER} to be named instead")
    result = spoilt(lambda root: root.at("/chosen").props.update({"stdout-path": tree.text(OTHER + ":115200n8")}))
    check_firmware_serves(result, r"init: console: no driver for `google,goldfish-rtc` at 0x101000: ")


@test("a UART without an interrupt is named")
def _():
    result = spoilt(lambda root: tree.console(root).props.pop("interrupts"))
    check_firmware_serves(result, rf"init: console: {uart()} has no interrupt: ")


@test("a UART with an impossible register layout is named with it")
def _():
    if not tree.console(machine_tree()).props["compatible"].startswith(LAYOUT):
        raise Skip("this machine's UART has one layout")
    result = spoilt(lambda root: tree.console(root).props.update({"reg-io-width": struct.pack(">I", 2)}))
    check_firmware_serves(result, rf"init: console: {uart()}, reg-shift 0, reg-io-width 2: error 22: ")


@test("an initrd without the driver, or with something else under its name, is told")
def _():
    result = boot.boot(initrd_of("cat", without=(b"console",)), stdin=b"a line\n")
    check_firmware_serves(result, r"init: initrd: no file `console`: ")
    files = archive.read(initrd_of("cat")) | {b"console": b"no program"}
    result = boot.boot(archive.write(files), stdin=b"a line\n")
    check_firmware_serves(result, r"init: initrd: console: .*: the firmware's console stays")


main()
