/* Swap areas: see swap.h. */
#include "swap.h"

#include <stddef.h>
#include <string.h>

#include "checksum.h"
#include "swap_chunk.h"

/* ---- the header ---- */

#define SWAP_MAGIC_BYTES 10u

struct swap_header {
    uint8_t boot[1024];
    uint32_t version;
    uint32_t last_page;
    uint32_t bad_pages;
    uint8_t uuid[16];
    uint8_t label[16];
    uint32_t padding[117];
    uint32_t bad_page[637];
    uint16_t before_magic; /* fills the page */
    char magic[SWAP_MAGIC_BYTES];
};
_Static_assert(sizeof(struct swap_header) == FL_PAGE_BYTES, "the header is a page");
_Static_assert(offsetof(struct swap_header, bad_page) == 1536, "as Linux has it");
_Static_assert(offsetof(struct swap_header, magic) == FL_PAGE_BYTES - SWAP_MAGIC_BYTES,
               "the magic ends the page");

#define SWAP_BAD_PAGES (sizeof(((struct swap_header *)0)->bad_page) / 4)

static enum swap_error swap_read_magic(const struct swap_header *header)
{
    static const struct {
        const char *magic;
        enum swap_error error;
    } magics[] = {{"SWAPSPACE2", SWAP_OK},        {"SWAP-SPACE", SWAP_OLD},
                  {"S1SUSPEND", SWAP_HIBERNATED}, {"S2SUSPEND", SWAP_HIBERNATED},
                  {"ULSUSPEND", SWAP_HIBERNATED}, {"LINHIB0001", SWAP_HIBERNATED}};

    for (uint32_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (memcmp(header->magic, magics[i].magic, strlen(magics[i].magic)) == 0)
            return magics[i].error;
    return SWAP_NO_HEADER;
}

enum swap_error swap_read_header(const void *page, uint64_t pages, uint32_t *last)
{
    const struct swap_header *header = page;
    enum swap_error error = swap_read_magic(header);

    if (error != SWAP_OK)
        return error;
    if (header->version != 1)
        return header->version == 1u << 24 ? SWAP_BYTE_ORDER : SWAP_VERSION;
    if (header->last_page == 0)
        return SWAP_EMPTY;
    if (header->last_page >= pages)
        return SWAP_BEYOND_END;
    if (header->bad_pages > SWAP_BAD_PAGES)
        return SWAP_BAD_COUNT;
    for (uint32_t i = 0; i < header->bad_pages; i++) {
        if (header->bad_page[i] == 0 || header->bad_page[i] > header->last_page)
            return SWAP_BAD_PAGE;
        for (uint32_t j = 0; j < i; j++)
            if (header->bad_page[j] == header->bad_page[i])
                return SWAP_BAD_PAGE;
    }
    *last = header->last_page;
    return SWAP_OK;
}

const char *swap_error_name(enum swap_error error)
{
    static const char *const names[SWAP_ERRORS] = {
        [SWAP_OK] = "no error",
        [SWAP_NO_HEADER] = "no swap header for pages of 4,096 bytes",
        [SWAP_OLD] = "swap header of version 0",
        [SWAP_HIBERNATED] = "holds the memory of a system that sleeps",
        [SWAP_BYTE_ORDER] = "made by a machine of the other byte order",
        [SWAP_VERSION] = "unknown version of the swap header",
        [SWAP_EMPTY] = "swap header without pages",
        [SWAP_BEYOND_END] = "last page behind the end of the device",
        [SWAP_BAD_COUNT] = "more bad pages than the header can list",
        [SWAP_BAD_PAGE] = "list of bad pages is wrong",
        [SWAP_NO_SLOTS] = "all pages are bad",
        [SWAP_FULL] = "too many swap areas",
        [SWAP_NO_MEMORY] = "no memory for the slots' records",
    };

    return names[error];
}

/* ---- slots ---- */

static void swap_mark_bad(const struct swap *swap, struct swap_area *area, uint32_t page)
{
    struct swap_chunk *chunk = swap_chunk(swap, area, page);

    *swap_word(chunk->taken, page) |= swap_bit(page);
    *swap_word(chunk->bad, page) |= swap_bit(page);
    area->bad += page < area->pages;
}

/* ---- areas ---- */

void swap_init(struct swap *swap, struct page_table *table)
{
    *swap = (struct swap){.table = table};
}

/* Frees the first `chunks` frames of an area, and its directory. */
static void swap_release_frames(struct swap *swap, const struct swap_area *area, uint32_t chunks)
{
    const uint32_t *directory = page_contents(swap->table, area->directory);

    for (uint32_t i = 0; i < chunks; i++)
        page_release(swap->table, directory[i]);
    page_release(swap->table, area->directory);
    swap->frames -= chunks + 1;
}

/* Takes the frames for the slots' records; all slots are free then.  False: there are not enough. */
static bool swap_take_frames(struct swap *swap, struct swap_area *area)
{
    uint32_t *directory;

    area->directory = page_allocate(swap->table, PAGE_METADATA);
    if (area->directory == PAGE_NONE)
        return false;
    swap->frames++;
    directory = page_contents(swap->table, area->directory);
    for (uint32_t i = 0; i < swap_chunks(area); i++) {
        directory[i] = page_allocate(swap->table, PAGE_METADATA);
        if (directory[i] == PAGE_NONE) {
            swap_release_frames(swap, area, i);
            return false;
        }
        swap->frames++;
        page_zero(page_contents(swap->table, directory[i]));
    }
    return true;
}

static void swap_mark_area(const struct swap *swap, struct swap_area *area,
                           const struct swap_header *header)
{
    swap_mark_bad(swap, area, 0);
    for (uint32_t page = area->pages; page < swap_chunks(area) * SWAP_CHUNK_SLOTS; page++)
        swap_mark_bad(swap, area, page);
    for (uint32_t i = 0; i < header->bad_pages; i++)
        if (header->bad_page[i] < area->pages)
            swap_mark_bad(swap, area, header->bad_page[i]);
}

static uint32_t swap_find_unused(const struct swap *swap)
{
    uint32_t number = 0;

    while (number < SWAP_AREAS && swap->area[number].state != SWAP_UNUSED)
        number++;
    return number;
}

enum swap_error swap_add(struct swap *swap, const struct swap_device *device, uint32_t *number)
{
    struct swap_area area = {
        .device = device->device, .priority = device->priority, .state = SWAP_ACTIVE};
    uint32_t last;
    enum swap_error error = swap_read_header(device->header, device->pages, &last);

