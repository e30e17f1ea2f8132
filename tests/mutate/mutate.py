#!/usr/bin/env python3
"""Breaks the product in known ways, one at a time, and sees whether a test notices.

usage: mutate.py --build DIR [--only TEXT] [--all] [--jobs N]
       mutate.py --check

The mutants stand in *.mutants beside this script, whose README.md says how one is written.  Each is made
in a copy of the tree below DIR/mutants, never in the tree itself; what the change affects is built anew there, and the
suites that the mutant names are run until one fails.  Prints KTAP.  A mutant fails its test when

  - no suite catches it (unless its entry proves that it changes nothing: then when one does);
  - its old text does not stand in the file exactly once: it is stale;
  - it does not compile.

The first test says that all suites that are used pass without a mutant; without that the others would mean nothing.
--only: mutants with the text in their name or file.  --all: runs all host tests that contain the file and names
every one that catches the mutant: for who writes one.  --jobs: so many at once (2).  --check: makes no mutant;
names those that are stale or name a suite that there is not, in seconds; status 1 if there are any.
"""
import argparse
import concurrent.futures
import filecmp
import fnmatch
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
HOST_SECONDS = 60  # of processor time; a suite that sleeps for ever gets WAIT times as much by the clock
TARGET_SECONDS = 120
WAIT = 5
EXPLAINED_MAX = 3
ENDED_BY_LIMIT = {sign + offset for sign, offset in ((-signal.SIGXCPU, 0), (signal.SIGXCPU, 128), (-signal.SIGKILL, 0),
                                                     (signal.SIGKILL, 128))}
NOT_COPIED = {".git", "__pycache__"}
NOT_BUILT = {"mutants", "coverage", "fuzz", "test-logs", "fast"}  # folders below DIR that no suite here needs
RESULT = re.compile(r"(not )?ok (\d+)(?: -)? ?(.*)$")
TEST = re.compile(r'\bTEST\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
SYMPTOM = re.compile(r"ERROR: \w+Sanitizer: [^\n]*|runtime error: [^\n]*|[^\n]*(?:assert|ASSERT|panic)[^\n]*")


class Mutant:
    """An entry of a list: a sentence, a file, the old and the new text, the suites that shall see it."""

    def __init__(self, name, where):
        self.name, self.where = name, where
        self.area = os.path.basename(where).partition(".")[0]
        self.file, self.suites, self.same = "", [], ""
        self.old, self.new = [], []

    def add(self, line):
        """Takes one line of the entry; False if it has no meaning."""
        if line[0] in " -+":
            if line[0] != "+":
                self.old.append(line[1:])
            if line[0] != "-":
                self.new.append(line[1:])
            return True
        key, _, value = line.partition(": ")
        if key == "in":
            self.file = value
        elif key == "by":
            self.suites += value.split()
        elif key == "same":
            self.same = f"{self.same} {value}".strip()
        else:
            return False
        return True

    def apply(self, text):
        """The file's text with the change, or None: the old text is not there exactly once."""
        old, new = ("".join(line + "\n" for line in lines) for lines in (self.old, self.new))
        at = ("\n" + text).find("\n" + old)
        if not old or at < 0 or ("\n" + text).find("\n" + old, at + 1) >= 0:
            return None
        return text[:at] + new + text[at + len(old):]


def read_mutants(path):
    mutants, entry = [], None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            where = f"{os.path.relpath(path, TOP)}:{number}"
            if line.startswith("mutant: "):
                entry = Mutant(line[8:], where)
                mutants.append(entry)
            elif line and not line.startswith("#") and (entry is None or not entry.add(line)):
                sys.exit(f"{where}: not a line of a mutant")
    return mutants


def read_target_suites():
    """The commands of the suites that boot a kernel, by name."""
    suites = {}
    for name in ("suites.txt", "suites-long.txt"):
        with open(os.path.join(TOP, "tests", name), encoding="utf-8") as file:
            for line in file:
                words = line.split(None, 2)
                if len(words) == 3 and not line.startswith("#"):
                    suites[words[0]] = words[2].strip()
    return suites


class Tree:
    """A copy of the sources and of what was built of them, where one mutant at a time lives."""

    def __init__(self, folder, build, copied_from=None):
        self.folder, self.build = folder, build
        self.origin = copied_from
        shutil.rmtree(folder, ignore_errors=True)
        if copied_from:
            shutil.copytree(copied_from.folder, folder, symlinks=True)
        else:
            self._copy_top()

    def _copy_top(self):
        """What is older than its source there is so here: copies keep their times."""
        shutil.copytree(TOP, self.folder, symlinks=True, ignore=lambda folder, names: {
            name for name in names if name in NOT_COPIED or os.path.join(folder, name) == os.path.join(TOP, self.build)})
        built = os.path.join(TOP, self.build)
        if os.path.isdir(built):
            shutil.copytree(built, self.path(self.build), symlinks=True,
                            ignore=lambda _, names: NOT_BUILT.intersection(names))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make(self, targets, jobs=1):
        return subprocess.run(["make", "-s", f"-j{jobs}", "--no-print-directory", f"BUILD={self.build}", *targets],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def write(self, file, text):
        with open(self.path(file), "w", encoding="utf-8") as out:
            out.write(text)

    def restore(self, file):
        """The file, and all that was built with the mutant, as they were."""
        shutil.copy2(self.origin.path(file), self.path(file))
        for folder, _, names in os.walk(self.path(self.build)):
            for name in names:
                path = os.path.join(folder, name)
                kept = os.path.join(self.origin.folder, os.path.relpath(path, self.folder))
                if not os.path.exists(kept):
                    os.remove(path)
                elif not filecmp.cmp(path, kept) or os.stat(path).st_mtime_ns != os.stat(kept).st_mtime_ns:
                    replace(kept, path)


def replace(kept, path):
    """A new file under the old name: what a suite left behind when it was killed may still run the old one."""
    shutil.copy2(kept, path + ".new")
    os.replace(path + ".new", path)


class Suites:
    """What can be run: the host tests and their sources, the target suites and their commands."""

    def __init__(self, tree):
        self.target = read_target_suites()
        listing = tree.make(["list-host-tests"])
        if listing.returncode:
            sys.exit(listing.stderr)
        self.sources = {}
        for line in listing.stdout.splitlines():
            words = line.split()
            self.sources[words[0]] = words[1:]

    def of_file(self, file):
        """The host tests that a file is part of; a header is part of all that use its folder."""
        folder = os.path.dirname(file) + "/*.c"
        return [test for test, sources in self.sources.items()
                if file in sources or (file.endswith(".h") and fnmatch.filter(sources, folder))]

    def target_of_make(self, suite, build):
        if suite in self.sources:
            return f"{build}/tests/{suite}"
        image = re.search(r"\$FAULTLINE_BUILD/(\S+\.(?:bin|cpio))", self.target[suite])
        return f"{build}/{image.group(1)}"

    def command(self, suite, build):
        return os.path.join(build, "tests", suite) if suite in self.sources else self.target[suite]

    def sentence(self, suite, ran, last):
        """The test that ran when a program ended before its time."""
        if suite in self.sources:
            with open(os.path.join(TOP, self.sources[suite][0]), encoding="utf-8") as file:
                names = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found)) for found in TEST.findall(file.read())]
            if ran < len(names):
                return names[ran]
        return f'the test behind "{last}"' if last else "the first test"


