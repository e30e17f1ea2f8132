/* What one hart cached: of code, and of page tables: leaf entries, pointers to tables, and invalid entries, each under
 * the ASID that satp held when it was read.
 *
 * A look-up goes by ASID and address alone, as in hardware; whose entry it was is kept beside for the
 * checker.  Nothing leaves but by a drop, or when chance evicts it. */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "vspace.h"

#define SIM_TLB_ENTRIES 48u

struct sim_translation {
    uint64_t key; /* ASID, level and the part of the address that the level translates */
    pte_t entry;  /* as the hart saw it */
    /* For the checker: */
    struct vspace *space; /* that was loaded */
    uint64_t generation;  /* of its ASID */
};

struct sim_tlb {
    uint32_t used;
    struct sim_translation entry[SIM_TLB_ENTRIES];
};

static inline uint64_t sim_tlb_key(asid_t asid, unsigned level, vaddr_t address)
{
    return (uint64_t)asid.value << 48 | (uint64_t)level << 40 |
           address.value >> (PAGE_SHIFT + 9 * level);
}

static inline asid_t sim_tlb_asid(const struct sim_translation *translation)
{
    return (asid_t){(uint16_t)(translation->key >> 48)};
}

static inline unsigned sim_tlb_level(const struct sim_translation *translation)
{
    return (unsigned)(translation->key >> 40) & 3;
}

/* The lowest address that it translates. */
static inline vaddr_t sim_tlb_address(const struct sim_translation *translation)
{
    uint64_t number = translation->key & ((1ull << 40) - 1);
    return (vaddr_t){number << (PAGE_SHIFT + 9 * sim_tlb_level(translation))};
}

/* NULL: nothing is cached under this key. */
const struct sim_translation *sim_tlb_find(const struct sim_tlb *tlb, uint64_t key);

/* Caches a translation in place of one with the same key, or, in a full TLB, of entry `victim`. */
void sim_tlb_keep(struct sim_tlb *tlb, const struct sim_translation *translation, uint32_t victim);

void sim_tlb_evict(struct sim_tlb *tlb, uint32_t victim);

/* Bytes that were executed, by where they lie in memory.  A full one forgets the oldest. */
#define SIM_CODE_BYTES 16u

struct sim_code {
    uint32_t used;
    struct sim_code_byte {
        paddr_t address;
        uint8_t byte;
    } entry[SIM_CODE_BYTES];
};

/* The byte that is executed at an address of memory which holds `byte` now. */
uint8_t *sim_code_fetch(struct sim_code *code, paddr_t address, uint8_t byte);

/* What the fences of RISC-V drop at least, and here exactly: everything; what is of one ASID; the leaf
 * entry of one page.  Spec: RISC-V Privileged 1.12, 4.2.1. */
void sim_tlb_drop_all(struct sim_tlb *tlb);
void sim_tlb_drop_asid(struct sim_tlb *tlb, asid_t asid);
void sim_tlb_drop_page(struct sim_tlb *tlb, asid_t asid, vaddr_t address);

#endif
