"""What the child saved is the state as of the fork, whatever its parent did meanwhile; a copy for each page that was changed."""
RUNS = [("64",), ("10",), ("300",)]
MASK = 0xffffffff


class Accounts:
    def __init__(self, pages):
        self.seed, self.of = 0, [1000] * pages

    def random(self):
        self.seed = (self.seed * 1664525 + 1013904223) & MASK
        return self.seed >> 8

    def transfer(self):
        """Returns: the accounts that were written."""
        source, target = self.random() % len(self.of), self.random() % len(self.of)
        amount = self.random() % 100
        self.of[source] -= amount
        self.of[target] += amount
        return {source, target}


def shown(what, state):
    fingerprint = 0
    for account in state:
        fingerprint = fingerprint * 31 + account & MASK
    return [what, sum(state) & MASK, fingerprint]


def model(pages):
    accounts, torn, written = Accounts(int(pages)), [], set()
    for page in range(int(pages)):
        torn.append(accounts.of[page])
        accounts.transfer()
    at_fork = list(accounts.of)
    for _ in range(int(pages)):
        written |= accounts.transfer()
    return [["state", "sum", "fingerprint"],
            shown("saved while it changed, no snapshot", torn),
            shown("as of the fork", at_fork),
            shown("saved by the child while it changed", at_fork),
            shown("now", accounts.of),
            [f"{pages} transfers while the child saved copied {len(written)} of {pages} pages."]]
