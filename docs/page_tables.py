#!/usr/bin/env python3
"""page_tables.py FILE: the figures of docs/page-tables.md, written between its two marks (--check: only compared).

Takes the layout of some spaces, and computes how much memory each kind of page table needs to hold it, for addresses of
38 bits (the user's half of Sv39) and pages of 4 KiB.  Entries have 8 bytes unless said otherwise.
tests/target/boot/page_tables_test.py compares the model with the tables of a running system.
"""
import sys

PAGE_BITS, ADDRESS_BITS = 12, 38
PAGE_NUMBER_BITS = ADDRESS_BITS - PAGE_BITS
ENTRY = 8
MACHINE_FRAMES = (64 << 20) >> PAGE_BITS

# (address, pages, rights), in order.  The first five are those of `sh` with two hello_vm waiting, 64 MiB, gcc 12:
# printed by tests/target/boot/frozen.py.
LAYOUTS = {
    "hello_vm": [
        (0x10000, 3, "rx"), (0x13000, 1, "r"), (0x14000, 1, "rw"), (0x3feffff000, 1, "rw"), (0x3fff001000, 1, "rw")],
    "sh": [
        (0x10000, 4, "rx"), (0x14000, 2, "r"), (0x16000, 2, "rw"), (0x3feffff000, 1, "rw"), (0x3fff001000, 1, "rw")],
    "console": [
        (0x10000, 1, "rx"), (0x11000, 1, "r"), (0x12000, 2, "rw"), (0x3fff001000, 1, "rw"), (0x3fff010000, 1, "rw"),
        (0x3fff01f000, 1, "rw")],
    "init": [
        (0x10000, 6, "rx"), (0x16000, 2, "r"), (0x18000, 25, "rw"), (0x2000000000, 655, "r"), (0x3ffefff000, 2, "r"),
        (0x3fff001000, 1, "rw"), (0x3fff010000, 16, "rw"), (0x3fff021000, 1, "rw")],
    "pager": [
        (0x10000, 16, "rx"), (0x20000, 2, "r"), (0x22000, 9, "rw"), (0x1000086000, 1, "rw"), (0x1000088000, 7, "rw"),
        (0x1000090000, 2, "rw"), (0x10000e8000, 60, "rw"), (0x1000132000, 1, "rw"), (0x1000134000, 14778, "rw"),
        (0x2000000000, 655, "r"), (0x3fff000000, 1, "r"), (0x3fff001000, 1, "rw"), (0x3fff010000, 16, "rw")],
    "heap of 64 MiB, every page": [(0x10000, 16384, "rw")],
    "one page in each 2 MiB of 1 GiB": [(0x40000000 + (i << 21), 1, "rw") for i in range(512)],
    "one page in each 1 GiB": [(0x1000 + (i << 30), 1, "rw") for i in range(256)],
}


def pages_of(layout):
    return [(address >> PAGE_BITS) + i for address, pages, _ in layout for i in range(pages)]


def power_of_two(least):
    return 1 << max(0, least - 1).bit_length()


# --- memory, in bytes ----------------------------------------------------------------------------

def segments(layout):
    """A base, a limit and rights (16 bytes) for each run; each must lie in one piece."""
    return 16 * len(layout)


def linear(_layout):
    """One array for all addresses."""
    return ENTRY << PAGE_NUMBER_BITS


def two_ended(layout):
    """Two arrays, growing from both ends of the addresses towards the largest hole."""
    pages = pages_of(layout)
    edges = [-1] + pages + [1 << PAGE_NUMBER_BITS]
    return ENTRY * ((1 << PAGE_NUMBER_BITS) - max(above - below - 1 for below, above in zip(edges, edges[1:])))


def tree_tables(layout, bits):
    """Number of tables at each level of a tree whose levels index with so many bits, the root's first."""
    counts, left = [], sum(bits)
    for width in bits:
        counts.append(len({page >> left for page in pages_of(layout)}))
        left -= width
    return counts


