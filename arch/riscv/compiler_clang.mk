# The kernel by clang 14 or later, its own assembler included: a second opinion on the sources and on
# what they may assume.  Linked by GNU ld, which cannot read clang's intermediate code: so file by file.
# Without jump tables, since clang's look like calls through a table of functions (tests/lint/stack.py).
KERNEL_COMPILE      := clang --target=riscv64-unknown-elf
KERNEL_MARCH        := rv64imac
KERNEL_MARCH_FPU    := rv64imafdc
KERNEL_CC_FLAGS     := -fno-jump-tables
KERNEL_STRING_FLAGS := -fno-builtin
KERNEL_LINK          = $(CROSS)gcc -march=rv64imac -mabi=lp64
KERNEL_LINKED        = $(KERNEL_OBJECTS)
