# Tests.  Host tests: every NAME_test.c in tests/unit and tests/sim is a program of its own.  Its comment lines
#     /* sources: mm/frame.c mm/[a-z]*.c */   name what it tests, patterns allowed
#     /* libs: -lfdt */                       name libraries of the host
# and may be repeated.  tests/fuzz/NAME_fuzz.c likewise, for clang's libFuzzer; and each with tests/fuzz/replay.c is
# a host test, which runs it over its corpus.
HOST_INCLUDES := -isystem $(LZ4) -iquotetests/fuzz/host -iquotekernel/abi -iquotekernel -iquotemm -iquotedrivers -iquotearch/riscv -iquoteuser/protocol -iquoteuser/common -iquoteuser/init -iquoteuser/pager/core -iquotedrivers/virtio \
                 -iquotetests -iquotetests/unit -iquotetests/sim -iquotetests/fuzz -iquotetests/replace
SANITIZERS    := address,undefined
HOST_CFLAGS   := $(WARNINGS) -g -O1 -fno-var-tracking -fsanitize=$(SANITIZERS) -fno-sanitize-recover=all -fno-omit-frame-pointer \
                 $(HOST_INCLUDES)
# Tests themselves, most of them long lists of checks that run once, take a third of the time to compile that way; what
# they call runs as long as before.
HOST_TEST_CFLAGS := -Og

# The faster linker, where it is to be had: there are more than a hundred programs.
HOST_LINKER := $(if $(shell command -v ld.gold),-fuse-ld=gold)

FUZZERS    := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
UNIT_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/unit/*_test.c tests/sim/*_test.c))
HOST_TESTS := $(UNIT_TESTS) $(FUZZERS:%=fuzz/%_replay)
# FILE:KEY:WORD for each word of the files' comments "/* KEY: ... */".
TEST_WORDS := $(shell awk 'FNR == 1 { on = 0 } \
    match($$0, /^\/\* [a-z]+:/) { key = substr($$0, 4, RLENGTH - 4); on = 1; $$0 = substr($$0, RLENGTH + 1) } \
    on { last = /\*\//; sub(/ *\*\/.*/, ""); sub(/^ \*/, ""); for (i = 1; i <= NF; i++) print FILENAME ":" key ":" $$i; on = !last }' \
    $(UNIT_TESTS:%=tests/%.c) $(FUZZERS:%=tests/fuzz/%_fuzz.c))
# $(call test_words,FILE,KEY): what the file's comments "/* KEY: ... */" name.
test_words = $(patsubst $(1):$(2):%,%,$(filter $(1):$(2):%,$(TEST_WORDS)))

# Without sanitizers, for runs of many million steps; asserts and checkers stay.
FAST_CFLAGS   := $(WARNINGS) -g -O2 -fno-var-tracking $(HOST_INCLUDES)

$(BUILD)/tests/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_CFLAGS) $(if $(filter %_test.c,$<),$(HOST_TEST_CFLAGS)) -MMD -MP -c $< -o $@
$(BUILD)/tests/fast/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(HOSTCC) $(FAST_CFLAGS) -MMD -MP -c $< -o $@
# Counts what runs.  Without optimisation: a line is a line, a condition is a branch.
COVERAGE_CFLAGS := $(WARNINGS) -g -O0 --coverage $(HOST_INCLUDES)
$(BUILD)/tests/coverage/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(HOSTCC) $(COVERAGE_CFLAGS) -MMD -MP -c $< -o $@

# $(call host_test,NAME,FILES): build/tests/NAME, and build/tests/fast/NAME, build/tests/coverage/NAME.  The first file
# names sources and libraries.
define host_test
$(1)_SOURCES := $(2) tests/harness.c tests/effort.c tests/case_name.c tests/invariant.c $$(sort $$(wildcard $$(call test_words,$(firstword $(2)),sources)))
$(1)_LIBS    := $$(call test_words,$(firstword $(2)),libs)
$(BUILD)/tests/$(1): $$($(1)_SOURCES:%.c=$(BUILD)/tests/obj/%.o)
	@mkdir -p $$(@D)
	$(HOSTCC) $(HOST_CFLAGS) $(HOST_LINKER) $$^ $$($(1)_LIBS) -o $$@
