# User side: servers (lp64, no floating point), libos and programs (lp64d), the initrd.
# Servers can be linked as one unit: those that name -flto in NAME_LDFLAGS are.
# Of others' work there is LZ4: Debian's source package, fetched once, or LZ4=FOLDER with lz4.c and lz4.h.
LZ4 ?= $(BUILD)/lz4/lib
USER_INCLUDES := -isystem $(LZ4) -Ikernel/abi -Iuser/protocol -Iuser/common -Iarch/riscv/user -Idrivers/virtio -I$(BUILD)/generated
SERVER_CFLAGS := $(WARNINGS) --specs=picolibc.specs -march=rv64imac -mabi=lp64 -mcmodel=medany -O2 -g \
                 -ffunction-sections -fdata-sections -fno-stack-protector -flto -ffat-lto-objects $(USER_INCLUDES)
APP_CFLAGS    := $(WARNINGS) --specs=picolibc.specs -march=rv64imafdc -mabi=lp64d -mcmodel=medany -O2 -g \
                 -ffunction-sections -fdata-sections -D_DEFAULT_SOURCE -Iuser/libos/include $(USER_INCLUDES)
APP_TEST_CFLAGS := -Og -fno-var-tracking
SERVER_LD     := arch/riscv/user/server.ld
APP_LD        := arch/riscv/user/program.ld

$(BUILD)/lz4/lib/lz4.c:
	@mkdir -p $(BUILD)
	@user/sdk/faultline-source lz4 $(BUILD)/lz4
# What includes it: the same file, whatever it is compiled for.
$(addprefix $(BUILD)/,server/user/pager/core/pack.o $(addsuffix /user/pager/core/pack.o,$(addprefix tests/,obj fast coverage) fuzz/obj)): | $(LZ4)/lz4.c

