#!/usr/bin/env python3
"""A program that does what it must not is ended alone, and what it did is told: through
faultline-run as a user meets it, and many of them in one boot."""
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
import boot
import tree
from ktap import check_equal, main, run, test

RUN = os.path.join(boot.TOP, "user", "sdk", "faultline-run")
KERNEL_ADDRESS, HOLE = 0xffffffc080200000, 0x2000000000
SIGSEGV_STATUS = 139
ROUNDS = 20  # of all modes that need little memory
INITRD_AT = boot.KERNEL + 0x80000
SMALL_BYTES = 2 * boot.MIB + 0x20000  # the least in which the pager starts, and a little
NEEDED_KIB = 800  # at least, to run one program
LINE = re.compile(r"segv\[\d+\]: (read from|write to|instruction fetch from) 0x([0-9a-f]+) \(([^)]*)\) at pc 0x([0-9a-f]+): "
                  r"ended by signal 11")


def segments():
    """(start, end, flags) of what the program `segv` loads."""
    elf = boot.archive.read(boot.build_file("initrd.cpio"))[b"segv"]
    first, = struct.unpack_from("<Q", elf, 32)
    count, = struct.unpack_from("<H", elf, 56)
    loads = [struct.unpack_from("<IIQQQQQQ", elf, first + 56 * i) for i in range(count)]
    return [(load[3], load[3] + load[6], load[1]) for load in loads if load[0] == 1]


def lies_in(address, flag):
    """Whether a segment with the flag (1 execute, 2 write, 4 read), or none with it beside, holds the address."""
    return any(start <= address < end and flags & flag for start, end, flags in segments())


def in_text(address):
    return lies_in(address, 1)


def in_constants(address):
    return lies_in(address, 4) and not lies_in(address, 2)


def behind_data(address):
    return address % 4096 == 0 and address >= max(end for _, end, _ in segments())


def in_stack(address):
    return HOLE < address < 1 << 38


def is_value(value):
    return lambda address: address == value


# mode of segv: what the line must say, which addresses are right, why
MODES = {
    "null-read": ("read from", is_value(0), "not mapped"),
    "null-write": ("write to", is_value(0), "not mapped"),
    "kernel-read": ("read from", is_value(KERNEL_ADDRESS), "not mapped"),
    "kernel-write": ("write to", is_value(KERNEL_ADDRESS), "not mapped"),
    "text-write": ("write to", in_text, "not allowed there"),
    "constant-write": ("write to", in_constants, "not allowed there"),
    "stack-exec": ("instruction fetch from", in_stack, "not allowed there"),
    "unmapped-read": ("read from", is_value(HOLE), "not mapped"),
    "unmapped-exec": ("instruction fetch from", is_value(HOLE), "not mapped"),
    "beyond-brk": ("write to", behind_data, "not mapped"),
    "stack-guard": ("write to", in_stack, "not allowed there"),
}
SMALL_MODES = [mode for mode in MODES if mode != "stack-guard"]  # that one fills a whole stack first


def check_line(mode, line):
    """The line says what was done, where and from where."""
    access, address_is_right, why = MODES[mode]
    found = LINE.fullmatch(line)
    if not found:
        raise AssertionError(f"{mode}: not such a line: {line}")
    address, pc = int(found[2], 16), int(found[4], 16)
    check_equal((mode, found[1], found[3]), (mode, access, why))
    if not address_is_right(address):
        raise AssertionError(f"{mode}: the address is wrong: {line}")
    if pc != address if access.startswith("instruction") else not in_text(pc):
        raise AssertionError(f"{mode}: the pc is wrong: {line}")


def ended_alone(mode):
    @test(f"{mode}: status 139, and a line with address, access and pc")
    def _():
        result = run(RUN, "--timeout", "20", "--log", "run.log", "segv", mode, seconds=40)
        check_equal((result.returncode, result.stdout), (SIGSEGV_STATUS, b""))
        lines = [line for line in result.stderr.decode(errors="replace").splitlines() if line.startswith("segv[")]
        check_equal(len(lines), 1)
        check_line(mode, lines[0])


for name in MODES:
    ended_alone(name)


@test("the modes tested are all that the program has")
def _():
    result = run(RUN, "--timeout", "20", "--log", "run.log", "segv", seconds=40)
    usage = next(line for line in result.stderr.decode().splitlines() if line.startswith("usage: segv"))
    check_equal(sorted(usage.split("modes:")[1].split()), sorted(MODES))


@test("in one boot each is ended alone, the shell tells, and the next program runs")
def _():
    lines = "".join(f"segv {mode}\nhello after-{mode}\n" for mode in MODES)
    result = boot.boot(boot.full_initrd("sh"), stdin=lines.encode())
    check_equal((result.hung, result.status), (False, "exit 0"))
    check_equal(re.findall(rb'argv\[1\] = "after-([^"]*)"', result.output), [mode.encode() for mode in MODES])
    check_equal(result.output.count(b"segv: ended by signal 11 (SIGSEGV)"), len(MODES))
    told = [line for line in result.log.split("\n") if line.startswith("segv[")]
    check_equal(len(told), len(MODES))
    for mode, line in zip(MODES, told):
        check_line(mode, line)


@test("on a hart without floating point a program that uses it is ended or refused, and the kernel goes on")
def _():
    result = boot.boot(boot.small_initrd(), options=("-cpu", "rv64,f=off,d=off"))
    if "Zfa extension requires F" in result.complaint:  # QEMU 10 has more that goes with F
        result = boot.boot(boot.small_initrd(), options=("-cpu", "rv64,f=off,d=off,zfa=off"))
    if result.status is None or "the kernel trapped" in result.log:
        raise AssertionError(f"hung: {result.hung}, status: {result.status}\n{boot.tail(result)}")


@test("two hundred bad accesses in little RAM: less than a page is lost with each")
def _():
    every = boot.archive.read(boot.build_file("initrd.cpio"))
    initrd = boot.archive.write(boot.members("sh") | {name: every[name] for name in (b"sh", b"segv")})
    root = tree.of_machine(f"nonce={boot.NONCE}", (INITRD_AT, len(initrd)))
    tree.set_banks(root, (boot.KERNEL, SMALL_BYTES))
    lines = "hello a\n" + "".join(f"segv {mode}\n" for mode in SMALL_MODES) * ROUNDS + "hello b\n"
    result = boot.boot_tree(tree.write(root), initrd, initrd_at=INITRD_AT, stdin=lines.encode(), seconds=30)
    check_equal((result.hung, result.status), (False, "exit 0"))
    check_equal(boot.free_kib(result)[0] < 4 * ROUNDS * len(SMALL_MODES) + NEEDED_KIB, True)
    check_equal(re.findall(rb'argv\[1\] = "(\w)"', result.output), [b"a", b"b"])
    check_equal(result.output.count(b"segv: ended by signal 11 (SIGSEGV)"), ROUNDS * len(SMALL_MODES))


main()