def run_suite(suites, suite, tree):
    """None if the suite passes, else what it said.  Ends at the first failed test."""
    seconds = HOST_SECONDS if suite in suites.sources else TARGET_SECONDS
    with open(tree.path("suite.err"), "w+b") as errors:
        child = subprocess.Popen(["sh", "-c", f"ulimit -t {seconds}; {suites.command(suite, tree.build)}"], cwd=tree.folder,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                 start_new_session=True,
                                 env=dict(os.environ, FAULTLINE_BUILD=tree.path(tree.build)))
        late = threading.Event()

        def end():
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        timer = threading.Timer(WAIT * seconds, lambda: (late.set(), end()))
        timer.start()
        try:
            failed, ran, last, plan, symptom = read_results(child.stdout)
            if failed is None:
                child.wait()
        finally:
            timer.cancel()
            end()
            child.wait()
            child.stdout.close()
        if failed is not None:
            return failed
        if late.is_set() or child.returncode in ENDED_BY_LIMIT:
            return f"{suites.sentence(suite, ran, last)} (hangs: ended after {seconds} s)"
        if child.returncode == 0 and ran == plan:
            return None
        errors.seek(0)
        found = SYMPTOM.search(errors.read().decode(errors="replace"))
        symptom = found.group(0).strip() if found else symptom or f"status {child.returncode}"
        return f"{suites.sentence(suite, ran, last)} ({symptom})"


def read_results(stream):
    """The first failed test or None, tests run, the last one's name, the plan, a line that tells of a panic."""
    ran, last, plan, symptom = 0, "", None, ""
    for raw in stream:
        line = raw.decode(errors="replace").strip()
        result = RESULT.fullmatch(line)
        if plan is None and re.fullmatch(r"1\.\.\d+", line):
            plan = int(line[3:])
        elif plan is not None and result:
            if result.group(1):
                return result.group(3), ran, last, plan, symptom
            ran, last = ran + 1, result.group(3)
        elif SYMPTOM.search(line) and not symptom:
            symptom = line
    return None, ran, last, plan, symptom


class Outcome:
    """What came of one mutant."""

    def __init__(self, ok, *comments):
        self.ok, self.comments, self.seconds = ok, comments, 0.0


def try_suites(mutant, suites, tree, every):
    """The suites that catch the mutant, as lines; one that does not compile is a SystemError."""
    caught = []
    for suite in suites.of_file(mutant.file) if every else mutant.suites or suites.of_file(mutant.file):
        built = tree.make([suites.target_of_make(suite, tree.build)])
        if built.returncode:
            raise SystemError(next((line for line in built.stderr.splitlines() if "error" in line), built.stderr))
        said = run_suite(suites, suite, tree)
        if said is not None:
            caught.append(f"caught by {suite}: {said}")
            if not every:
                break
    return caught