def tree(layout, bits):
    return sum(count * (ENTRY << width) for count, width in zip(tree_tables(layout, bits), bits))


def two_level(layout):
    return tree(layout, (13, 13))


def sv39(layout):
    """Its root has 512 entries, of which these addresses use half."""
    return tree(layout, (9, 9, 9))


def hashed(layout):
    """Page, entry, link (24 bytes) for each page, and as many heads of chains as a power of two gives."""
    count = len(pages_of(layout))
    return 24 * count + 8 * power_of_two(count)


def clustered(layout):
    """As hashed, by blocks of 16 pages: block, link, 16 entries."""
    count = len({page >> 4 for page in pages_of(layout)})
    return (16 + 16 * ENTRY) * count + 8 * power_of_two(count)


def guarded_nodes(pages, bits=PAGE_NUMBER_BITS + 2, depth=1):
    """(nodes, sum over all pages of the nodes on the way): 16 entries a node, and none where only one is used."""
    if len(pages) == 1:
        return 0, depth - 1
    groups = {}
    for page in pages:
        groups.setdefault(page >> bits - 4 & 15, []).append(page)
    if len(groups) == 1:
        return guarded_nodes(pages, bits - 4, depth)
    below = [guarded_nodes(group, bits - 4, depth + 1) for group in groups.values()]
    return 1 + sum(nodes for nodes, _ in below), sum(steps for _, steps in below)


def guarded(layout):
    """Each entry holds the bits that were skipped: 16 bytes."""
    return max(1, guarded_nodes(pages_of(layout))[0]) * 16 * 16


KINDS = {"segments": segments, "linear": linear, "two ends": two_ended, "13+13": two_level, "Sv39": sv39, "hashed": hashed,
         "clustered": clustered, "guarded": guarded}


# --- memory references of one walk ---------------------------------------------------------------

def chain_references(keys):
    """Mean references to find a key: the head, then the chain up to it."""
    heads, total = {}, 0
    for key in keys:
        head = (key * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 40 & power_of_two(len(keys)) - 1
        heads[head] = heads.get(head, 0) + 1
        total += 1 + heads[head]
    return total / len(keys)


def references(layout):
    pages = pages_of(layout)
    return {"Sv39": 3, "hashed": chain_references(pages), "clustered": chain_references(sorted({page >> 4 for page in pages})),
            "guarded": guarded_nodes(pages)[1] / len(pages)}


# --- the page ------------------------------------------------------------------------------------

def amount(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}".replace(".0 ", " ")
    return f"{size} B"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def figures():
    lines = [row(["layout", "pages", *KINDS]), row(["---"] + ["---:"] * (1 + len(KINDS)))]
    for name, layout in LAYOUTS.items():
        lines.append(row([name, f"{len(pages_of(layout)):,}", *(amount(kind(layout)) for kind in KINDS.values())]))
    lines += ["", f"An inverted table takes {amount(24 * MACHINE_FRAMES)} for all spaces of a machine with 64 MiB together.", ""]
    names = list(references(LAYOUTS["hello_vm"]))
    lines += [row(["references of a walk, mean", *names]), row(["---"] + ["---:"] * len(names))]
    for name, layout in LAYOUTS.items():
        found = references(layout)
        lines.append(row([name, *(f"{found[kind]:.2f}".replace(".00", "") for kind in names)]))
    lines += ["", row(["largest block that segments need in one piece", "size"]), row(["---", "---:"])]
    lines += [row([name, amount(max(pages for _, pages, _ in layout) << PAGE_BITS)]) for name, layout in LAYOUTS.items()]
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- docs/page_tables.py: begin -->\n", "<!-- docs/page_tables.py: end -->\n"


def main():
    path = sys.argv[-1]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    new = head + BEGIN + "\n" + figures() + "\n" + END + rest.split(END)[1]
    if "--check" in sys.argv:
        sys.exit(f"{path} is stale: make docs" if new != text else 0)
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)


if __name__ == "__main__":
    main()
