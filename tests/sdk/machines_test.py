#!/usr/bin/env python3
"""The machines of tests/machines.txt: which suites the driver runs on them, and what the emulator then starts."""
import os
import sys

sys.dont_write_bytecode = True
from ktap import TOP, check_equal, check_in, main, run, test

EMULATOR = os.path.join(TOP, "tests", "emulator")
LIST = """\
machine small  few    system  virt      -     -  16M  -             -
cpu quick fast,extra=on
machine many   smoke  system  virt      quick 4  -    -             word
machine tree   all    system  virt      -     -  -    {folder}/tree  -
machine other  few    system  board     -     -  -    -             -
machine lacks  few    10      virt      -     -  -    -             -
machine bare   few    system  virt      -     -  -    {folder}/none  -
suites target/*
smoke  target/b
few    target/d
parallel target/p*
turns target/t*
without small target/b has no place for it
without tree  target/a has no time for it
"""
SUITES = "target/a 5 printf '1..1\\nok 1 - a\\n'\ntarget/b 5 printf '1..1\\nok 1 - b\\n'\n" \
         "target/c 5 printf '1..1\\nok 1 - c\\n'\ntarget/d 5 printf '1..1\\nok 1 - d\\n'\n" \
         "host/c 5 printf '1..1\\nok 1 - c\\n'\n"
# Tells its arguments and tree; a board says its last line and stays.
QEMU = """#!/bin/sh
echo "$@"
case "$*" in *board*) printf 'faultline: halted\\r\\r\\n' && exec sleep 1000 ;; esac
while [ $# != 0 ]; do
    [ "$1" = -dtb ] && [ -e "$2" ] && cat "$2"
    shift
done
exit 0
"""
TREE = "#!/bin/sh\necho size $1\n"


def prepare():
    """The list, suites, a QEMU and a maker of trees; an environment that has them."""
    files = {"list": LIST.format(folder=os.getcwd()), "suites": SUITES, "qemu-system-riscv64": QEMU, "tree": TREE}
    for name, text in files.items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o755)
    return dict(os.environ, TEST_MACHINES=os.path.abspath("list"), PATH=f"{os.getcwd()}:{os.environ['PATH']}")


def emulate(machine, *words, suite="target/a"):
    result = run(EMULATOR, *words, env=dict(prepare(), TEST_MACHINE=machine, TEST_SUITE=suite))
    check_equal(result.returncode, 0)
    return result.stdout.decode().replace("\r", "").splitlines()


def drive(machines):
    result = run(os.path.join(TOP, "tests", "run.py"), "--build", "out", "--suites", "suites", "--machines", machines,
                 env=prepare())
    lines = result.stdout.decode().splitlines()
    return [line.split()[1].rstrip(":") for line in lines if line.startswith("ok")], lines


@test("a machine's words take the place of the suite's, and what it leaves open stays")
def _():
    check_equal(emulate("small", "-machine", "virt,aia=none", "-m", "64M", "-smp", "2"), ["-machine virt,aia=none -m 16M -smp 2"])
    check_equal(emulate("many", "-m", "64M", "-append", "a b", "-smp", "1", "-kernel", "k"),
                ["-m 64M -append a b word -smp 4 -kernel k -machine virt -cpu fast,extra=on"])


@test("without a kernel, which is how a device tree is asked for, there are no boot arguments: QEMU refuses them")
def _():
    check_equal(emulate("many", "-machine", "virt,dumpdtb=f"), ["-machine virt,dumpdtb=f -cpu fast,extra=on -smp 4"])


@test("a suite whose harts are to take turns is the host's one thread, and no other suite")
def _():
    for suite, added in (("target/t1", ["-accel tcg,thread=single"]), ("target/a", [])):
        check_equal(emulate("many", suite=suite), [" ".join(["-machine virt -cpu fast,extra=on -smp 4", *added])])


@test("a suite that is to run in parallel counts no instructions where there are several harts")
def _():
    words = ("-icount", "shift=0", "-m", "64M")
    for machine, suite, left in (("many", "target/p1", False), ("many", "target/a", True), ("tree", "target/p1", True)):
        line = emulate(machine, *words, suite=suite)[0]
        check_equal("-icount shift=0" in line, left)
        check_in("-m 64M", line)


@test("harts that a suite chose stay")
def _():
    check_in("-smp 2", emulate("many", "-smp", "2")[0])


@test("a tree is made for the suite's size of memory, unless the suite has one")
def _():
    check_equal(emulate("tree", "-m", "1M")[1], "size 1048576")
    check_in("-dtb own", emulate("tree", "-dtb", "own")[0])


@test("a machine that nothing switches off is ended at the kernel's last line")
def _():
    check_equal(emulate("other")[-1], "faultline: halted")


@test("counted time of a machine that nothing switches off has a timer, when the firmware has stopped those of the harts")
def _():
    timer = "-object filter-buffer,"
    for machine, words, has_it in (("other", ("-icount", "shift=0"), True), ("tree", ("-icount", "shift=0"), True), ("other", (), False),
                                   ("many", ("-icount", "shift=0"), False)):
        check_equal(timer in emulate(machine, *words)[0], has_it)


@test("the driver runs on each machine the suites that are meant for it")
def _():
    virt = ["target/a", "target/c", "target/d", "host/c"]
    check_equal(drive("FEW")[0], virt + ["many:target/b", "tree:target/c", "tree:target/d", "other:target/b"])
    check_equal(drive("ALL")[0], virt + ["small:target/d", "many:target/a", "many:target/c", "many:target/d",
                                         "tree:target/c", "tree:target/d", "other:target/d"])


@test("a suite that a machine cannot run, and a machine that cannot be had, are named skips")
def _():
    lines = drive("FEW")[1]
    check_in("small:target/b (has no place for it); tree:target/a (has no time for it); lacks:all (no ", lines[-2])
    check_in("bare:all (no tree by ", lines[-2])
    check_equal(lines[-1], "8 passed, 0 failed")


main()
