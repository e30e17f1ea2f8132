"""Entries that were thrown away cost a fault each and no frame, and every byte is still there."""
RUNS = [("64",), ("10",), ("700",)]
KEPT = "Linux edits or copies the entries of anonymous memory where here they are dropped"
DIFFERS = {("no access, all access again, read", "faults"): KEPT,
           ("move to other addresses, read", "faults"): KEPT,
           ("a child by fork reads", "faults"): KEPT}


def model(pages):
    pages = int(pages)
    return [["step", "faults", "frames", "pages right"],
            ["write each page: faults and frames", pages, pages, pages],
            ["read each page: the entries are there", 0, 0, pages],
            ["no access, all access again, read", pages, 0, pages],
            ["move to other addresses, read", pages, 0, pages],
            ["a child by fork reads", pages, 0, pages],
            ["its parent reads: its entries stayed", 0, 0, pages],
            ["a child writes shared memory: same frames", pages, 0, pages]]
