"""Reads take no frame, writes one for each page; a page that was read faults once more when it is written."""
RUNS = [("64",), ("10",), ("513",)]


def model(pages):
    pages = int(pages)
    return [["step", "faults", "frames"],
            ["map the memory", 0, 0],
            ["read each page (all are the one page of zeros)", pages, 0],
            ["read each page again", 0, 0],
            ["write each page (a frame each)", pages, pages],
            ["write each page again", 0, 0],
            ["unmap the memory", 0, -pages],
            ["map again, write each page without reading", pages, pages],
            ["The bytes read before any write add up to 0."]]
