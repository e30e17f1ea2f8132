"""One of everything that can be mapped, and the line of maps that shows it."""
import re

RUNS = [("3",), ("2",), ("40",)]
ELSEWHERE = "programs lie in another folder there"
DIFFERS = {("text", "name"): ELSEWHERE, ("constants", "name"): ELSEWHERE, ("initialised data", "name"): ELSEWHERE,
           ("private memory", "pages"): "Linux joins it with memory that the C library mapped beside it",
           ("shared memory", "name"): "Linux shows a hidden file behind it"}
PROGRAM = re.compile(r"/.*maps_view")


def model(pages):
    return [["what", "rights", "pages", "offset", "name"],
            ["text", "r-xp", "-", 0, PROGRAM],
            ["constants", "r--p", "-", 0, PROGRAM],
            ["initialised data", "rw-p", "-", 0, PROGRAM],
            ["uninitialised data", "rw-p", "-", 0, "(anonymous)"],
            ["heap", "rw-p", "-", 0, "[heap]"],
            ["stack", "rw-p", "-", 0, "[stack]"],
            ["private memory", "rw-p", int(pages) - 1, 0, "(anonymous)"],
            ["its first page, PROT_NONE", "---p", 1, 0, "(anonymous)"],
            ["shared memory", "rw-s", "-", 0, "(anonymous)"],
            ["file, shared", "rw-s", pages, 0, "/tmp/maps_view"],
            ["file, private, from page 1", "r--p", pages, 1, "/tmp/maps_view"],
            ["the file has no name now", "rw-s", pages, 0, "/tmp/maps_view (deleted)"],
            ["page 0", "none"]]
