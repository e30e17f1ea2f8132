#!/usr/bin/env python3
"""compile_commands.py OUT COMMAND SOURCE... [-- COMMAND SOURCE...]...: writes a compilation database."""
import json
import os
import sys


def groups(words):
    """Splits the words at each "--"."""
    group = []
    for word in words + ["--"]:
        if word == "--":
            yield group
            group = []
        else:
            group.append(word)


entries = [{"directory": os.getcwd(), "command": f"{command} -c {source}", "file": source}
           for command, *sources in groups(sys.argv[2:]) for source in sources]
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(entries, out, indent=1)
    out.write("\n")
