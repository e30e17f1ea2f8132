# Target suites that replace the root task: each tests/target/NAME/ with its own kernel image
# build/NAME.bin.  kit.c (objects, spaces, threads) serves them all.
KIT_SOURCES := tests/target/kernel/kit.c tests/target/kernel/console.c
SERVER_CFLAGS += -Itests -Itests/target/kernel
# Tests themselves run once and are linked file by file: they take a third of the time to compile that way.  What benchmarks are
# linked with too is compiled as they are.
SERVER_TEST_CFLAGS := -Og -fno-var-tracking -fno-lto
server_test_cflags  = $(if $(filter-out $(KIT_SOURCES),$(filter tests/target/%,$(1))),$(SERVER_TEST_CFLAGS))
SUITE_SOURCES := $(KIT_SOURCES) tests/harness.c tests/target/kernel/refusal.c tests/target/kernel/fault_world.c \
                 arch/riscv/user/test_registers.S arch/riscv/user/upcall_entry.S
# A world for calls with any arguments: the kernel suite and the storms.
BOX_SOURCES := $(addprefix tests/target/kernel/,sandbox.c plausible.c lockstep.c) user/common/call_names.c
KERNEL_TEST_SOURCES := $(SUITE_SOURCES) $(BOX_SOURCES) tests/target/kernel/upcall_world.c \
                       $(filter-out tests/target/kernel/smp%,$(wildcard tests/target/kernel/*_test.c))
CONFORMANCE_SOURCES := $(SUITE_SOURCES) $(wildcard tests/target/conformance/*_test.c)

$(eval $(call server,kernel_test,$(KERNEL_TEST_SOURCES)))
$(eval $(call kernel_image,kernel_test,$(BUILD)/user/kernel_test.bin))
$(eval $(call server,conformance,$(CONFORMANCE_SOURCES)))
$(eval $(call kernel_image,conformance,$(BUILD)/user/conformance.bin))
$(eval $(call server,system_handler,$(KIT_SOURCES) tests/target/conformance/system_handler.c))
$(eval $(call kernel_image,system_handler,$(BUILD)/user/system_handler.bin))
# The kernel's half alone, for machines with much memory.
$(eval $(call server,kernel_half,$(KIT_SOURCES) tests/harness.c tests/target/kernel/kernel_half_test.c))
$(eval $(call kernel_image,kernel_half,$(BUILD)/user/kernel_half.bin))
# What needs several harts.
$(eval $(call server,smp_test,$(SUITE_SOURCES) tests/target/kernel/upcall_world.c $(wildcard tests/target/kernel/smp*_test.c)))
$(eval $(call kernel_image,smp_test,$(BUILD)/user/smp_test.bin))
$(eval $(call server,kernel_bench,$(KIT_SOURCES) tests/bench/kernel_bench.c))
$(eval $(call kernel_image,kernel_bench,$(BUILD)/user/kernel_bench.bin))
# Parts of the pager's core that no fault needs, by themselves.
COMPRESS_BENCH_SOURCES := tests/bench/compress_bench.c tests/unit/compress_kit.c tests/target/kernel/console.c user/common/bytes.c \
                          $(addprefix user/pager/core/,compress.c pack.c checksum.c)
$(eval $(call server,compress_bench,$(COMPRESS_BENCH_SOURCES)))
$(eval $(call kernel_image,compress_bench,$(BUILD)/user/compress_bench.bin))
$(BUILD)/server/tests/bench/compress_bench.o $(BUILD)/server/tests/unit/compress_kit.o: private SERVER_CFLAGS += -Iuser/pager/core -Itests/unit

STORM_SOURCES := $(KIT_SOURCES) $(BOX_SOURCES) tests/harness.c $(wildcard tests/target/storm/*.c) arch/riscv/user/test_registers.S
$(eval $(call server,storm_test,$(STORM_SOURCES)))
$(eval $(call kernel_image,storm_test,$(BUILD)/user/storm_test.bin))

# The test of a pager, which comes in the initrd as the file `pager`.
PAGER_TEST_SOURCES := $(KIT_SOURCES) tests/harness.c $(wildcard tests/target/pagertest/*.c) \
                      user/common/cpio.c user/common/elf.c arch/riscv/user/test_registers.S
$(eval $(call server,pager_test,$(PAGER_TEST_SOURCES)))
$(eval $(call kernel_image,pager_test,$(BUILD)/user/pager_test.bin))
pager-test: $(KERNEL_BUILD)/pager_test.bin $(BUILD)/user/example_pager.elf
pager-conformance:
	@$(SETUP) run
	@$(MAKE) -s --no-print-directory $(JOBS) pager-test
	@FAULTLINE_BUILD=$(BUILD) user/sdk/faultline-run -k $(KERNEL_BUILD)/pager_test.bin --pager $(or $(PAGER),$(BUILD)/user/example_pager.elf)

# Pagers that break a rule each, one for each line of vices.def.
BAD_PAGERS := tests/target/pagertest/bad
VICES      := $(shell sed -n 's/^VICE.\([a-z_]*\),.*/\1/p' $(BAD_PAGERS)/vices.def)
define bad_pager
$(BUILD)/server/$(BAD_PAGERS)/bad_pager_$(1).o: $(BAD_PAGERS)/bad_pager.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$(CROSS)gcc $(SERVER_CFLAGS) $(SERVER_TEST_CFLAGS) -DBAD_PAGER_VICE=VICE_$(1) -MMD -MP -c $$< -o $$@
$(call server,bad_pager_$(1),$(BAD_PAGERS)/bad_pager_$(1).c)
endef
$(foreach v,$(VICES),$(eval $(call bad_pager,$(v))))
bad-pagers: $(VICES:%=$(BUILD)/user/bad_pager_%.elf)
# The system's pager with a vice, for the watch's test.
$(eval $(call server,hanging_pager,$(wildcard user/pager/*.c user/pager/core/*.c user/common/*.c) tests/target/boot/hanging_pager.c))
hanging_pager_LDFLAGS := -Wl,--wrap=vm_handle_fault,--wrap=pager_call
# The system's disk driver, which dies.
$(eval $(call server,dying_blk,$(BLK_SOURCES) tests/target/swap/dying_blk.c))
dying_blk_LDFLAGS := -Wl,--wrap=virtio_blk_submit
.PHONY: pager-test pager-conformance bad-pagers

# A client of the disk driver in the root task's place.
BLK_TEST_SOURCES := $(wildcard tests/target/blk/*.c) tests/target/kernel/console.c \
                    $(addprefix user/init/,blk_start.c console.c console_frame.c console_line.c frames.c initrd.c log.c objects.c pinned.c) \
                    $(addprefix user/common/,blk_ring.c bytes.c cpio.c elf.c text.c)
$(eval $(call server,blk_test,$(BLK_TEST_SOURCES)))
$(eval $(call kernel_image,blk_test,$(BUILD)/user/blk_test.bin))

# A root task above the real pager that gives spaces several threads.
THREADS_INIT    := $(filter-out $(addprefix user/init/,main.c server.c session.c process.c watch.c stall.c console_start.c argument_block.c startup_stack.c),$(wildcard user/init/*.c))
THREADS_SOURCES := $(filter-out tests/target/threads/worker.c,$(wildcard tests/target/threads/*.c)) tests/harness.c \
                   tests/target/kernel/console.c $(THREADS_INIT) user/common/cpio.c user/common/elf.c user/common/text.c
$(eval $(call server,threads_test,$(THREADS_SOURCES)))
$(eval $(call kernel_image,threads_test,$(BUILD)/user/threads_test.bin))
# Its program has neither libos nor crt0.
$(BUILD)/programs/worker: $(BUILD)/server/tests/target/threads/worker.o $(APP_LD)
	@mkdir -p $(@D)
	$(CROSS)gcc $(SERVER_CFLAGS) -nostdlib -static -Wl,--no-relax -Wl,-z,max-page-size=4096 -Wl,--build-id=none -s -T $(APP_LD) $< -o $@
-include $(BUILD)/server/tests/target/threads/worker.d
$(BUILD)/initrd-threads.cpio: $(SERVERS) $(BUILD)/programs/worker user/sdk/faultline-pack
	user/sdk/faultline-pack -o $@ $(foreach p,$(SERVERS) $(BUILD)/programs/worker,$(notdir $(p))=$(p))
