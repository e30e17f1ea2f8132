"""What is only read is where the file lies, in both copies; a write costs each copy a frame, and the other does not see it."""
RUNS = [("16",), ("5",), ("64",)]
AROUND = "Linux maps the file's neighbouring pages with the first, whatever the advice"
DIFFERS = {("read constants", "faults"): AROUND, ("read initialised data", "faults"): AROUND}


def model(pages):
    pages = int(pages)
    passes = [["read constants", pages, 0],
              ["read initialised data", pages, 0],
              ["write initialised data", pages, pages],
              ["read uninitialised data", pages, 0],
              ["write uninitialised data", pages, pages],
              ["Found in its initialised data: 7."]]
    return [["first", "faults", "frames"], *passes, ["second", "faults", "frames"], *passes,
            ["The other copy: status 0."]]
