#!/usr/bin/env python3
"""Records the page references of programs of this tree, to tests/replace/traces.

usage: record.py --build DIR [NAME...]   all of them, or those named

The programs run on the host: those of user/apps with this host's C library, linked statically, and the pager's core in
host tests.  valgrind's lackey tells each access to memory; record_pages.c makes it pages, and short.  Parents only, where
a program forks.  Of a long run only the first REFERENCES are
kept.  Another compiler or C library makes other traces: what is measured with them changes, so commit
both.
"""
import argparse
import os
import subprocess
import tempfile

FOLDER = "tests/replace/traces"
REFERENCES = 40000
CFLAGS = ["-O2", "-static", "-D_GNU_SOURCE", "-Itests/replace", "-Iuser/apps/course", "-Iuser/protocol",
          "-Ikernel/abi"]
# Name: source or host test, arguments, environment.
PROGRAMS = {
    "demand_zero": ("user/apps/course/demand_zero.c", ["256"], {}),
    "fork_cow": ("user/apps/course/fork_cow.c", ["256"], {}),
    "memory_advice": ("user/apps/course/memory_advice.c", ["256"], {}),
    "one_cache": ("user/apps/course/one_cache.c", [], {}),
    "snapshot": ("user/apps/course/snapshot.c", ["256"], {}),
    "pager_fork": ("tests/fast/unit/pager_fork_random_test", [], {"OPERATIONS": "1"}),
    "pager_file": ("tests/fast/unit/pager_file_random_test", [], {"OPERATIONS": "1"}),
    "sim": ("tests/fast/sim/sim_test", [], {"OPERATIONS": "300"}),
    "elf": ("tests/fast/fuzz/elf_replay", [], {}),
}


def compile_program(source, folder):
    program = os.path.join(folder, os.path.basename(source)[:-len(".c")])
    subprocess.run(["cc", *CFLAGS, "-o", program, source], check=True)
    return program


def record(name, build, folder):
    source, arguments, environment = PROGRAMS[name]
    program = compile_program(source, folder) if source.endswith(".c") else os.path.join(build, source)
    read_end, write_end = os.pipe()
    # An absolute program, an empty environment and no terminal: the same on the stack each time.
    run = subprocess.Popen(["valgrind", "--tool=lackey", "--trace-mem=yes", "--child-silent-after-fork=yes",
                            f"--log-fd={write_end}", os.path.abspath(program), *arguments], pass_fds=[write_end],
                           env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
    os.close(write_end)
    path = os.path.join(FOLDER, name + ".trace")
    subprocess.run([os.path.join(build, "tests/replace/record_pages"), path, str(REFERENCES)], stdin=read_end, check=True)
    os.close(read_end)
    run.kill()  # if it has not ended: what was wanted is there
    run.wait()
    with open(path, "rb") as file:
        print(f"{name}: {file.readline().decode().strip()}, {os.path.getsize(path)} bytes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or PROGRAMS:
            record(name, arguments.build, folder)


main()
