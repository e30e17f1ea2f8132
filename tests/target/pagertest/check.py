#!/usr/bin/env python3
"""The test of pagers, tested: the example keeps every rule, built as a stranger would build it, and
each bad pager of bad/vices.def is told exactly."""
import concurrent.futures
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests", "sdk"))
from ktap import SDK, check_equal, check_in, comment, main, run, skip_on_other_machines, test

BUILD = os.path.abspath(os.environ.get("FAULTLINE_BUILD", os.path.join(TOP, "build")))
CC, RUN = os.path.join(SDK, "faultline-cc"), os.path.join(SDK, "faultline-run")
CONDITIONS_MIN = 70
VICE = re.compile(r'^VICE\((\w+), "([0-9 ]*)", "([^"]*)"\)', re.M)
RULE = re.compile(r'^PAGER_RULE\((\d+), (\w+), "([^"]*)"\)', re.M)


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


VICES = VICE.findall(read("tests", "target", "pagertest", "bad", "vices.def"))
RULES = RULE.findall(read("user", "protocol", "pager_rules.def"))


def one_for_each_rule(vices):
    """Of these the first, which breaks none, and each that breaks a rule which none before it breaks."""
    seen = set()
    for vice in vices:
        broken = set(vice[1].split())
        if not broken <= seen or vice is vices[0]:
            yield vice
        seen |= broken


CHOSEN = list(one_for_each_rule(VICES)) if "TEST_MACHINE" in os.environ else VICES


def test_pager(path, *options):
    """(status, standard output, last line of standard error) of the test of one pager."""
    result = run(RUN, *options, "--pager", os.path.abspath(path), seconds=120, cwd=TOP)
    return result.returncode, result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace").splitlines()[-1]


def verdicts(report):
    """The verdict of each rule by its number."""
    return dict(re.findall(r"^# verdict P(\d+) \w+: ([a-z ]+)$", report, re.M))


def bad_pager(name):
    return os.path.join(BUILD, "user", f"bad_pager_{name}.elf")


def check_vice(name, broken):
    status, report, last = TESTED[name].result()
    told = verdicts(report)
    check_equal(sorted(told, key=int), [number for number, _, _ in RULES])
    check_equal([number for number in told if told[number] == "broken"], broken.split())
    check_equal(status, 1 if broken else 0)
    check_in("does not keep" if broken else "keeps every rule", last)
    for number in broken.split():
        check_equal(bool(re.search(rf"^# P{number} is broken here\n(.*\n)*?not ok \d+ - P{number}: ", report, re.M)), True)


def of_vice(name, broken, what):
    @test(f"a pager that {what}: {'broken ' + ', '.join('P' + n for n in broken.split()) if broken else 'nothing is broken'}")
    def _():
        check_vice(name, broken)


@test("the example, built outside the tree by faultline-cc --server, keeps every rule")
def _():
    shutil.copy(os.path.join(TOP, "user", "examples", "pager", "pager.c"), "mine.c")
    result = run(CC, "--server", "-O2", "-Wall", "-Wextra", "-Werror", "mine.c", "-o", "mine")
    check_equal((result.returncode, result.stderr), (0, b""))
    status, report, last = test_pager("mine")
    check_equal((status, last), (0, "faultline-run: the pager keeps every rule, status 0"))
    check_equal(verdicts(report), {number: "kept" for number, _, _ in RULES})
    conditions = re.findall(r"^ok \d+ - P(\d+): ", report, re.M)
    check_equal(sorted(set(conditions), key=int), [number for number, _, _ in RULES])
    check_equal(len(conditions) >= CONDITIONS_MIN, True)
    check_in("KTAP version 1\n1..", report[:30])


@test("the example's page fault costs what docs/writing-a-pager.md says")
def _():
    skip_on_other_machines("the document counts on virt")
    report = test_pager(os.path.join(BUILD, "user", "example_pager.elf"))[1]
    cycles = int(re.search(r"a first touch takes (\d+) cycles", report)[1])
    said = int(re.search(r"([\d,]+) instructions", read("docs", "writing-a-pager.md"))[1].replace(",", ""))
    if abs(cycles - said) > said // 20:
        raise AssertionError(f"{cycles}, the document says {said}")


@test("each rule has a bad pager that breaks it")
def _():
    comment(f"{len(CHOSEN)} of {len(VICES)} bad pagers")
    check_equal({number for _, broken, _ in CHOSEN for number in broken.split()}, {number for number, _, _ in RULES})


@test("the document says each rule word by word")
def _():
    document = " ".join(read("docs", "writing-a-pager.md").split())
    for number, name, text in RULES:
        check_in(f"**P{number}** {text}", document)


@test("what is no pager is named, and nothing is tested")
def _():
    with open("text", "w", encoding="utf-8") as file:
        file.write("no program\n")
    status, report, last = test_pager("text")
    check_equal((status, report), (125, ""))
    check_in("text is not an ELF program", last)
    status, report, last = test_pager(os.path.join(BUILD, "faultline.elf"))
    check_equal(status, 125)
    check_in("Bail out! The pager can't be tested: ", report)
    check_in("did not end", last)


@test("the time limit is 124")
def _():
    check_equal(test_pager(bad_pager("none"), "--timeout", "0.05")[0], 124)


for vice in CHOSEN:
    of_vice(*vice)

with concurrent.futures.ThreadPoolExecutor(2) as pool:
    TESTED = {name: pool.submit(test_pager, bad_pager(name)) for name, _, _ in CHOSEN}
    main()
