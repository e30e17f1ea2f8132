# The kernel image: everything under arch/riscv, kernel, mm and drivers, plus the root task's blob.
WARNINGS := -std=c11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wundef \
            -Wstrict-prototypes -Wpointer-arith -fno-common
KERNEL_CFLAGS := $(WARNINGS) -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -O2 -g \
                 -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
                 -flto -flto-partition=one -fno-pic -msmall-data-limit=0 -mno-relax \
                 -ffunction-sections -fdata-sections \
                 -Iarch/riscv -Ikernel -Ikernel/abi -Imm -Idrivers -I$(BUILD)/generated
KERNEL_SOURCES := $(wildcard arch/riscv/*.c kernel/*.c mm/*.c drivers/*.c)
KERNEL_ASM     := $(wildcard arch/riscv/*.S)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%.c=$(BUILD)/kernel/%.o) $(KERNEL_ASM:%.S=$(BUILD)/kernel/%.S.o)

# The functions that the compiler itself calls must neither be inlined away nor call themselves.
$(BUILD)/kernel/arch/riscv/string.o: KERNEL_CFLAGS += -fno-lto -fno-tree-loop-distribute-patterns

$(BUILD)/kernel/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CROSS)gcc $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/kernel/%.S.o: %.S $(BUILD)/flags $(BUILD)/generated/offsets.h
	@mkdir -p $(@D)
	$(CROSS)gcc $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

# Structure offsets for assembly, computed by the compiler.
$(BUILD)/generated/offsets.h: arch/riscv/offsets/offsets.c
	@mkdir -p $(@D)
	$(CROSS)gcc $(KERNEL_CFLAGS) -MMD -MP -fno-lto -MT $@ -MF $(BUILD)/generated/offsets.d -S $< -o $(BUILD)/generated/offsets.s
	sed -n 's/^.*->\([A-Z_0-9]*\) \(-\?[0-9]*\).*$$/#define \1 \2/p' $(BUILD)/generated/offsets.s > $@

# $(call kernel_image,NAME,ROOT): build/NAME.elf and build/NAME.bin with the root task user/ROOT.
define kernel_image
$(BUILD)/blob/$(1).o: $(2) arch/riscv/blob.S.in
	@mkdir -p $$(@D)
	sed 's|@BLOB@|$(2)|' arch/riscv/blob.S.in > $(BUILD)/blob/$(1).S
	$(CROSS)gcc $(KERNEL_CFLAGS) -c $(BUILD)/blob/$(1).S -o $$@

$(BUILD)/$(1).elf: $(KERNEL_OBJECTS) $(BUILD)/blob/$(1).o arch/riscv/kernel.ld
	$(CROSS)gcc $(KERNEL_CFLAGS) -nostdlib -static -Wl,--gc-sections -Wl,-z,max-page-size=4096 \
	    -Wl,--no-warn-rwx-segments -Wl,--build-id=none -T arch/riscv/kernel.ld \
	    $(KERNEL_OBJECTS) $(BUILD)/blob/$(1).o -lgcc -o $$@

$(BUILD)/$(1).bin: $(BUILD)/$(1).elf
	$(CROSS)objcopy -O binary $$< $$@
endef

$(eval $(call kernel_image,faultline,$(BUILD)/user/init.bin))

image: $(BUILD)/faultline.bin
.PHONY: image
-include $(KERNEL_OBJECTS:.o=.d) $(BUILD)/generated/offsets.d
