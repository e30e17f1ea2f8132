"""Whatever kind of minor fault it is: one for each page, on the account of who touched it and of the system."""
RUNS = [("16",), ("5",), ("600",)]
DIFFERS = {"system": "on the host other programs fault too"}


def model(pages):
    pages = int(pages)
    faults = {"read: the page of zeros": pages,
              "written after that: frames filled with zeros": pages,
              "written again": 0,
              "a child writes twice as many": 2 * pages,
              "written while the child shares them: copies": pages,
              "shared ones that the child has filled": pages}
    return [["pages", "process", "system", "major"], *([what, count, count, 0] for what, count in faults.items())]
