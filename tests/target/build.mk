# Target suites that replace the root task: each tests/target/NAME/ with its own kernel image
# build/NAME.bin.  kit.c (objects, spaces, threads) serves the kernel suite and the bench.
KIT_SOURCES := tests/target/kernel/kit.c tests/target/kernel/console.c
SERVER_CFLAGS += -Itests -Itests/target/kernel
KERNEL_TEST_SOURCES := $(KIT_SOURCES) tests/harness.c tests/target/kernel/refusal.c tests/target/kernel/fault_world.c \
                       $(wildcard tests/target/kernel/*_test.c) arch/riscv/user/test_registers.S

$(eval $(call server,kernel_test,$(KERNEL_TEST_SOURCES)))
$(eval $(call kernel_image,kernel_test,$(BUILD)/user/kernel_test.bin))
# The kernel's half alone, for machines with much memory.
$(eval $(call server,kernel_half,$(KIT_SOURCES) tests/harness.c tests/target/kernel/kernel_half_test.c))
$(eval $(call kernel_image,kernel_half,$(BUILD)/user/kernel_half.bin))
$(eval $(call server,kernel_bench,$(KIT_SOURCES) tests/bench/kernel_bench.c))
$(eval $(call kernel_image,kernel_bench,$(BUILD)/user/kernel_bench.bin))
