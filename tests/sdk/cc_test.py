#!/usr/bin/env python3
"""faultline-cc as build systems use a compiler."""
import os
import sys

sys.dont_write_bytecode = True
from ktap import SDK, check_equal, check_in, main, run, test

CC = os.path.join(SDK, "faultline-cc")


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def cc(*words, status=0, stdin=b"", command=CC):
    """Runs the compiler; returns (stdout, stderr)."""
    result = run(command, *words, stdin=stdin)
    if result.returncode != status:
        raise AssertionError(f"status {result.returncode}: {result.stderr.decode()}")
    return result.stdout, result.stderr


def machine_of(path):
    """(class, ELF type, machine) of an ELF file."""
    with open(path, "rb") as file:
        head = file.read(20)
    return head[4], int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little")


RELOCATABLE, PROGRAM = (2, 1, 243), (2, 2, 243)
HELLO = '#include <stdio.h>\nint main(void) { printf("hello %g\\n", 1.5); return 0; }\n'


@test("one command makes a program from a source")
def _():
    write("hello.c", HELLO)
    cc("hello.c", "-o", "hello")
    check_equal(machine_of("hello"), PROGRAM)
    cc("hello.c")
    check_equal(machine_of("a.out"), PROGRAM)


@test("-c, -S, -E, -M and -fsyntax-only stop where they should")
def _():
    write("hello.c", HELLO)
    cc("-c", "hello.c")
    check_equal(machine_of("hello.o"), RELOCATABLE)
    cc("-S", "hello.c")
    check_equal(os.path.exists("hello.s"), True)
    check_in(b"printf", cc("-E", "hello.c")[0])
    check_in(b"hello.o: hello.c", cc("-M", "hello.c")[0])
    check_in(b"stdio.h", cc("-M", "hello.c")[0])
    check_equal(cc("-fsyntax-only", "hello.c"), (b"", b""))
    cc("-MMD", "-MF", "dep", "-MT", "target", "-c", "hello.c")
    with open("dep", encoding="utf-8") as file:
        check_in("target: hello.c", file.read())


@test("objects, archives, -L, -l, -I and -D work together")
def _():
    os.makedirs("include")
    write("include/part.h", "int part(void);\n")
    write("part.c", '#include "part.h"\nint part(void) { return PART; }\n')
    write("main.c", '#include "part.h"\nint main(void) { return part() - 5; }\n')
    cc("-Iinclude", "-DPART=5", "-c", "part.c", "-o", "part.o")
    check_equal(run(os.path.join(SDK, "faultline-ar"), "rcs", "libpart.a", "part.o").returncode, 0)
    check_equal(run(os.path.join(SDK, "faultline-ranlib"), "libpart.a").returncode, 0)
    check_in(b"T part", run(os.path.join(SDK, "faultline-nm"), "libpart.a").stdout)
    cc("-I", "include", "main.c", "-L.", "-lpart", "-o", "one")
    cc("-Iinclude", "main.c", "part.o", "-lm", "-o", "two")
    cc("-Iinclude", "-DPART=5", "main.c", "part.c", "-static", "-o", "three")
    check_equal([machine_of(name) for name in ("one", "two", "three")], [PROGRAM] * 3)
    check_equal(run(os.path.join(SDK, "faultline-strip"), "one").returncode, 0)
    check_equal(machine_of("one"), PROGRAM)


@test("a source from standard input compiles and links")
def _():
    cc("-x", "c", "-", "-o", "hello", stdin=HELLO.encode())
    check_equal(machine_of("hello"), PROGRAM)


@test("questions about the compiler are answered")
def _():
    check_equal(cc("-dumpmachine")[0], b"riscv64-unknown-elf\n")
    check_in(b"gcc", cc("--version")[0].lower())
    check_in(b"gcc version", cc("-v")[1])
    check_in(b"ld", cc("-print-prog-name=ld")[0])


