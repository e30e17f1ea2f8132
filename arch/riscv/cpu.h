/* Where processors differ.  What a device tree says of them is not asked: each thing is tried. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct hart;

/* Final when the last hart has started. */
struct cpu_features {
    uint32_t
        zero_block_bytes; /* what cbo.zero clears, in user mode too; divides a page; 0: do without */
    bool value_is_short;  /* of a hart at least: see errata.h */
    bool fence_takes_all; /* likewise */
};
extern struct cpu_features cpu_features;

/* Finds and starts what the running hart has; the first call is the boot hart's.  Once on each hart, with interrupts
 * off, before sstatus is set up: caught traps leave their marks there.
 * Returns: false when the hart lacks what all are believed to have: it cannot run threads. */
bool cpu_start(struct hart *hart);

/* Clears the block at a multiple of zero_block_bytes. */
static inline void cpu_zero_block(void *block)
{
    __asm__ volatile(".insn i 0x0f, 2, zero, %0, 4" ::"r"(block) : "memory"); /* cbo.zero */
}

#endif
