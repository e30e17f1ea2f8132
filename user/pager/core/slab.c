/* Allocators for metadata: see slab.h. */
#include "slab.h"

/* Lies at the start of its frame; the slots follow. */
struct slab {
    struct slab *next;
    struct slab *previous;
    void *free; /* first free slot; each holds the address of the next */
    uint32_t used;
};
_Static_assert(sizeof(struct slab) == 32, "slots start at a multiple of 32");

void slab_kind_init(struct slab_kind *kind, struct page_table *table, uint32_t slot_bytes)
{
    *kind = (struct slab_kind){.table = table, .slot_bytes = slot_bytes};
    kind->slots = (FL_PAGE_BYTES - (uint32_t)sizeof(struct slab)) / slot_bytes;
}

static void slab_list_add(struct slab_kind *kind, struct slab *slab)
{
    slab->previous = NULL;
    slab->next = kind->partial;
    if (slab->next)
        slab->next->previous = slab;
    kind->partial = slab;
}

static void slab_list_remove(struct slab_kind *kind, struct slab *slab)
{
    if (slab->previous)
        slab->previous->next = slab->next;
    else
        kind->partial = slab->next;
    if (slab->next)
        slab->next->previous = slab->previous;
}

static struct slab *slab_create(struct slab_kind *kind)
{
    uint32_t number = page_allocate(kind->table, PAGE_METADATA);
    struct slab *slab;
    uint8_t *slot;

    if (number == PAGE_NONE)
        return NULL;
    slab = page_contents(kind->table, number);
    *slab = (struct slab){0};
    slot = (uint8_t *)(slab + 1) + (uint64_t)kind->slots * kind->slot_bytes;
    for (uint32_t i = 0; i < kind->slots; i++) {
        slot -= kind->slot_bytes;
        *(void **)(void *)slot = slab->free;
        slab->free = slot;
    }
    kind->frames++;
    slab_list_add(kind, slab);
    return slab;
}

/* Word by word: records are small, and a call of memset may go byte by byte. */
static void slab_clear(void *record, uint32_t bytes)
{
    volatile uint64_t *word = record;

    for (uint32_t i = 0; i < bytes / 8; i++)
        word[i] = 0;
}

void *slab_allocate(struct slab_kind *kind)
{
    struct slab *slab = kind->partial ? kind->partial : slab_create(kind);
    void *record;

    if (!slab)
        return NULL;
    record = slab->free;
    slab->free = *(void **)record;
    slab->used++;
    kind->used++;
    if (!slab->free)
        slab_list_remove(kind, slab);
    slab_clear(record, kind->slot_bytes);
    return record;
}

void slab_release(struct slab_kind *kind, void *record)
{
    uint32_t number = page_of_contents(kind->table, record);
    struct slab *slab = page_contents(kind->table, number);

    if (!slab->free)
        slab_list_add(kind, slab);
    *(void **)record = slab->free;
    slab->free = record;
    slab->used--;
    kind->used--;
    if (slab->used > 0)
        return;
    slab_list_remove(kind, slab);
    kind->frames--;
    page_release(kind->table, number);
}

/* Bit i: slot i is free. */
static uint64_t slab_free_slots(const struct slab_kind *kind, const struct slab *slab)
{
    const uint8_t *first = (const uint8_t *)(slab + 1);
    uint64_t bits = 0;

    for (void *slot = slab->free; slot; slot = *(void **)slot)
        bits |= 1ull << (uint64_t)((const uint8_t *)slot - first) / kind->slot_bytes;
    return bits;
}

/* Moves all records of a frame, which is off the list, to others, which have room. */
static void slab_empty(struct slab_kind *kind, struct slab *slab,
                       void (*move)(void *from, void *to))
{
    uint8_t *first = (uint8_t *)(slab + 1);
    uint64_t free_slots = slab_free_slots(kind, slab);

    for (uint32_t i = 0; i < kind->slots; i++)
        if (!(free_slots >> i & 1))
            move(first + (uint64_t)i * kind->slot_bytes, slab_allocate(kind));
    kind->used -= slab->used;
    kind->frames--;
    page_release(kind->table, page_of_contents(kind->table, slab));
}

void slab_compact(struct slab_kind *kind, void (*move)(void *from, void *to))
{
    while (kind->frames > 0 && kind->used <= (kind->frames - 1) * kind->slots) {
        struct slab *least = kind->partial;

        for (struct slab *slab = least->next; slab; slab = slab->next)
            if (slab->used < least->used)
                least = slab;
        slab_list_remove(kind, least);
        slab_empty(kind, least, move);
    }
}

const char *slab_check(const struct slab_kind *kind)
{
    uint32_t listed = 0, used = 0;

    for (const struct slab *slab = kind->partial; slab; slab = slab->next) {
        uint32_t free_slots = 0;

        for (void *slot = slab->free; slot; slot = *(void **)slot)
            free_slots++;
        if (free_slots == 0 || free_slots + slab->used != kind->slots)
            return "S1";
        if (slab->used == 0)
            return "S2";
        used += slab->used;
        listed++;
    }
    if (listed > kind->frames || used + (kind->frames - listed) * kind->slots != kind->used)
        return "S3";
    return NULL;
}
