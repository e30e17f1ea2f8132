/* See compress_kit.h. */
#include "compress_kit.h"

#include <string.h>

static _Alignas(FL_PAGE_BYTES) uint8_t window[KIT_FRAMES][FL_PAGE_BYTES];

const char *const kit_kind_names[KIT_KINDS] = {
    [KIT_ZERO] = "zero",       [KIT_FILLED] = "one word", [KIT_TEXT] = "text",
    [KIT_RECORDS] = "records", [KIT_SPARSE] = "sparse",   [KIT_NOISY] = "noisy",
    [KIT_RANDOM] = "random",
};

uint64_t kit_random(struct kit *kit)
{
    uint64_t x = kit->seed += 0x9e3779b97f4a7c15ull;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

void kit_begin(struct kit *kit, uint32_t lendable, uint32_t limit, uint64_t seed)
{
    *kit = (struct kit){.seed = seed};
    kit->table = (struct page_table){
        .pages = kit->pages, .window = window[0], .count = KIT_FRAMES, .range_count = 1};
    for (uint32_t i = 0; i < KIT_FRAMES; i++)
        kit->pages[i].state = PAGE_OBJECT;
    for (uint32_t i = 0; i < lendable; i++) /* page numbers as after a long time */
        kit->free[i] = (i * 167 + 3) % KIT_FRAMES;
    kit->free_count = lendable;
    memset(window, 0xa5, sizeof window);
    compress_init(&kit->store, &kit->table, limit);
}

static void kit_write_text(struct kit *kit, char *text)
{
    static const char *const words[] = {
        "the ",   "page ",   "of ",     "a ",       "frame ", "is ",    "mapped ", "and ",
        "fault ", "memory ", "which ",  "pager ",   "to ",    "in ",    "kernel ", "object ",
        "not ",   "that ",   "space, ", "written ", "by ",    "area\n", "when ",   "before "};
    uint32_t at = 0;

    while (at < FL_PAGE_BYTES) {
        const char *word = words[kit_random(kit) % (sizeof words / sizeof words[0])];

        for (; *word && at < FL_PAGE_BYTES; word++)
            text[at++] = *word;
        if (at < FL_PAGE_BYTES && kit_random(kit) % 4 == 0)
            text[at++] = (char)('a' + kit_random(kit) % 26);
    }
}

static void kit_write_record(struct kit *kit, uint64_t *word)
{
    word[0] = 0x2000000000ull + kit_random(kit) % 4096 * 48;
    word[1] = kit_random(kit) % 1000;
    word[2] = kit_random(kit) % 3;
    word[3] = 0;
}

static void kit_write_any(struct kit *kit, enum kit_kind kind, void *contents)
{
    uint64_t *word = contents;
    uint64_t random = kit_random(kit) | 1;

    for (uint32_t i = 0; i < KIT_WORDS; i++)
        word[i] = kind == KIT_FILLED   ? random
                  : kind == KIT_RANDOM ? kit_random(kit)
                  : kind == KIT_NOISY  ? i % 16 < 11 ? kit_random(kit) : random
                                       : 0;
    if (kind == KIT_TEXT)
        kit_write_text(kit, contents);
    for (uint32_t i = 0; kind == KIT_RECORDS && i < KIT_WORDS; i += 4)
        kit_write_record(kit, word + i);
    for (uint64_t i = random % 20 + 1; kind == KIT_SPARSE && i > 0; i--)
        word[kit_random(kit) % KIT_WORDS] = kit_random(kit) | 1;
}

uint32_t kit_units(const void *contents)
{
    static struct pack pack;
    uint64_t packed[COMPRESS_UNITS_MOST * COMPRESS_UNIT_BYTES / 8], word;
    uint32_t bytes = 0;

    if (!compress_is_filled(contents, &word))
        bytes = pack_page(&pack, contents, packed, sizeof packed);
    return (bytes + COMPRESS_UNIT_BYTES - 1) / COMPRESS_UNIT_BYTES;
}

void kit_write(struct kit *kit, enum kit_kind kind, void *contents)
{
    do
        kit_write_any(kit, kind, contents);
    while (kind == KIT_NOISY && kit_units(contents) == 0);
}

void kit_settle(struct kit *kit, uint32_t spare)
{
    while (kit->store.spare < spare && kit->free_count > 0) {
        uint32_t page = kit->free[--kit->free_count];

        kit->pages[page].state = PAGE_PACKED;
        compress_lend(&kit->store, page);
    }
    while (kit->store.spare > spare) {
        uint32_t page = compress_take_spare(&kit->store);

        kit->pages[page].state = PAGE_OBJECT;
        kit->free[kit->free_count++] = page;
        memset(window[page], 0x5a, FL_PAGE_BYTES); /* somebody else's now */
    }
}