$(BUILD)/tests/fast/$(1): $$($(1)_SOURCES:%.c=$(BUILD)/tests/fast/%.o)
	@mkdir -p $$(@D)
	$(HOSTCC) $(FAST_CFLAGS) $$^ $$($(1)_LIBS) -o $$@
$(BUILD)/tests/coverage/$(1): $$($(1)_SOURCES:%.c=$(BUILD)/tests/coverage/%.o)
	@mkdir -p $$(@D)
	$(HOSTCC) $(COVERAGE_CFLAGS) $$^ $$($(1)_LIBS) -o $$@
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call host_test,$(t),tests/$(t).c)))
$(foreach f,$(FUZZERS),$(eval $(call host_test,fuzz/$(f)_replay,tests/fuzz/$(f)_fuzz.c tests/fuzz/replay.c)))
HOST_TEST_SOURCES := $(sort $(foreach t,$(HOST_TESTS),$($(t)_SOURCES)))
-include $(foreach flavour,obj fast coverage,$(HOST_TEST_SOURCES:%.c=$(BUILD)/tests/$(flavour)/%.d))

host-tests: $(HOST_TESTS:%=$(BUILD)/tests/%)
# What a list of suites runs without sanitizers.
fast_of = $(addprefix $(BUILD)/,$(shell grep -o 'tests/fast/[a-z_/]*' $(1) | sort -u))
test-programs: all host-tests $(call fast_of,tests/suites.txt) bad-pagers $(addprefix $(KERNEL_BUILD)/,kernel_test.bin conformance.bin system_handler.bin \
        storm_test.bin smp_test.bin blk_test.bin kernel_half.bin kernel_bench.bin threads_test.bin) $(BUILD)/initrd-test.cpio $(BUILD)/initrd-threads.cpio $(BUILD)/programs/paging_phases $(BUILD)/user/hanging_pager.elf $(BUILD)/user/dying_blk.elf
# Made last: the two compilers' kernels share the user side.
clang-kernel: test-programs
	@$(MAKE) --no-print-directory KERNEL_CC=clang $(BUILD)/clang/kernel_test.bin $(BUILD)/clang/conformance.bin $(BUILD)/clang/faultline.bin

# Debian's packages that tests want: fetched while the processors build.
test-packages: board-packages
	@user/sdk/faultline-qemu $(BUILD)/qemu10 || echo "test: suites of machines that need QEMU 10 are skipped"

# One suite for each host test, and those of tests/suites.txt, which says itself how it runs some of them.  A name that no suite
# has is told before anything is built.
DRIVER = tests/run.py --build $(BUILD) $(addprefix --host ,$(filter-out $(shell sed 's/ .*//' tests/suites.txt),$(HOST_TESTS)))
HOST_WANTED = $(if $(ONLY),$(foreach t,$(HOST_TESTS),$(if $(findstring $(ONLY),$t),$t)),$(HOST_TESTS))
test-host:
	$(if $(ONLY),@tests/run.py --build $(BUILD) $(HOST_TESTS:%=--host %) --only '$(ONLY)' --list >/dev/null)
	@$(SETUP) test
	@$(MAKE) -s --no-print-directory $(JOBS) $(HOST_WANTED:%=$(BUILD)/tests/%)
	@tests/run.py --build $(BUILD) $(HOST_WANTED:%=--host %)
test: MACHINES = FEW
test-matrix: MACHINES = ALL
test test-matrix:
	$(if $(ONLY),@$(DRIVER) --suites tests/suites.txt --machines $(MACHINES) --only '$(ONLY)' --list >/dev/null)
	@$(SETUP) test images
	@[ -e $(BUILD)/initrd-test.cpio ] || echo 'make: building, which takes some two minutes the first time' >&2
	@$(MAKE) -s --no-print-directory test-packages & fetching=$$!; trap "kill $$fetching" INT TERM HUP; \
	    $(MAKE) -s --no-print-directory $(JOBS) clang-kernel; status=$$?; wait $$fetching && exit $$status
	@$(DRIVER) --suites tests/suites.txt --machines $(MACHINES) $(if $(ONLY),--only '$(ONLY)')

