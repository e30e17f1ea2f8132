#!/usr/bin/env python3
"""faultline-package, with a stand-in for apt whose one package is made here: nothing is fetched."""
import os
import shutil
import sys

sys.dont_write_bytecode = True
from ktap import SDK, Skip, check_equal, check_in, main, run, test

PACKAGE = os.path.join(SDK, "faultline-package")
APT_GET = """#!/bin/sh
# Every command is told in `asked`; the mirror has shelf/NAME.deb for each NAME.
echo "apt-get $*" >>"$SHELF/../asked"
for word in "$@"; do last=$word; done
case "$*" in
*indextargets*) cat "$SHELF/../targets" ;;
*update*) [ ! -e "$SHELF/../offline" ] ;;
*) cp "$SHELF/${last%%/*}.deb" . ;;
esac
"""
APT_CACHE = """#!/bin/sh
for word in "$@"; do last=$word; done
[ "$last" = meta ] && printf 'meta\\n  PreDepends: other\\n  Depends: board\\n  Depends: later\\n'
"""


def script(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


def codename():
    with open("/etc/os-release", encoding="utf-8") as file:
        words = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    if words.get("ID") != "debian":
        raise Skip("this is not Debian")
    return words["VERSION_CODENAME"]


def shelve(name):
    """A mirror in this folder, with the package `name`, which has two files."""
    for path in ("root/DEBIAN", "root/usr/lib/trees", "shelf", "bin"):
        os.makedirs(path)
    script("root/DEBIAN/control", f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n")
    script("root/usr/lib/trees/a tree.dtb", "tree")
    script("root/usr/lib/large", "large")
    check_equal(run("dpkg-deb", "--build", "root", f"shelf/{name}.deb").returncode, 0)
    script("targets", f"file:/elsewhere sid main sid\nfile:/mirror {codename()} {codename()} main\n")
    script("bin/apt-get", APT_GET)
    script("bin/apt-cache", APT_CACHE)


def fetch(*words):
    """(status, standard error) of the command, with the stand-in in apt's place."""
    environment = dict(os.environ, PATH=f"{os.getcwd()}/bin:{os.environ['PATH']}", SHELF=f"{os.getcwd()}/shelf")
    result = run(PACKAGE, *words, env=environment)
    return result.returncode, result.stderr.decode()


def asked():
    if not os.path.exists("asked"):
        return ""
    with open("asked", encoding="utf-8") as file:
        return file.read()


def files(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names)


@test("a package is unpacked, of the suite and architecture that were named")
def _():
    shelve("board")
    status, _ = fetch("-a", "riscv64", "sid", "made/it", "board")
    check_equal((status, files("made")), (0, ["it/packages", "it/usr/lib/large", "it/usr/lib/trees/a tree.dtb"]))
    check_in("APT::Architecture=riscv64", asked())
    check_in("download board/sid", asked())
    check_equal(os.listdir("made"), ["it"])
    with open("made/it/packages", encoding="utf-8") as file:
        check_equal(file.read(), "board 1 (all)\n")


@test("patterns choose files")
def _():
    shelve("board")
    check_equal(fetch("-m", "./usr/lib/*/a tree*", "sid", "it", "board")[0], 1)  # a pattern is one word
    check_equal(fetch("-m", "./usr/lib/trees/*", "sid", "it", "board")[0], 0)
    check_equal(files("it"), ["packages", "usr/lib/trees/a tree.dtb"])


@test("depends:NAME is what that package depends on first")
def _():
    shelve("board")
    check_equal(fetch("sid", "it", "depends:meta")[0], 0)
    check_equal(len(files("it")), 3)
    status, said = fetch("sid", "other", "depends:nobody")
    check_equal((status, os.path.exists("other")), (1, False))
    check_in("sid has no package that depends:nobody could be", said)


@test("a folder that is there is left as it is, and nobody is asked")
def _():
    shelve("board")
    os.mkdir("it")
    check_equal((fetch("sid", "it", "board"), files("it"), asked()), ((0, ""), [], ""))


@test("without the network, without the package and without a mirror no folder is made, and one line says why")
def _():
    shelve("board")
    for prepare, reason in (
            (lambda: script("offline", ""), "could not fetch the list of packages of sid"),
            (lambda: (os.remove("offline"), os.remove("shelf/board.deb")), "could not fetch board of sid"),
            (lambda: script("shelf/board.deb", "no archive"), "could not unpack board.deb"),
            (lambda: script("targets", "file:/elsewhere other other main\n"), "name no mirror of Debian")):
        prepare()
        status, said = fetch("sid", "it", "board")
        check_equal((status, [name for name in os.listdir(".") if name.startswith("it")]), (1, []))
        check_in(reason, said.rstrip("\n").split("\n")[-1])


main()
