#!/usr/bin/env python3
"""Two clones in different folders, built one after the other, give the same files to pass on.

What comes from Debian is copied into both: it is the same for the same version."""
import os
import shutil
import sys

sys.dont_write_bytecode = True
import uboot
import boot
from ktap import Skip, check_equal, main, run, test

SECONDS = 1200  # for one build, which takes one minute of two processors
MADE = ("faultline.bin", "initrd.cpio", "faultline-visionfive2.img", "faultline-visionfive2.itb", "faultline-visionfive.img",
        "faultline-visionfive.itb", "faultline.tar.gz")


def build_clone(folder):
    """Clones the tree's commit to `folder` and makes what is passed on; {name: bytes}."""
    if run("git", "clone", "-q", boot.TOP, folder).returncode:
        raise Skip("this tree is no clone")
    os.mkdir(os.path.join(folder, "build"))
    for name in ("lz4", "boards"):
        if os.path.isdir(os.path.join(boot.BUILD, name)):
            shutil.copytree(os.path.join(boot.BUILD, name), os.path.join(folder, "build", name))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FAULTLINE", "MAKE", "SOURCE_DATE"))}
    result = run("make", "-s", "dist", cwd=folder, env=environment | {"CCACHE_DISABLE": "1"}, seconds=SECONDS)
    if result.returncode:
        raise AssertionError(result.stderr.decode())
    files = {}
    for name in MADE:
        with open(os.path.join(folder, "build", name), "rb") as file:
            files[name] = file.read()
    return files


@test("kernel, initrd, cards, FITs and the archive are the same bytes from two clones")
def _():
    uboot.need_tools()
    first = build_clone("one")
    second = build_clone(os.path.join("somewhere", "else", "deeper"))
    check_equal([name for name in MADE if first[name] != second[name]], [])


main()
