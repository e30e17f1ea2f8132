/* How deep a hart's kernel stack was ever used.  It is filled with STACK_PAINT when the
 * hart enters user mode for the first time.
 *
 * A use that stored nothing at its deep end goes unseen, so this is a lower bound; the upper one comes
 * from the machine code (tests/lint/stack.py). */
#include "arch.h"
#include "layout.h"

uint64_t arch_stack_used_bytes(const struct hart *hart)
{
    uint64_t address = hart->stack_end - KERNEL_STACK_BYTES;

    while (address < hart->stack_end && *(const uint64_t *)(uintptr_t)address == STACK_PAINT)
        address += sizeof(uint64_t);
    return hart->stack_end - address;
}
