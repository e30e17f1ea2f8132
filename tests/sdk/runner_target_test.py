#!/usr/bin/env python3
"""faultline-run and faultline-cc with the real system: what a program sees, and what comes back."""
import os
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
from ktap import SDK, check_equal, check_in, main, run, test

HERE = os.path.dirname(os.path.realpath(__file__))
CC, RUN = os.path.join(SDK, "faultline-cc"), os.path.join(SDK, "faultline-run")
FOLDER = tempfile.TemporaryDirectory(prefix="faultline-run-test-")
PROBE = os.path.join(FOLDER.name, "probe")
SECONDS = "60"  # for one boot; a run takes about one
# How often what passes is as much as the console driver has room for in one direction, 2 KiB (drivers/uart/ring.h); each byte that
# comes in takes an interrupt.
ROUNDS = int(os.environ.get("ROUNDS", "6"))
RING_BYTES = 2048


def compile_probe():
    result = run(CC, "-O1", "-g", "-s", "-Wall", "-Werror", "-D_DEFAULT_SOURCE", os.path.join(HERE, "probe.c"), "-o", PROBE)
    if result.returncode:
        sys.exit(result.stderr.decode())


def probe(*words, options=(), stdin=b""):
    """(status, stdout, last line of stderr)."""
    result = run(RUN, "--timeout", SECONDS, *options, PROBE, *words, stdin=stdin, seconds=90)
    return result.returncode, result.stdout, result.stderr.decode(errors="replace").splitlines()[-1]


@test("a program's own statuses come back unchanged, those the runner also uses too")
def _():
    for status in (0, 1, 77, 124, 125, 139, 255):
        check_equal(probe("exit", str(status)), (status, b"", f"faultline-run: exit status {status}"))


@test("disks of the host are the machine's, in their order, and those that are not there are told")
def _():
    names = [os.path.join(FOLDER.name, name) for name in ("one,two", "three")]
    for name, size in zip(names, (1 << 20, 3 << 20)):
        with open(name, "wb") as file:
            file.truncate(size)
    for options in ((), ("--icount",)):
        result = run(RUN, "--timeout", SECONDS, "-d", names[0], "--disk", names[1], *options, PROBE, "exit", "3", seconds=90)
        check_equal(result.returncode, 3)
        check_in(b"init: disk 0: 1024 KiB at 0x10001000\ninit: disk 1: 3072 KiB at 0x10002000\n", result.stderr.replace(b"\r", b""))
    check_in("-d nonesuch: no such file", probe("exit", "3", options=("-d", "nonesuch"))[2])


@test("a bad access is 139, whether null, the kernel's or the program's own text")
def _():
    for words in (("read-at", "0"), ("store-at", "0"), ("read-at", "0xffffffc000000000"), ("store-at", "0x10000")):
        check_equal(probe(*words)[::2], (139, "faultline-run: ended by signal 11 (SIGSEGV), status 139"))


@test("abort is signal 6")
def _():
    check_equal(probe("abort")[0], 134)


@test("the time limit is 124, with what was printed before it")
def _():
    result = run(RUN, "--timeout", "5", PROBE, "hang")
    check_equal((result.returncode, result.stdout), (124, b"hanging\n"))


@test("arguments with blanks, newlines, UTF-8, quotes or nothing in them arrive exactly")
def _():
    words = ["args", "a b", "", "n\nl", "\u00fcber", "-x", "--", "'\"\\$(x)", "\x10e\x1e", "x" * 500]
    status, output, _ = probe(*words)
    check_equal((status, output), (0, b"".join(word.encode() + b"\0" for word in ["probe", *words])))


@test(f"{ROUNDS * RING_BYTES} bytes of every value pass both ways, and the end of input is seen")
def _():
    data = bytes(range(256)) * 16 + random.Random(1).randbytes(ROUNDS * RING_BYTES - 4096)
    result = run(RUN, "--timeout", SECONDS, PROBE, "copy", stdin=data, seconds=90)
    check_equal((result.returncode, result.stdout == data, len(result.stdout)), (0, True, len(data)))
    check_in(f"copied {len(data)} bytes\n".encode(), result.stderr)
    check_equal(probe("copy")[:2], (0, b""))


