#!/usr/bin/env python3
"""Runs the course's programs and judges what they print: by a model, and by the Linux of this host.

usage: course_test.py [NAME...]        (default: every *_case.py beside this file; README.md says what a case is)
"""
import atexit
import ctypes
import glob
import importlib.util
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "sdk")]
from ktap import SDK, Skip, TOP, check_equal, main, run, skip_without_disks, test  # noqa: E402

INITRD = os.path.join(TOP, os.environ.get("FAULTLINE_BUILD", "build"), "initrd.cpio")
HOST_FLAGS = ("-D_GNU_SOURCE", "-O1", "-fno-stack-clash-protection", "-Wall", "-Wextra",
              "-Wl,-z,now",  # or the first call of each function takes a frame, and may come while another process counts
              *(f"-I{os.path.join(TOP, folder)}" for folder in ("tests/target/course/linux", "kernel/abi", "user/protocol")))
NOBODY = 65534
PR_SET_THP_DISABLE = 41
# For all programs.  Processes that wait for each other on harts of a machine of tests/machines.txt take a while, and its suites
# have twice the time; on virt a command that hangs leaves the suite's to the machines after it.
TARGET_SECONDS = 280 if "TEST_MACHINE" in os.environ else 100
PROMPT = b"faultline$ "
FAILED = re.compile(r"\[\d+\] \S+: e(nded by|xited with) .*\n\Z")  # the shell's word of a program that did not end with 0


def small_pages():
    """Runs in the child before its program: Linux may put no pages of 2 MiB where we count those of 4 KiB."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


class Case:
    """A file NAME_case.py and the program that it is about."""
    def __init__(self, name):
        path = os.path.join(HERE, f"{name}_case.py")
        spec = importlib.util.spec_from_file_location(f"{name}_case", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.name = name
        self.runs, self.model = module.RUNS, module.model
        self.options = getattr(module, "OPTIONS", ())
        self.alone, self.told = getattr(module, "ALONE", ""), {}
        self.only_here = getattr(module, "ONLY_HERE", "")
        self.differs = getattr(module, "DIFFERS", {})

    def on_target(self, words):
        """What the program prints on Faultline, as rows of cells."""
        if "-s" in self.options:
            skip_without_disks()
        if self.alone:
            if words not in self.told:
                self.told[words] = rows(on_machine(self.options, self.name, *words))
            return self.told[words]
        if self.options not in _told:
            _told[self.options] = run_all(self.options)
        printed, end = _told[self.options]
        command = (self.name, *words)
        if command not in printed:
            raise AssertionError(f"the machine did not come to the end of it: {end}")
        if FAILED.search(printed[command]):
            raise AssertionError(printed[command][-600:])
        if command == commands_of(self.options)[-1] and end:  # the machine came to its end, and not well
            raise AssertionError(end)
        return cells(printed[command])

    def on_linux(self, words):
        if not os.path.exists("/proc/self/smaps_rollup"):
            raise Skip("this host does not tell frames: no /proc/self/smaps_rollup")
        program = os.path.join(host_folder(), self.name)
        if not os.path.exists(program):
            source = os.path.join(TOP, "user", "apps", "course", f"{self.name}.c")
            result = run("cc", *HOST_FLAGS, "-o", program, source, "-lm")
            check_equal((result.returncode, result.stderr.decode()), (0, ""))
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        return rows(run(self.name, *words, executable=program, env={}, start_new_session=True,
                        preexec_fn=small_pages, **identity))


_cases, _told = [], {}


def on_machine(options, *words, stdin=b""):
    return run(os.path.join(SDK, "faultline-run"), *options, "--timeout", TARGET_SECONDS, "--initrd", INITRD, *words, stdin=stdin,
               seconds=TARGET_SECONDS + 20)


def commands_of(options):
    """What the shell of a machine with these options runs."""
    return [(case.name, *words) for case in _cases if case.options == options and not case.alone for words in case.runs]


def run_all(options):
    """A machine with these options, in which the shell runs the programs of all cases that want it, one after the other.
    Returns: what each command prints, as far as the machine came; and how it ended, "" if well."""
    commands = commands_of(options)
    result = on_machine(options, "sh", stdin="".join(" ".join(command) + "\n" for command in commands).encode())
    printed = result.stdout.split(PROMPT)[1:-1]  # each between two prompts
    end = ""
    if result.returncode != 0 or len(printed) < len(commands):
        at = " ".join(commands[len(printed)]) if len(printed) < len(commands) else "the end"
        end = f"status {result.returncode} at {at}: {result.stderr.decode(errors='replace')[-600:]}"
    return {command: text.decode(errors="replace") for command, text in zip(commands, printed)}, end


_folder = []


def host_folder():
    """Where the programs lie that were compiled for the host."""
    if not _folder:
        _folder.append(tempfile.mkdtemp(prefix="faultline-course-"))
        os.chmod(_folder[0], 0o755)
        atexit.register(shutil.rmtree, _folder[0])
    return _folder[0]


def rows(result):
    """What a run on the host printed, as rows."""
    check_equal((result.returncode, result.stderr.decode()[-600:] if result.returncode else ""), (0, ""))
    return cells(result.stdout.decode())


def cells(text):
    """The lines, each cut into cells at two or more blanks."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def holds(cell, expected):
    """Whether a cell is the number, the text or the pattern that a model says."""
    return expected.fullmatch(cell) is not None if isinstance(expected, re.Pattern) else cell == str(expected)


def check_model(got, expected):
    for line, want in zip(got, expected):
        if len(line) != len(want) or not all(map(holds, line, want)):
            check_equal(line, want)
    check_equal(got[len(expected):], [])
    check_equal(len(got), len(expected))


def without(table, differs):
    """The table with "(differs)" in the cells that `differs` names: by column, row, or (row, column)."""
    masked, head = [], []
    for line in table:
        if len(line) > 1 and not head:
            head = line
        names = head if len(line) == len(head) else [""] * len(line)
        masked.append([line[0]] + ["(differs)" if {line[0], name, (line[0], name)} & differs.keys() else cell
                                   for cell, name in zip(line[1:], names[1:])])
    return masked


def register(case):
    for words in case.runs:
        command = " ".join((case.name, *words))

        @test(f"{command}: what it prints is what the model says")
        def _(words=words):
            check_model(case.on_target(words), case.model(*words))

        @test(f"{command}: the Linux of this host prints the same")
        def _(words=words):
            if case.only_here:
                raise Skip(case.only_here)
            check_equal(without(case.on_target(words), case.differs), without(case.on_linux(words), case.differs))

    if len(case.runs) > 1:
        @test(f"{case.name}: other arguments give other numbers")
        def _():
            check_equal(case.on_target(case.runs[0]) != case.on_target(case.runs[1]), True)


names = sys.argv[1:] or sorted(os.path.basename(path)[:-len("_case.py")] for path in glob.glob(f"{HERE}/*_case.py"))
_cases += map(Case, names)
for one in _cases:
    register(one)
main()