    if (error != SWAP_OK)
        return error;
    *number = swap_find_unused(swap);
    if (*number == SWAP_AREAS)
        return SWAP_FULL;
    area.pages = last < SWAP_PAGES_MAX ? last + 1 : SWAP_PAGES_MAX;
    if (!swap_take_frames(swap, &area))
        return SWAP_NO_MEMORY;
    swap_mark_area(swap, &area, device->header);
    swap_discard_prepare(swap, &area, device);
    if (area.bad == area.pages) {
        swap_release_frames(swap, &area, swap_chunks(&area));
        return SWAP_NO_SLOTS;
    }
    swap->area[*number] = area;
    swap->areas++;
    return SWAP_OK;
}

void swap_remove(struct swap *swap, uint32_t number)
{
    struct swap_area *area = &swap->area[number];

    swap_release_frames(swap, area, swap_chunks(area));
    *area = (struct swap_area){.state = SWAP_UNUSED};
    swap->areas--;
}

static uint32_t swap_slots(const struct swap_area *area)
{
    return area->pages - area->bad;
}

static uint32_t swap_free_slots(const struct swap_area *area)
{
    return swap_slots(area) - area->used - area->discarding;
}

uint32_t swap_total(const struct swap *swap)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (swap->area[i].state == SWAP_ACTIVE)
            total += swap_slots(&swap->area[i]);
    return total;
}

uint32_t swap_room(const struct swap *swap)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (swap->area[i].state == SWAP_ACTIVE)
            room += swap_free_slots(&swap->area[i]);
    return room;
}

/* ---- taking and giving back ---- */

/* Whom to take from: NULL if nobody has a free slot. */
static struct swap_area *swap_choose_area(struct swap *swap)
{
    struct swap_area *best = NULL;

    for (uint32_t i = 0; i < SWAP_AREAS; i++) {
        struct swap_area *area = &swap->area[i];

        if (area->state != SWAP_ACTIVE || swap_free_slots(area) == 0)
            continue;
        if (!best || area->priority > best->priority ||
            (area->priority == best->priority && area->turn < best->turn))
            best = area;
    }
    return best;
}

struct swap_run {
    uint32_t first;
    uint32_t count;
};

