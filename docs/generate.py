#!/usr/bin/env python3
"""generate.py LIST.def...: writes the reference of the ABI (docs/abi.md) to standard output.

A list holds entries NAME(argument, ...) whose arguments are numbers, names, (name, ...) or strings.
"""
import re
import sys

TOKEN = re.compile(r'\s+|/\*.*?\*/|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\d+|[(),]', re.S)
HEAD = """\
# The interface in numbers

Generated from the `.def` lists by `make docs`; `make lint` fails when it is stale. Numbers are never
reused. `kernel/abi/abi.h` and `user/protocol/protocol.h` say how registers and messages are laid out.
"""
# Of each list: macro, title, introduction, columns.
SECTIONS = {
    "calls": ("FL_CALL", "Kernel calls", "The number travels in `a7`, arguments in `a0`..`a6`; the status comes "
              "back in `a0`, a value in `a1`. \"Reserved\" numbers answer `RESERVED_CALL`.",
              ("Number", "Call", "Arguments", "What it does")),
    "failures": ("FL_FAILURE", "What calls answer beside OK", "A name in backticks is the argument that the status "
                 "blames. When several conditions hold, which of them is told is not promised. A failed call has "
                 "changed nothing, unless its value says how far it came.", ()),
    "objects": ("FL_OBJECT", "Object types", "Bytes: what `memory_retype` takes for one object; 0 = it makes none.",
                ("Number", "Type", "Bytes", "What it is")),
    "errors": ("FL_ERROR", "Status codes", "A status word holds the code in bits 0..7 and the position of the argument "
               "to blame (1 = first) in bits 8..11.", ("Number", "Code", "Condition")),
    "labels": ("FL_LABEL", "Labels of fault messages and their answers", "", ("Number", "Label", "Meaning")),
    "counters": ("FL_COUNTER", "Kernel counters", "Read by `system_counter`.", ("Number", "Counter", "What it counts")),
    "pager": ("PAGER_CALL", "Calls to the pager", "By whom: P = programs, R = the root task or process server. "
              "There are no users: each program may also write settings and use disks for swap. Every answer holds an errno value (0 = done) in word 0.",
              ("Number", "Call", "By", "Words in", "Words out", "What it does")),
    "pager_slots": ("PAGER_START_SLOT", "What a pager under test finds in its CSpace",
                    "Of the contract of `user/protocol/pager_contract.h`.",
                    ("Number", "Slot", "Capability", "What it is")),
    "console": ("CONSOLE_CALL", "Calls to the console driver", "By whom: R = the root task, P = the pager. "
                "Every answer holds an errno value (0 = done) in word 0: EPERM = not this caller's call, ENXIO = "
                "before START, ENOSYS = no such call or another version.",
                ("Number", "Call", "By", "Words in", "Words out", "What it does")),
    "blk": ("BLK_CALL", "Calls to the disk driver", "By whom: R = the root task, C = the client, which has the rings. "
            "Every answer holds an errno value (0 = done) in word 0: EPERM = not this caller's call, ENODEV = no such "
            "disk, ENOSYS = no such call or another version.",
            ("Number", "Call", "By", "Words in", "Words out", "What it does")),
    "posix": ("POSIX_CALL", "Calls to the process server", "Every answer holds an errno value (0 = done) in word 0.",
              ("Number", "Call", "Words in", "Words out", "What it does")),
}


def tokens(text, path):
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            line = text.count("\n", 0, position) + 1
            sys.exit(f"{path}:{line}: unexpected '{text[position]}'")
        position = match.end()
        token = match[0]
        if not token.isspace() and not token.startswith("/*"):
            yield token


def entries(path):
    """Yields (macro, [argument, ...]) for each entry; strings without quotes, joined."""
    depth, macro, arguments = 0, None, []
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^#.*$", "", file.read(), flags=re.M)
    stream = list(tokens(text, path))
    for token in stream:
        if token == "(":
            depth += 1
            if depth == 1:
                arguments = [""]
        elif token == ")":
            depth -= 1
            if depth == 0:
                yield macro, arguments
        elif depth == 0:
            macro = token
        elif token == "," and depth == 1:
            arguments.append("")
        elif token == ",":
            arguments[-1] += ", "
        else:
            arguments[-1] += token[1:-1] if token.startswith('"') else token


def row(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def code(text):
    return f"`{text}`" if text else ""


def failures(path):
    """A heading for each call, below it its codes and their conditions."""
    call = None
    for kind, arguments in entries(path):
        if len(arguments) != {"FL_FAILURE": 3, "FL_UNREACHABLE": 4}.get(kind):
            sys.exit(f"{path}: unknown entry {kind} of {len(arguments)} arguments")
        if arguments[0] != call:
            yield ("\n" if call else "") + f"### {code(arguments[0])}\n"
            call = arguments[0]
        untested = f" (not tested: {arguments[3]})" if kind == "FL_UNREACHABLE" else ""
        yield f"- **{arguments[1]}**: {arguments[2]}{untested}"


def section(path):
    name = path.rsplit("/", 1)[-1].removesuffix(".def")
    macro, title, introduction, columns = SECTIONS[name]
    yield f"\n## {title}\n"
    if introduction:
        yield introduction + "\n"
    if not columns:
        yield from failures(path)
        return
    yield row(columns)
    yield row(["---"] * len(columns))
    for kind, arguments in entries(path):
        if kind in (macro, "FL_SWITCHING_CALL"):
            cells = arguments[:1] + [code(arguments[1])] + arguments[2:]
        elif kind == "FL_RESERVED":
            cells = arguments[:1] + [code(arguments[1])] + [""] * (len(columns) - 3) + ["reserved"]
        else:
            sys.exit(f"{path}: unknown entry {kind}")
        if len(cells) != len(columns):
            sys.exit(f"{path}: {kind}({arguments[0]}) has {len(cells)} arguments, not {len(columns)}")
        yield row(cells)


print(HEAD, end="")
for list_path in sys.argv[1:]:
    for line_of_text in section(list_path):
        print(line_of_text)
