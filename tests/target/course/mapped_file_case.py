"""A fault for each page of a mapped file, none when all come at once; trees of as many keys as fit, found by all."""
RUNS = [("64",), ("8",), ("100",)]
DIFFERS = {("by mmap, MADV_RANDOM: a fault for each page", "faults"):
           "Linux maps the neighbours of a page that is read, whatever the advice",
           ("by mmap, MAP_POPULATE: all pages at once", "faults"): "Linux counts what mmap itself brings in as faults"}


def model(pages):
    pages = int(pages)
    total = pages * (pages + 1) // 2
    keys = pages * 4096 // 12 - 2
    return [["step", "faults", "sum"],
            ["a file by read(): a copy of each page", 0, total],
            ["by mmap, MADV_RANDOM: a fault for each page", pages, total],
            ["once more: all pages are there", 0, total],
            ["by mmap, MAP_POPULATE: all pages at once", 0, total],
            [f"A tree of {keys} keys in shared memory, half of them from a child: {keys} found; the child: status 0."],
            [f"Another program finds {keys} of them in the file, and 0 that nobody put there."],
            ["It: status 0."]]
