#!/usr/bin/env python3
"""The disk driver with QEMU's disks: all sizes of requests, disks that fail, disks that are silent or taken away."""
import random
import socket
import sys

sys.dont_write_bytecode = True
from disks import EIO, MIB, PAGE, Disks, check_kth, disk, failing_disk, file_node, image, page, plain, qmp_answer, verified
from ktap import check_equal, check_in, comment, main, skip_on_other_machines, test

EINVAL, EROFS, ETIMEDOUT = 22, 30, 116  # as the target's C library numbers them
PATTERN_PAGES = 1000


def check_patterns(legacy, *sets):
    """Three disks at once, with QEMU's options for each; then what is on them."""
    names = [image(f"d{number}.img") for number in range(len(sets))]
    options = [word for number, name in enumerate(names) for word in plain(number, name, **sets[number])]
    with Disks("do=patterns", *options, legacy=legacy) as machine:
        machine.end()
        check_in("patterns: ", machine.log)
        (total,) = machine.lines(r"patterns: (\d+) requests 0 errors 0 wrong pages")
        comment(f"{total} requests on {len(names)} disks: {machine.statistics(0)}")
        for number, name in enumerate(names):
            check_in(f"disk {number}: flush error 0\n", machine.log)
            counted = machine.statistics(number)
            check_equal((counted["errors"], counted["resets"]), (0, 0))
            check_equal(counted["signals"] <= counted["requests"], True)
            check_contents(number, name)


def check_contents(number, name):
    """Some pages of the image, which are as the last generation wrote them."""
    with open(name, "rb") as file:
        for which in (0, PATTERN_PAGES - 1, *random.Random(number).sample(range(PATTERN_PAGES), 40)):
            file.seek(which * PAGE)
            check_equal(file.read(PAGE) == page(number, which, 2), True)


@test("three modern disks take requests of 1 to 32 pages at once, and hold what was written")
def _():
    check_patterns(False, {}, {}, {})


@test("so do three legacy ones")
def _():
    check_patterns(True, {}, {}, {})


@test("so do disks without indirect descriptors, without event index, with a small queue, with blocks of 4 KiB")
def _():
    for legacy in (False, True):
        check_patterns(legacy, {"indirect_desc": "off"}, {"event_idx": "off", "queue-size": 64},
                       {"indirect_desc": "off", "event_idx": "off"}, {"logical_block_size": 4096, "physical_block_size": 4096})


@test("QEMU's own comparison of each read with a shadow image finds no difference")
def _():
    words = verified(0, image("d.img"), image("shadow.img"))
    with Disks("do=patterns rounds=6", *words) as machine:
        machine.end()
        check_in(" 0 errors 0 wrong pages\n", machine.log)
        check_equal("contents mismatch" in machine.log, False)


@test("zeros are zeros, what was discarded is wanted no more, the rest is kept")
def _():
    for legacy in (False, True):
        with Disks("do=ranges", *plain(0, image("d.img")), legacy=legacy) as machine:
            machine.end()
            check_equal(machine.lines(r"(\w+) error (\d+)"),
                        [("write", "0"), ("zeros", "0"), ("discard", "0"), ("read", "0")])
            check_in("ranges: 8 zeros 16 kept\n", machine.log)


# --- disks that fail -----------------------------------------------------------------------------

def failed_requests(machine):
    """Which of its requests failed, by kind and number, all with EIO."""
    found = machine.lines(r"(write|read|again) (\d+): error (\d+)")
    check_equal({error for _, _, error in found} <= {str(EIO)}, True)
    return [(kind, int(number)) for kind, number, _ in found]


@test("the k-th read or write fails, and no other: every other byte is right")
def _():
    for kind, which, legacy in (("read", 1, False), ("read", 14, True), ("write", 1, True), ("write", 9, False)):
        check_kth(kind, which, 20, legacy)


@test("bad sectors fail each time that they are asked for")
def _():
    for kind, expected in (("write", [("write", 2), ("write", 5)]),
                           ("read", [("read", 2), ("read", 5), ("again", 2), ("again", 5)])):
        errors = [{"event": "none", "iotype": kind, "errno": EIO, "sector": sector, "once": False} for sector in (16, 40)]
        with Disks("do=errors count=8", *failing_disk([], errors)) as machine:
            machine.end()
            check_equal(failed_requests(machine), expected)


@test("a medium that is taken away while the disk is busy is an error for each request from then on, and no hang")
def _():
    for legacy in (False, True):
        words = ("-drive", f"if=none,id=medium,format=raw,file={image('d.img')}", "-device",
                 "virtio-blk-device,drive=medium,bus=virtio-mmio-bus.0,rerror=report,werror=report")
        with Disks("do=gone", *words, legacy=legacy) as machine:
            machine.until("reading\n").qmp("human-monitor-command", **{"command-line": "drive_del medium"})
            machine.end()
            check_equal(machine.lines(r"gone: error (\d+)"), [str(EIO)])
            check_equal(machine.lines(r"after (\d): error (\d+)"), [(str(number), str(EIO)) for number in range(3)])


