# The kernel image: everything under arch/riscv, kernel, mm and drivers, plus the root task's blob.
WARNINGS := -std=c11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wundef \
            -Wstrict-prototypes -Wpointer-arith -fno-common

# KERNEL_CC=gcc or clang: arch/riscv/compiler_$(KERNEL_CC).mk names the command and what it needs.
# Each compiler's kernel has a folder of its own; the user side is gcc's and shared.
KERNEL_CC    ?= gcc
KERNEL_BUILD := $(BUILD)$(if $(filter-out gcc,$(KERNEL_CC)),/$(KERNEL_CC))
include arch/riscv/compiler_$(KERNEL_CC).mk

KERNEL_CFLAGS := $(WARNINGS) -march=$(KERNEL_MARCH) -mabi=lp64 -mcmodel=medany -g \
                 -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
                 -fno-pic -msmall-data-limit=0 -ffunction-sections -fdata-sections \
                 $(KERNEL_CC_FLAGS) \
                 -Iarch/riscv -Ikernel -Ikernel/abi -Imm -Idrivers -I$(KERNEL_BUILD)/generated
KERNEL_SOURCES := $(wildcard arch/riscv/*.c kernel/*.c mm/*.c drivers/*.c)
KERNEL_ASM     := $(wildcard arch/riscv/*.S)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%.c=$(KERNEL_BUILD)/kernel/%.o) $(KERNEL_ASM:%.S=$(KERNEL_BUILD)/kernel/%.S.o)

# What messages, faults, switches and calls on ranges run is made fast, everything else small.
KERNEL_HOT := $(addprefix arch/riscv/,fpu mmu string trap) $(addprefix kernel/,cap fault ipc memory place syscall) \
              $(addprefix mm/,asid frame removal vspace vspace_clone vspace_range walk)
KERNEL_CFLAGS += -Os $(KERNEL_SMALL_FLAGS)
$(KERNEL_HOT:%=$(KERNEL_BUILD)/kernel/%.o): private KERNEL_CFLAGS += -O2 $(KERNEL_FAST_FLAGS)

# The functions that the compiler itself calls must neither be inlined away nor call themselves.
$(KERNEL_BUILD)/kernel/arch/riscv/string.o: private KERNEL_CFLAGS += $(KERNEL_STRING_FLAGS)
# The only instructions on floating-point registers; called only where a hart has them.
$(KERNEL_BUILD)/kernel/arch/riscv/fpu.S.o: private KERNEL_CFLAGS += -march=$(KERNEL_MARCH_FPU)

# What was compiled with other flags is compiled again.
$(KERNEL_BUILD)/kernel-flags: FORCE
	$(call stamp,'$(KERNEL_COMPILE) $(KERNEL_CFLAGS) $(KERNEL_KEEP)' $(KERNEL_HOT))

$(KERNEL_BUILD)/kernel/%.o: %.c $(KERNEL_BUILD)/kernel-flags
	@mkdir -p $(@D)
	$(KERNEL_COMPILE) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(KERNEL_BUILD)/kernel/%.S.o: %.S $(KERNEL_BUILD)/kernel-flags $(KERNEL_BUILD)/generated/offsets.h
	@mkdir -p $(@D)
	$(KERNEL_COMPILE) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

# Structure offsets for assembly, computed by the compiler.
$(KERNEL_BUILD)/generated/offsets.h: arch/riscv/offsets/offsets.c $(KERNEL_BUILD)/kernel-flags
	@mkdir -p $(@D)
	$(KERNEL_COMPILE) $(KERNEL_CFLAGS) -MMD -MP -fno-lto -MT $@ -MF $(@:.h=.d) -S $< -o $(@:.h=.s)
	sed -n 's/^.*"->\([A-Z_0-9]*\) \(-\?[0-9]*\)".*$$/#define \1 \2/p' $(@:.h=.s) > $@

# $(call kernel_image,NAME,ROOT): NAME.elf and NAME.bin in the kernel's folder, with the root task ROOT.  They are linked
# of NAME_KERNEL, or of KERNEL_LINKED: what the compiler's file says is the kernel for all images.
define kernel_image
$(KERNEL_BUILD)/blob/$(1).o: $(2) arch/riscv/blob.S.in
	@mkdir -p $$(@D)
	sed 's|@BLOB@|$(2)|' arch/riscv/blob.S.in > $(KERNEL_BUILD)/blob/$(1).S
	$(KERNEL_COMPILE) $(KERNEL_CFLAGS) -c $(KERNEL_BUILD)/blob/$(1).S -o $$@

$(KERNEL_BUILD)/$(1).elf: $(or $($(1)_KERNEL),$(KERNEL_LINKED)) $(KERNEL_BUILD)/blob/$(1).o arch/riscv/kernel.ld
	@rm -f $$@.ltrans0.ltrans.o
	$(KERNEL_LINK) $(if $($(1)_KERNEL),$(KERNEL_KEEP)) -nostdlib -static -Wl,--gc-sections -Wl,-z,max-page-size=4096 \
	    -Wl,--no-warn-rwx-segments -Wl,--build-id=none -T arch/riscv/kernel.ld \
	    $(or $($(1)_KERNEL),$(KERNEL_LINKED)) $(KERNEL_BUILD)/blob/$(1).o -lgcc -o $$@

$(KERNEL_BUILD)/$(1).bin: $(KERNEL_BUILD)/$(1).elf
	$(CROSS)objcopy -O binary $$< $$@
endef

faultline_KERNEL := $(KERNEL_OBJECTS)
$(eval $(call kernel_image,faultline,$(BUILD)/user/init.bin))

image: $(KERNEL_BUILD)/faultline.bin
.PHONY: image
-include $(KERNEL_OBJECTS:.o=.d) $(KERNEL_BUILD)/generated/offsets.d
