"""Executes a C function for all inputs at once: every path of its LLVM code, with Z3 bit vectors.

A proof (proof.h) asks for inputs of any value, assumes, calls the code and says what must hold then.
The executor follows each path that some input takes.  A path fails when a claim can be false on it, when
an assert of the product can fail, when an access can lie outside all objects, or when it divides by zero;
the failure names inputs that show it.  No failure: the claims hold for every input, without exception.

Values are Python integers where they are known, else Z3 bit vectors.  An address that is not known is
tried at each place where it can lie.  Loops are followed as often as some input makes them turn: a proof
bounds its inputs so that this ends.  One thread; nothing is assumed of padding or of undefined values.
"""
import bisect

import z3

from llvm_ir import Module, Unsupported, align_of, offset_of, signed, size_of, bits_of

PLACES_MAX = 600     # that one unknown address may have
SOLVER_LIMIT = 150_000_000  # steps on a question, and once more by the other solver
COMPARISONS = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
               "ult": z3.ULT, "ule": z3.ULE, "ugt": z3.UGT, "uge": z3.UGE,
               "slt": lambda a, b: a < b, "sle": lambda a, b: a <= b,
               "sgt": lambda a, b: a > b, "sge": lambda a, b: a >= b}
OPERATIONS = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
              "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
              "udiv": z3.UDiv, "urem": z3.URem, "sdiv": lambda a, b: a / b, "srem": z3.SRem,
              "shl": lambda a, b: a << b, "lshr": z3.LShR, "ashr": lambda a, b: a >> b}
KNOWN = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
         "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
         "udiv": lambda a, b: a // b, "urem": lambda a, b: a % b, "lshr": lambda a, b: a >> b}


class Failed(Exception):
    """A claim that does not hold: the text, and inputs (name -> value) that show it."""

    def __init__(self, text, inputs):
        super().__init__(text)
        self.inputs = inputs


class PathEnd(Exception):
    """The path is over: no input takes it, or the proof has returned."""


def vector(value, bits):
    return z3.BitVecVal(value, bits) if isinstance(value, int) else value


def tidy(value):
    value = z3.simplify(value)
    return value.as_long() if z3.is_bv_value(value) else value


def truth(condition):
    """A one-bit value of a Z3 condition."""
    return tidy(z3.If(condition, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1)))


class Memory:
    """Bytes by address, each as (value, index of the byte in it); and the objects that may be accessed."""

    def __init__(self, bytes_=None, starts=None, sizes=None):
        self.bytes, self.starts, self.sizes = bytes_ or {}, starts or [], sizes or {}

    def copy(self):
        return Memory(dict(self.bytes), list(self.starts), dict(self.sizes))

    def add(self, address, size):
        bisect.insort(self.starts, address)
        self.sizes[address] = size

    def holds(self, address, size):
        at = bisect.bisect_right(self.starts, address) - 1
        return at >= 0 and address + size <= self.starts[at] + self.sizes[self.starts[at]]

    def store(self, address, size, value):
        for index in range(size):
            self.bytes[address + index] = (value, index, size)

    def load(self, address, size):
        first = self.bytes.get(address, (0, 0, 1))
        parts = [self.bytes.get(address + index, (0, 0, 1)) for index in range(size)]
        if first[2] == size and all(part[0] is first[0] and part[1] == index and part[2] == size
                                    for index, part in enumerate(parts)):
            return first[0]
        values = [self.byte(*part) for part in parts]
        if all(isinstance(value, int) for value in values):
            return sum(value << 8 * index for index, value in enumerate(values))
        return tidy(z3.Concat(*[vector(value, 8) for value in reversed(values)]))

    @staticmethod
    def byte(value, index, _size):
        if isinstance(value, int):
            return value >> 8 * index & 0xff
        return z3.Extract(8 * index + 7, 8 * index, value)


