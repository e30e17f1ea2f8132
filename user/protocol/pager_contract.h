/* The contract between a pager and whoever tests it: what the pager finds at its start and which
 * rules it is held to.  docs/writing-a-pager.md explains both.
 *
 * A pager is a server ELF (lp64, linked by arch/riscv/user/server.ld; `faultline-cc --server` makes
 * one).  It starts at its entry with a stack that ends at FL_BOOT_STACK, a message buffer at
 * FL_BUFFER, struct pager_start, read-only, at PAGER_START, and the slots of pager_slots.def. */
#ifndef FAULTLINE_PAGER_CONTRACT_H
#define FAULTLINE_PAGER_CONTRACT_H

#include <stdint.h>

#include "abi.h"

/* The low half counts; the high half tells this page from boot information, which the system's own
 * pager finds at the same address. */
#define PAGER_CONTRACT_VERSION 0x5041474500000001ull
#define PAGER_START            FL_BOOT_INFO
#define PAGER_START_REGIONS    32u /* most regions of a start page */

#define PAGER_SPARE_FRAMES 16u /* of the frames, a pager may keep so many from its clients */
#define PAGER_PATIENCE_MS  2u  /* of machine time: by then it has answered all there is and waits */
#define PAGER_STARTUP_MS   20u /* the same, for its start */

/* Clients with this badge may access [start, end), page-aligned, with these rights.  Regions of one
 * badge do not overlap; those of two may, and are different memory. */
struct pager_region {
    uint64_t badge; /* not 0 */
    uint64_t start;
    uint64_t end;
    uint64_t rights; /* FL_RIGHT_READ, WRITE, EXEC */
};

struct pager_start {
    uint64_t version; /* PAGER_CONTRACT_VERSION */
    uint64_t frames;  /* pages of PAGER_START_FRAMES */
    uint64_t replies; /* slots from PAGER_START_REPLIES on */
    uint64_t regions;
    struct pager_region region[PAGER_START_REGIONS];
};
_Static_assert(sizeof(struct pager_start) <= FL_PAGE_BYTES, "one page");

#define PAGER_START_SLOT(number, name, type, doc) PAGER_START_##name = (number),
enum pager_start_slot {
#include "pager_slots.def"
};
#undef PAGER_START_SLOT

#define PAGER_RULE(number, name, doc) PAGER_RULE_##name = (number),
enum pager_rule {
#include "pager_rules.def"
    PAGER_RULE_END
};
#undef PAGER_RULE

#endif