# Each change of a list in tests/mutate is made in a copy of the tree and must be seen by a test.
mutants:
	@$(SETUP) test
	@$(MAKE) -s --no-print-directory $(JOBS) host-tests
	@tests/mutate/mutate.py --build $(BUILD) $(if $(ONLY),--only '$(ONLY)')
# Each host test and the sources that it is made of.
list-host-tests:
	@:$(foreach t,$(HOST_TESTS),$(info $(t) $($(t)_SOURCES)))

# The host tests that contain mm/ or the pager's core, and how much of these they run: docs/coverage.md.
COVERAGE_TESTS := $(foreach t,$(HOST_TESTS),$(if $(filter mm/% user/pager/core/%,$($(t)_SOURCES)),$(t)))
coverage:
	@$(SETUP) test
	@$(MAKE) -s --no-print-directory $(JOBS) $(COVERAGE_TESTS:%=$(BUILD)/tests/coverage/%)
	@tests/coverage/coverage.py --build $(BUILD) --tests $(COVERAGE_TESTS)

# What is shown for every input instead of tried: docs/proofs.md.
proofs:
	@$(SETUP) proofs
	@tests/proofs/run.py --build $(BUILD)/proofs $(if $(ONLY),--only '$(ONLY)')

# Suites that take minutes: not part of `test`.
test-long:
	$(if $(ONLY),@tests/run.py --build $(BUILD) --suites tests/suites-long.txt --only '$(ONLY)' --list >/dev/null)
	@$(SETUP) test fuzz
	@$(MAKE) -s --no-print-directory $(JOBS) clang-kernel fuzzers $(call fast_of,tests/suites-long.txt)
	@tests/run.py --build $(BUILD) --suites tests/suites-long.txt $(if $(ONLY),--only '$(ONLY)')
# The rules of docs/fault-protocol.md against this kernel, and those of docs/writing-a-pager.md against the
# example pager; with PAGER=PROG the latter against that one.
conformance:
ifdef PAGER
	@$(MAKE) --no-print-directory pager-conformance
else
	@$(SETUP) test
	@$(MAKE) -s --no-print-directory $(JOBS) $(KERNEL_BUILD)/conformance.bin
	@$(DRIVER) --suites tests/suites.txt --only target/conformance
	@$(MAKE) --no-print-directory pager-conformance
endif

# --- replacement policies on traces: docs/replacement.md --------------------------------------------
COMPARE_SOURCES := $(addprefix tests/replace/,compare.c page_trace.c optimum.c replay.c) user/pager/core/ghost.c \
                   $(wildcard user/pager/core/replace*.c)
$(BUILD)/tests/replace/compare: $(COMPARE_SOURCES:%.c=$(BUILD)/tests/fast/%.o)
	@mkdir -p $(@D)
	$(HOSTCC) $(FAST_CFLAGS) $^ -lm -o $@
RECORD_SOURCES := tests/replace/record_pages.c tests/replace/reduce.c
$(BUILD)/tests/replace/record_pages: $(RECORD_SOURCES:%.c=$(BUILD)/tests/fast/%.o)
	@mkdir -p $(@D)
	$(HOSTCC) $(FAST_CFLAGS) $^ -o $@
TIERS_SOURCES := $(addprefix tests/replace/,tiers.c page_trace.c)
$(BUILD)/tests/replace/tiers: $(TIERS_SOURCES:%.c=$(BUILD)/tests/fast/%.o)
	@mkdir -p $(@D)
	$(HOSTCC) $(FAST_CFLAGS) $^ -lm -o $@
-include $(foreach s,$(COMPARE_SOURCES) $(RECORD_SOURCES) $(TIERS_SOURCES),$(BUILD)/tests/fast/$(s:.c=.d))

