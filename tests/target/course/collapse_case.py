"""Chains do not grow with the number of generations, and no page, frame or object is left."""
import os

RUNS = [(os.environ.get("GENERATIONS", "300"), "16"), ("150", "40")]
ONLY_HERE = "Linux has no view of these structures"


def model(generations, pages):
    return [["what", "number"],
            ["longest chain while parent and child lived", 2],
            ["chain of the last one, alone", 1],
            ["pages in it", pages],
            ["objects more than after 10 generations", 0],
            ["frames more than after 10 generations", 0],
            ["In each generation: two or more shadow objects, at least one merge, at least one copy."],
            [f"{generations} generations, {pages} pages: all of them."]]