@test(f"{16 * ROUNDS * RING_BYTES} bytes of output arrive whole")
def _():
    count = 16 * ROUNDS * RING_BYTES
    status, output, _ = probe("write", str(count))
    check_equal((status, len(output)), (0, count))
    check_equal(output == bytes(i * 7 >> 3 & 0xff for i in range(count)), True)


@test("input that nobody reads does no harm")
def _():
    check_equal(probe("exit", "3", stdin=bytes(100000))[:2], (3, b""))


@test("it runs with 16 MiB, with four harts, with counted instructions")
def _():
    for options in (("-m", "16M"), ("-c", "4"), ("--icount",)):
        check_equal((options, probe("exit", "5", options=options)[0]), (options, 5))


PAGING = re.compile(r"""faultline-run: swap: (?P<came>\d+) pages in by (?P<reads>\d+) requests, (?P<left>\d+) out by (?P<writes>\d+): (?P<requests>0\.\d+) requests a page
faultline-run: work: (?P<work>\d+) instructions, (?P<own>\d+) of them in a second run with 64M of memory and no swap
faultline-run: paging: (?P<paging>\d+) instructions: (?P<a_page_in>\d+) a page-in, (?P<a_page_out>\d+) a page-out
faultline-run: exit status 0
""")


@test("a counted run that swapped ends with what paging cost, and its output is that of one run")
def _():
    result = run(RUN, "--timeout", SECONDS, "--icount", "-m", "16M", "-s", "32M", PROBE, "fill", "14", stdin=b"x", seconds=150)
    check_equal((result.returncode, result.stdout), (0, b"x\n"))
    told = PAGING.search(result.stderr.decode(errors="replace"))
    check_equal(told is not None, True)
    told = {name: float(text) for name, text in told.groupdict().items()}
    check_equal(told["came"] >= 512 and told["left"] >= 512, True)
    check_equal(told["paging"], told["work"] - told["own"])
    once = run(RUN, "--timeout", SECONDS, "--icount", "--once", "-m", "16M", "-s", "32M", PROBE, "fill", "14", stdin=b"x", seconds=90)
    check_equal((once.returncode, once.stdout, b"faultline-run: work" in once.stderr), (0, b"x\n", False))
    check_equal(told["requests"], round((told["reads"] + told["writes"]) / (told["came"] + told["left"]), 3))
    parts = told["a_page_in"] * told["came"] + told["a_page_out"] * told["left"]
    check_equal(abs(parts - told["paging"]) <= told["came"] + told["left"], True)


@test("a counted run that did not swap runs once, and says nothing of paging")
def _():
    result = run(RUN, "--timeout", SECONDS, "--icount", "-s", "32M", PROBE, "fill", "1", stdin=b"x", seconds=90)
    check_equal((result.returncode, result.stdout), (0, b"x\n"))
    check_in(b"init: work: ", result.stderr)
    check_equal(b"faultline-run: work" in result.stderr, False)


@test("a program too large for 16 MiB is named before the machine starts")
def _():
    with open("large.c", "w", encoding="utf-8") as file:
        file.write("const char large[5 << 20] = {1};\nint main(void) { return large[1]; }\n")
    check_equal(run(CC, "-s", "large.c", "-Wl,--undefined=large", "-o", "large").returncode, 0)
    result = run(RUN, "-m", "16M", "large")
    check_equal(result.returncode, 125)
    check_in(b"does not fit", result.stderr)
    check_equal(run(RUN, "--timeout", SECONDS, "-m", "64M", "large").returncode, 0)


@test("a program of the initrd runs by its name")
def _():
    result = run(RUN, "--timeout", SECONDS, "echo", "one", "two")
    check_equal((result.returncode, result.stdout), (0, b"one two\n"))


compile_probe()
main()
