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
# That takes seconds and gives the same whatever the root task is.  So one image, the system's, is linked so, and the
# compiler keeps what came of the C; all others are linked of that.  For a debugger the text of each is where faultline.elf
# has it.
KERNEL_LINKED        = $(KERNEL_BUILD)/kernel/unit.o $(KERNEL_BUILD)/kernel/arch/riscv/string.o $(KERNEL_ASM:%.S=$(KERNEL_BUILD)/kernel/%.S.o)
KERNEL_KEEP          = -save-temps
$(KERNEL_BUILD)/kernel/unit.o: $(KERNEL_BUILD)/faultline.elf
	$(CROSS)objcopy --strip-debug $<.ltrans0.ltrans.o $@
	@rm -f $<.lto_wrapper_args $<.ltrans_args $<.ltrans.out $<.res $<.wpa.* $<.ltrans0.o $<.ltrans0.ltrans.s $<.ltrans0.ltrans[._]args*
