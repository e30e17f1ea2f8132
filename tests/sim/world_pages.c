/* Small worlds: see world_pages.h. */
#include "world_pages.h"

#include <errno.h>
#include <string.h>

#include "entry.h"
#include "memory_values.h"
#include "world.h"

typedef struct pages_page page_of;

/* ---- cells ---- */

static uint8_t cell_new(struct pages *pages)
{
    uint8_t cell = 1;

    while (cell < PAGES_CELLS && pages->cell[cell].holders > 0)
        cell++;
    world_expect(cell < PAGES_CELLS, "the model has too few cells");
    pages->cell[cell] = (struct pages_cell){.holders = 1};
    return cell;
}

static void cell_drop(struct pages *pages, page_of *page)
{
    struct pages_cell *cell = &pages->cell[page->cell];

    if (page->cell && --cell->holders == 0)
        *cell = (struct pages_cell){0};
    page->cell = 0;
}

/* The cell of shared memory at this place: that of who shows it already, or a new one. */
static uint8_t cell_find(struct pages *pages, uint8_t object, uint8_t index)
{
    for (uint32_t space = 0; space < PAGES_SPACES; space++)
        for (uint32_t i = 0; i < PAGES_ALL; i++) {
            const page_of *page = &pages->page[space][i];

            if (!page->shared || page->object != object || page->index != index || !page->cell)
                continue;
            pages->cell[page->cell].holders++;
            return page->cell;
        }
    return cell_new(pages);
}

void pages_begin(struct pages *pages)
{
    memset(pages, 0, sizeof(*pages));
    for (uint32_t i = 0; i < PAGES_ALL; i++)
        pages->file[i] = (uint8_t)(i + 1);
}

uint8_t pages_byte(const struct pages *pages, const struct pages_page *page)
{
    if (page->cell)
        return pages->cell[page->cell].byte;
    return page->file ? pages->file[page->source] : 0;
}

/* ---- areas ---- */

bool pages_are_alike(const page_of *page, const page_of *other)
{
    return page->shared == other->shared && page->wired == other->wired &&
           page->protection == other->protection && page->max_protection == other->max_protection &&
           page->advice == other->advice && page->charge == other->charge &&
           page->heap == other->heap && page->mergeable == other->mergeable;
}

bool pages_begins(const struct pages *pages, uint32_t space, uint32_t at)
{
    const page_of *page = &pages->page[space][at], *previous = page - 1;

    if (!page->mapped)
        return false;
    return at % PAGES_ZONE == 0 || page->begins || !previous->mapped ||
           !pages_are_alike(page, previous) || page->object != previous->object ||
           page->index != previous->index + 1;
}

/* The end of the area that `at` is in, or `end` if that comes first. */
static uint32_t area_end(const struct pages *pages, uint32_t space, uint32_t at, uint32_t end)
{
    for (at++; at < end && pages->page[space][at].mapped && !pages_begins(pages, space, at); at++)
        ;
    return at;
}

/* Areas that show an object: of one space if it is private. */
static uint32_t area_count_of(const struct pages *pages, uint32_t space, const page_of *like)
{
    uint32_t count = 0;

    for (uint32_t s = 0; s < PAGES_SPACES; s++)
        for (uint32_t i = 0; i < PAGES_ALL && (s == space || like->shared); i++)
            count += pages->page[s][i].object == like->object && pages_begins(pages, s, i);
    return count;
}

/* True if the other space shows a page from before the fork at this place of the same object. */
static bool area_is_over(const struct pages *pages, uint32_t space, uint8_t object, uint8_t index)
{
    for (uint32_t i = 0; i < PAGES_ALL; i++) {
        const page_of *other = &pages->page[1 - space][i];

        if (other->below && other->object == object && other->index == index)
            return true;
    }
    return false;
}

/* True if the area that `last` ends can grow as what it is: a file, or memory that no other area shows
 * and that shows nothing from before a fork behind its end. */
bool pages_may_grow(const struct pages *pages, uint32_t space, const page_of *last, uint32_t count)
{
    if (last->object == PAGES_FILE)
        return true;
    if (area_count_of(pages, space, last) != 1)
        return false;
    for (uint32_t i = 1; i <= count; i++)
        if (area_is_over(pages, space, last->object, (uint8_t)(last->index + i)))
            return false;
    return true;
}

/* A promise for shared memory reaches as far as anybody mapped it. */
static void area_promise(struct pages *pages, const page_of *last)
{
    uint8_t *committed = &pages->committed[last->object];

    if (last->shared && !last->file && last->charge == ENTRY_CHARGED && *committed <= last->index)
        *committed = (uint8_t)(last->index + 1);
}

