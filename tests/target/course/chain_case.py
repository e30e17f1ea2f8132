"""Where a fault finds its page, whether it takes a frame, and which object holds the page afterwards."""
RUNS = [("16",), ("5",), ("300",)]
ONLY_HERE = "Linux has no view of these structures"


def model(pages):
    n = int(pages)
    return [["the page is", "faults", "frames", "top", "below"],
            ["in the first object, access", n, 0, n, 0],
            ["below it, read", n, 0, 0, n],
            ["below it, write: others see it", n, n, n, n],
            ["below it, write: nobody else sees it", n, 0, n, 0],
            ["nowhere, read: the page of zeros", n, 0, 0, 0],
            ["nowhere, write: a frame of zeros", n, n, n, 0],
            ["nowhere, read: the file's page", n, 0, 0, 0],
            ["nowhere, write: a copy of the file's page", n, n, n, 0]]
