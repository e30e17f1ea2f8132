#!/usr/bin/env python3
"""Runs test suites and sums up.

usage: run.py --build DIR [--host FOLDER/NAME]... [--suites FILE [--machines FEW|ALL]] [--only TEXT] [--list]

With --machines the suites of tests/machines.txt run on its machines too, as MACHINE:SUITE: FEW is what `make test` runs
of these, ALL is everything.  With --list nothing runs and nothing needs to be built: the names are printed.

A suite is a command that prints KTAP on standard output.  It fails, beside its failed tests, when
it announces no plan or an empty one, does not run every test of its plan, ends with a status that its tests do not
explain, or is not done after its time limit.  What each suite wrote is kept in DIR/test-logs.

The last line is "N passed, N failed"; if tests were skipped the line before names them all.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import machines  # noqa: E402

HOST_SECONDS = 120
MACHINE_TIMES = 2  # of a suite's time limit, on a machine that is not its own
AT_ONCE = 3  # on two processors: many suites wait, for disks, clocks and consoles
ASKED_SECONDS = int(os.environ.get("SECONDS") or 0)  # for each random test
RANDOM_TESTS = 4  # of a suite, at most
RESULT = re.compile(r"(not )?ok (\d+)(?: -)? ?(.*?)(?: # SKIP ?(.*))?$")
EMULATOR = os.path.join(os.path.dirname(os.path.realpath(__file__)), "emulator")
TELL_LINES = 15  # of a failed suite's standard error


class Suite:
    """A command, its time limit, and afterwards what came of it."""

    def __init__(self, name, seconds, command, machine=None, obstacle=None):
        self.name, self.seconds, self.command = name, seconds, command
        self.machine, self.obstacle = machine, obstacle
        self.passed, self.failures, self.skips, self.efforts = 0, [], [], []
        self.took_seconds, self.error_tail = 0.0, []

    def run(self, logs):
        """Runs the command; its output goes to files in the folder logs."""
        if self.obstacle:
            self.skips.append(f"{self.name} ({self.obstacle})")
            return
        base = os.path.join(logs, self.name.replace("/", "-").replace(":", "-"))
        started = time.monotonic()
        with open(base + ".out", "wb") as out, open(base + ".err", "wb") as err:
            status = self._execute(out, err)
        self.took_seconds = time.monotonic() - started
        self._judge(read_lines(base + ".out"), status)
        self.error_tail = read_lines(base + ".err")[-TELL_LINES:]

    def _execute(self, out, err):
        """The command's status, or None when it was ended at its time limit."""
        child = subprocess.Popen(["sh", "-c", self.command], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=err, start_new_session=True, env=self._environment())
        try:
            return child.wait(self.seconds + RANDOM_TESTS * ASKED_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()

    def _environment(self):
        if not self.machine:
            return None
        return dict(os.environ, TEST_MACHINE=self.machine.name, TEST_SUITE=self.name.split(":")[1],
                    FAULTLINE_QEMU=EMULATOR)

    def _judge(self, lines, status):
        plan, ran, comments = None, 0, []
        for line in lines:
            result = RESULT.fullmatch(line)
            if re.fullmatch(r"1\.\.\d+", line) and plan is None:
                plan, comments = int(line[3:]), []
            elif line.startswith("#"):
                comments.append(line)
                if re.search(r"\d (operations|executions)\b", line):
                    self.efforts.append(line)
            elif result and plan is not None:
                ran += 1
                self._count(result, comments)
                comments = []
        if plan is None:
            self.failures.append(("the suite announces its plan", comments))
        elif plan == 0:
            self.failures.append(("the suite has tests", comments))
        elif ran != plan:
            self.failures.append((f"the suite runs all its {plan} tests (it ran {ran})", comments))
        if status is None:
            self.failures.append((f"the suite ends within {self.seconds} s", []))
        elif status != 0 and not self.failures:
            self.failures.append((f"the suite ends with status 0 (it was {status})", comments))
        elif status == 0 and self.failures:
            self.failures.append(("the suite's status tells of its failures (it was 0)", []))

    def _count(self, result, comments):
        failed, _, name, skipped = result.groups()
        if failed:
            self.failures.append((name, comments))
        elif skipped is not None:
            self.skips.append(f"{self.name}: {name} ({skipped or 'no reason given'})")
        else:
            self.passed += 1

    def report(self):
        """One line; how many operations random tests did; each failure's name and the comments before it."""
        if self.obstacle:
            return
        mark = "FAIL" if self.failures else "ok  "
        print(f"{mark} {self.name}: {self.passed} passed in {self.took_seconds:.1f} s")
        for line in self.efforts:
            print(f"     {line}")
        for name, comments in self.failures:
            print(f"     not ok: {name}")
            for line in comments:
                print(f"         {line}")
        if self.failures:
            for line in self.error_tail:
                print(f"     | {line}")
        sys.stdout.flush()


def read_lines(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\r") for line in file.read().split("\n")]


def read_suites(path):
    """The suites of a list: NAME SECONDS COMMAND on each line."""
    suites = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split(None, 2)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3 or not words[1].isdecimal():
                sys.exit(f"{path}:{number}: not NAME SECONDS COMMAND")
            suites.append(Suite(words[0], int(words[1]), words[2].strip()))
    return suites


def on_machines(suites, build, everything, had):
    """The suites as they are, and again for each machine that is to run them; had: of those only that are to be had."""
    table = machines.Machines()
    yield from (suite for suite in suites if table.runs(None, suite.name, everything))
    for machine in table.machines:
        wanted = [suite for suite in suites if table.runs(machine, suite.name, everything)]
        lack = machine.lack(build) if had else None
        if lack:
            yield Suite(f"{machine.name}:all", 0, "", machine, lack)
            continue
        for suite in wanted:
            yield Suite(f"{machine.name}:{suite.name}", MACHINE_TIMES * suite.seconds, suite.command, machine,
                        table.obstacle(machine, suite.name))


def choose(arguments):
    suites = [Suite(name, HOST_SECONDS, os.path.join(arguments.build, "tests", name))
              for name in arguments.host]
    if arguments.suites:
        listed = read_suites(arguments.suites)
        suites += on_machines(listed, arguments.build, arguments.machines == "ALL", not arguments.list) \
            if arguments.machines else listed
    return [suite for suite in suites if arguments.only in suite.name]


def use_disk():
    """Temporary files go to a disk: where a folder is memory, Linux counts files, and so programs, as memory in use,
    and takes sizes that no disk does; tests that compare with Linux would see that."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        kinds = {line.split()[4]: line.split(" - ")[1].split()[0] for line in table}

    def is_memory(folder):
        while folder not in kinds:
            folder = os.path.dirname(folder)
        return kinds[folder] in ("tmpfs", "ramfs")

    folder = os.path.realpath(tempfile.gettempdir())
    if is_memory(folder) and os.path.isdir("/var/tmp") and not is_memory(os.path.realpath("/var/tmp")):
        os.environ["TMPDIR"] = "/var/tmp"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--host", action="append", default=[])
    parser.add_argument("--suites")
    parser.add_argument("--machines", choices=("FEW", "ALL"))
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    use_disk()
    os.environ["FAULTLINE_BUILD"] = arguments.build = os.path.abspath(arguments.build)
    suites = choose(arguments)
    if not suites:
        sys.exit(f"no suite is named like '{arguments.only}'")
    if arguments.list:
        print("\n".join(suite.name for suite in suites))
        return
    logs = os.path.join(arguments.build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(suite.run, logs) for suite in suites]
        for suite, run in zip(suites, runs):
            run.result()
            suite.report()
    skips = [skip for suite in suites for skip in suite.skips]
    failed = sum(len(suite.failures) for suite in suites)
    if skips:
        print(f"# {len(skips)} skipped: {'; '.join(skips)}")
    print(f"{sum(suite.passed for suite in suites)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
