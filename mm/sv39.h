/* Sv39 page-table entries and the walk.  Spec: RISC-V Privileged 1.12, 4.3.1 and 4.4. */
#ifndef MM_SV39_H
#define MM_SV39_H

#include <stdbool.h>

#include "frame.h"

typedef struct {
    uint64_t bits;
} pte_t;

#define PTE_V         (1ull << 0)
#define PTE_R         (1ull << 1)
#define PTE_W         (1ull << 2)
#define PTE_X         (1ull << 3)
#define PTE_U         (1ull << 4)
#define PTE_G         (1ull << 5)
#define PTE_A         (1ull << 6)
#define PTE_D         (1ull << 7)
#define PTE_CEIL_W    (1ull << 8) /* RSW bit 0: the entry may be made writable */
#define PTE_CEIL_X    (1ull << 9) /* RSW bit 1: the entry may be made executable */
#define PTE_RWX       (PTE_R | PTE_W | PTE_X)
#define PTE_AD        (PTE_A | PTE_D)
#define PTE_CEILING   (PTE_CEIL_W | PTE_CEIL_X)
#define PTE_PPN_SHIFT 10u
#define PTE_PPN_MASK  0x3ffffffffffc00ull

#define SV39_LEVELS     3u
#define SV39_ENTRIES    512u
#define SV39_USER_SLOTS 256u /* of the root: the lower half is the program's */

/* Bytes that one entry of a table at this level (0 = leaf tables) spans. */
static inline uint64_t sv39_span_bytes(unsigned level)
{
    return PAGE_BYTES << (9 * level);
}

static inline unsigned sv39_index(vaddr_t address, unsigned level)
{
    return (unsigned)(address.value >> (PAGE_SHIFT + 9 * level)) & (SV39_ENTRIES - 1);
}

static inline pte_t sv39_table_entry(frame_t table)
{
    return (pte_t){table.value << PTE_PPN_SHIFT | PTE_V};
}

static inline frame_t sv39_frame(pte_t entry)
{
    return (frame_t){(entry.bits & PTE_PPN_MASK) >> PTE_PPN_SHIFT};
}

static inline bool sv39_is_valid(pte_t entry)
{
    return (entry.bits & PTE_V) != 0;
}

static inline bool sv39_is_table(pte_t entry)
{
    return (entry.bits & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}

/* FL_RIGHT_READ|WRITE|EXEC and PTE_R|W|X are the same three bits, one place apart; the ceiling and
 * the A and D that a map asks for lie as conveniently. */
_Static_assert(FL_RIGHT_READ << 1 == PTE_R && FL_RIGHT_WRITE << 1 == PTE_W, "rights to entry");
_Static_assert(FL_RIGHT_EXEC << 1 == PTE_X && FL_ACCESS_READ == FL_RIGHT_READ, "rights to entry");
_Static_assert(FL_ACCESS_WRITE == FL_RIGHT_WRITE && FL_ACCESS_EXEC == FL_RIGHT_EXEC, "access");
_Static_assert(FL_RIGHT_WRITE << 7 == PTE_CEIL_W && FL_RIGHT_EXEC << 7 == PTE_CEIL_X, "ceiling");
_Static_assert(FL_MAP_ACCESSED >> 3 == PTE_A && FL_MAP_DIRTY >> 3 == PTE_D, "A and D to entry");

/* The R, W, X bits for FL_RIGHT_READ|WRITE|EXEC (or FL_ACCESS_*). */
static inline uint64_t sv39_rights_bits(uint32_t rights)
{
    return (uint64_t)(rights & (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)) << 1;
}

/* A user leaf.  rights: FL_RIGHT_* and FL_MAP_ACCESSED|DIRTY; ceiling: FL_RIGHT_WRITE|EXEC. */
static inline pte_t sv39_user_leaf(frame_t frame, uint32_t rights, uint32_t ceiling)
{
    return (pte_t){frame.value << PTE_PPN_SHIFT | PTE_V | PTE_U | sv39_rights_bits(rights) |
                   (ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) << 7 |
                   (rights & (FL_MAP_ACCESSED | FL_MAP_DIRTY)) >> 3};
}

/* Rights, A, D and ceiling of an entry as FL_ENTRY_*; 0 for one that is not valid. */
static inline uint64_t sv39_entry_value(pte_t entry)
{
    uint64_t value = FL_ENTRY_VALID;

    if (!sv39_is_valid(entry))
        return 0;
    value |= (entry.bits & PTE_RWX) >> 1;
    value |= entry.bits & PTE_A ? FL_ENTRY_ACCESSED : 0;
    value |= entry.bits & PTE_D ? FL_ENTRY_DIRTY : 0;
    value |= entry.bits & PTE_CEIL_W ? FL_ENTRY_CEIL_W : 0;
    value |= entry.bits & PTE_CEIL_X ? FL_ENTRY_CEIL_X : 0;
    return value;
}

#endif