/* The bits from which on so many, at least 1, are set. */
static uint64_t swap_starts(uint64_t bits, uint32_t count)
{
    for (uint32_t have = 1, more; have < count && bits; have += more) {
        more = have < count - have ? have : count - have;
        bits &= bits >> more;
    }
    return bits;
}

/* The number of the lowest bit that is set; one is. */
static uint32_t swap_lowest(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits);
}

/* Makes *best the first run of more slots than it has, up to `want`, among the free ones of a word that
 * begins with slot `first`. */
static void swap_find_in_word(uint64_t free, uint32_t first, uint32_t want, struct swap_run *best)
{
    uint64_t starts = swap_starts(free, best->count + 1), longer;

    if (!starts) /* so it is nearly always where slots are scattered */
        return;
    longer = swap_starts(free, want);
    if (longer) {
        *best = (struct swap_run){first + swap_lowest(longer), want};
        return;
    }
    best->count++;
    while ((longer = starts & free >> best->count) != 0) {
        starts = longer;
        best->count++;
    }
    best->first = first + swap_lowest(starts);
}

/* The words of a bitmap one after the other, from one chunk to the next. */
struct swap_words {
    const uint64_t *taken; /* the next one */
    uint32_t left;         /* in its chunk */
};

/* The free slots of the next word, which begins with slot `page`: those in [from, to). */
static uint64_t swap_next_free(const struct swap *swap, const struct swap_area *area,
                               struct swap_words *words, uint32_t page, uint32_t from, uint32_t to)
{
    uint64_t free;

    if (words->left == 0) {
        words->taken = swap_word(swap_chunk(swap, area, page)->taken, page);
        words->left = (SWAP_CHUNK_SLOTS - page % SWAP_CHUNK_SLOTS) / SWAP_WORD_SLOTS;
    }
    words->left--;
    free = ~*words->taken++;
    if (from > page)
        free &= UINT64_MAX << (from - page);
    if (to - page < 64)
        free &= swap_bit(to) - 1;
    return free;
}

/* The first run of `want` free slots in [from, to), or the longest that the search comes to: it ends when
 * it has found any and looked at SWAP_SEARCH slots. */
static struct swap_run swap_find_run(const struct swap *swap, const struct swap_area *area,
                                     uint32_t from, uint32_t to, uint32_t want)
{
    struct swap_run best = {0, 0};
    struct swap_words words = {NULL, 0};
    uint32_t carried = 0; /* free slots just before the word */

    for (uint32_t page = from & ~63u; page < to && best.count < want; page += 64) {
        uint64_t free;

        if (page >= from + SWAP_SEARCH && best.count > 0)
            break;
        free = swap_next_free(swap, area, &words, page, from, to);
        if (carried > 0 && (free & 1)) {
            uint32_t run = carried + (free == UINT64_MAX ? 64 : swap_lowest(~free));

            if (run > best.count)
                best = (struct swap_run){page - carried, run < want ? run : want};
        }
        if (free != 0 && best.count < want)
            swap_find_in_word(free, page, want, &best);
        for (carried = 0; free >> 63; free <<= 1)
            carried++;
    }
    return best;
}

void swap_mark_taken(const struct swap *swap, struct swap_area *area, uint32_t first,
                     uint32_t count)
{
    for (uint32_t page = first, end = first + count; page < end;) {
        struct swap_chunk *chunk = swap_chunk(swap, area, page);
        uint64_t *taken = swap_word(chunk->taken, page), *stale = swap_word(chunk->stale, page);
        uint32_t here = 64 - page % 64 < end - page ? 64 - page % 64 : end - page;
        uint64_t bits = UINT64_MAX >> (64 - here) << page % 64;

        area->ripe -= swap_is_ripe(chunk, page);
        *taken |= bits;
        *stale &= ~bits;
        page += here;
    }
}

uint32_t swap_take_run(struct swap *swap, uint32_t want, uint32_t *count)
{
    struct swap_area *area = swap_choose_area(swap);
    struct swap_run run, before;

    *count = 0;
    if (!area)
        return SWAP_NONE;
    run = swap_find_run(swap, area, area->next, area->pages, want);
    if (run.count == 0 || (run.count < want && area->pages - area->next < SWAP_SEARCH)) {
        before = swap_find_run(swap, area, 0, area->next, want);
        if (before.count > run.count)
            run = before;
    }
    swap_mark_taken(swap, area, run.first, run.count);
    area->next = run.first + run.count;
    area->turn = ++swap->turns;
    area->used += run.count;
    swap->used += run.count;
    *count = run.count;
    return SWAP_SLOT(area - swap->area, run.first);
}

