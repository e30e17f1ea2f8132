# Faultline: one kernel image and one initrd.  `make help` lists what can be made.
BUILD ?= build
CROSS ?= riscv64-unknown-elf-
HOSTCC ?= cc
# Builds that `run` and `test` start use all processors unless the caller chose.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
SETUP := user/sdk/faultline-setup
RUN = FAULTLINE_BUILD=$(BUILD) user/sdk/faultline-run -k $(KERNEL_BUILD)/faultline.bin

all: image initrd pager-test compile_commands.json

include arch/riscv/build.mk
include user/build.mk
include user/images.mk
include tests/build.mk
include tests/target/build.mk

help:
	@echo 'make                 the kernel image and the initrd, in $(BUILD)/'
	@echo 'make run             installs what is missing, builds, boots: tour, then a prompt'
	@echo 'make run APP=PROG ARGS="..." MEM=64M SMP=1   runs one program, prints its exit status'
	@echo '     SWAP=64M        with either: a new disk for swap, of that size'
	@echo 'make test [ONLY=TEXT]   all tests of host and target, or the suites named like that'
	@echo 'make test-matrix [ONLY=TEXT]   the same, with every target suite on every machine of tests/machines.txt but the few'
	@echo 'make test-long       tests that take an hour: storms, fuzzers, mutants, small worlds, 10^8 steps of the simulation'
	@echo '     [ONLY=TEXT] [SECONDS=n]   those with TEXT in their names; n seconds for each random one instead'
	@echo 'make test-host       the host tests alone'
	@echo 'make conformance     the rules of docs/fault-protocol.md and docs/writing-a-pager.md, by their tests'
	@echo 'make conformance PAGER=PROG   which rules that pager keeps'
	@echo 'make mutants [ONLY=TEXT]   breaks the sources in known ways, in a copy: does a test notice?'
	@echo 'make coverage        which lines and branches of mm and the pager core the host tests run'
	@echo 'make proofs [ONLY=TEXT]   models and parts of the C, for every input; minutes, and no part of test'
	@echo 'make replacement     replacement policies beside the optimum, to docs/replacement.md'
	@echo 'make tiers           what a store of compressed pages before a disk saves, on the same traces'
	@echo 'make record-traces   records the page references that it replays, by valgrind'
	@echo 'make sdcard BOARD=visionfive2   an image for that board (or visionfive), and a FIT: docs/boards.md'
	@echo 'make flash DEV=/dev/sdX [BOARD=...]   writes it to a card, after a look and a question'
	@echo 'make dist            images, kernel, initrd and SDK in one archive'
	@echo 'make bench           instruction counts, to $(BUILD)/bench.tsv'
	@echo 'make bench-smp       four programs at once beside one alone, and who holds the lock how long'
	@echo 'make memory-curve    run time of a program against memory, to docs/memory-curve.svg'
	@echo 'make fuzz [SECONDS=60] [TARGET=NAME]'
	@echo 'make lint            layout of sources, names in documents, generated documents'
	@echo 'make docs            writes docs/abi.md, docs/fault-protocol-tests.md and the figures of docs/page-tables.md anew'
	@echo 'make KERNEL_CC=clang   the same, run and bench with the kernel by clang, in $(BUILD)/clang/'
	@echo 'make clean'

# --- run -------------------------------------------------------------------------------------------
# With APP: that program, as by faultline-run.  Else at a terminal the whole system, and without one
# the tour alone.
MEM ?= 64M
SMP ?= 1
run:
	@$(SETUP) run
	@[ -e $(BUILD)/initrd.cpio ] || echo 'make: building, which takes about a minute the first time' >&2
	@$(MAKE) -s --no-print-directory $(JOBS) all
ifdef APP
	@$(RUN) -m $(MEM) -c $(SMP) $(if $(SWAP),-s $(SWAP)) $(APP) $(ARGS); \
	    status=$$?; echo "exit status $$status"; exit $$status
