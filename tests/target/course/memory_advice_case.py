"""The pages of a range come and go with the calls; a refused call changes nothing."""
RUNS = [("12",), ("7",)]
LATER = "Linux takes pages of MADV_FREE only when memory is short"
DIFFERS = {("mlock: the rest comes at once", "faults"): "Linux counts as faults what a call makes resident",
           "madvise FREE: so are these": LATER,
           "write all of them after FREE": LATER,
           ("write all of them after mprotect", "faults"): "Linux edits the entries that are dropped here"}


def model(pages):
    pages = int(pages)
    half = pages // 2
    rest = pages - half
    return [["step", "answer", "faults", "frames", "resident"],
            ["write half of the pages", "done", half, half, half],
            ["mlock: the rest comes at once", "done", 0, rest, pages],
            ["write all of them", "done", 0, 0, pages],
            ["madvise DONTNEED, but they are locked", "EINVAL", 0, 0, pages],
            ["munlock", "done", 0, 0, pages],
            *([f"madvise {advice}", "done", 0, 0, pages] for advice in ("NORMAL", "SEQUENTIAL", "RANDOM", "WILLNEED")),
            ["madvise with a number that is none", "EINVAL", 0, 0, pages],
            ["madvise DONTNEED: the pages are gone", "done", 0, -pages, 0],
            ["write all of them: they come again", "done", pages, pages, pages],
            ["madvise FREE: so are these", "done", 0, -pages, 0],
            ["write all of them after FREE", "done", pages, pages, pages],
            ["mprotect to read-only", "done", 0, 0, pages],
            ["mprotect to read and write", "done", 0, 0, pages],
            ["write all of them after mprotect", "done", pages, 0, pages],
            ["msync SYNC", "done", 0, 0, pages],
            ["msync ASYNC and SYNC at once", "EINVAL", 0, 0, pages],
            ["brk some pages up", "done", 0, 0, pages],
            ["brk back", "done", 0, 0, pages],
            ["setrlimit DATA to nothing", "done", 0, 0, pages],
            ["brk some pages up, beyond the limit", "ENOMEM", 0, 0, pages],
            ["munmap the last page", "done", 0, -1, "ENOMEM"],
            ["msync, with the hole in the range", "ENOMEM", 0, 0, "ENOMEM"],
            ["mlock, with the hole in the range", "ENOMEM", 0, 0, "ENOMEM"]]
