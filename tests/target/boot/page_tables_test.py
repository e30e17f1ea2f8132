"""The model behind docs/page-tables.md against the tables of a running system, and what two spaces share."""
import os
import sys

sys.dont_write_bytecode = True
import frozen
from ktap import TOP, check_equal, comment, main, test

sys.path.insert(0, os.path.join(TOP, "docs"))
import page_tables

LEVELS = (9, 9, 9)
STACK = 0x3feffff000  # the last page of a program's stack
RUNNING = {"init", "console", "pager", "sh", "hello_vm"}


def seen():
    """The spaces of the running system that have a user's half, taken once."""
    if not hasattr(seen, "spaces"):
        seen.spaces = [space for space in frozen.spaces() if space.user]
    return seen.spaces


@test("for each space of a running system the model counts the tables that are there")
def _():
    check_equal({space.name() for space in seen()}, RUNNING)
    for space in seen():
        counts = page_tables.tree_tables(space.runs(), LEVELS)
        comment(f"{space.name()}: {len(space.user)} pages, tables of each level {counts}")
        check_equal(sum(counts), space.tables)


@test("the layouts of the page still take as many tables as those that run")
def _():
    for space in seen():
        check_equal((space.name(), sum(page_tables.tree_tables(page_tables.LAYOUTS[space.name()], LEVELS))),
                    (space.name(), space.tables))


@test("two hello_vm have the same addresses mapped: text in the same frames, data and stack in frames of their own")
def _():
    one, two = [space for space in seen() if space.name() == "hello_vm"]
    check_equal([leaf[0] for leaf in one.user], [leaf[0] for leaf in two.user])
    frames = {address: (bits, frame) for address, _, bits, frame in one.user}
    shared = {address for address, _, _, frame in two.user if frames[address][1] == frame}
    check_equal(shared, {address for address, (bits, _) in frames.items() if not bits & frozen.W})
    texts = {text for space in (one, two) for text in (b"one", b"two") if text + b"\0" in space.page(STACK)}
    check_equal(texts, {b"one", b"two"})


@test("the figures for one page, two neighbours and two far ones are those worked out by hand")
def _():
    one, pair, far = [(0x1000, 1, "r")], [(0x1000, 2, "r")], [(0x1000, 1, "r"), (0x3ffffff000, 1, "r")]
    check_equal([page_tables.sv39(layout) for layout in (one, pair, far)], [3 * 4096, 3 * 4096, 5 * 4096])
    check_equal([page_tables.two_level(layout) for layout in (one, pair, far)], [2 << 16, 2 << 16, 3 << 16])
    check_equal([page_tables.hashed(layout) for layout in (one, pair, far)], [32, 64, 64])
    check_equal([page_tables.clustered(layout) for layout in (one, pair, far)], [152, 152, 304])
    check_equal([page_tables.guarded(layout) for layout in (one, pair, far)], [256, 256, 256])
    check_equal([page_tables.two_ended(layout) for layout in (one, pair, far)], [16, 24, 24])
    check_equal([page_tables.segments(layout) for layout in (one, pair, far)], [16, 16, 32])


main()
