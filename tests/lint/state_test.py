"""Where the kernel keeps what changes: in struct kernel and, for one hart, in struct hart; nowhere else."""
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sdk"))
from ktap import TOP, check_equal, comment, main, run, test

# clang's objects: one for each source, with every symbol still in it.
OBJECTS = os.path.join(os.environ.get("FAULTLINE_BUILD", os.path.join(TOP, "build")), "clang", "kernel")
FOLDERS = ("kernel", "arch/riscv", "mm", "drivers")
ALLOWED = {
    "boot.kernel": "struct kernel itself",
    "boot.boot_satp": "the tables that other harts start with; final before the first of them starts",
    "boot.boot_starting": "which hart starts now; boot only",
    "boot.machine": "what the device tree said; read at boot only",
    "boot.ram": "which RAM is left; read at boot only",
    "boot.S.early_root": "the first tables, of which the kernel's half of every space is a copy",
    "boot.S.early_middle": "as early_root",
    "boot.S.boot_stack_guard": "a page that is never mapped",
    "boot.S.boot_stack": "the boot hart's stack, empty whenever user mode runs",
    "boot.S.boot_stack_end": "its end",
    "cpu.cpu_features": "what all harts have; final when the last one has started",
    "cpu.cpu_start.found": "whether the boot hart was asked; boot only",
    "cpu.scratch": "a page that a try of cbo.zero may clear; boot only",
    "sbi.arch_console_put.is_legacy": "whether the firmware refused the newer console call: it is not asked again",
    "sbi.arch_console_get.byte": "where the firmware leaves what was typed; read at once, under the lock",
    "lock.kernel_lock": "which hart runs the kernel: what all the rest is under",
    "lock.lock_stopper": "which hart stopped the system, after which nothing runs",
    "paging.tables": "the kernel's own page tables; final once boot is over",
    "paging.tables_used": "how many of them boot has taken",
    "paging.image_offset": "where the image was loaded; boot only",
    "panic.panic_frame": "the registers of the kernel's own trap, after which nothing runs",
    "panic.panic_trap.again": "whether the last report itself trapped",
    "trap.S.panic_stack": "the stack of the last report",
    "trap.S.panic_stack_end": "its end",
}
# A member or variable that says which thread runs or that something is locked.
OF_A_HART = re.compile(r"\b(?:current|\w*(?<!b)(?<!c)lock(?:ed)?|mutex|semaphore)\s*(?:\[[^]]*\])?\s*;")
LOCAL = re.compile(r"^(?:    |\t).*\b(?:return|goto)\b|->|=")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.S)


@test("no function or file of the kernel keeps state: all that can change is in struct kernel, or named with its reason")
def _():
    found = set()
    for folder in FOLDERS:
        sources = [os.path.basename(path) for path in glob.glob(os.path.join(TOP, folder, "*.[cS]"))]
        check_equal(len(sources) >= 2, True)
        for name in sources:
            path = os.path.join(OBJECTS, folder, name.removesuffix(".c") + ".o")
            check_equal(os.path.exists(path), True)
            lines = run("riscv64-unknown-elf-nm", path).stdout.decode().splitlines()
            names = [line.split()[-1] for line in lines if re.search(r" [bBdDsSgGC] ", line)]
            found |= {f"{os.path.basename(path)[:-len('.o')]}.{name}" for name in names}
    comment(f"{len(found)} variables")
    check_equal(sorted(found - set(ALLOWED)), [])
    check_equal(sorted(set(ALLOWED) - found), [])  # a reason that is no longer needed


@test("only struct hart says which thread runs, and one lock is all there is")
def _():
    wrong = []
    for path in sorted(path for folder in FOLDERS for path in glob.glob(os.path.join(TOP, folder, "*.[ch]"))):
        with open(path, encoding="utf-8") as file:
            lines = without_comments(file.read()).splitlines()
        wrong += [f"{os.path.relpath(path, TOP)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1)
                  if OF_A_HART.search(line) and not LOCAL.search(line)]
    check_equal([re.sub(r":\d+:", ":", line) for line in wrong],
                ["arch/riscv/lock.h: extern struct hart *kernel_lock;", "kernel/hart.h: struct tcb *current;",
                 "kernel/hart.h: struct hart **lock;"])


main()
