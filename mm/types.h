/* Address, frame and ASID types.  Each is a struct so that mixing two of them does not compile. */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdint.h>

#define PAGE_SHIFT 12u
#define PAGE_BYTES 4096ull

/* Physical address in bytes. */
typedef struct {
    uint64_t value;
} paddr_t;

/* Virtual address in bytes. */
typedef struct {
    uint64_t value;
} vaddr_t;

/* Frame number: physical address / 4096. */
typedef struct {
    uint64_t value;
} frame_t;

/* Address-space identifier as satp holds it. */
typedef struct {
    uint16_t value;
} asid_t;

static inline paddr_t frame_address(frame_t frame)
{
    return (paddr_t){frame.value << PAGE_SHIFT};
}

static inline frame_t frame_containing(paddr_t address)
{
    return (frame_t){address.value >> PAGE_SHIFT};
}

static inline frame_t frame_plus(frame_t frame, uint64_t frames)
{
    return (frame_t){frame.value + frames};
}

#endif
