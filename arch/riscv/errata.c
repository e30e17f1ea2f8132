/* Errors of processors: see errata.h.  The versions are those that SiFive tells for its cores. */
#include "errata.h"

#define SIFIVE            0x489u
#define SIFIVE_U5         1u /* U54 */
#define SIFIVE_U7         0x8000000000000007ull
#define SHORT_VALUE_FIRST 0x20181004u
#define SHORT_VALUE_LAST  0x20191105u
#define FENCE_LAST        0x200630u /* year, month, day */
#define FENCE_MASK        0xffffffu
#define FENCE_MENDED      0x01200626u /* older, but without the error */

bool errata_value_is_short(const struct cpu_identity *identity)
{
    return identity->vendor == SIFIVE && identity->architecture == SIFIVE_U7 &&
           identity->implementation >= SHORT_VALUE_FIRST &&
           identity->implementation <= SHORT_VALUE_LAST;
}

bool errata_fence_takes_all(const struct cpu_identity *identity)
{
    return identity->vendor == SIFIVE &&
           (identity->architecture == SIFIVE_U5 || identity->architecture == SIFIVE_U7) &&
           (identity->implementation & FENCE_MASK) <= FENCE_LAST &&
           identity->implementation != FENCE_MENDED;
}