@test("what this system can't run is refused by name")
def _():
    write("hello.c", HELLO)
    for word in ("-shared", "-pie", "-static-pie", "-rdynamic", "-pthread", "-lpthread", "-fsanitize=address", "-fopenmp",
                 "-march=rv64imac", "-mabi=lp64", "-Wl,-shared"):
        _, stderr = cc("hello.c", word, status=1)
        check_in(f"faultline-cc: {word}: ".encode(), stderr)
    check_in(b"threads", cc("hello.c", "-l", "pthread", status=1)[1])


SERVER = """#include "fl_calls.h"
#include "pager_contract.h"
int main(void) { return flr_notification_poll(PAGER_START_NOTIFICATION).value != 0; }
"""


def float_abi(path):
    """Bits 1 and 2 of an ELF file's flags: 0 = no floating-point registers, 4 = lp64d."""
    with open(path, "rb") as file:
        return int.from_bytes(file.read(52)[48:52], "little") & 6


@test("--server makes a server: the kernel's calls, no floating point, no libos")
def _():
    write("server.c", SERVER)
    write("hello.c", HELLO)
    cc("--server", "-O2", "-Wall", "-Wextra", "-Werror", "server.c", "-o", "server")
    check_equal((machine_of("server"), float_abi("server")), (PROGRAM, 0))
    cc("--server", "-O2", "-c", "server.c", "-o", "server.o")
    cc("--server", "server.o", "-o", "second")
    cc("hello.c", "-o", "hello")
    check_equal(float_abi("hello"), 4)
    check_in(b"getpid", cc("--server", "-w", "-fno-builtin", "-x", "c", "-", stdin=b"int main(void) { return getpid(); }",
                           status=1)[1])
    check_in(b"faultline-cc: -mabi=lp64d: ", cc("--server", "-mabi=lp64d", "server.c", status=1)[1])
    check_in(b"fl_calls.h", cc("server.c", status=1)[1])


@test("probes of configure scripts get true answers")
def _():
    def links(call, *words):
        write("conftest.c", f"char {call}(void);\nint main(void) {{ return {call}(); }}\n")
        return run(CC, "-w", "-fno-builtin", "conftest.c", *words, "-o", "conftest").returncode == 0
    write("conftest.c", "int main(){return 0;}\n")
    cc("conftest.c")
    check_equal([links(name) for name in ("printf", "malloc", "getpid")], [True] * 3)
    check_equal([links(name) for name in ("no_such_function", "dlopen", "pthread_create")], [False] * 3)
    check_equal((links("sin", "-lm"), links("sin", "-lnosuch")), (True, False))
    write("conftest.c", "#include <nosuch.h>\n")
    cc("-E", "conftest.c", status=1)
    cc("-c", "conftest.c", status=1)


@test("it works through a link from another folder")
def _():
    os.symlink(CC, "mycc")
    write("hello.c", HELLO)
    cc("hello.c", "-o", "hello", command=os.path.abspath("mycc"))
    check_equal(machine_of("hello"), PROGRAM)


@test("without a built libos it says so, and still compiles")
def _():
    write("hello.c", HELLO)
    environment = dict(os.environ, FAULTLINE_BUILD="/nonexistent")
    result = run(CC, "hello.c", env=environment)
    check_equal(result.returncode, 1)
    check_in(b"is missing", result.stderr)
    check_equal(run(CC, "-c", "hello.c", env=environment).returncode, 0)


@test("our headers come before picolibc's, and a program's own -I before ours")
def _():
    write("posix.c", """#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
int main(void)
{
    struct rusage usage;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt == 0 || MAP_FAILED == 0;
}
""")
    cc("-Werror", "posix.c", "-o", "posix")
    os.makedirs("own/sys")
    write("own/sys/mman.h", "#define OWN 7\n")
    write("own.c", "#include <sys/mman.h>\nint own = OWN;\n")
    cc("-Iown", "-c", "own.c")


main()
