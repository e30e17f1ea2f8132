"""One fault for each 64 KiB as they lie, one for each page after RANDOM, one for 64 pages ahead after SEQUENTIAL."""
RUNS = [("256",), ("100",), ("1000",)]
ALONE = "a window is mapped as far as its frames lie one behind the other, which other programs' use changes"
ADVICE = "Linux maps the same 64 KiB around a fault whatever the advice"
DIFFERS = {"mapped beside": "Linux does not count them",
           **{(f"{access}, {advice}", "faults"): ADVICE
              for access in ("in order", "scattered") for advice in ("RANDOM", "SEQUENTIAL")}}
TABLE = 512  # no window crosses from one table of entries into the next


def window(advice, page, pages):
    first, past = {"NORMAL": (page // 16 * 16, page // 16 * 16 + 16), "RANDOM": (page, page + 1),
                   "SEQUENTIAL": (page, page + 64)}[advice]
    return range(first, min(past, pages, page // TABLE * TABLE + TABLE))


def scattered(pages):
    seed = 1
    for _ in range(pages // 8):
        seed = (seed * 1664525 + 1013904223) & 0xffffffff
        yield (seed >> 8) % pages


def line(access, advice, touched, pages):
    mapped, faults = set(), 0
    beside = 0
    for page in touched:
        if page not in mapped:
            faults += 1
            beside += len(set(window(advice, page, pages))) - 1
            mapped |= set(window(advice, page, pages))
    return [f"{access}, {advice}", faults, beside, sum(page % 256 for page in touched)]


def model(pages):
    pages = int(pages)
    return [["access", "faults", "mapped beside", "sum"],
            *(line(access, advice, touched, pages)
              for access, touched in (("in order", list(range(pages))), ("scattered", list(scattered(pages))))
              for advice in ("NORMAL", "RANDOM", "SEQUENTIAL"))]
