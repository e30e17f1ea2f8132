#!/usr/bin/env python3
"""stack.py ELF [COUNT]: how deep each way into the kernel can make its stack, from the machine code.

Prints the COUNT deepest (10; 0 = all): bytes, way, and the functions of the deepest path with the bytes of each.
COUNT = user: only the bytes of the deepest way in from user mode, as the kernel suite wants them (z_stack_test.c).
Ways in are the calls of the call table, traps, boot, and the kernel's own trap (on the panic stack).

The frame of a function is the sum of what its code takes from sp, so a bound.  A call adds the caller's frame, a jump
to another function does not: it comes after the frame was given back.  Refused, with status 1: recursion, a
call through a register other than those of INDIRECT, sp changed in another way than by a constant.
"""
import os
import re
import struct
import subprocess
import sys

OBJDUMP = os.environ.get("CROSS", "riscv64-unknown-elf-") + "objdump"
CALL_TABLE = "syscall_table"
# A function that calls through a register, and the constant table that the register comes from.
INDIRECT = {"trap_call_locked": CALL_TABLE, "invariants_check": "parts", "call_system_check": "parts"}
# Where a stack begins: what they load into sp is the end of a stack, or the user's.
SWITCHES = {"boot_entry", "trap_entry", "trap_call_locked", "trap_full_locked", "trap_full", "trap_return", "trap_return_full", "trap_return_upcall",
            "trap_from_kernel", "trap_full_wait", "trap_call_wait", "trap_thread_gone", "arch_enter_user",
            "boot_other_entry"}
ROOTS = {"trap": "trap_handle", "upcall": "upcall_enter", "boot": "boot_kernel", "another hart": "boot_other_hart",
         "waiting": "lock_take_from_user", "without a thread": "sched_run", "the kernel's own trap": "panic_trap"}
NOT_FROM_USER = ("boot", "the kernel's own trap")  # the stack is painted when boot is over
CALLS, JUMPS = {"jal", "jalr"}, {"j", "jr", "beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez", "blez", "bgez",
                                 "bltz", "bgtz", "bgt", "ble", "bgtu", "bleu"}
NO_TARGET = {"sb", "sh", "sw", "sd", "fsd", "fsw"}


class Refused(Exception):
    """The code has a shape for which no bound is known."""


class Function:
    """What the code of one function does to the stack."""

    def __init__(self, name):
        self.name, self.frame_bytes = name, 0
        self.calls, self.jumps = set(), set()  # names of functions
        self.lines = []                        # (operation, operands) so far


def base_name(symbol):
    """A function's rarely used part belongs to it: it runs in the function's frame."""
    return re.sub(r"\.cold(\.\d+)?$", "", symbol)


def take_from_stack(function, operation, operands):
    """Accounts an instruction whose first operand is sp."""
    constant = re.fullmatch(r"sp,sp,(-?\d+)( #.*)?", operands)
    if operation in ("add", "addi") and constant and function.name not in SWITCHES:
        function.frame_bytes += max(0, -int(constant[1]))
        return
    register = re.fullmatch(r"sp,sp,(\w+)", operands)
    loaded = register and [line for line in function.lines if line[1].startswith(register[1] + ",")]
    value = loaded and re.fullmatch(r"\w+,(-?\d+)", loaded[-1][1])
    if operation == "add" and value and loaded[-1][0] == "li":
        function.frame_bytes += max(0, -int(value[1]))
    elif function.name not in SWITCHES:
        raise Refused(f"{function.name}: sp changes by '{operation} {operands}'")


def last_setting(lines, register):
    """Where in lines a register was last written, and how; (None, "") if nowhere."""
    for place in range(len(lines) - 1, -1, -1):
        operation, operands = lines[place]
        if operands.split(",")[0] == register and operation not in NO_TARGET | JUMPS:
            return place, f"{operation} {operands}"
    return None, ""


def is_switch(function, register):
    """Whether a jump through a register is a switch: a 32-bit distance, loaded from a table, was added to an address.
    A function's address has 64 bits.  (clang makes no tables: compiler_clang.mk.)"""
    place, text = last_setting(function.lines, register)
    if place is None or not re.match(rf"add {register},{register},", text):
        return False
    return last_setting(function.lines[:place], register)[1].startswith("lw ")


def follow(function, operation, operands):
    """Notes where a call or jump goes."""
    target = re.search(r"[0-9a-f]+ <([^>+]+)(\+0x[0-9a-f]+)?>$", operands)
    if target:
        name = base_name(target[1])
        if name == function.name and (target[2] or operation in JUMPS):
            return
        if target[2]:
            raise Refused(f"{function.name}: goes into the middle of {name}")
        (function.calls if operation in CALLS else function.jumps).add(name)
    elif operation == "jalr" and function.name in INDIRECT:
        function.calls.add("*" + INDIRECT[function.name])
    elif operation == "jalr" or not is_switch(function, operands):
        raise Refused(f"{function.name}: calls what register {operands} says, and INDIRECT does not name it")