tiers: $(BUILD)/tests/replace/tiers
	@$< tests/replace/traces/*.trace
replacement: $(BUILD)/tests/replace/compare
	docs/replacement.py $< docs/replacement.md
record-traces:
	@$(SETUP) test record
	@$(MAKE) -s --no-print-directory $(BUILD)/tests/replace/record_pages \
	    $(addprefix $(BUILD)/,$(shell grep -o 'tests/fast/[a-z_/]*' tests/replace/record.py))
	@tests/replace/record.py --build $(BUILD) $(ONLY)

# --- fuzzers: their finds and the grown corpus stay under build/ -----------------------------------
FUZZ_CFLAGS   = $(WARNINGS) -g -O1 -fsanitize=$(SANITIZERS) -fno-sanitize-recover=all $(FUZZ_MEASURED) $(HOST_INCLUDES)
FUZZ_MEASURED = -fsanitize=fuzzer -fsanitize-coverage-ignorelist=tests/fuzz/not_measured.txt
SECONDS      ?= 60
TARGET       ?= $(FUZZERS)

# The slots of a CNode go on behind its first frame, which gcc knows of the last member and clang does not.
$(BUILD)/fuzz/obj/kernel/%.o $(BUILD)/fuzz/obj/tests/fuzz/host/%.o: FUZZ_CFLAGS += -fno-sanitize=array-bounds
# Nobody looks for new ways through the checkers, which run after every step, nor through models: they are not measured.
$(addprefix $(BUILD)/fuzz/obj/,kernel/invariants.o kernel/census.o kernel/cap_check.o mm/vspace_check.o \
    user/pager/core/check.o $(patsubst %.c,%.o,$(wildcard user/pager/core/*_check.c tests/unit/*.c))): \
    FUZZ_MEASURED =
$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@
define fuzzer
$(1)_fuzz_OBJECTS := $$(patsubst %.c,$(BUILD)/fuzz/obj/%.o,tests/fuzz/$(1)_fuzz.c tests/fuzz/fail.c \
    $$(sort $$(wildcard $$(call test_words,tests/fuzz/$(1)_fuzz.c,sources))))
$(BUILD)/fuzz/$(1): $$($(1)_fuzz_OBJECTS)
	clang $(FUZZ_CFLAGS) $$^ $$(call test_words,tests/fuzz/$(1)_fuzz.c,libs) -o $$@
fuzz-$(1): $(BUILD)/fuzz/$(1)
	@mkdir -p $(BUILD)/fuzz/corpus/$(1)
	@cp -R tests/fuzz/corpus/$(1)/. $(BUILD)/fuzz/corpus/$(1)/ 2>/dev/null || true
	$(BUILD)/fuzz/$(1) -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/$(1)- $(BUILD)/fuzz/corpus/$(1)
.PHONY: fuzz-$(1)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))
-include $(patsubst %.o,%.d,$(sort $(foreach f,$(FUZZERS),$($(f)_fuzz_OBJECTS))))
fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%)
fuzz:
	$(if $(filter-out $(FUZZERS),$(TARGET)),$(error TARGET=$(TARGET): the fuzzers are $(FUZZERS)))
	@$(SETUP) fuzz
	@$(MAKE) --no-print-directory $(TARGET:%=fuzz-%)

# --- measuring -------------------------------------------------------------------------------------
bench:
	@$(SETUP) run
	@$(MAKE) -s --no-print-directory $(JOBS) all $(KERNEL_BUILD)/kernel_bench.bin $(KERNEL_BUILD)/compress_bench.bin $(BENCH_PROGRAMS)
	@FAULTLINE_BUILD=$(BUILD) tests/bench/run.py $(KERNEL_BUILD)

bench-smp:
	@$(SETUP) run
	@$(MAKE) -s --no-print-directory $(JOBS) all $(SMP_BENCH)
	@FAULTLINE_BUILD=$(BUILD) CROSS=$(CROSS) tests/bench/smp.py $(KERNEL_BUILD)

memory-curve:
	@$(SETUP) run
	@$(MAKE) -s --no-print-directory $(JOBS) all
	@FAULTLINE_BUILD=$(BUILD) tests/bench/memory_curve.py --measure

.PHONY: memory-curve host-tests test-programs test-packages clang-kernel test-host test test-matrix test-long mutants list-host-tests coverage proofs conformance replacement tiers \
        record-traces fuzzers fuzz bench bench-smp
