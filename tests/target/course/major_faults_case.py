"""What was put out comes back with the same bytes, one fault for each page, and some of them wait for the disk."""
RUNS = [("64",), ("5",), ("600",)]
OPTIONS = ("-s", "16M")
ONLY_HERE = "a host need not have swap"


def model(pages):
    pages = int(pages)
    total = sum(page % 255 + 1 for page in range(pages))
    return [["pages", "faults", "major", "sum"],
            ["written", pages, "no", total],
            ["put out, then read", pages, "yes", total],
            ["read again", 0, "no", total],
            ["put out, then written", pages, "yes", total]]