# --- objects -----------------------------------------------------------------------------------
$(BUILD)/server/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CROSS)gcc $(SERVER_CFLAGS) $(call server_test_cflags,$<) -MMD -MP -c $< -o $@
$(BUILD)/server/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(CROSS)gcc $(SERVER_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/app/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CROSS)gcc $(APP_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/app/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(CROSS)gcc $(APP_CFLAGS) -MMD -MP -c $< -o $@

$(addprefix $(BUILD)/server/arch/riscv/user/,upcall_entry.o test_registers.o) $(BUILD)/app/arch/riscv/user/upcall_entry.o: $(BUILD)/generated/offsets.h

# Their loops would become calls of themselves.
$(BUILD)/server/user/common/bytes.o: private SERVER_CFLAGS += -fno-lto -fno-tree-loop-distribute-patterns
$(BUILD)/app/user/common/bytes.o: private APP_CFLAGS += -fno-tree-loop-distribute-patterns

# --- servers: $(call server,NAME,SOURCES) makes build/user/NAME.elf and .bin, linked with NAME_LDFLAGS too
define server
$(1)_OBJECTS := $$(patsubst %,$(BUILD)/server/%.o,$$(basename $(2) arch/riscv/user/server_crt0.S))
$(BUILD)/user/$(1).elf: $$($(1)_OBJECTS) $(SERVER_LD)
	@mkdir -p $$(@D)
	$(CROSS)gcc $(SERVER_CFLAGS) -fno-lto -nostartfiles -static -Wl,--gc-sections -Wl,-z,max-page-size=4096 \
	    -Wl,--no-warn-rwx-segments -Wl,--build-id=none $$($(1)_LDFLAGS) -T $(SERVER_LD) $$($(1)_OBJECTS) -o $$@
$(BUILD)/user/$(1).bin: $(BUILD)/user/$(1).elf
	$(CROSS)objcopy -O binary $$< $$@
-include $$($(1)_OBJECTS:.o=.d)
endef

# What every fault and every call of a program passes through: a tenth shorter.
init_LDFLAGS := -flto -flto-partition=one
pager_LDFLAGS := -flto -flto-partition=one
$(eval $(call server,init,$(wildcard user/init/*.c user/common/*.c)))
$(eval $(call server,console,$(wildcard user/console/*.c drivers/uart/*.c)))
BLK_SOURCES := $(wildcard user/blk/*.c) drivers/virtio/virtio_blk.c drivers/virtio/virtio_blk_start.c drivers/virtio/virtq.c \
               user/common/blk_ring.c user/common/bytes.c
blk_LDFLAGS := -flto -flto-partition=one
$(eval $(call server,blk,$(BLK_SOURCES)))
$(eval $(call server,pager,$(wildcard user/pager/*.c user/pager/core/*.c user/common/*.c)))

# Servers to learn from: each folder of user/examples is one, made on its own.
$(foreach d,$(patsubst %/,%,$(sort $(dir $(wildcard user/examples/*/*.c)))),$(eval $(call server,example_$(notdir $(d)),$(wildcard $(d)/*.c))))

# --- libos and programs: every user/apps/NAME.c, user/apps/course/NAME.c, or other folder
#     user/apps/NAME/ is a program -----------------------------------------------------------------
LIBOS_OBJECTS := $(patsubst %,$(BUILD)/app/%.o,$(basename $(wildcard user/libos/*.c) user/common/bytes.c arch/riscv/user/program_fork.S))
CRT0_OBJECT   := $(BUILD)/app/arch/riscv/user/program_crt0.o
$(BUILD)/user/libos.a: $(LIBOS_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@ && $(CROSS)ar rcs $@ $^
-include $(LIBOS_OBJECTS:.o=.d)

# $(call program,NAME,SOURCES,VARIABLE): build/programs/NAME for the initrd, build/user/programs/NAME.elf with
# everything for a debugger; its path is added to VARIABLE.
define program
$(BUILD)/user/programs/$(1).elf: $(patsubst %.c,$(BUILD)/app/%.o,$(2)) $(CRT0_OBJECT) $(BUILD)/user/libos.a $(APP_LD)
	@mkdir -p $$(@D)
	$(CROSS)gcc $(APP_CFLAGS) -nostartfiles -static -Wl,--gc-sections -Wl,-z,max-page-size=4096 \
	    -Wl,--build-id=none $$($(1)_LDFLAGS) -T $(APP_LD) $(CRT0_OBJECT) $(patsubst %.c,$(BUILD)/app/%.o,$(2)) \
	    -Wl,--start-group $(BUILD)/user/libos.a -lc -lm -lgcc -Wl,--end-group -o $$@
$(BUILD)/programs/$(1): $(BUILD)/user/programs/$(1).elf
	@mkdir -p $$(@D)
	$(CROSS)objcopy --strip-all $$< $$@
-include $(patsubst %.c,$(BUILD)/app/%.d,$(2))
$(3) += $(BUILD)/programs/$(1)
endef
$(foreach f,$(wildcard user/apps/*.c user/apps/course/*.c),$(eval $(call program,$(basename $(notdir $(f))),$(f),PROGRAMS)))
$(foreach d,$(filter-out user/apps/course,$(patsubst %/,%,$(sort $(dir $(wildcard user/apps/*/*.c))))),$(eval $(call program,$(notdir $(d)),$(wildcard $(d)/*.c),PROGRAMS)))

# --- the initrd -----------------------------------------------------------------------------------
$(BUILD)/servers/%: $(BUILD)/user/%.elf
	@mkdir -p $(@D)
	$(CROSS)objcopy --strip-all $< $@
SERVERS := $(addprefix $(BUILD)/servers/,pager console blk)
$(BUILD)/initrd.cpio: $(SERVERS) $(PROGRAMS) user/sdk/faultline-pack
	user/sdk/faultline-pack -o $@ $(foreach p,$(SERVERS) $(PROGRAMS),$(notdir $(p))=$(p))

# Every tests/target/system/NAME.c is a program too (NAME_test.c with the harness); they travel with all
# others, and with files that are no programs, in an initrd of their own.
$(BUILD)/app/tests/%.o: private APP_CFLAGS += -Itests
# Long lists of checks: that takes half the time to compile, and they run as long as before.
$(BUILD)/app/tests/target/%.o: private APP_CFLAGS += $(APP_TEST_CFLAGS)
$(foreach f,$(wildcard tests/target/system/*.c),$(eval $(call program,$(basename $(notdir $(f))),$(f) \
    $(if $(filter %_test.c,$(f)),tests/harness.c),SYSTEM_TESTS)))
# The benchmarks of the pager travel in no initrd: faultline-run adds them.
$(eval $(call program,vm_bench,tests/bench/vm_bench.c,BENCH_PROGRAMS))
$(eval $(call program,swap_bench,tests/bench/swap_bench.c,BENCH_PROGRAMS))
$(eval $(call program,merge_bench,tests/bench/merge_bench.c,BENCH_PROGRAMS))
$(eval $(call program,compress_walk,tests/bench/compress_walk.c,BENCH_PROGRAMS))
$(eval $(call program,paging_phases,tests/bench/paging_phases.c,BENCH_PROGRAMS))
$(eval $(call program,smp_bench,tests/bench/smp_bench.c,SMP_BENCH))
smp_bench_LDFLAGS := -Wl,--defsym=__program_base=0x40000000

BAD_PROGRAMS := $(addprefix $(BUILD)/bad-programs/,text_file truncated_elf overlapping_elf kernel_elf)
$(BAD_PROGRAMS) &: tests/target/system/make_bad_programs.py $(BUILD)/programs/true
	tests/target/system/make_bad_programs.py $(BUILD)/programs/true $(BUILD)/bad-programs
$(BUILD)/initrd-test.cpio: $(SERVERS) $(PROGRAMS) $(SYSTEM_TESTS) $(BAD_PROGRAMS) user/sdk/faultline-pack
	user/sdk/faultline-pack -o $@ \
	    $(foreach p,$(SERVERS) $(PROGRAMS) $(SYSTEM_TESTS) $(BAD_PROGRAMS),$(notdir $(p))=$(p))

initrd: $(BUILD)/initrd.cpio
.PHONY: initrd
