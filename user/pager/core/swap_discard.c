/* Slots that a disk need not keep: see swap.h. */
#include "swap_chunk.h"

void swap_discard_prepare(const struct swap *swap, struct swap_area *area,
                          const struct swap_device *device)
{
    uint64_t most =
        device->discard_pages < SWAP_CHUNK_SLOTS ? device->discard_pages : SWAP_CHUNK_SLOTS;

    if (most < SWAP_WORD_SLOTS)
        return;
    area->discards = (uint8_t)device->discards;
    area->discard_max = (uint32_t)most;
    if (!(area->discards & SWAP_DISCARD_ONCE))
        return;
    for (uint32_t page = 0; page < area->pages; page += SWAP_WORD_SLOTS) {
        struct swap_chunk *chunk = swap_chunk(swap, area, page);

        *swap_word(chunk->stale, page) = ~*swap_word(chunk->taken, page);
        area->ripe += swap_is_ripe(chunk, page);
    }
}

static bool swap_discard_is_due(const struct swap_area *area)
{
    return area->state == SWAP_ACTIVE && area->discards && area->ripe > 0;
}

/* The first area with something to discard, or SWAP_AREAS. */
static uint32_t swap_discard_area(const struct swap *swap)
{
    uint32_t number = 0;

    while (number < SWAP_AREAS && !swap_discard_is_due(&swap->area[number]))
        number++;
    return number;
}

bool swap_discard_call(struct swap *swap)
{
    bool called = swap->discard_called;

    swap->discard_called = called || swap_discard_area(swap) < SWAP_AREAS;
    return swap->discard_called && !called;
}

/* Goes on from word to word.  True: discard_at is a ripe one. */
static bool swap_discard_find(const struct swap *swap, struct swap_area *area)
{
    for (uint32_t looks = 0; looks < SWAP_DISCARD_LOOKS; looks++) {
        if (area->discard_at >= area->pages)
            area->discard_at = 0;
        if (swap_is_ripe(swap_chunk(swap, area, area->discard_at), area->discard_at))
            return true;
        area->discard_at += SWAP_WORD_SLOTS;
    }
    return false;
}

/* How many slots from discard_at on are ripe, of one chunk and for one request. */
static uint32_t swap_discard_count(const struct swap *swap, const struct swap_area *area)
{
    struct swap_chunk *chunk = swap_chunk(swap, area, area->discard_at);
    uint32_t left = SWAP_CHUNK_SLOTS - area->discard_at % SWAP_CHUNK_SLOTS;
    uint32_t most = left < area->discard_max ? left : area->discard_max, count = SWAP_WORD_SLOTS;

    while (count + SWAP_WORD_SLOTS <= most && swap_is_ripe(chunk, area->discard_at + count))
        count += SWAP_WORD_SLOTS;
    return count;
}

bool swap_discard_begin(struct swap *swap)
{
    uint32_t number = swap_discard_area(swap);
    struct swap_area *area;

    if (swap->discard.count > 0)
        return false;
    swap->discard_called = number < SWAP_AREAS;
    if (number == SWAP_AREAS)
        return false;
    area = &swap->area[number];
    if (!swap_discard_find(swap, area))
        return true;
    swap->discard = (struct swap_discard){number, area->discard_at, swap_discard_count(swap, area)};
    swap_mark_taken(swap, area, swap->discard.first, swap->discard.count);
    area->discarding = swap->discard.count;
    area->discard_at += swap->discard.count;
    return true;
}

bool swap_discard_end(struct swap *swap, bool ok)
{
    const struct swap_discard *discard = &swap->discard;
    struct swap_area *area = &swap->area[discard->area];

    for (uint32_t page = discard->first; page < discard->first + discard->count;
         page += SWAP_WORD_SLOTS)
        *swap_word(swap_chunk(swap, area, page)->taken, page) = 0;
    if (ok)
        swap->discarded += discard->count;
    else
        area->discards = 0;
    area->discarding = 0;
    swap->discard = (struct swap_discard){0};
    swap->discard_called = swap_discard_area(swap) < SWAP_AREAS;
    return swap->discard_called;
}

/* ---- the checker ---- */

static bool swap_discard_check_area(const struct swap *swap, const struct swap_area *area)
{
    uint32_t ripe = 0;

    for (uint32_t page = 0; page < area->pages; page += SWAP_WORD_SLOTS) {
        struct swap_chunk *chunk = swap_chunk(swap, area, page);

        if (*swap_word(chunk->stale, page) & *swap_word(chunk->taken, page))
            return false;
        ripe += swap_is_ripe(chunk, page);
    }
    return ripe == area->ripe;
}

/* What is being discarded. */
static bool swap_discard_check_slots(const struct swap *swap)
{
    const struct swap_discard *discard = &swap->discard;
    const struct swap_area *area = &swap->area[discard->area];
    uint32_t discarding = 0;

    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        discarding += swap->area[i].discarding;
    if (discarding != discard->count || discarding != area->discarding)
        return false;
    if (discarding == 0)
        return true;
    if (area->state == SWAP_UNUSED || discard->first % SWAP_WORD_SLOTS ||
        discarding % SWAP_WORD_SLOTS || discard->first + discarding > area->pages)
        return false;
    for (uint32_t page = discard->first; page < discard->first + discarding;
         page += SWAP_WORD_SLOTS) {
        struct swap_chunk *chunk = swap_chunk(swap, area, page);

        if (*swap_word(chunk->taken, page) != UINT64_MAX || *swap_word(chunk->bad, page) != 0)
            return false;
    }
    return true;
}

const char *swap_discard_check(const struct swap *swap)
{
    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (swap->area[i].state != SWAP_UNUSED && !swap_discard_check_area(swap, &swap->area[i]))
            return "K4";
    return swap_discard_check_slots(swap) ? NULL : "K5";
}
