"""Reads LLVM's textual form, as clang 14 to 19 write it: types, constants, functions.

What the proofs' C compiles to and no more: integers, pointers, structs, arrays; no vectors, no floating
point.  An instruction is a tuple (name, result or None, ...), its operands decoded once.
"""
import re

TOKEN = re.compile(r'c"(?:[^"\\]|\\[0-9A-Fa-f]{2})*"|"[^"]*"|[%@](?:"[^"]*"|[-\w.$]+)|-?\d+|[A-Za-z_][\w.]*'
                   r'|\.\.\.|![\w.]*|#\d+|[][{}()<>,=*]')
LINKAGE = {"private", "internal", "unnamed_addr", "local_unnamed_addr", "dso_local", "external", "common", "hidden"}
FLAGS = {"nuw", "nsw", "exact", "inbounds", "tail", "musttail", "notail", "volatile", "atomic", "nneg", "disjoint",
         "samesign", "nusw"}
BINARY = {"add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "shl", "lshr", "ashr", "and", "or", "xor"}
CASTS = {"zext", "sext", "trunc", "bitcast", "ptrtoint", "inttoptr"}
IGNORED = re.compile(r"@llvm\.(lifetime|dbg|assume|experimental\.noalias)")
POINTER = ("pointer",)
VOID = ("void",)


class Unsupported(Exception):
    """Something that this reader or the executor does not know."""


def bits_of(kind):
    if kind[0] == "int":
        return kind[1]
    if kind[0] == "pointer":
        return 64
    raise Unsupported(f"no scalar: {kind}")


def align_of(kind):
    if kind[0] == "array":
        return align_of(kind[2])
    if kind[0] == "struct":
        return max([align_of(part) for part in kind[1]], default=1)
    return size_of(kind)


def size_of(kind):
    if kind[0] == "int":
        return 1 << max(0, (kind[1] - 1).bit_length() - 3)
    if kind[0] == "pointer":
        return 8
    if kind[0] == "array":
        return kind[1] * size_of(kind[2])
    if kind[0] == "struct":
        return offset_of(kind, len(kind[1]))
    raise Unsupported(f"no size: {kind}")


def offset_of(kind, index):
    """Offset of a member of a struct; of the one behind the last: the struct's size."""
    offset = 0
    for part in kind[1][:index]:
        offset = -(-offset // align_of(part)) * align_of(part) + size_of(part)
    align = align_of(kind[1][index]) if index < len(kind[1]) else align_of(kind)
    return -(-offset // align) * align


class Line:
    """The tokens of one line, read from left to right."""

    def __init__(self, module, text):
        self.module, self.tokens, self.at = module, TOKEN.findall(text), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, *wanted):
        if self.peek() in wanted:
            self.at += 1
            return True
        return False

    def expect(self, wanted):
        if self.next() != wanted:
            raise Unsupported(f"'{wanted}' expected: {' '.join(self.tokens)}")

    def skip(self, words):
        while self.peek() in words:
            self.at += 1

    def skip_attributes(self):
        """Attributes of a parameter or result; true if byval was among them."""
        byval = False
        while re.fullmatch(r"[a-z_]+", self.peek() or "") and not re.fullmatch(r"ptr|null|undef|poison|true|false|void|"
                                                                               r"zeroinitializer|getelementptr|bitcast|"
                                                                               r"ptrtoint|inttoptr", self.peek()):
            word = self.next()
            byval = byval or word == "byval"
            if word == "align":
                self.next()
            elif self.take("("):
                depth = 1
                while depth:
                    depth += {"(": 1, ")": -1}.get(self.next(), 0)
        return byval

    def type(self):
        word = self.next()
        if re.fullmatch(r"i\d+", word):
            kind = ("int", int(word[1:]))
        elif word == "void":
            kind = VOID
        elif word == "ptr":
            kind = POINTER
        elif word == "[":
            count = int(self.next())
            self.expect("x")
            kind = ("array", count, self.type())
            self.expect("]")
        elif word == "{":
            kind = ("struct", self.list_of_types("}"))
        elif word.startswith("%"):
            kind = ("named", word)
        else:
            raise Unsupported(f"type {word}: {' '.join(self.tokens)}")
        while True:
            if self.take("*"):
                kind = POINTER
            elif self.peek() == "(" and self.is_function_type():
                self.next()
                self.list_of_types(")")
                kind = ("function",)
            else:
                break
        return self.module.resolve(kind)

    def is_function_type(self):
        depth, at = 0, self.at
        while True:
            depth += {"(": 1, ")": -1}.get(self.tokens[at], 0)
            at += 1
            if depth == 0:
                return at < len(self.tokens) and self.tokens[at] == "*"

    def list_of_types(self, end):
        kinds = []
        while not self.take(end):
            if not self.take("..."):
                kinds.append(self.type())
            self.take(",")
        return kinds

    def value(self, kind):
        """An operand: ("local", name) or ("constant", int, or list for an aggregate, or None for undef)."""
        word = self.next()
        if word.startswith("%"):
            return ("local", word)
        if word.startswith("@"):
            return ("constant", self.module.address(word))
        if re.fullmatch(r"-?\d+", word):
            return ("constant", int(word) & (1 << bits_of(kind)) - 1)
        if word in ("true", "false"):
            return ("constant", int(word == "true"))
        if word in ("null", "zeroinitializer"):
            return ("constant", 0)
        if word in ("undef", "poison"):
            return ("constant", None)
        if word in CASTS:
            self.expect("(")
            value = self.typed_value()[1]
            self.expect("to")
            self.type()
            self.expect(")")
            return value
        if word == "getelementptr":
            self.skip(FLAGS)
            self.expect("(")
            kind, base, indexes = self.element()
            self.expect(")")
            offset = element_offset(kind, [index[1] for index in indexes])
            return ("constant", base[1] + offset)
        raise Unsupported(f"constant {word}: {' '.join(self.tokens)}")

    def typed_value(self):
        kind = self.type()
        self.skip_attributes()
        return kind, self.value(kind)

    def element(self):
        """What follows getelementptr: (type, base, indexes as (type, value))."""
        kind = self.type()
        self.expect(",")
        base = self.typed_value()[1]
        indexes = []
        while self.take(","):
            if self.peek().startswith("!"):
                break
            self.take("inrange")
            index_kind, index = self.typed_value()
            indexes.append((index_kind, index[1]) if index[0] == "constant" else (index_kind, index))
        return kind, base, indexes


def element_offset(kind, indexes):
    offset = signed(indexes[0], 64) * size_of(kind)
    for index in indexes[1:]:
        if kind[0] == "struct":
            offset, kind = offset + offset_of(kind, index), kind[1][index]
        else:
            offset, kind = offset + signed(index, 64) * size_of(kind[2]), kind[2]
    return offset


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


class Function:
    """Parameters as (name, byval); blocks by name, read when they are first entered."""

    def __init__(self, module, parameters, entry):
        self.module, self.parameters, self.entry = module, parameters, entry
        self.texts, self.blocks = {entry: []}, {}

    def block(self, name):
        if name not in self.blocks:
            self.blocks[name] = [self.module.read_instruction(Line(self.module, text)) for text in self.texts[name]]
        return self.blocks[name]


class Module:
    """A file of LLVM text: functions, and global objects with their addresses and first contents."""

    def __init__(self, text):
        self.types, self.addresses, self.functions, self.globals = {}, {}, {}, []
        self.end = 1 << 32
        lines = text.splitlines()
        for line in lines:
            if re.match(r"%\S+ = type ", line):
                name, _, body = line.partition(" = type ")
                self.types[name] = body
        for line in lines:
            if line.startswith("@"):
                self.read_global(line)
        self.read_functions(lines)

    def resolve(self, kind):
        if kind[0] != "named":
            return kind
        body = self.types[kind[1]]
        if isinstance(body, str):
            body = POINTER if body == "opaque" else Line(self, body).type()
            self.types[kind[1]] = body
        return body

    def place(self, size, align=16):
        """A fresh address, with room between it and every other object."""
        address = -(-self.end // align) * align
        self.end = address + size + 64
        return address

    def address(self, name):
        if name not in self.addresses:
            self.addresses[name] = self.place(16)
        return self.addresses[name]

    def read_global(self, text):
        line = Line(self, text)
        name = line.next()
        line.expect("=")
        line.skip(LINKAGE)
        if line.next() not in ("global", "constant"):
            raise Unsupported(text)
        kind = line.type()
        align = int(re.search(r"align (\d+)", text)[1])
        address = self.place(size_of(kind), align)
        self.addresses[name] = address
        self.globals.append((address, size_of(kind), kind, line))

    def initial(self, kind, line):
        """Yields (offset, type, value) of what a global object holds at first, zeros left out."""
        word = line.peek()
        if word in ("zeroinitializer", "undef", "null") or word is None:
            line.at += 1
        elif word.startswith('c"'):
            data = re.sub(rb"\\([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), line.next()[2:-1].encode())
            for offset, byte in enumerate(data):
                yield offset, ("int", 8), byte
        elif kind[0] in ("array", "struct"):
            end = {"[": "]", "{": "}"}[line.next()]
            index = 0
            while not line.take(end):
                part = line.type()
                base = index * size_of(part) if kind[0] == "array" else offset_of(kind, index)
                for offset, what, value in self.initial(part, line):
                    yield base + offset, what, value
                line.take(",")
                index += 1
        else:
            yield 0, kind, line.value(kind)[1]

    def read_functions(self, lines):
        function, pending = None, ""
        for text in lines:
            if text.startswith("define "):
                function = self.read_head(text)
                block = function.texts[function.entry]
            elif text == "}":
                function = None
            elif function and text.strip() and not text.startswith(";"):
                label = re.match(r'("?[-\w.$]+"?):', text)
                if label:
                    block = function.texts.setdefault("%" + label[1], [])
                    continue
                pending += " " + text.split(", !")[0].split(" #")[0].split(" ;")[0]
                if "switch" in pending and "]" not in pending:
                    continue
                if not IGNORED.search(pending):
                    block.append(pending)
                pending = ""

    def read_head(self, text):
        name = re.search(r"(@[-\w.$]+)\(", text)[1]
        line = Line(self, text[text.index(name) + len(name):])
        line.expect("(")
        parameters = []
        while not line.take(")"):
            line.type()
            byval = line.skip_attributes()
            parameters.append((line.next(), byval))
            line.take(",")
        function = Function(self, parameters, f"%{len(parameters)}")
        self.functions[name] = function
        self.address(name)
        return function

    def read_instruction(self, line):
        result = None
        if line.peek().startswith("%"):
            result = line.next()
            line.expect("=")
        line.skip(FLAGS)
        name = line.next()
        line.skip(FLAGS)
        reader = getattr(self, f"read_{name}", None)
        if name in BINARY:
            kind = line.type()
            left = line.value(kind)
            line.expect(",")
            return ("binary", result, name, bits_of(kind), left, line.value(kind))
        if name in CASTS:
            kind, value = line.typed_value()
            line.expect("to")
            return ("cast", result, name, bits_of(kind), bits_of(line.type()), value)
        if reader is None:
            raise Unsupported(f"instruction {name}")
        return reader(line, result)

    @staticmethod
    def read_icmp(line, result):
        line.skip(FLAGS)
        test, kind = line.next(), line.type()
        left = line.value(kind)
        line.expect(",")
        return ("icmp", result, test, bits_of(kind), left, line.value(kind))

    @staticmethod
    def read_select(line, result):
        condition = line.typed_value()[1]
        line.expect(",")
        kind, left = line.typed_value()
        line.expect(",")
        return ("select", result, condition, kind, left, line.typed_value()[1])

    @staticmethod
    def read_freeze(line, result):
        kind, value = line.typed_value()
        return ("freeze", result, kind, value)

    @staticmethod
    def read_phi(line, result):
        kind, cases = line.type(), {}
        while line.take("["):
            value = line.value(kind)
            line.expect(",")
            cases[line.next()] = value
            line.expect("]")
            line.take(",")
        return ("phi", result, kind, cases)

    @staticmethod
    def read_br(line, _):
        if line.take("label"):
            return ("jump", None, line.next())
        condition = line.typed_value()[1]
        line.expect(",")
        line.expect("label")
        yes = line.next()
        line.expect(",")
        line.expect("label")
        return ("branch", None, condition, yes, line.next())

    @staticmethod
    def read_switch(line, _):
        kind, value = line.typed_value()
        line.expect(",")
        line.expect("label")
        default, cases = line.next(), []
        line.expect("[")
        while not line.take("]"):
            number = line.typed_value()[1][1]
            line.expect(",")
            line.expect("label")
            cases.append((number, line.next()))
        return ("switch", None, bits_of(kind), value, default, cases)

    @staticmethod
    def read_ret(line, _):
        kind = line.type()
        return ("ret", None, kind, None if kind == VOID else line.value(kind))

    @staticmethod
    def read_unreachable(_line, _result):
        return ("unreachable", None)

    def read_call(self, line, result):
        line.skip_attributes()
        kind = line.type() if not line.peek() == "void" else (line.next(), VOID)[1]
        if line.peek() == "(":
            line.next()
            line.list_of_types(")")
        target = line.next()
        line.expect("(")
        arguments = []
        while not line.take(")"):
            what = line.type() if line.peek() != "metadata" else None
            byval = line.skip_attributes()
            arguments.append((what, byval and self.byval_size(line), line.value(what)))
            line.take(",")
        return ("call", result, kind, target, arguments)

    @staticmethod
    def byval_size(line):
        text = " ".join(line.tokens[:line.at])
        inner = Line(line.module, text[text.rindex("byval (") + len("byval ("):])
        return size_of(inner.type())

    @staticmethod
    def read_load(line, result):
        line.skip(FLAGS)
        kind = line.type()
        line.expect(",")
        return ("load", result, kind, line.typed_value()[1])

    @staticmethod
    def read_store(line, _):
        line.skip(FLAGS)
        kind, value = line.typed_value()
        line.expect(",")
        return ("store", None, kind, value, line.typed_value()[1])

    @staticmethod
    def read_atomicrmw(line, result):
        line.skip(FLAGS)
        operation, place = line.next(), line.typed_value()[1]
        line.expect(",")
        kind, value = line.typed_value()
        return ("atomicrmw", result, operation, kind, place, value)

    @staticmethod
    def read_alloca(line, result):
        return ("alloca", result, size_of(line.type()))

    @staticmethod
    def read_getelementptr(line, result):
        return ("element", result, *line.element())

    @staticmethod
    def read_extractvalue(line, result):
        value = line.typed_value()[1]
        line.expect(",")
        return ("extract", result, value, int(line.next()))

    @staticmethod
    def read_insertvalue(line, result):
        kind, value = line.typed_value()
        line.expect(",")
        _, part = line.typed_value()
        line.expect(",")
        return ("insert", result, len(kind[1]), value, part, int(line.next()))
