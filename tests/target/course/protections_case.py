"""A page can be read, written and executed as its protection says; what may be written may be read too."""
RUNS = [()]
ALLOWED, FORBIDDEN = "status 0", "ended by signal 11"


def model():
    kinds = {"none": "", "read": "r", "write": "rw", "read, write": "rw", "read, execute": "rx",
             "read, write, execute": "rwx"}
    return [["a page with", "read", "write", "execute"],
            *([name, *(ALLOWED if access in allowed else FORBIDDEN for access in "rwx")]
              for name, allowed in kinds.items())]