uint8_t pages_new_object(struct pages *pages)
{
    if (pages->objects < PAGES_FILE)
        pages->objects = PAGES_FILE;
    world_expect(pages->objects + 1u < PAGES_OBJECTS, "the model has too few objects");
    return ++pages->objects;
}

/* Maps one page: `page` says what, and its cell is found. */
void pages_enter(struct pages *pages, page_of *at, const page_of *like)
{
    *at = *like;
    at->cell = 0;
    at->begins = false;
    at->below = false;
    at->cell = at->shared && !at->file ? cell_find(pages, at->object, at->index) : 0;
    area_promise(pages, at);
}

/* ---- mmap, munmap, mprotect ---- */

bool pages_is_free(const struct pages *pages, const struct pages_range *range)
{
    for (uint32_t i = range->first; i < range->end; i++)
        if (pages->page[range->space][i].mapped)
            return false;
    return true;
}

bool pages_is_mapped(const struct pages *pages, const struct pages_range *range)
{
    for (uint32_t i = range->first; i < range->end; i++)
        if (!pages->page[range->space][i].mapped)
            return false;
    return true;
}

void pages_unmap(struct pages *pages, const struct pages_range *range)
{
    for (uint32_t i = range->first; i < range->end; i++) {
        cell_drop(pages, &pages->page[range->space][i]);
        pages->page[range->space][i] = (page_of){0};
    }
}

static page_of page_describe(const struct pages_mapping *mapping)
{
    page_of page = {.mapped = true,
                    .shared = (mapping->flags & MAP_TYPE) == MAP_SHARED,
                    .file = mapping->file,
                    .wired = mapping->flags & MAP_LOCKED,
                    .protection = (uint8_t)mapping->protection,
                    .max_protection = PROT_READ | PROT_WRITE | PROT_EXEC,
                    .heap = mapping->heap};

    if (mapping->protection & PROT_WRITE)
        page.protection |= PROT_READ;
    if (page.shared && page.file && !mapping->writable)
        page.max_protection &= (uint8_t)~PROT_WRITE;
    if (page.shared && page.file)
        page.charge = ENTRY_UNCHARGED;
    else if (mapping->flags & MAP_NORESERVE)
        page.charge = ENTRY_UNRESERVED;
    else if (page.shared || (mapping->protection & PROT_WRITE))
        page.charge = ENTRY_CHARGED;
    return page;
}

/* Decides what a new area is part of: the one before, if that is private memory alike, or nothing. */
static void page_place(struct pages *pages, const struct pages_range *range, bool grows,
                       page_of *page)
{
    const page_of *previous = &pages->page[range->space][range->first] - 1;

    page->source = page->file ? (uint8_t)range->first : 0;
    if (page->file && page->shared) {
        page->object = PAGES_FILE;
        page->index = page->source;
        return;
    }
    if (grows && !page->file && !page->shared && range->first % PAGES_ZONE > 0 &&
        previous->mapped && !previous->file && pages_are_alike(page, previous) &&
        pages_may_grow(pages, range->space, previous, range->end - range->first)) {
        page->object = previous->object;
        page->index = (uint8_t)(previous->index + 1);
        return;
    }
    page->object = pages_new_object(pages);
}

int pages_map(struct pages *pages, const struct pages_range *range,
              const struct pages_mapping *mapping)
{
    page_of page = page_describe(mapping);
    bool free = pages_is_free(pages, range);

    if (!free && (mapping->flags & MAP_FIXED_NOREPLACE))
        return EEXIST;
    if (!free && mapping->heap)
        return ENOMEM;
    pages_unmap(pages, range);
    page_place(pages, range, free, &page);
    for (uint32_t i = range->first; i < range->end; i++) {
        pages_enter(pages, &pages->page[range->space][i], &page);
        page.index++;
        page.source = (uint8_t)(page.source + page.file);
    }
    if (mapping->flags & (MAP_POPULATE | MAP_LOCKED))
        pages_populate(pages, range);
    return 0;
}

