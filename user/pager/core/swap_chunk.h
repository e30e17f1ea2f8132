/* What the files of swap areas share: the records of slots. */
#ifndef PAGER_SWAP_CHUNK_H
#define PAGER_SWAP_CHUNK_H

#include "swap.h"

/* What one frame holds. */
struct swap_chunk {
    uint64_t checksum[SWAP_CHUNK_SLOTS];
    uint64_t taken[SWAP_CHUNK_SLOTS / SWAP_WORD_SLOTS]; /* K1 */
    uint64_t bad[SWAP_CHUNK_SLOTS / SWAP_WORD_SLOTS];
    uint64_t stale[SWAP_CHUNK_SLOTS / SWAP_WORD_SLOTS]; /* K4 */
};
_Static_assert(sizeof(struct swap_chunk) <= FL_PAGE_BYTES, "a chunk is a frame");
_Static_assert(SWAP_WORD_SLOTS == 64 && SWAP_CHUNK_SLOTS % SWAP_WORD_SLOTS == 0, "whole words");

static inline struct swap_chunk *swap_chunk(const struct swap *swap, const struct swap_area *area,
                                            uint32_t page)
{
    const uint32_t *directory = page_contents(swap->table, area->directory);

    return page_contents(swap->table, directory[page / SWAP_CHUNK_SLOTS]);
}

static inline struct swap_chunk *swap_chunk_of(const struct swap *swap, uint32_t slot)
{
    return swap_chunk(swap, &swap->area[SWAP_SLOT_AREA(slot)], SWAP_SLOT_PAGE(slot));
}

static inline uint32_t swap_chunks(const struct swap_area *area)
{
    return (area->pages + SWAP_CHUNK_SLOTS - 1) / SWAP_CHUNK_SLOTS;
}

/* The word of a bitmap of a chunk that has the bit of an area's page, and that bit. */
static inline uint64_t *swap_word(uint64_t *words, uint32_t page)
{
    return &words[page % SWAP_CHUNK_SLOTS / SWAP_WORD_SLOTS];
}

static inline uint64_t swap_bit(uint32_t page)
{
    return 1ull << page % SWAP_WORD_SLOTS;
}

/* True if the word that holds the page is ripe (swap.h). */
static inline bool swap_is_ripe(struct swap_chunk *chunk, uint32_t page)
{
    return *swap_word(chunk->taken, page) == 0 && *swap_word(chunk->stale, page) != 0;
}

/* Free slots of an area are somebody's from now on. */
void swap_mark_taken(const struct swap *swap, struct swap_area *area, uint32_t first,
                     uint32_t count);

/* What a new area, in which bad slots are marked, discards. */
void swap_discard_prepare(const struct swap *swap, struct swap_area *area,
                          const struct swap_device *device);

/* NULL, or the number of the first invariant of discards that does not hold. */
const char *swap_discard_check(const struct swap *swap);

#endif
