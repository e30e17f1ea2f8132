"""`mutate.py --check`, which make lint runs: what it lets pass, and what it names."""
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sdk"))
from ktap import check_equal, check_in, main, run, test

SOURCE = "int one(void)\n{\n    return 1;\n}\n"
MUTANT = "mutant: one is two\nin: mm/one.c\nby: unit/one_test\n-    return 1;\n+    return 2;\n"


def check(source=SOURCE, mutant=MUTANT):
    """What it says of a tree with one source, one host test, one suite and one list of mutants."""
    with tempfile.TemporaryDirectory() as top:
        files = {"mm/one.c": source, "tests/unit/one_test.c": "", "tests/mutate/one.mutants": mutant,
                 "tests/suites.txt": "target/one 10 true\n", "tests/suites-long.txt": ""}
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
            with open(os.path.join(top, name), "w") as file:
                file.write(text)
        copy = os.path.join(top, "tests", "mutate", "mutate.py")
        shutil.copy(os.path.join(HERE, "mutate.py"), copy)
        done = run(copy, "--check")
        return done.returncode, done.stdout.decode()


@test("mutants that apply to the sources pass")
def _():
    check_equal(check(), (0, ""))
    check_equal(check(mutant=MUTANT.replace("unit/one_test", "target/one")), (0, ""))


@test("a mutant whose old text is gone, or stands there twice, is named with its place")
def _():
    for source in (SOURCE.replace("1", "3"), SOURCE + SOURCE):
        status, said = check(source)
        check_equal(status, 1)
        check_in("tests/mutate/one.mutants:1: stale", said)
        check_in("mm/one.c", said)


@test("a mutant of a file that there is not is named")
def _():
    status, said = check(mutant=MUTANT.replace("mm/one.c", "mm/two.c"))
    check_equal(status, 1)
    check_in("mm/two.c", said)


@test("a mutant that names a suite that there is not is named")
def _():
    status, said = check(mutant=MUTANT.replace("unit/one_test", "unit/two_test"))
    check_equal(status, 1)
    check_in("no suite unit/two_test", said)


main()
