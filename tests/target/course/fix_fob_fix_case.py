"""Shared mappings show the file; a private one keeps the page as it was at its first write."""
RUNS = [()]


def model():
    return [["fix/fob/fix"]]