else
	@if [ -t 0 ] && [ -t 1 ]; then $(RUN) -m $(MEM) -c $(SMP) $(if $(SWAP),-s $(SWAP)) --console; \
	else $(RUN) -m $(MEM) -c $(SMP) $(if $(SWAP),-s $(SWAP)) --icount tour </dev/null; fi
endif

# --- what depends on flags and lists ---------------------------------------------------------------
# $(call stamp,TEXT): a file that changes only when its text does.
stamp = @mkdir -p $(@D); printf '%s\n' $(1) > $@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# What was compiled with other flags is compiled again.
$(BUILD)/flags: FORCE
	$(call stamp,'$(CROSS) $(SERVER_CFLAGS) $(SERVER_TEST_CFLAGS)' '$(APP_CFLAGS) $(APP_TEST_CFLAGS)' '$(HOSTCC) $(HOST_CFLAGS) $(HOST_TEST_CFLAGS)' '$(FAST_CFLAGS)')

SERVER_SOURCES := $(wildcard user/init/*.c user/pager/*.c user/pager/core/*.c user/console/*.c user/blk/*.c drivers/virtio/*.c drivers/uart/*.c user/common/*.c \
                    tests/target/kernel/*.c tests/target/conformance/*.c tests/target/storm/*.c tests/target/blk/*.c tests/target/pagertest/*.c tests/bench/*.c \
                    user/examples/*/*.c)
APP_SOURCES    := $(wildcard user/libos/*.c user/apps/*.c user/apps/*/*.c tests/target/system/*.c)
HOST_SOURCES   := $(wildcard tests/*.c tests/unit/*.c tests/sim/*.c tests/fuzz/*.c tests/replace/*.c)
$(BUILD)/sources: FORCE
	$(call stamp,$(KERNEL_SOURCES) $(SERVER_SOURCES) $(APP_SOURCES) $(HOST_SOURCES))
compile_commands.json: $(BUILD)/flags $(KERNEL_BUILD)/kernel-flags $(BUILD)/sources tests/lint/compile_commands.py
	@tests/lint/compile_commands.py $@ '$(KERNEL_COMPILE) $(KERNEL_CFLAGS)' $(KERNEL_SOURCES) \
	    -- '$(CROSS)gcc $(SERVER_CFLAGS)' $(SERVER_SOURCES) -- '$(CROSS)gcc $(APP_CFLAGS) -Itests' $(APP_SOURCES) \
	    -- '$(HOSTCC) $(HOST_CFLAGS)' $(HOST_SOURCES)
FORCE:

# --- documents -------------------------------------------------------------------------------------
ABI_LISTS := $(addprefix kernel/abi/,calls.def failures.def objects.def errors.def labels.def counters.def) \
             $(addprefix user/protocol/,pager.def pager_slots.def posix.def console.def blk.def)
docs:
	docs/generate.py $(ABI_LISTS) > docs/abi.md.new
	mv docs/abi.md.new docs/abi.md
	tests/lint/rules.py > docs/fault-protocol-tests.md.new
	mv docs/fault-protocol-tests.md.new docs/fault-protocol-tests.md
	docs/page_tables.py docs/page-tables.md

# FORMAT=report: a difference in layout is told but no failure (other versions of clang-format).
FORMAT ?= fail
lint:
	@$(SETUP) lint
	@docs/generate.py $(ABI_LISTS) | cmp - docs/abi.md || { echo "docs/abi.md is stale: make docs"; exit 1; }
	@docs/page_tables.py --check docs/page-tables.md
	@$(MAKE) -s --no-print-directory $(BUILD)/tests/replace/compare
	@docs/replacement.py --check $(BUILD)/tests/replace/compare docs/replacement.md
	@tests/lint/rules.py --check
	@tests/lint/proofs.py
	@tests/coverage/coverage.py --check
	@tests/mutate/mutate.py --check
	@tests/bench/memory_curve.py --check
	@tests/lint/lint.py --format=$(FORMAT)

clean:
	rm -rf $(BUILD) compile_commands.json

.PHONY: all help run docs lint clean FORCE
.DELETE_ON_ERROR:
.SUFFIXES:
