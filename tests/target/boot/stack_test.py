"""How deep the kernel's stack can get, by its machine code.  How deep it got the kernel suite compares with that."""
import functools
import os
import re
import sys

sys.dont_write_bytecode = True
import boot
from ktap import TOP, check_equal, check_in, comment, main, test

sys.path.insert(0, os.path.join(TOP, "tests", "lint"))
import stack

# Half of the stack: a compiler that makes every frame twice as large still fits, and a path that outgrows this
# wants a smaller batch rather than a larger stack.
BYTES_MAX = 4096
OWN_TRAP = "the kernel's own trap"
COMPILERS = {"gcc": "", "clang": "clang"}


def layout(name):
    with open(os.path.join(TOP, "arch/riscv/layout.h"), encoding="utf-8") as file:
        return int(re.search(rf"#define {name}\s+(\d+)", file.read())[1])


@functools.cache
def ways_into(folder):
    return stack.analyse(os.path.join(boot.BUILD, folder, "faultline.elf"))


def refusal(listing, root="call"):
    """Why code, as objdump prints it, is refused."""
    try:
        stack.deepest(stack.read_code(listing), root)
    except stack.Refused as reason:
        return str(reason)
    return "accepted"


@test("every way into the kernel needs at most half of its stack, by the machine code of each compiler")
def _():
    check_equal(2 * BYTES_MAX <= layout("KERNEL_STACK_BYTES"), True)
    for compiler, folder in COMPILERS.items():
        ways = [way for way in ways_into(folder) if way[1] != OWN_TRAP]
        comment(f"{compiler}: {ways[0][0]} bytes: {ways[0][1]}: {stack.path_text(ways[0][2])}")
        check_equal(ways[0][0] <= BYTES_MAX, True)
        check_equal(len(ways) > 50, True)


@test("the kernel's own trap fits the panic stack")
def _():
    for folder in COMPILERS.values():
        size, = [way[0] for way in ways_into(folder) if way[1] == OWN_TRAP]
        comment(f"{size} bytes")
        check_equal(0 < size <= layout("PANIC_STACK_BYTES"), True)


@test("the frames of a path are added up, a jump to another function comes after the frame was given back")
def _():
    functions = stack.read_code("0 <call>:\n 0:\tadd\tsp,sp,-32\n 4:\tjal\t10 <low>\n 8:\tadd\tsp,sp,32\n c:\tj\t20 <end>\n"
                                "10 <low>:\n 10:\tadd\tsp,sp,-16\n 14:\tret\n20 <end>:\n 20:\tadd\tsp,sp,-64\n 24:\tret\n")
    check_equal(stack.deepest(functions, "call"), (64, [("call", 0), ("end", 64)]))
    check_equal(stack.deepest(functions, "low"), (16, [("low", 16)]))


@test("code for which no bound is known is refused: recursion, unknown calls through registers, other changes of sp")
def _():
    check_in("recursion: call -> other -> call",
             refusal("0 <call>:\n 0:\tjal\t8 <other>\n8 <other>:\n 8:\tj\t0 <call>\n"))
    check_in("recursion: call -> call", refusal("0 <call>:\n 0:\tjal\t0 <call>\n"))
    check_in("calls what register a5 says", refusal("0 <call>:\n 0:\tld\ta5,0(a0)\n 4:\tjalr\ta5\n"))
    check_in("calls what register a5 says", refusal("0 <call>:\n 0:\tld\ta5,0(a0)\n 4:\tjr\ta5\n"))
    check_in("sp changes by 'sub sp,sp,a0'", refusal("0 <call>:\n 0:\tsub\tsp,sp,a0\n"))
    check_in("calls lost, which has no code", refusal("0 <call>:\n 0:\tjal\t8 <lost>\n"))


main()
