"""One frame for each page that is written while two see it, none for a page whose other owner has a copy or is gone."""
RUNS = [("64",), ("10",), ("7",), ("1000",)]
DIFFERS = {("child reads all pages", "faults"):
           "Linux copies the tables of anonymous memory at the fork; here the child's faults fill them"}


def model(pages):
    pages = int(pages)
    half = pages // 2
    return [["step", "faults", "frames"],
            ["child reads all pages", pages, 0],
            ["child writes half of them (copies)", half, half],
            ["parent writes the same half (alone with it)", half, 0],
            ["parent writes one page more (a copy)", 1, 1],
            ["child has ended, parent writes the rest (alone)", pages - half - 1, 0],
            [f"The child read a sum of {pages}; it found its own bytes at the end: status 0."],
            ["With the child ended, frames in use more than before the fork: 0."],
            ["A child that writes to a read-only page: ended by signal 11."]]