@test("a machine that ends before QEMU has answered, what was asked of it half read, has refused nothing")
def _():
    near, far = socket.socketpair()
    with near, near.makefile("rw") as stream:
        stream.write("{}\n")
        stream.flush()
        far.recv(len("{}"))
        far.send(b'{"event": "STOP"}\n{"error": {}}\n')
        check_equal(qmp_answer(stream), {"error": {}})
        far.close()
        check_equal(qmp_answer(stream), None)


# --- disks that are silent -----------------------------------------------------------------------

LIMIT_MS = 1000


def check_silence(machine):
    """The first request is answered, each of the next five would take 16 seconds: all end when the limit of the first is over."""
    check_equal(machine.lines(r"first: error (\d+) after \d+ ms"), ["0"])
    batch = machine.lines(r"batch: error (\d+) after (\d+) ms")
    check_equal([error for error, _ in batch], [str(ETIMEDOUT)] * 5)
    comment(f"after {batch[0][1]} ms of {LIMIT_MS}")
    check_equal(all(int(after) >= LIMIT_MS for _, after in batch), True)


@test("a disk that does not answer in time is reset, its requests end with ETIMEDOUT, and then it is a disk again")
def _():
    for legacy in (False, True):
        words = ("-object", "throttle-group,id=slow,x-iops-total=1,x-iops-size=256",
                 *disk(0, file_node("f0", image("d.img")), {"driver": "raw", "file": "f0", "node-name": "r0"},
                       {"driver": "throttle", "file": "r0", "throttle-group": "slow", "node-name": "t0"}))
        with Disks(f"do=silent limit={LIMIT_MS}", *words, legacy=legacy) as machine:
            machine.until("again: error").qmp("qom-set", path="/objects/slow", property="limits", value={"iops-total": 0, "iops-size": 0})
            machine.end()
            check_silence(machine)
            again = machine.lines(r"again: error (\d+) after \d+ ms")
            check_equal((again[-1], set(again[:-1]) <= {str(ETIMEDOUT)}), ("0", True))
            check_equal(machine.statistics(0)["resets"] >= 1, True)


@test("a disk that takes longer than the limit for everything, its reset too, ends all with ETIMEDOUT and hangs nobody")
def _():
    node = {"driver": "null-co", "size": MIB, "latency-ns": 1_200_000_000, "node-name": "n0"}
    with Disks("do=silent limit=500 tries=1", *disk(0, node)) as machine:
        machine.end()
        errors = machine.lines(r"(\w+): error (\d+) after \d+ ms")
        check_equal(errors, [(name, str(ETIMEDOUT)) for name in ("first", *["batch"] * 5, "again")])
        check_equal(machine.statistics(0)["resets"], 3)


# --- bad clients ---------------------------------------------------------------------------------

@test("a bad request is refused with its reason, a broken ring is told, and the other disk goes on")
def _():
    with Disks("do=bad", *plain(0, image("d.img")), *plain(1, image("e.img"), read_only=True)) as machine:
        machine.end()
        check_equal(machine.lines(r"([a-z -]+): (?:error )?(-?\d+)"),
                    [("beyond the end", str(EINVAL)), ("far beyond the end", str(EINVAL)), ("no pages", str(EINVAL)),
                     ("no such op", str(EINVAL)), ("flush of a part", str(EINVAL)), ("read-only", str(EROFS)),
                     ("fine", "0"), ("broken ring", "-1"), ("the other disk", "0")])


@test("eight disks are driven")
def _():
    words = [word for number in range(8) for word in plain(number, image(f"d{number}.img"))]
    with Disks("do=patterns", *words) as machine:
        machine.end()
        check_equal(len(machine.lines(r"disk (\d): flush error 0")), 8)
        check_in(" 0 errors 0 wrong pages\n", machine.log)


# --- measured ------------------------------------------------------------------------------------

@test("requests and pages cost what is told here, and not more than their limits")
def _():
    skip_on_other_machines("the limits are those of virt with one hart")
    limits = {("1 page", 1): 9000, ("32 pages", 1): 12000, ("1 page", 8): 4000, ("32 pages", 6): 10000}
    with Disks("do=measure", *plain(0, image("d.img")), icount=True) as machine:
        machine.end()
        rows = machine.lines(r"RES\t(disk \w+) of ([^,]+), (\d+) at a time\t(\d+)\t\d+\t0\t(\d+) a page")
        check_equal(len(rows), 8)
        for what, size, depth, each, a_page in rows:
            comment(f"{what}, {size}, {depth} at a time: {each} instructions, {a_page} a page")
            check_equal(int(each) <= limits[size, int(depth)], True)


main()