def read_code(listing):
    """Functions by name, from the text of objdump."""
    functions, function = {}, None
    for line in listing.splitlines():
        head = re.fullmatch(r"[0-9a-f]+ <(.+)>:", line)
        if head:
            name = base_name(head[1])
            function = functions.setdefault(name, Function(name))
            continue
        code = re.fullmatch(r"\s*[0-9a-f]+:\t(\S+)(?:\t(.*))?", line)
        if not code or function is None:
            continue
        operation, operands = code[1], (code[2] or "").strip()
        if operands.split(",")[0] == "sp" and operation not in NO_TARGET | JUMPS:
            take_from_stack(function, operation, operands)
        if operation in CALLS | JUMPS:
            follow(function, operation, operands)
        function.lines.append((operation, operands))
    return functions


class Image:
    """An ELF file's symbols and bytes."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        at, = struct.unpack_from("<Q", self.data, 40)
        count, names = struct.unpack_from("<HH", self.data, 60)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, at + 64 * i) for i in range(count)]
        self.symbols = {}  # name: (address, bytes)
        table = next(section for section in self.sections if section[1] == 2)
        texts = self.sections[table[6]][4]
        for offset in range(table[4], table[4] + table[5], 24):
            name, _, _, _, address, size = struct.unpack_from("<IBBHQQ", self.data, offset)
            text = self.data[texts + name:self.data.index(b"\0", texts + name)].decode()
            self.symbols[text] = (address, size)

    def words(self, symbol):
        """The 64-bit words of a constant table; a local one may carry a number behind its name."""
        matching = [name for name in self.symbols if re.fullmatch(rf"(\w+\.)?{symbol}(\.\d+)?", name)]
        if len(matching) != 1:
            raise Refused(f"the image has {len(matching)} tables named {symbol}")
        address, size = self.symbols[matching[0]]
        for _, kind, _, start, offset, length, *_ in self.sections:
            if kind == 1 and start <= address < start + length:
                return struct.unpack_from(f"<{size // 8}Q", self.data, offset + address - start)
        raise Refused(f"the table {symbol} lies in no section")

    def functions_of(self, table, functions):
        by_address = {self.symbols[name][0]: name for name in self.symbols if base_name(name) in functions}
        try:
            return [by_address[word & ~1] for word in self.words(table)]  # bit 0: SYSCALL_PLAIN
        except KeyError as missing:
            raise Refused(f"{table} holds {missing.args[0]:x}, which is no function") from None


def deepest(functions, name, above=()):
    """(bytes, [(function, bytes)...]) of the deepest path from a function."""
    if name in above and name in SWITCHES:
        return 0, []  # back to where the stack begins
    if name in above:
        raise Refused(f"recursion: {' -> '.join(above[above.index(name):] + (name,))}")
    function = functions.get(name)
    if function is None:
        raise Refused(f"{above[-1] if above else 'a way in'}: calls {name}, which has no code")
    if not hasattr(function, "deepest"):
        ways = [(function.frame_bytes, [(name, function.frame_bytes)])]
        for callee in function.calls:
            below, path = deepest(functions, callee, above + (name,))
            ways.append((function.frame_bytes + below, [(name, function.frame_bytes)] + path))
        for callee in function.jumps:
            below, path = deepest(functions, callee, above + (name,))
            ways.append((below, [(name, 0)] + path))
        function.deepest = max(ways)
    return function.deepest


def analyse(elf):
    """Of each way into the kernel: (bytes, way, path), deepest first."""
    listing = subprocess.run([OBJDUMP, "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True)
    functions, image = read_code(listing.stdout), Image(elf)
    for table in {callee[1:] for function in functions.values() for callee in function.calls if callee[0] == "*"}:
        functions["*" + table] = each = Function("*" + table)
        each.calls.update(image.functions_of(table, functions))
    ways = {name.removeprefix("enter_").removeprefix("call_"): name for name in functions["*" + CALL_TABLE].calls}
    ways.update(ROOTS)
    found = [(*deepest(functions, name), way) for way, name in ways.items()]
    return sorted(((size, way, path) for size, path, way in found), reverse=True)


def path_text(path):
    return " > ".join(f"{name} {size}" if size else name for name, size in path if not name.startswith("*"))


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else "10"
    try:
        found = analyse(sys.argv[1])
    except Refused as reason:
        sys.exit(f"{sys.argv[1]}: {reason}")
    if wanted == "user":
        print(max(size for size, way, _ in found if way not in NOT_FROM_USER))
        return
    count = int(wanted)
    for size, way, path in found[:count or None]:
        print(f"{size:6}  {way:28}  {path_text(path)}")


if __name__ == "__main__":
    main()
