# What is written to SD cards and passed on: card images, FITs, the archive of `make dist`.
# The same commit gives the same bytes, in any folder and at any time: the only time in them is the commit's.
BOARD  ?= visionfive2
BOARDS := visionfive2 visionfive
$(if $(filter sdcard fit flash,$(MAKECMDGOALS)),$(if $(and $(filter 1,$(words $(BOARD))),$(filter $(BOARDS),$(BOARD))),,\
    $(error BOARD=$(BOARD): one of $(BOARDS))))
IN_TIME = time=$${SOURCE_DATE_EPOCH:-$$([ ! -e .git ] || git log -1 --format=%ct)} && SOURCE_DATE_EPOCH=$$time

# Loaders and device trees of the boards are Debian's, and so is the same loader for QEMU, for tests.  What cannot be
# had is left out, and the images say so.
BOARD_FILES := $(BUILD)/boards
board-files:
	@mkdir -p $(BOARD_FILES)
	@user/sdk/faultline-debs --files './usr/lib/linux-image-*/starfive/*' --files './usr/share/doc/*/copyright' \
	    $(BOARD_FILES)/trees trixie/riscv64 depends:linux-image-riscv64 || true
	@user/sdk/faultline-debs --files './usr/lib/u-boot/*' --files './usr/share/doc/*/copyright' \
	    $(BOARD_FILES)/firmware trixie/riscv64 u-boot-starfive || true
board-packages: board-files
	@user/sdk/faultline-debs --files './usr/lib/u-boot/qemu-riscv64_smode/*' \
	    $(BOARD_FILES)/emulated trixie/riscv64 u-boot-qemu || true

SYSTEM_FILES := --kernel $(KERNEL_BUILD)/faultline.bin --initrd $(BUILD)/initrd.cpio
BOARD_TREES  := --trees $(BOARD_FILES)/trees
images-tools:
	@$(SETUP) run images
	@$(MAKE) -s --no-print-directory $(JOBS) all board-files
sdcard-%: images-tools
	@$(IN_TIME) user/sdk/faultline-sdcard --board $* $(SYSTEM_FILES) $(BOARD_TREES) --firmware $(BOARD_FILES)/firmware \
	    -o $(BUILD)/faultline-$*.img
fit-%: images-tools
	@$(IN_TIME) user/sdk/faultline-fit --board $* $(SYSTEM_FILES) $(BOARD_TREES) -o $(BUILD)/faultline-$*.itb
sdcard: sdcard-$(BOARD) fit-$(BOARD)
	@echo 'made $(BUILD)/faultline-$(BOARD).img and $(BUILD)/faultline-$(BOARD).itb; docs/boards.md says what to do with them'
fit: fit-$(BOARD)

# make flash DEV=/dev/sdX [BOARD=...]; YES=1 asks nothing, FORCE_SIZE=1 takes a disk of any size.
$(if $(filter flash,$(MAKECMDGOALS)),$(if $(DEV),,$(error flash: DEV=/dev/sdX names the card)))
flash: sdcard-$(BOARD)
	@user/sdk/faultline-flash $(if $(YES),--yes) $(if $(FORCE_SIZE),--force-size) $(BUILD)/faultline-$(BOARD).img $(DEV)

# One archive with everything that a user without this tree needs.
dist: $(BOARDS:%=sdcard-%) $(BOARDS:%=fit-%)
	@$(MAKE) -s --no-print-directory pager-test
	@$(IN_TIME) user/sdk/faultline-dist --build $(BUILD) --kernels $(KERNEL_BUILD) --lz4 $(LZ4) \
	    --version "$$(git describe --always --dirty 2>/dev/null)" -o $(BUILD)/faultline.tar.gz
	@echo 'made $(BUILD)/faultline.tar.gz'

.PHONY: board-files board-packages images-tools sdcard fit flash dist