def try_mutant(mutant, suites, tree, every):
    with open(tree.origin.path(mutant.file), encoding="utf-8") as file:
        text = mutant.apply(file.read())
    if text is None:
        return Outcome(False, f"stale: the old text does not stand in {mutant.file} once")
    tree.write(mutant.file, text)
    try:
        caught = try_suites(mutant, suites, tree, every)
    except SystemError as error:
        return Outcome(False, f"does not compile: {error}")
    finally:
        tree.restore(mutant.file)
    if mutant.same:
        return Outcome(not caught, *(caught or [f"nothing sees it, because {mutant.same}"]))
    return Outcome(bool(caught), *(caught or [f"{mutant.where}: no test of "
                                              f"{' '.join(mutant.suites) or 'all that contain the file'} sees it"]))


def check_unbroken(names, suites, tree, jobs):
    """Builds the suites in the tree that the others are copied from; all must pass."""
    built = tree.make([suites.target_of_make(name, tree.build) for name in names], jobs)
    if built.returncode:
        return Outcome(False, built.stderr.strip().split("\n")[-1])
    said = {name: run_suite(suites, name, tree) for name in names}
    return Outcome(not any(said.values()), *(f"{name}: {text}" for name, text in said.items() if text))


class Report:
    """KTAP, in the order of the list, whatever ends first."""

    def __init__(self, planned):
        self.number, self.failed, self.missed = 0, 0, set()
        print(f"KTAP version 1\n1..{planned}", flush=True)

    def add(self, name, outcome):
        self.number += 1
        self.failed += not outcome.ok
        if not outcome.ok:
            self.missed.add(name)
        for line in outcome.comments:
            print(f"# {line}")
        print(f"{'' if outcome.ok else 'not '}ok {self.number} - {name}", flush=True)

    def tell_areas(self, mutants):
        """The whole list and what of it failed, by file."""
        for area in sorted({mutant.area for mutant in mutants}):
            of_area = [mutant for mutant in mutants if mutant.area == area]
            explained = sum(bool(mutant.same) for mutant in of_area)
            missed = sum(mutant.name in self.missed for mutant in of_area)
            print(f"# {area}: {len(of_area)} mutants, {len(of_area) - explained - missed} caught"
                  f"{f', {explained} explained' if explained else ''}")

    def end(self):
        print(f"{self.number - self.failed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def choose(only):
    lists = sorted(os.path.join(HERE, name) for name in os.listdir(HERE) if name.endswith(".mutants"))
    mutants = [mutant for path in lists for mutant in read_mutants(path)]
    explained = [mutant.name for mutant in mutants if mutant.same]
    if len(explained) > EXPLAINED_MAX:
        sys.exit(f"{len(explained)} mutants are explained, at most {EXPLAINED_MAX} may be: {explained}")
    return [mutant for mutant in mutants if only in mutant.name or only in mutant.file]


def complaints(mutants):
    """What can be said against the mutants without making one."""
    target = read_target_suites()
    for mutant in mutants:
        try:
            with open(os.path.join(TOP, mutant.file), encoding="utf-8") as file:
                fits = mutant.apply(file.read()) is not None
        except OSError:
            fits = False
        if not fits:
            yield f"{mutant.where}: stale: the old text does not stand in {mutant.file} once: {mutant.name}"
        for suite in mutant.suites:
            source = f"{suite.replace('_replay', '_fuzz')}.c"
            if suite not in target and not os.path.exists(os.path.join(TOP, "tests", source)):
                yield f"{mutant.where}: there is no suite {suite}: {mutant.name}"


def check():
    found = list(complaints(choose("")))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


def main():
    parser = argparse.ArgumentParser()
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--build")
    what.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.check:
        check()
    mutants = choose(arguments.only)
    if not mutants:
        sys.exit(f"no mutant is named like '{arguments.only}'")
    build = os.path.relpath(os.path.abspath(arguments.build), TOP)
    base = Tree(os.path.join(TOP, build, "mutants", "base"), "build" if build.startswith("..") else build)
    suites = Suites(base)
    used = sorted({suite for mutant in mutants for suite in mutant.suites or suites.of_file(mutant.file)})
    report = Report(len(mutants) + 1)
    started = time.monotonic()
    unbroken = check_unbroken(used, suites, base, arguments.jobs)
    report.add("without a mutant all suites pass", unbroken)
    if not unbroken.ok:
        report.end()
    trees = queue.SimpleQueue()
    for i in range(min(arguments.jobs, len(mutants))):
        trees.put(Tree(os.path.join(TOP, build, "mutants", str(i)), base.build, base))

    def work(mutant):
        tree = trees.get()
        try:
            return try_mutant(mutant, suites, tree, arguments.all)
        finally:
            trees.put(tree)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, outcome in zip(mutants, pool.map(work, mutants)):
            report.add(mutant.name, outcome)
    report.tell_areas(mutants)
    print(f"# {time.monotonic() - started:.0f} s")
    report.end()


main()