class Frame:
    """One call that is under way."""

    def __init__(self, function, result, caller_at):
        self.function, self.result, self.caller_at = function, result, caller_at
        self.locals, self.block, self.before, self.at = {}, function.entry, None, 0

    def copy(self):
        other = Frame(self.function, self.result, self.caller_at)
        other.locals, other.block, other.before, other.at = dict(self.locals), self.block, self.before, self.at
        return other


class State:
    """A path: the calls under way, memory, the inputs asked for."""

    def __init__(self, frames, memory, inputs, marks):
        self.frames, self.memory, self.inputs, self.marks = frames, memory, inputs, marks

    def copy(self):
        return State([frame.copy() for frame in self.frames], self.memory.copy(), list(self.inputs), set(self.marks))


class Executor:
    """All paths of one proof.  `reached` gathers the texts of the claims that some path came to."""

    def __init__(self, module):
        self.module, self.solver = module, z3.Solver()
        self.solver.set("rlimit", SOLVER_LIMIT)
        self.paths, self.claims, self.fresh, self.reached = 0, 0, 0, set()

    def run(self, name):
        """Follows all paths of a function without parameters.  Raises Failed."""
        memory = Memory()
        for address, size, kind, line in self.module.globals:
            memory.add(address, size)
            for offset, what, value in self.module.initial(kind, line):
                memory.store(address + offset, size_of(what), value)
            line.at = 0
        function = self.module.functions[name]
        todo = [(State([Frame(function, None, None)], memory, [], set()), [])]
        while todo:
            state, conditions = todo.pop()
            self.solver.reset()
            self.solver.add(*conditions)
            self.conditions, self.model = conditions, None
            self.todo = todo
            try:
                while True:
                    self.step(state)
            except PathEnd:
                self.paths += 1

    # --- what can be ---------------------------------------------------------------------------

    def possible(self, *conditions):
        verdict = self.solver.check(*conditions)
        if verdict == z3.unknown:
            self.other_solver()
            verdict = self.solver.check(*conditions)
        if verdict == z3.unknown:
            raise Unsupported("the solver gave up: " + self.solver.reason_unknown())
        return verdict == z3.sat

    def other_solver(self):
        """Goes on with the solver for bit vectors alone: which of the two is the faster differs much."""
        self.solver = z3.SolverFor("QF_BV")
        self.solver.set("rlimit", SOLVER_LIMIT)
        self.solver.add(*self.conditions)

    def require(self, condition):
        self.conditions = self.conditions + [condition]
        self.solver.add(condition)
        if self.model is not None and not z3.is_true(self.model.eval(condition, model_completion=True)):
            self.model = None

    def example(self, value):
        """What the value is for some inputs that take this path."""
        if self.model is None:
            if not self.possible():
                raise PathEnd
            self.model = self.solver.model()
        return self.model.eval(value, model_completion=True).as_long()

    def fail(self, state, text, *conditions):
        self.solver.check(*conditions)
        model = self.solver.model()
        inputs = [(name, model.eval(value, model_completion=True).as_long()) for name, value in state.inputs]
        raise Failed(text, inputs)

    def later(self, state, condition):
        """The same state, with this condition: another path."""
        self.todo.append((state, self.conditions + [condition]))

    def decide(self, state, value, change):
        """Whether a one-bit value is 1; `change(other state)` prepares the path on which it is 0."""
        if isinstance(value, int):
            return value == 1
        known = self.example(value)
        yes, no = known == 1 or self.possible(value == 1), known == 0 or self.possible(value == 0)
        if yes and no:
            other = state.copy()
            change(other)
            self.later(other, value == 0)
        if yes:
            self.require(value == 1)
        return yes

    def place(self, state, address, size):
        """A known address of an access; where it may be another one too, that is another path."""
        if not isinstance(address, int):
            address = self.choose(state, address)
        if not state.memory.holds(address, size):
            self.fail(state, f"access of {size} bytes outside all objects")
        return address

    def choose(self, state, value):
        """One of a value's possible values; the others are paths of their own, which come here again."""
        places = state.frames[-1].locals.setdefault("places", 0) + 1
        state.frames[-1].locals["places"] = places
        if places > PLACES_MAX:
            raise Unsupported("an address with too many places")
        chosen = self.example(value)
        if self.possible(value != chosen):
            self.later(state.copy(), value != chosen)
        self.require(value == chosen)
        return chosen

    def unknown(self, bits):
        self.fresh += 1
        return z3.BitVec(f"any{self.fresh}", bits)

    # --- instructions --------------------------------------------------------------------------

    def step(self, state):
        """One instruction.  `at` moves on at its end, so that a path that is split off repeats it."""
        frame = state.frames[-1]
        instruction = frame.function.block(frame.block)[frame.at]
        result = getattr(self, "do_" + instruction[0])(state, frame, *instruction[2:])
        if result is not None:
            frame.locals[instruction[1]] = result
        if instruction[0] not in ("jump", "branch", "switch", "ret", "call", "phi"):
            frame.at += 1

    def get(self, frame, operand, bits=64):
        if isinstance(operand, int):
            return operand
        what, value = operand
        if what == "local":
            return frame.locals[value]
        return self.unknown(bits) if value is None else value

    def scalar(self, frame, operand, kind):
        return self.get(frame, operand, bits_of(kind))

    def do_binary(self, state, frame, name, bits, left, right):
        a, b = self.get(frame, left, bits), self.get(frame, right, bits)
        if name in ("udiv", "urem", "sdiv", "srem"):
            self.claim(state, truth(vector(b, bits) != 0), "division by zero")
        if isinstance(a, int) and isinstance(b, int) and name in KNOWN:
            return KNOWN[name](a, b) & (1 << bits) - 1
        if name in ("shl", "lshr", "ashr"):
            self.claim(state, truth(z3.ULT(vector(b, bits), bits)), "a shift by the width or more")
        return tidy(OPERATIONS[name](vector(a, bits), vector(b, bits)))

    def do_cast(self, _state, frame, name, from_bits, to_bits, operand):
        value = self.get(frame, operand, from_bits)
        if to_bits == from_bits:
            return value
        if isinstance(value, int):
            value = signed(value, from_bits) if name == "sext" else value
            return value & (1 << to_bits) - 1
        if to_bits < from_bits:
            return tidy(z3.Extract(to_bits - 1, 0, value))
        extend = z3.SignExt if name == "sext" else z3.ZeroExt
        return tidy(extend(to_bits - from_bits, value))

    def do_icmp(self, _state, frame, test, bits, left, right):
        a, b = self.get(frame, left, bits), self.get(frame, right, bits)
        if isinstance(a, int) and isinstance(b, int):
            if test[0] == "s":
                a, b = signed(a, bits), signed(b, bits)
            names = {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}
            return int(names[test[-2:]])
        return truth(COMPARISONS[test](vector(a, bits), vector(b, bits)))

    def do_select(self, state, frame, condition, kind, left, right):
        chosen = self.get(frame, condition, 1)
        if kind[0] == "struct" and not isinstance(chosen, int):
            raise Unsupported("select of structs")
        if isinstance(chosen, int):
            return self.get(frame, left if chosen else right, 64)
        bits = bits_of(kind)
        a, b = self.get(frame, left, bits), self.get(frame, right, bits)
        return tidy(z3.If(chosen == 1, vector(a, bits), vector(b, bits)))

    def do_freeze(self, _state, frame, kind, operand):
        return self.scalar(frame, operand, kind)

    def do_phi(self, _state, frame, *_first):
        """All the phis of a block at once."""
        block, values = frame.function.block(frame.block), {}
        while block[frame.at][0] == "phi":
            _, result, kind, cases = block[frame.at]
            values[result] = self.get(frame, cases[frame.before], 64 if kind[0] == "struct" else bits_of(kind))
            frame.at += 1
        frame.locals.update(values)

    @staticmethod
    def enter(frame, block):
        frame.before, frame.block, frame.at = frame.block, block, 0

    def do_jump(self, _state, frame, block):
        self.enter(frame, block)

    def do_branch(self, state, frame, condition, yes, no):
        taken = self.decide(state, self.get(frame, condition, 1), lambda other: self.enter(other.frames[-1], no))
        self.enter(frame, yes if taken else no)

    def do_switch(self, state, frame, bits, operand, default, cases):
        value = self.get(frame, operand, bits)
        if not isinstance(value, int):
            value = self.choose(state, value)
        self.enter(frame, dict(cases).get(value, default))

    @staticmethod
    def do_unreachable(_state, _frame):
        raise Unsupported("a place that the compiler holds for unreachable was reached")

    def do_ret(self, state, frame, kind, operand):
        value = None if operand is None else self.get(frame, operand, 64 if kind[0] == "struct" else bits_of(kind))
        state.frames.pop()
        if not state.frames:
            raise PathEnd
        if frame.result is not None:
            state.frames[-1].locals[frame.result] = value
        state.frames[-1].at += 1

    # --- memory --------------------------------------------------------------------------------

    def do_alloca(self, state, _frame, size):
        address = self.module.place(size)
        state.memory.add(address, size)
        for index in range(size):
            state.memory.store(address + index, 1, self.unknown(8))
        return address

    def do_element(self, _state, frame, kind, base, indexes):
        total = self.get(frame, base)
        for number, (index_kind, operand) in enumerate(indexes):
            index = self.get(frame, operand, bits_of(index_kind))
            if number > 0 and kind[0] == "struct":
                step, kind = offset_of(kind, index), kind[1][index]
            else:
                kind = kind if number == 0 else kind[2]
                step = self.times(index, bits_of(index_kind), size_of(kind))
            total = self.plus(total, step)
        return total

    @staticmethod
    def times(index, bits, size):
        if isinstance(index, int):
            return signed(index, bits) * size
        return z3.SignExt(64 - bits, index) * size

    @staticmethod
    def plus(a, b):
        if isinstance(a, int) and isinstance(b, int):
            return a + b & (1 << 64) - 1
        return tidy(vector(a, 64) + vector(b, 64))

    def read(self, state, address, kind):
        if kind[0] == "struct":
            return [self.read(state, address + offset_of(kind, i), part) for i, part in enumerate(kind[1])]
        if kind[0] == "array":
            return [self.read(state, address + i * size_of(kind[2]), kind[2]) for i in range(kind[1])]
        value = state.memory.load(address, size_of(kind))
        bits = bits_of(kind)
        if bits == 8 * size_of(kind):
            return value
        return value & (1 << bits) - 1 if isinstance(value, int) else tidy(z3.Extract(bits - 1, 0, value))

    def write(self, state, address, kind, value):
        if kind[0] == "struct":
            for i, part in enumerate(kind[1]):
                self.write(state, address + offset_of(kind, i), part, 0 if value == 0 else value[i])
            return
        size, bits = size_of(kind), bits_of(kind)
        if not isinstance(value, int) and bits < 8 * size:
            value = tidy(z3.ZeroExt(8 * size - bits, value))
        state.memory.store(address, size, value)

    def do_load(self, state, frame, kind, operand):
        address = self.place(state, self.get(frame, operand), size_of(kind))
        if address % align_of(kind):
            self.fail(state, "a misaligned load")
        return self.read(state, address, kind)

    def do_store(self, state, frame, kind, value, operand):
        address = self.place(state, self.get(frame, operand), size_of(kind))
        if address % align_of(kind):
            self.fail(state, "a misaligned store")
        self.write(state, address, kind, self.get(frame, value, 64 if kind[0] == "struct" else bits_of(kind)))

    def do_atomicrmw(self, state, frame, operation, kind, place, operand):
        address = self.place(state, self.get(frame, place), size_of(kind))
        old, value, bits = self.read(state, address, kind), self.scalar(frame, operand, kind), bits_of(kind)
        new = value if operation == "xchg" else tidy(OPERATIONS[operation](vector(old, bits), vector(value, bits)))
        self.write(state, address, kind, new)
        return old

    def do_extract(self, _state, frame, operand, index):
        return self.get(frame, operand)[index]

    def do_insert(self, _state, frame, count, operand, part, index):
        whole = operand[1] if operand[0] == "constant" else self.get(frame, operand)
        whole = list(whole) if isinstance(whole, list) else [whole] * count
        whole[index] = self.get(frame, part)
        return whole

    # --- calls ---------------------------------------------------------------------------------

    def do_call(self, state, frame, kind, target, arguments):
        result = frame.function.block(frame.block)[frame.at][1]
        values = [self.get(frame, operand, 64 if what is None or what[0] == "struct" else bits_of(what))
                  for what, _, operand in arguments]
        function = self.module.functions.get(self.target(target, frame))
        if function is None:
            value = self.known_call(state, target, values, kind)
            if value is not None:
                frame.locals[result] = value
            frame.at += 1
            return
        callee = Frame(function, result, None)
        for (name, _), (_, byval, _), value in zip(function.parameters, arguments, values):
            callee.locals[name] = self.passed_copy(state, value, byval) if byval else value
        state.frames.append(callee)

    def target(self, name, frame):
        if name.startswith("@"):
            return name
        address = frame.locals[name]
        return next(function for function, place in self.module.addresses.items() if place == address)

    def passed_copy(self, state, address, size):
        copy = self.module.place(size)
        state.memory.add(copy, size)
        for index in range(size):
            state.memory.bytes[copy + index] = state.memory.bytes.get(address + index, (0, 0, 1))
        return copy

    def text(self, state, address):
        data = bytearray()
        while (byte := state.memory.load(address + len(data), 1)) != 0:
            data.append(byte)
        return data.decode()

    def claim(self, state, value, text):
        self.claims += 1
        if isinstance(value, int):
            if not value:
                self.fail(state, text)
        elif self.example(value) == 0 or self.possible(value == 0):
            self.fail(state, text, value == 0)

    def known_call(self, state, name, values, kind):
        if name == "@proof_any":
            label = self.text(state, values[0])
            state.inputs.append((label, z3.BitVec(f"{label}#{len(state.inputs)}", 64)))
            return state.inputs[-1][1]
        if name == "@proof_assume":
            return self.assume(values[0])
        if name == "@proof_claim":
            text = self.text(state, values[1])
            self.reached.add(text)
            return self.claim(state, values[0], text)
        if name == "@mm_assert_failed":
            self.fail(state, f"assert: {self.text(state, values[2])}")
        if name.startswith(("@llvm.memset", "@memset")):
            return self.fill(state, *values[:3])
        if name.startswith(("@llvm.memcpy", "@llvm.memmove", "@memcpy")):
            return self.move(state, *values[:3])
        if name.startswith(("@llvm.umin", "@llvm.umax")):
            bits = bits_of(kind)
            a, b = vector(values[0], bits), vector(values[1], bits)
            return tidy(z3.If(z3.ULT(a, b) if "umin" in name else z3.UGT(a, b), a, b))
        if name.startswith("@llvm.usub.sat"):
            a, b = vector(values[0], bits_of(kind)), vector(values[1], bits_of(kind))
            return tidy(z3.If(z3.ULT(a, b), 0, a - b))
        raise Unsupported(f"call of {name}")

    def assume(self, value):
        if isinstance(value, int):
            if not value:
                raise PathEnd
        elif self.example(value) == 0 and not self.possible(value == 1):
            raise PathEnd
        else:
            self.require(value == 1)

    def fill(self, state, address, byte, size):
        address = self.place(state, address, size)
        for index in range(size):
            state.memory.store(address + index, 1, byte)

    def move(self, state, to, from_, size):
        if size:
            to, from_ = self.place(state, to, size), self.place(state, from_, size)
        cells = [state.memory.bytes.get(from_ + index, (0, 0, 1)) for index in range(size)]
        for index, cell in enumerate(cells):
            state.memory.bytes[to + index] = cell


def prove(llvm_text, name):
    """(paths, claims checked) of a proof.  Raises Failed, or Unsupported."""
    executor = Executor(Module(llvm_text))
    executor.run(name)
    return executor
