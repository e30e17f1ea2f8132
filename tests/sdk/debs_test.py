#!/usr/bin/env python3
"""faultline-debs, with an apt-get and a dpkg-deb of our own: no network."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from ktap import SDK, Skip, check_equal, check_in, main, run, test

DEBS = os.path.join(SDK, "faultline-debs")
RELEASE = "/etc/os-release"

# Notes how it is called.  Knows one mirror; "download" and "install" bring one package, unless $FAIL names them; "download"
# first reads `gate`, if there is one.
APT = """#!/bin/sh
echo "$*" >>"$CALLS"
case " $* " in
*" --print-uris "*) echo "'http://mirror.example/debian/dists/$CODENAME/InRelease' x 0 " && exit ;;
*" $FAIL "*) exit 100 ;;
*" download "*) [ ! -e "$GATE" ] || cat "$GATE"; touch one.deb ;;
*" install "*) folder=$(echo "$*" | sed 's/.*Dir::Cache=\\([^ ]*\\).*/\\1/'); touch "$folder/archives/one.deb" ;;
esac
"""
CACHE = """#!/bin/sh
for word in "$@"; do last=$word; done
[ "$last" = meta ] && printf 'meta\\n  PreDepends: other\\n  Depends: board\\n  Depends: later\\n'
"""
DPKG = """#!/bin/sh
[ "$1" = -W ] && echo "${3##*/} 1" && exit
cd "$(dirname "$0")/.." && mkdir -p files/usr/bin files/usr/lib && basename "$2" >files/usr/bin/unpacked
echo tree >"files/usr/lib/a tree" && tar -c -C files . && rm -r files
"""


def codename():
    with open(RELEASE, encoding="utf-8") as file:
        words = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    if words.get("ID") != "debian":
        raise Skip("this host is not Debian")
    return words["VERSION_CODENAME"]


def environment(fail):
    os.makedirs("bin", exist_ok=True)
    for name, text in (("apt-get", APT), ("apt-cache", CACHE), ("dpkg-deb", DPKG)):
        with open(os.path.join("bin", name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join("bin", name), 0o755)
    open("calls", "w", encoding="utf-8").close()
    return dict(os.environ, PATH=f"{os.getcwd()}/bin:{os.environ['PATH']}", CALLS=f"{os.getcwd()}/calls",
                GATE=f"{os.getcwd()}/gate", FAIL=fail, CODENAME=codename())


def debs(*words, fail="nothing"):
    return run(DEBS, *words, env=environment(fail))


def calls():
    with open("calls", encoding="utf-8") as file:
        return file.read()


def unpacked(folder):
    with open(os.path.join(folder, "usr/bin/unpacked"), encoding="utf-8") as file:
        return file.read()


@test("a package is unpacked into its folder, and nothing else is left")
def _():
    result = debs("out", "sid/riscv64", "some-package")
    check_equal((result.returncode, unpacked("out")), (0, "one.deb\n"))
    check_in("APT::Architectures::=riscv64 download some-package", calls())
    check_equal(sorted(os.listdir(".")), ["bin", "calls", "out"])
    with open("out/packages", encoding="utf-8") as file:
        check_equal(file.read(), "one.deb 1\n")


@test("with --missing apt-get chooses what the machine lacks, of its own backports, and installs nothing")
def _():
    check_equal(debs("--missing", "out", "backports", "some-package").returncode, 0)
    check_in(f"--download-only --no-install-recommends -t {codename()}-backports install some-package", calls())


@test("patterns choose files, and belong to what a folder holds")
def _():
    check_equal(debs("--files", "./usr/lib/*", "out", "sid", "one").returncode, 0)
    check_equal((sorted(os.listdir("out/usr")), os.listdir("out/usr/lib")), (["lib"], ["a tree"]))
    check_equal((debs("out", "sid", "one").returncode, unpacked("out")), (0, "one.deb\n"))
    check_equal(debs("--files", "./no/such*", "other", "sid", "one").returncode, 3)


@test("depends:NAME is what that package depends on first")
def _():
    check_equal(debs("out", "sid", "depends:meta").returncode, 0)
    check_in("download board\n", calls())
    check_equal((debs("other", "sid", "depends:nobody").returncode, os.path.exists("other")), (3, False))


@test("a folder that holds the packages is left as it is, one that holds others is made anew")
def _():
    debs("out", "sid", "one")
    check_equal((debs("out", "sid", "one").returncode, calls()), (0, ""))
    debs("out", "sid", "two")
    check_in("download two", calls())


@test("of two at once the second waits for the first, and has nothing to fetch; so it does when the first is ended and its apt-get goes on")
def _():
    for ended in (False, True):
        words, told = [DEBS, f"out-{ended}", "sid", "one"], environment(fail="nothing")
        os.mkfifo("gate")
        with subprocess.Popen(words, env=told) as first:
            gate = open("gate", "w", encoding="utf-8")  # once its apt-get reads
            if ended:
                first.kill()
                first.wait()
            held = run("flock", "--nonblock", ".", "true").returncode == 1
            with subprocess.Popen(words, env=told) as second:
                os.remove("gate")
                gate.close()
        check_equal(held, True)
        check_equal((first.returncode, second.returncode), (-9 if ended else 0, 0))
        check_equal((unpacked(f"out-{ended}"), calls().count(" download ")), ("one.deb\n", 2 if ended else 1))


@test("what cannot be fetched is named, with status 3, and the folder stays as it was")
def _():
    debs("out", "sid", "one")
    for failing in ("update", "download"):
        result = debs("out", "sid", "two", fail=failing)
        check_equal((result.returncode, unpacked("out")), (3, "one.deb\n"))
        check_in(b"could not fetch two of Debian's sid\n", result.stderr)
        check_equal(sorted(os.listdir(".")), ["bin", "calls", "out"])


@test("too few words are refused with the usage")
def _():
    result = debs("out", "sid")
    check_equal((result.returncode, result.stderr[:6]), (2, b"usage:"))


main()