int pages_protect(struct pages *pages, const struct pages_range *range, uint32_t protection)
{
    uint32_t effective = protection & PROT_WRITE ? protection | PROT_READ : protection;

    if (!pages_is_mapped(pages, range))
        return ENOMEM;
    for (uint32_t i = range->first; i < range->end; i++)
        if (effective & ~(uint32_t)pages->page[range->space][i].max_protection)
            return EACCES;
    for (uint32_t i = range->first; i < range->end; i++) {
        page_of *page = &pages->page[range->space][i];

        page->protection = (uint8_t)effective;
        if ((effective & PROT_WRITE) && !page->shared && page->charge == ENTRY_UNCHARGED)
            page->charge = ENTRY_CHARGED;
    }
    return 0;
}

/* ---- accesses ---- */

void pages_move_away(struct pages *pages, uint32_t space, uint32_t at, enum pages_away away)
{
    struct pages_cell *cell = &pages->cell[pages->page[space][at].cell];

    cell->frame = away == PAGES_HERE;
    cell->away = (uint8_t)away;
}

uint32_t pages_touch(struct pages *pages, uint32_t space, uint32_t at, uint32_t access,
                     uint8_t byte)
{
    page_of *page = &pages->page[space][at];
    uint8_t shown = pages_byte(pages, page);

    if (!page->mapped || (page->protection & access) != access)
        return 11;
    if (page->cell && (page->shared || pages->cell[page->cell].away))
        pages_move_away(pages, space, at, PAGES_HERE);
    if (!(access & PROT_WRITE))
        return 0;
    if (!page->shared && (!page->cell || pages->cell[page->cell].holders > 1)) {
        cell_drop(pages, page);
        page->cell = cell_new(pages);
        page->below = false;
        pages->cell[page->cell] = (struct pages_cell){.holders = 1, .frame = true, .byte = shown};
    }
    if (page->cell)
        pages->cell[page->cell].byte = byte;
    else
        pages->file[page->source] = byte;
    return 0;
}

void pages_populate(struct pages *pages, const struct pages_range *range)
{
    for (uint32_t i = range->first; i < range->end; i++) {
        const page_of *page = &pages->page[range->space][i];

        if (!page->mapped || page->protection == PROT_NONE)
            return;
        pages_touch(pages, range->space, i, page->protection, pages_byte(pages, page));
    }
}

bool pages_is_resident(const struct pages *pages, const struct pages_page *page)
{
    return page->file || (page->cell && pages->cell[page->cell].frame);
}

/* ---- madvise, mlock, msync ---- */

static int page_check_advice(const page_of *page, uint32_t advice)
{
    bool moves = advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_COLD ||
                 advice == MADV_PAGEOUT;

    if (!page->mapped)
        return 0;
    if (moves && page->wired)
        return EINVAL;
    return advice == MADV_FREE && (page->shared || page->file) ? EINVAL : 0;
}

/* Drops what was written to a part of an area.  What a fork left to both is hidden, not freed: from then
 * on the part is memory of its own. */
static void area_drop(struct pages *pages, const struct pages_range *part)
{
    page_of *page = pages->page[part->space];
    bool over = false;
    uint8_t object;

    if (page[part->first].shared)
        return;
    for (uint32_t i = part->first; i < part->end; i++)
        over = over || area_is_over(pages, part->space, page[i].object, page[i].index);
    object = over ? pages_new_object(pages) : page[part->first].object;
    for (uint32_t i = part->first; i < part->end; i++) {
        cell_drop(pages, &page[i]);
        page[i].below = false;
        page[i].object = object;
    }
}

/* Fills a part of an area up to a page that has to be read from swap: that one will come. */
static void area_fill(struct pages *pages, const struct pages_range *part)
{
    for (uint32_t i = part->first; i < part->end; i++) {
        const struct pages_range one = {part->space, i, i + 1};
        bool out = pages->cell[pages->page[part->space][i].cell].away == PAGES_OUT;

        if (pages->page[part->space][i].protection == PROT_NONE)
            return;
        if (out) {
            pages_move_away(pages, part->space, i, PAGES_HERE);
            return;
        }
        pages_populate(pages, &one);
    }
}

/* What has a frame leaves. */
static void area_put_out(struct pages *pages, const struct pages_range *part)
{
    for (uint32_t i = part->first; pages->swaps && i < part->end; i++) {
        uint8_t cell = pages->page[part->space][i].cell;

        if (cell && pages->cell[cell].frame)
            pages_move_away(pages, part->space, i, PAGES_OUT);
    }
}

