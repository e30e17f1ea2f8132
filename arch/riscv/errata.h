/* Which errors a processor has that the kernel must know of.  Pure: also built on the host. */
#ifndef ARCH_ERRATA_H
#define ARCH_ERRATA_H

#include <stdbool.h>
#include <stdint.h>

/* As mvendorid, marchid and mimpid say.  Spec: RISC-V Privileged 1.12, 3.1.2 to 3.1.4. */
struct cpu_identity {
    uint64_t vendor;
    uint64_t architecture;
    uint64_t implementation;
};

/* Whether stval of a fault on a fetch lacks what is above bit 38.  (SiFive CIP-453) */
bool errata_value_is_short(const struct cpu_identity *identity);

/* What such a stval should have been: of the addresses with these low bits the one nearest to pc, for it is that of the
 * instruction's first or second half.
 * Spec: RISC-V Privileged 1.12, 4.1.9. */
static inline uint64_t errata_full_value(uint64_t value, uint64_t pc)
{
    return pc + (uint64_t)((int64_t)((value - pc) << 25) >> 25);
}

/* Whether a fence that names an address or an ASID may leave what it names in the hart: all must be fenced then.
 * (SiFive CIP-1200)  True too where the maker is known to have made such and the version is not told. */
bool errata_fence_takes_all(const struct cpu_identity *identity);

#endif
