/* The instructions that order or drop what a hart cached of tables and code, and the register that says
 * which tables it walks.  Each is of this hart alone.
 * Spec: RISC-V Privileged 1.12, 4.1.11 and 4.2.1; Unprivileged 20191213, chapter 3. */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include "csr.h"
#include "types.h"

static inline void tlb_drop_all(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

/* All of one address space. */
static inline void tlb_drop_asid(asid_t asid)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)asid.value) : "memory");
}

/* The leaf entry of one page; pointers to tables stay. */
static inline void tlb_drop_page(vaddr_t address, asid_t asid)
{
    __asm__ volatile("sfence.vma %0, %1"
                     :
                     : "r"(address.value), "r"((uint64_t)asid.value)
                     : "memory");
}

static inline void tlb_drop_code(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}

static inline void tlb_load_root(frame_t root, asid_t asid)
{
    csr_write(satp, SATP_SV39 | (uint64_t)asid.value << SATP_ASID_SHIFT | root.value);
}

#endif
