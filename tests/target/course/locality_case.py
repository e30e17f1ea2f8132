"""With memory for all of it every page faults once, when it is filled; what is read is right."""
RUNS = [("4", "1000"), ("10", "500")]


def model(mib, visits):
    pages = 256 * int(mib)
    return [["step", "visits", "wrong", "minor", "major"], ["fill", pages, 0, pages, 0], ["visit", int(visits), 0, 0, 0]]
