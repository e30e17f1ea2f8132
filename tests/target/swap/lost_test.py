#!/usr/bin/env python3
"""Swap whose disk lies, is silent, is taken away, or is not alone; and whose driver dies."""
import mmap
import sys

sys.dont_write_bytecode = True
from swapping import (COMPRESSED, CORRUPT, DIFFERENT, EIO, LOST, MIB, PAGE, SIGBUS, WORKERS, Swapping, disk, failing_disk,
                      file_node, plain, swap_image)
from ktap import check_equal, comment, main, test

TOLD_AT_ONCE, TOLD_IN_A_SECOND = 256, 10  # lines about requests of failing disks (user/pager/disks.c)
SUITE_SECONDS = 120  # tests/suites.txt
SECTORS = PAGE // 512  # of a page


# --- a disk that lies ----------------------------------------------------------------------------

def read_slots(path):
    with open(path, "rb") as file:
        data = file.read()
    return [data[at:at + PAGE] for at in range(0, len(data), PAGE)]


def write_slots(path, slots):
    """All but the header."""
    with open(path, "r+b") as file:
        file.seek(PAGE)
        file.write(b"".join(slots[1:]))


def lies(slots, before):
    """What is on the disk instead: its name, and the pages."""
    yield "one bit", [slot[:1234] + bytes([slot[1234] ^ 4]) + slot[1235:] for slot in slots]
    yield "zeros", [bytes(PAGE)] * len(slots)
    yield "its neighbours", slots[1:] + slots[:1]
    yield "words in another order", [slot[8:] + slot[:8] for slot in slots]
    yield "what was there before", before


def check_lies(part, generations):
    """Who reads a page that the host changed is told; and nobody is when the page is as it was written."""
    path = swap_image("swap.img", 40 * PAGE)
    with Swapping(part, *plain(0, path), program=CORRUPT) as run:
        before, wrong = read_slots(path), 0
        for generation in range(1, generations + 1):
            run.until(f"# out {generation}\n")
            slots = read_slots(path)
            for _, lie in lies(slots, before):
                write_slots(path, lie)
                wrong += 1
                run.say(b"w").until("# done w\n", wrong)
            write_slots(path, slots)
            run.say(b"r").until("# done r\n", generation)
            before = slots
            run.say(b"n" if generation < generations else b"e")
        run.end().check()
        told = run.told()
        check_equal(len(told) > 0 and {(why, number) for _, why, number in told.values()}, {(LOST, SIGBUS)})
        comment(f"{len(told)} fell; {len(run.lines('.*are not what was written'))} pages were wrong")


@test("what a disk gives back other than it was written is SIGBUS, never a wrong byte; and right as soon as the disk is")
def _():
    check_lies("a page that comes back", 2)


@test("the same of copies of a file's pages: who maps the file has its bytes all the time")
def _():
    check_lies("a copy of a page of a file", 1)


def flip(path, marker):
    """Changes a bit wherever these bytes are in a machine's memory.  Returns what is there now."""
    changed = bytes([marker[0] ^ 1]) + marker[1:]
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        at = memory.find(marker)
        check_equal(at >= 0, True)
        while at >= 0:
            memory[at] = changed[0]
            at = memory.find(marker, at)
    return changed


@test("a compressed page that comes back other than it was put is SIGBUS and a line; and right as soon as the memory is")
def _():
    words = ("-object", f"memory-backend-file,id=ram,share=on,mem-path=ram,size={Swapping.memory}", "-machine", "memory-backend=ram")
    with Swapping("a compressed page", *words, append="vm.compress=50", program=COMPRESSED) as run:
        run.until("# ready\n")
        (marker,) = run.lines(r"# marked by ([0-9a-f]+)")
        changed = flip("ram", int(marker, 16).to_bytes(8, "little"))
        run.say(b"w").until("# done w\n")
        flip("ram", changed)
        run.say(b"r").until("# done r\n")
        run.say(b"e").end().check()
        check_equal({(why, number) for _, why, number in run.told().values()}, {(LOST, SIGBUS)})
        lines = run.lines(r"pager: compressed page \d+ of process \d+: its bytes are not what was written")
        check_equal((len(run.told()), len(lines)), (2, 2))


# --- a disk that goes ----------------------------------------------------------------------------

