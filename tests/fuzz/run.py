#!/usr/bin/env python3
"""Runs a fuzzer for a while as a suite: prints KTAP.

usage: run.py TARGET

FAULTLINE_BUILD is the build folder, SECONDS in the environment how long (60).  Starts from the seeds in the tree and
what the corpus in the build folder has grown to; an input that fails stays in the build folder, and is named.
"""
import os
import re
import subprocess
import sys


def main():
    target, build, seconds = sys.argv[1], os.environ["FAULTLINE_BUILD"], os.environ.get("SECONDS", "60")
    grown = os.path.join(build, "fuzz/corpus", target)
    os.makedirs(grown, exist_ok=True)
    print("KTAP version 1\n1..1", flush=True)
    result = subprocess.run([os.path.join(build, "fuzz", target), f"-max_total_time={seconds}", "-timeout=10",
                             f"-artifact_prefix={os.path.join(build, 'fuzz', target)}-", "-print_final_stats=1", grown,
                             os.path.join("tests/fuzz/corpus", target)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    told = result.stderr.decode(errors="replace")
    sys.stderr.write(told)
    for line in re.findall(r"^(?:\S+:\d+: CHECK.*|Test unit written to .*|SUMMARY: .*)$", told, re.M):
        print("#", line)
    executions = re.search(r"stat::number_of_executed_units: (\d+)", told)
    print(f"# {executions[1] if executions else 'unknown'} executions")
    print(f"{'not ' if result.returncode else ''}ok 1 - no input of {seconds} s fails")
    sys.exit(1 if result.returncode else 0)


main()
