"""Stack and heap cost what is touched of them; what is given back comes again as zeros; beyond the ends there is nothing."""
RUNS = [("64", "1024"), ("9", "512"), ("300", "4096")]


def model(pages, limit_kib):
    pages = int(pages)
    return [["step", "faults", "frames"],
            ["stack: each page is written", pages, pages],
            ["heap: the break is moved up", 0, 0],
            ["heap: each page is written", pages, pages],
            ["heap: the break is moved down again", 0, -pages],
            ["Moved up once more, its pages hold a sum of 0."],
            ["The last byte of the heap: status 0."],
            ["The byte past the break: ended by signal 11."],
            ["Half way between heap and stack: ended by signal 11."],
            [f"With a stack of {limit_kib} KiB a child used some {limit_kib} KiB of it: ended by signal 11."]]
