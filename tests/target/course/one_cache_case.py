"""The only frames are those of the file, and those of pages that were written through the private mapping."""
RUNS = [("64",), ("10",), ("300",)]
CACHED = "Linux counts no frame of the page cache for a process"
AROUND = "Linux maps the neighbours of a page that is read, whatever the advice"
DIFFERS = {"frames": CACHED, ("store to each page by a shared mapping", "faults"): "Linux maps what it wrote at once together",
           ("load each page by another one", "faults"): AROUND,
           ("load each page by a private one", "faults"): AROUND}


def model(pages):
    pages = int(pages)
    return [["step", "faults", "frames", "pages"],
            ["write() the file", 0, pages, pages],
            ["read() it", 0, 0, pages],
            ["store to each page by a shared mapping", pages, 0, pages],
            ["load each page by another one", pages, 0, pages],
            ["load each page by a private one", pages, 0, pages],
            ["read() sees the stores", 0, 0, pages],
            ["write() the file again", 0, 0, pages],
            ["the shared mapping sees it", 0, 0, pages],
            ["the private one, not yet written, too", 0, 0, pages],
            ["store to each page of the private one", pages, pages, pages],
            ["read() does not see that", 0, 0, pages],
            ["unmap the private one", 0, -pages, pages],
            ["unmap the last mapping: the file goes", 0, -pages, pages]]