static void area_advise(struct pages *pages, const struct pages_range *part, uint32_t advice)
{
    page_of *page = pages->page[part->space];

    if (advice == MADV_DONTNEED || advice == MADV_FREE)
        area_drop(pages, part);
    else if (advice == MADV_WILLNEED && !page[part->first].file)
        area_fill(pages, part);
    else if (advice == MADV_PAGEOUT)
        area_put_out(pages, part);
    for (uint32_t i = part->first; i < part->end; i++)
        if ((advice == MADV_MERGEABLE || advice == MADV_UNMERGEABLE) && !page[i].shared)
            page[i].mergeable = advice == MADV_MERGEABLE;
    for (uint32_t i = part->first; i < part->end && advice <= MADV_SEQUENTIAL; i++)
        page[i].advice = (uint8_t)advice;
}

int pages_advise(struct pages *pages, const struct pages_range *range, uint32_t advice)
{
    struct pages before = *pages; /* areas as they were */
    int error = 0;

    for (uint32_t i = range->first; i < range->end && !error; i++)
        error = page_check_advice(&pages->page[range->space][i], advice);
    if (error)
        return error;
    for (uint32_t i = range->first, end; i < range->end; i = end) {
        struct pages_range part = {range->space, i,
                                   end = area_end(&before, range->space, i, range->end)};

        if (before.page[range->space][i].mapped)
            area_advise(pages, &part, advice);
    }
    return pages_is_mapped(pages, range) ? 0 : ENOMEM;
}

int pages_lock(struct pages *pages, const struct pages_range *range, bool fill)
{
    if (!pages_is_mapped(pages, range))
        return ENOMEM;
    for (uint32_t i = range->first; i < range->end && fill; i++) {
        const struct pages_range one = {range->space, i, i + 1};

        if (pages->page[range->space][i].protection == PROT_NONE)
            return ENOMEM;
        pages_populate(pages, &one);
    }
    for (uint32_t i = range->first; i < range->end; i++)
        pages->page[range->space][i].wired = true;
    return 0;
}

int pages_unlock(struct pages *pages, const struct pages_range *range)
{
    if (!pages_is_mapped(pages, range))
        return ENOMEM;
    for (uint32_t i = range->first; i < range->end; i++)
        pages->page[range->space][i].wired = false;
    return 0;
}

void pages_lock_all(struct pages *pages, uint32_t space, bool locked)
{
    for (uint32_t i = 0; i < PAGES_ALL; i++) {
        const struct pages_range one = {space, i, i + 1};

        if (locked)
            pages_populate(pages, &one);
        if (pages->page[space][i].mapped)
            pages->page[space][i].wired = locked;
    }
}

int pages_sync(const struct pages *pages, const struct pages_range *range, uint32_t flags)
{
    for (uint32_t i = range->first; i < range->end; i++)
        if ((flags & MS_INVALIDATE) && pages->page[range->space][i].wired)
            return EBUSY;
    return pages_is_mapped(pages, range) ? 0 : ENOMEM;
}

/* ---- fork ---- */

static void page_fork(struct pages *pages, uint32_t at)
{
    page_of *parent = &pages->page[0][at], *child = &pages->page[1][at];

    *child = *parent;
    child->begins = pages_begins(pages, 0, at);
    child->wired = false;
    if (!parent->cell)
        return;
    if (parent->wired && !parent->shared) {
        child->cell = cell_new(pages);
        pages->cell[child->cell] = pages->cell[parent->cell];
        pages->cell[child->cell].holders = 1;
        return;
    }
    pages->cell[parent->cell].holders++;
    parent->below = child->below = !parent->shared;
}

void pages_fork(struct pages *pages)
{
    for (uint32_t i = 0; i < PAGES_ALL; i++)
        page_fork(pages, i);
}

/* ---- sums ---- */

uint32_t pages_count_areas(const struct pages *pages, uint32_t space)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PAGES_ALL; i++)
        count += pages_begins(pages, space, i);
    return count;
}

uint32_t pages_count_frames(const struct pages *pages)
{
    uint32_t count = 0;

    for (uint32_t i = 1; i < PAGES_CELLS; i++)
        count += pages->cell[i].holders > 0 && pages->cell[i].frame;
    return count;
}

uint32_t pages_count_promises(const struct pages *pages)
{
    bool counted[PAGES_OBJECTS] = {false};
    uint32_t count = 0;

    for (uint32_t space = 0; space < PAGES_SPACES; space++)
        for (uint32_t i = 0; i < PAGES_ALL; i++) {
            const page_of *page = &pages->page[space][i];

            if (!page->shared) {
                count += page->mapped && page->charge == ENTRY_CHARGED;
            } else if (!counted[page->object]) {
                counted[page->object] = true;
                count += pages->committed[page->object];
            }
        }
    return count;
}
