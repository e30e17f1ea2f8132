/* What the kernel learns about the machine from the device tree, copied out of it.
 *
 * Invariants after MACHINE_OK (machine_read establishes them):
 *  M1  banks and reserved are sorted by base, not empty, neither overlap nor touch within their
 *      list;
 *  M2  every range (initrd included) ends at or below MACHINE_ADDRESS_END, so base + bytes
 *      never wraps;
 *  M3  there is at least one bank, at least one hart, and a timebase above 0;
 *  M4  hart ids are distinct;
 *  M5  bootargs is ended by a NUL;
 *  M6  a device's range is not empty, and shares no page with a bank, a reserved range, the PLIC or
 *      what else interrupts harts directly (CLINT, ACLINT); its interrupt is 0 or a source of the
 *      PLIC, its compatible holds whole strings, or one that is cut, and ends with a NUL;
 *  M7  without a PLIC its fields are 0 and no hart has a context; with one, it has 1 to 1023
 *      sources and shares no page with a bank or a reserved range.
 *
 * Does not: decide what memory is used for, align ranges to pages, relate reserved ranges or the
 * initrd to banks, or reserve the blob itself: the kernel does.  Nothing here points into the blob. */
#ifndef DRIVERS_MACHINE_H
#define DRIVERS_MACHINE_H

#include "abi.h"
#include "fdt.h"

#define MACHINE_MAX_BANKS      8u
#define MACHINE_MAX_RESERVED   32u
#define MACHINE_MAX_HARTS      16u
#define MACHINE_BOOTARGS_BYTES 2048u /* with the NUL */

/* First address that RV64 cannot name: physical addresses have 56 bits.  Spec: RISC-V
 * Privileged 1.12, 4.4. */
#define MACHINE_ADDRESS_END (1ull << 56)

/* name, meaning */
#define MACHINE_ERRORS(X)                                                                    \
    X(OK, "no error")                                                                        \
    X(BAD_TREE, "it is damaged")                                                             \
    X(NO_MEMORY, "no enabled memory node")                                                   \
    X(EMPTY_MEMORY, "the memory nodes add up to 0 bytes")                                    \
    X(BAD_MEMORY, "a memory node has a malformed reg, or one that wraps or ends above 2^56") \
    X(BAD_RESERVED, "a reserved range is malformed, wraps or ends above 2^56")               \
    X(TOO_MANY_RESERVED, "more reserved ranges than can be remembered")                      \
    X(BAD_INITRD, "an initrd with one end missing, malformed or before its start")           \
    X(NO_TIMEBASE, "no timebase-frequency above 0")                                          \
    X(NO_HART, "no enabled RV64 hart with an MMU")

enum machine_error {
#define MACHINE_ERROR_NAME(name, text) MACHINE_##name,
    MACHINE_ERRORS(MACHINE_ERROR_NAME)
#undef MACHINE_ERROR_NAME
};

/* Half-open range [base, base + bytes) of physical addresses. */
struct machine_range {
    uint64_t base;
    uint64_t bytes;
};

/* Details of an error, to be printed with it. */
struct machine_fault {
    enum fdt_error tree;        /* what is wrong with the tree or with a reg; else FDT_OK */
    uint32_t tree_offset;       /* BAD_TREE: offset in the blob */
    struct machine_range range; /* the range that is wrong, as the tree states it; else 0, 0 */
};

/* Spec: RISC-V PLIC 1.0. */
#define MACHINE_NO_CONTEXT UINT32_MAX
struct machine_plic {
    struct machine_range range;
    uint32_t sources;                    /* 1 to `sources`; 0 = there is no PLIC */
    uint32_t context[MACHINE_MAX_HARTS]; /* of S-mode of harts[i], or MACHINE_NO_CONTEXT */
};

struct machine {
    struct machine_range banks[MACHINE_MAX_BANKS]; /* RAM, reserved parts included */
    uint32_t bank_count;
    uint32_t banks_dropped; /* ranges of RAM that did not fit into `banks`: not used, no harm */
    struct machine_range reserved[MACHINE_MAX_RESERVED];
    uint32_t reserved_count;
    struct machine_range initrd; /* 0 bytes: none */
    uint64_t timebase_hz;
    uint64_t harts[MACHINE_MAX_HARTS]; /* hart ids that may run the kernel, in tree order */
    uint32_t hart_count;
    uint32_t harts_skipped; /* cpu nodes that are none: disabled, not RV64, no S-mode or no MMU */
    uint32_t harts_dropped; /* usable ones that did not fit into `harts` */
    struct machine_plic plic;
    struct fl_boot_device devices[FL_BOOT_DEVICES_MAX]; /* serial ports and virtio, then the rest */
    uint32_t device_count;
    uint32_t devices_dropped; /* that did not fit into `devices` */
    uint64_t console;    /* the base of the device that /chosen's stdout-path names, 0 = none */
    uint32_t tree_bytes; /* size of the blob, for who reserves it */
    bool bootargs_truncated;
    char bootargs[MACHINE_BOOTARGS_BYTES]; /* "" when there are none */
    struct machine_fault fault;
};

/* Reads the tree at `blob`, of which at most max_bytes may be read, into *machine.
 *   memory     children of the root named memory or of device_type "memory", unless disabled
 *   initrd     /chosen linux,initrd-start and -end, of one or two cells; equal ends mean none
 *   reserved   the reservation block but for what lies in the initrd, and reg of each child of
 *              /reserved-memory, unless disabled
 *   timebase   /cpus timebase-frequency, or the first usable hart's own
 *   harts      children of /cpus that are cpus, enabled, with an mmu-type other than "riscv,none",
 *              an ISA (riscv,isa or riscv,isa-base, or both) that starts with rv64 and has no list of
 *              modes in it that lacks supervisor mode, and m, a and c in riscv,isa-extensions if that
 *              is there
 *   devices    enabled nodes below enabled ones whose first reg range translates through the
 *              `ranges` of its parents; nodes that are malformed are passed over
 * Empty ranges are passed over.
 * Ranges that wrap or end above 2^56 are errors: a tree that is wrong about one of them is not
 * trusted about the others. Returns: MACHINE_OK, or the error; then only machine->fault is of use.
 * Spec: Devicetree Specification 0.4, 3.3 to 3.8; RISC-V binding of cpu nodes. */
enum machine_error machine_read(struct machine *machine, const void *blob, size_t max_bytes);

/* Returns: one line of English for any value, never NULL. */
const char *machine_error_text(enum machine_error error);

#endif
