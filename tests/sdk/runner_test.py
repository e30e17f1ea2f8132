#!/usr/bin/env python3
"""faultline-run against a stand-in for QEMU: what the host's side must do whatever the guest does."""
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from ktap import SDK, check_equal, check_in, main, run, test

sys.path.insert(0, SDK)
import faultline_archive

RUN = os.path.join(SDK, "faultline-run")
FAKE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "fake-qemu")
ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xf3\x00" + bytes(200)


def environment():
    """A folder that looks built, with the stand-in as the machine."""
    for name, data in (("faultline.bin", b""), ("prog", ELF), ("initrd.cpio", faultline_archive.write({b"pager": ELF, b"in": ELF}))):
        with open(name, "wb") as file:
            file.write(data)
    return dict(os.environ, FAULTLINE_BUILD=os.getcwd(), FAULTLINE_QEMU=FAKE, PYTHONDONTWRITEBYTECODE="1")


def start(*words, **options):
    return subprocess.Popen([RUN, *words], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def runner(*words, stdin=b""):
    """(status, stdout, last line of stderr)."""
    result = run(RUN, *words, stdin=stdin, env=environment())
    return result.returncode, result.stdout, last_line(result.stderr)


def last_line(stderr):
    check_equal(stderr[-1:], b"\n")
    return stderr.decode(errors="replace").splitlines()[-1]


@test("every status of a program arrives unchanged")
def _():
    for status in (0, 1, 2, 77, 124, 125, 126, 127, 128, 139, 255):
        check_equal(runner("prog", "exit", str(status)), (status, b"", f"faultline-run: exit status {status}"))


@test("an end by signal n is status 128+n")
def _():
    check_equal(runner("prog", "signal", "11"), (139, b"", "faultline-run: ended by signal 11 (SIGSEGV), status 139"))
    check_equal(runner("prog", "signal", "6")[0], 134)


@test("at the time limit the status is 124, and what was printed before is there")
def _():
    check_equal(runner("--timeout", "1", "prog", "hang"),
                (124, b"hanging", "faultline-run: time limit of 1 s reached, status 124"))


@test("a machine that ends or gives up without the program's status is 125")
def _():
    status, _, line = runner("prog", "die")
    check_equal(status, 125)
    check_in("QEMU status 3", line)
    check_equal(runner("prog", "failed")[2], "faultline-run: the system failed: no memory for x, status 125")
    check_equal(runner("prog", "exit", "256")[0], 125)
    check_equal(runner("prog", "exit", "-1")[0], 125)


@test("a machine that can't switch itself off is ended at the kernel's last line, any other one is not")
def _():
    with open("tree", "wb"):
        pass
    for machine in (("-M", "sifive_u"), ("--dtb", "tree")):
        check_equal(runner(*machine, "--append", "halts with-cr", "--console"),
                    (0, b"faultline: halted somewhere\r\nfaultline: halted by a failure\r\n",
                     "faultline-run: the machine is off, status 0"))
    check_equal(runner("--timeout", "1", "--append", "halts", "--console")[0], 124)


@test("machines that are not known, trees that are not there, and disks without a place are told")
def _():
    check_equal(runner("-M", "none", "prog", "exit", "0")[::2],
                (125, "faultline-run: the run is impossible: -M none: no machine that is known: virt, sifive_u, status 125"))
    check_in("nonesuch: No such file", runner("--dtb", "nonesuch", "prog", "exit", "0")[2])
    check_in("the machine sifive_u has places for 0 disks, not for 1", runner("-s", "1M", "-M", "sifive_u", "prog", "exit", "0")[2])
    check_in("the machine virt has places for 8 disks, not for 9", runner(*["-s", "1M"] * 9, "prog", "exit", "0")[2])


@test("with a pager of one's own, a system that fails says what such a pager must speak")
def _():
    hint = b"a pager must speak user/protocol/pager.def"
    for words in (("prog", "die"), ("prog", "failed")):
        check_in(hint, run(RUN, "--pager", "prog", *words, env=environment()).stderr)
    for words in (("prog", "die"), ("--pager", "prog", "prog", "exit", "125")):
        check_equal(hint in run(RUN, *words, env=environment()).stderr, False)


@test("arguments arrive exactly")
def _():
    arguments = ["a b", "", "n\nl", "\u00fc$(x)", "-x", "--", "'\"\\"]
    expected = [word.encode() for word in ["prog", "args", *arguments]]
    check_equal(runner("prog", "args", *arguments)[1], repr(expected).encode())


@test("a program may be a file or a name of the initrd")
def _():
    check_equal(runner("in", "args")[1], b"[b'in', b'args']")
    check_equal(runner("./prog", "args")[1], b"[b'prog', b'args']")


@test("all byte values and 300 KB pass in both directions")
def _():
    data = bytes(range(256)) * 1200
    status, output, _ = runner("prog", "cat", stdin=data)
    check_equal((status, output == data, len(output)), (0, True, len(data)))
    check_equal(runner("prog", "cat")[:2], (0, b""))


@test("firmware that sends CR before LF changes nothing")
def _():
    data = b"\r\n\n\r\r\n\n\n\r" * 300 + bytes(range(256)) + b"\r"
    check_equal(runner("--append", "with-cr", "prog", "cat", stdin=data),
                (0, data, "faultline-run: exit status 0"))


@test("bytes that look like a frame are log, never output")
def _():
    result = run(RUN, "prog", "exit", "0", env=environment())
    check_equal(result.stdout, b"")
    check_in(b"\x1enotaframe\n", result.stderr)
    with open("run.log", "rb") as log:
        check_in(b"\x1enotaframe\n", log.read())


@test("on one terminal output, errors and log keep their order, and lines of the log are whole")
def _():
    child = subprocess.Popen([RUN, "prog", "mixed", "5000"], env=environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.5)  # the pipe is full by then, and what follows waits
    got, _ = child.communicate()
    expected = b"".join(b"out %d\nlog %d begins and ends\nerr %d\n" % (number, number, number) for number in range(5000))
    start = got.find(b"out 0\n")
    check_equal((start > 0, got[start:] == expected + b"faultline-run: exit status 0\n", child.returncode), (True, True, 0))


@test("a last line of the log without an end is told")
def _():
    stderr = run(RUN, "prog", "die", env=environment()).stderr
    check_in(b"\npanic: it was not to be\nfaultline-run: the system failed", stderr)


@test("a reader that is slow loses nothing")
def _():
    child = start("prog", "flood", "6000")
    child.stdin.close()
    time.sleep(1)
    check_equal(len(child.stdout.read()), 6000 * 700)
    child.stderr.read()
    check_equal(child.wait(), 0)


@test("the time limit holds while nobody reads")
def _():
    child = start("--timeout", "1", "prog", "flood", "1000000")
    check_equal(child.wait(10), 124)
    child.communicate()


@test("a reader that goes away ends the run with 141")
def _():
    child = start("prog", "flood", "1000000")
    child.stdout.read(10)
    child.stdout.close()
    check_equal(child.wait(10), 141)
    child.stderr.close()


def machines(folder):
    """Processes whose command line names the folder as a stand-in would."""
    found = 0
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        found += os.fsencode(FAKE) in words and os.fsencode(os.path.join(folder, "faultline.bin")) in words
    return found


@test("the machine ends with the runner, whichever way that ends")
def _():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        child = start("prog", "hang")
        check_equal(child.stdout.read(7), b"hanging")
        check_equal(machines(os.getcwd()), 1)
        child.send_signal(number)
        child.communicate()
        check_equal(child.returncode, -number if number == signal.SIGKILL else 128 + number)
        limit = time.monotonic() + 5
        while machines(os.getcwd()) and time.monotonic() < limit:
            time.sleep(0.01)
        check_equal(machines(os.getcwd()), 0)


@test("what can't be is refused with a reason")
def _():
    for words, part in ((("-d", "nonesuch.img", "prog"), "-d nonesuch.img: no such file"), (("-s", "none", "prog"), "memory size"), ((), "which program"),
                        (("-c", "0", "prog"), "number of harts"), (("-m", "lots", "prog"), "memory size"),
                        (("nosuch",), "nosuch: no such file, and the initrd has nothing of that name"), (("/bin/sh",), "not a 64-bit RISC-V"),
                        (("--timeout", "-1", "prog"), "positive number"), (("--bad", "prog"), "not recognized")):
        status, _, line = runner(*words)
        check_equal((words, status), (words, 125))
        check_in(part, line)


@test("a program that is too large for the memory is named with the sizes")
def _():
    environment()
    with open("large", "wb") as file:
        file.write(ELF + bytes(5 << 20))
    status, _, line = runner("-m", "16M", "large")
    check_equal(status, 125)
    check_in("large (5120 KiB) does not fit", line)
    check_in("room for 4096 KiB", line)


@test("with too little memory for the system itself no program is blamed")
def _():
    status, _, line = runner("-m", "4M", "prog")
    check_equal(status, 125)
    check_in("the system does not fit", line)
    check_in("with 4M of memory there is room for 0 KiB", line)


@test("a program that takes the place of a larger one of the initrd fits")
def _():
    environment()
    with open("large.cpio", "wb") as file:
        file.write(faultline_archive.write({b"pager": ELF, b"prog": ELF + bytes(5 << 20)}))
    check_equal(runner("-m", "16M", "--initrd", "large.cpio", "./prog", "exit", "0"), (0, b"", "faultline-run: exit status 0"))
    check_in("the system does not fit", runner("-m", "16M", "--initrd", "large.cpio", "pager")[2])


@test("a program that is no server is refused as a pager, also to be tested")
def _():
    environment()
    with open("hosted", "wb") as file:
        file.write(ELF[:48] + b"\x05\0\0\0" + ELF[52:])
    for words in ((), ("prog",)):
        status, _, line = runner("-k", "faultline.bin", "--pager", "hosted", *words)
        check_equal(status, 125)
        check_in("hosted is an ordinary program, no server; 'faultline-cc --server' makes those", line)


@test("files of -f are in the initrd under their base names")
def _():
    os.makedirs("d")
    with open("d/data", "wb") as file:
        file.write(b"exact")
    check_equal(runner("-f", "d/data", "prog", "file", "data")[1], b"exact")
    check_in("has a file of that name", runner("-f", "d/data", "-f", "d/data", "prog")[2])


main()