bool swap_is_used(const struct swap *swap, uint32_t slot)
{
    uint32_t number = SWAP_SLOT_AREA(slot), page = SWAP_SLOT_PAGE(slot);
    struct swap_chunk *chunk;

    if (number >= SWAP_AREAS || swap->area[number].state == SWAP_UNUSED ||
        page >= swap->area[number].pages)
        return false;
    chunk = swap_chunk_of(swap, slot);
    return (*swap_word(chunk->taken, page) & ~*swap_word(chunk->bad, page) & swap_bit(page)) &&
           !swap_is_discarding(swap, slot);
}

static void swap_discount(struct swap *swap, uint32_t slot)
{
    swap->area[SWAP_SLOT_AREA(slot)].used--;
    swap->used--;
}

bool swap_free(struct swap *swap, uint32_t slot)
{
    uint32_t page = SWAP_SLOT_PAGE(slot);
    struct swap_chunk *chunk = swap_chunk_of(swap, slot);
    struct swap_area *area = &swap->area[SWAP_SLOT_AREA(slot)];

    *swap_word(chunk->taken, page) &= ~swap_bit(page);
    swap_discount(swap, slot);
    if (area->discards & SWAP_DISCARD_FREED)
        *swap_word(chunk->stale, page) |= swap_bit(page);
    if (!swap_is_ripe(chunk, page))
        return false;
    area->ripe++;
    return !swap->discard_called && swap_discard_call(swap);
}

void swap_retire(struct swap *swap, uint32_t slot)
{
    swap_mark_bad(swap, &swap->area[SWAP_SLOT_AREA(slot)], SWAP_SLOT_PAGE(slot));
    swap_discount(swap, slot);
}

/* ---- contents ---- */

static uint64_t *swap_checksum(const struct swap *swap, uint32_t slot)
{
    return &swap_chunk_of(swap, slot)->checksum[SWAP_SLOT_PAGE(slot) % SWAP_CHUNK_SLOTS];
}

void swap_seal(struct swap *swap, uint32_t slot, const void *contents)
{
    *swap_checksum(swap, slot) = checksum_page(contents, slot);
}

bool swap_is_whole(const struct swap *swap, uint32_t slot, const void *contents)
{
    return *swap_checksum(swap, slot) == checksum_page(contents, slot);
}

/* ---- the checker ---- */

static uint32_t swap_count_bits(uint64_t word)
{
    uint32_t bits = 0;

    for (; word; word &= word - 1)
        bits++;
    return bits;
}

static const char *swap_check_area(const struct swap *swap, const struct swap_area *area)
{
    uint32_t behind = swap_chunks(area) * SWAP_CHUNK_SLOTS - area->pages, taken = 0, bad = 0;

    for (uint32_t page = 0; page < area->pages; page += SWAP_CHUNK_SLOTS) {
        const struct swap_chunk *chunk = swap_chunk(swap, area, page);

        for (uint32_t i = 0; i < SWAP_CHUNK_SLOTS / SWAP_WORD_SLOTS; i++) {
            if (chunk->bad[i] & ~chunk->taken[i])
                return "K1";
            taken += swap_count_bits(chunk->taken[i]);
            bad += swap_count_bits(chunk->bad[i]);
        }
    }
    if (!(swap_chunk(swap, area, 0)->bad[0] & 1))
        return "K1";
    return bad == area->bad + behind && taken == area->used + area->discarding + bad ? NULL : "K2";
}

const char *swap_check(const struct swap *swap)
{
    uint32_t areas = 0, used = 0, frames = 0;

    for (uint32_t i = 0; i < SWAP_AREAS; i++) {
        const struct swap_area *area = &swap->area[i];
        const char *broken = area->state == SWAP_UNUSED ? NULL : swap_check_area(swap, area);

        if (broken)
            return broken;
        if (area->state == SWAP_UNUSED)
            continue;
        areas++;
        used += area->used;
        frames += swap_chunks(area) + 1;
    }
    if (areas != swap->areas || used != swap->used)
        return "K2";
    return frames == swap->frames ? swap_discard_check(swap) : "K3";
}