@test("a medium that is taken away under load: who needs a page of it gets SIGBUS, when memory ends the largest is ended")
def _():
    words = ("-drive", f"if=none,id=medium,format=raw,file={swap_image('swap.img')}", "-device",
             "virtio-blk-device,drive=medium,bus=virtio-mmio-bus.0,rerror=report,werror=report")
    with Swapping("when the medium goes", *words, append="mem=2560K") as run:
        run.until("# working\n").qmp("human-monitor-command", **{"command-line": "drive_del medium"})
        run.end().check()
        fallen, ended = run.check_fallen(), run.ended_as_largest()
        comment(f"{fallen} fell, {len(ended)} ended for want of memory")
        check_equal((fallen > 0, len(ended) > 0), (True, True))
        told = run.lines("pager: disk 0: (?:read|write) of .*")
        left_out = [int(count) for count in run.lines(r"pager: (\d+) lines like the next one were left out")]
        comment(f"{len(told)} requests told, {sum(left_out)} lines left out")
        check_equal(0 < len(told) < TOLD_AT_ONCE + TOLD_IN_A_SECOND * SUITE_SECONDS, True)


@test("of two disks one fails each write: nobody falls, all goes to the other, and the slots of the first are used no more")
def _():
    errors = [{"event": "none", "iotype": "write", "errno": EIO, "once": False}]
    sizes = (MIB, 16 * MIB)
    words = failing_disk([], errors, swap_image("bad.img", sizes[0]))
    with Swapping(DIFFERENT, *words, *plain(1, swap_image("good.img", sizes[1]))) as run:
        run.end().check()
        check_equal(run.told(), {})
        check_equal(run.retired(), sizes[0] // PAGE - 1)


@test("of two disks one fails each read: who needs a page of it falls, and what is on the other comes")
def _():
    errors = [{"event": "none", "iotype": "read", "errno": EIO, "sector": sector, "once": False} for sector in range(8, 512)]
    words = failing_disk([], errors, swap_image("bad.img"))
    with Swapping(DIFFERENT, *words, *plain(1, swap_image("good.img"))) as run:
        run.end().check()
        comment(f"{run.check_fallen()} fell")
        check_equal(len(run.told()) > 0, True)
        check_equal(run.retired(), 0)


def pages_written(name):
    """Slots of an area, all pages behind its header, that hold something."""
    with open(name, "rb") as file:
        return sum(any(page) for page in iter(lambda: file.read(PAGE), b"")) - 1


@test("of two disks one is full: nobody falls")
def _():
    slots = 39
    words = [word for number, size in enumerate(((slots + 1) * PAGE, 16 * MIB))
             for word in plain(number, swap_image(f"d{number}.img", size))]
    with Swapping(DIFFERENT, *words) as run:
        run.end().check()
        check_equal(run.told(), {})
    check_equal((pages_written("d0.img"), pages_written("d1.img") > slots), (slots, True))


@test("disks go out of use and in again under load, one with bad sectors: only who touches a lost page falls")
def _():
    errors = [{"event": "none", "iotype": "read", "errno": EIO, "sector": page * SECTORS, "once": False} for page in range(30, 1000, 40)]
    words = failing_disk([], errors, swap_image("bad.img"))
    with Swapping("while requests fail and disks go", *words, *plain(1, swap_image("good.img"))) as run:
        run.end().check()
        fallen = run.check_fallen()
        ((done, refused),) = run.lines(r"# swapoff: (\d+) done, (\d+) not")
        comment(f"{fallen} fell; {len(run.failed('read'))} reads failed; swapoff: {done} done, {refused} not")
        check_equal((int(done) > 0, len(run.failed("read")) > 0), (True, True))


# --- a disk that is silent -----------------------------------------------------------------------

@test("a disk that is silent for longer than the limit: each request fails then as if by an error; when it speaks again all go on")
def _():
    words = ("-object", "throttle-group,id=slow,x-iops-total=0",
             *disk(0, file_node("f0", swap_image("swap.img")), {"driver": "raw", "file": "f0", "node-name": "r0"},
                   {"driver": "throttle", "file": "r0", "throttle-group": "slow", "node-name": "t0"}))
    silent, speaking = {"iops-total": 1, "iops-size": 256}, {"iops-total": 0, "iops-size": 0}
    with Swapping("while the disk is silent", *words, append="disk-limit=500") as run:
        run.until("# working\n").qmp("qom-set", path="/objects/slow", property="limits", value=silent)
        run.until("error 116\n").qmp("qom-set", path="/objects/slow", property="limits", value=speaking)
        run.say(b"s").end().check()
        comment(f"{run.check_fallen()} fell; {len(run.lines('.*: error 116'))} requests took too long")


@test("a driver that dies stops the system with a report, and the machine ends")
def _():
    with Swapping(WORKERS["read"], *plain(0, swap_image("swap.img")), driver="dying_blk.elf") as run:
        run.until("faultline: the system has stopped\n").until_off()
        check_equal(run.lines("faultline: panic: a thread that the system needs faulted: breakpoint .*") != [], True)


main()
