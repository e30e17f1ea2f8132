#!/usr/bin/env python3
"""Devices that boot arguments name: programs may open those and no others."""
import calendar
import re
import sys
import time

sys.dont_write_bytecode = True
import boot
import tree
from ktap import check_equal, check_in, main, test

RTC = "google,goldfish-rtc"
PATH = "/dev/google,goldfish-rtc@101000"
INITRD_AT = 0x82000000
UART = "/soc/serial@10000000"


def run(*words, append=""):
    """A program's boot with these boot arguments."""
    result = boot.boot(boot.full_initrd(*words), append=append)
    check_equal((result.hung, result.status is not None), (False, True))
    return result


def told(result):
    """Lines of init about devices."""
    return [line for line in result.told() if re.match(r"init: (device|boot arguments)", line)]


def devices_listed(result):
    return re.findall(r"(\d+)  (/dev/\S+)", result.output.decode())


def run_tree(spoil, *words, append):
    """The same with a device tree that was changed."""
    initrd = boot.full_initrd(*words)
    root = tree.of_machine(f"nonce={boot.NONCE} {append}", (INITRD_AT, len(initrd)))
    spoil(root)
    return boot.boot_tree(tree.write(root), initrd)


@test("the clock tells the host's date")
def _():
    result = run("rtc", append=f"device={RTC}")
    check_equal((result.status, told(result)),
                ("exit 0", [f"init: device `{RTC}` at 0x101000: programs may open it"]))
    date = calendar.timegm(time.strptime(result.output.decode().strip(), "%Y-%m-%d %H:%M:%S UTC"))
    check_equal(abs(date - time.time()) < 60, True)


@test("without the boot argument the same path names nothing, and nothing is told")
def _():
    result = run("rtc", PATH)
    check_equal((result.status, result.errors, told(result)),
                ("exit 1", f"rtc: {PATH}: No such file or directory\n".encode(), []))
    check_equal(devices_listed(run("ls")), [])


@test("ls lists the devices that were named, each once, and no others")
def _():
    result = run("ls", append=f"device={RTC} device=virtio,mmio device={RTC}")
    check_equal(sorted(devices_listed(result)),
                sorted([("4096", f"/dev/virtio,mmio@{at:x}") for at in range(0x10001000, 0x10009000, 0x1000)] + [("4096", PATH)]))


@test("a name that no device has is told with the names there are, and the system goes on")
def _():
    for word in ("nonesuch", RTC[:-1], RTC + "2", "x" * 60):
        result = run("ls", append=f"device={word} device={RTC}")
        check_equal((result.status, devices_listed(result)), ("exit 0", [("4096", PATH)]))
        check_in(f"init: boot arguments: there is no device `{word[:47]}` that programs could open\n", result.log)
        names = re.findall(r"init: devices:(.*)", result.log)
        check_equal((len(names), {RTC, "ns16550a", "virtio,mmio"} <= set(names[0].split())), (1, True))
        check_equal(len(names[0].split()), len(set(names[0].split())))


@test("the UART of the console driver and the interrupt controller stay closed")
def _():
    for word, line in (("ns16550a", r"init: device `ns16550a` at 0x10000000: our driver has it, programs may not open it"),
                       ("sifive,plic-1.0.0", r"init: boot arguments: there is no device `sifive,plic-1.0.0` .*"),
                       ("riscv,plic0", r"init: boot arguments: there is no device `riscv,plic0` .*")):
        result = run("ls", append=f"device={word}")
        check_equal((result.status, devices_listed(result)), ("exit 0", []))
        check_equal(len([found for found in told(result) if re.fullmatch(line, found)]), 1)


@test("a device that shares a page with one that is driven or not named stays closed")
def _():
    def beside(at):
        def spoil(root):
            root.at("/soc").children["d@1"] = tree.Node(reg=tree.cells64(at, 8), compatible=tree.text("test,beside"))
        return spoil

    for at, append, opened in ((0x10000800, "device=test,beside", []),
                               (0x101800, "device=test,beside", []),
                               (0x101800, f"device=test,beside device={RTC}", ["test,beside@101800", f"{RTC}@101000"]),
                               (0x7f001ffc, "device=test,beside", ["test,beside@7f001ffc"])):
        result = run_tree(beside(at), "ls", append=append)
        check_equal((result.hung, result.status), (False, "exit 0"))
        check_equal(sorted(name for _, name in devices_listed(result)), sorted("/dev/" + name for name in opened))
        check_equal(f"`test,beside` at 0x{at:x}: shares a page" in result.log, not opened)


@test("a boot argument without a name is one that can't be read")
def _():
    boot.check_told(boot.boot(boot.full_initrd("ls"), append="device="), r"init: boot arguments: can't read `device=")


main()
