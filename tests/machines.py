"""Reads tests/machines.txt: on which machines which suites run."""
import fnmatch
import os
import sys

NOT_TO_BE_HAD = 3  # status of what makes a device tree
SOME_MEMORY_BYTES = 1 << 28
FIELDS = ("name", "suites", "qemu", "machine", "cpu", "harts", "memory", "tree", "append")
HERE = os.path.dirname(os.path.realpath(__file__))
LIST = os.environ.get("TEST_MACHINES", os.path.join(HERE, "machines.txt"))


class Machine:
    """One line of the list; None is what the suite says."""

    def __init__(self, words):
        for field, word in zip(FIELDS, words):
            setattr(self, field, None if word == "-" else word)

    def qemu_program(self, build):
        """The emulator, which need not be there."""
        return os.path.join(build, "qemu10", "qemu-system-riscv64") if self.qemu == "10" else "qemu-system-riscv64"

    def lack(self, build):
        """Why there is no such machine here, or None."""
        import shutil  # not for tests/emulator, which starts often
        import subprocess

        program = self.qemu_program(build)
        if not shutil.which(program):
            return f"no {program}"
        if not self.tree:
            return None
        maker = os.path.join(HERE, "..", self.tree)
        if not shutil.which(maker):
            return f"no tree by {self.tree}"
        made = subprocess.run([maker, str(SOME_MEMORY_BYTES)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, env=dict(os.environ, FAULTLINE_BUILD=build), check=False)
        return made.stderr.decode().strip() if made.returncode == NOT_TO_BE_HAD else None


class Machines:
    """The whole list."""

    def __init__(self, path=LIST):
        self.machines, self.without, self.cpus = [], [], {}
        self.wanted, self.smoke, self.few, self.parallel, self.turns = [], [], [], [], []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                words = line.split()
                if words and not words[0].startswith("#") and not self._take(words):
                    sys.exit(f"{path}:{number}: no line of such a list")

    def _take(self, words):
        kind, rest = words[0], words[1:]
        if kind == "machine" and len(rest) == len(FIELDS) and rest[1] in ("all", "smoke", "few") and \
                rest[4] in ("-", *self.cpus):
            self.machines.append(Machine(rest))
            self.machines[-1].cpu = self.cpus.get(rest[4])
        elif kind == "cpu" and len(rest) == 2:
            self.cpus[rest[0]] = rest[1]
        elif kind in ("suites", "smoke", "few", "parallel", "turns") and rest:
            {"suites": self.wanted, "smoke": self.smoke, "few": self.few, "parallel": self.parallel,
             "turns": self.turns}[kind].extend(rest)
        elif kind == "without" and len(rest) >= 3:
            self.without.append((rest[0].split(","), rest[1], " ".join(rest[2:])))
        else:
            return False
        return True

    def named(self, name):
        return next((machine for machine in self.machines if machine.name == name), None)

    def runs(self, machine, suite, everything):
        """Whether the machine, or virt with one hart (None), is to run a suite of that name."""
        runs_all = machine is None or machine.suites == "all"
        if matches(suite, self.smoke):
            return not runs_all and not everything
        if machine is None:
            return True
        if everything:
            return matches(suite, self.few if machine.suites == "few" else self.wanted)
        return runs_all and matches(suite, self.wanted)

    def is_parallel(self, suite):
        """Whether its harts really run at the same time, where there are several."""
        return matches(suite, self.parallel)

    def takes_turns(self, suite):
        """Whether its harts never do."""
        return matches(suite, self.turns)

    def obstacle(self, machine, suite):
        """Why it can't, or None."""
        return next((reason for names, pattern, reason in self.without
                     if matches(machine.name, names) and fnmatch.fnmatchcase(suite, pattern)), None)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
