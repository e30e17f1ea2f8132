# The kernel by GNU C: one unit at link time, so that the fast paths are inlined across files.
KERNEL_COMPILE      := $(CROSS)gcc
KERNEL_MARCH        := rv64imac_zicsr_zifencei
KERNEL_MARCH_FPU    := rv64imafdc_zicsr_zifencei
KERNEL_CC_FLAGS     := -flto -flto-partition=one -fno-jump-tables
# What is small stays smaller when a loop finds again each time what else would take a register.
KERNEL_SMALL_FLAGS  := -fno-move-loop-invariants
KERNEL_FAST_FLAGS   := -fmove-loop-invariants
KERNEL_STRING_FLAGS := -fno-lto -fno-tree-loop-distribute-patterns
KERNEL_LINK          = $(CROSS)gcc $(KERNEL_CFLAGS)
