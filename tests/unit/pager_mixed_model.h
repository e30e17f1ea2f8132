/* The model of pager_mixed_trace.c: for each page of each program what lies under it and what was
 * written there.  Two bytes stand for a page, one for each half, since files may end in the middle. */
#ifndef PAGER_MIXED_MODEL_H
#define PAGER_MIXED_MODEL_H

#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "pager_mixed_trace.h"
#include "protocol.h"

#define FRAMES      1024u
#define PROGRAMS    5u
#define WORLD_PAGES 30u
#define WORLD       (0x2000200000ull - 17 * PAGE) /* a page table ends inside */
#define SEGMENTS    512u /* files and shared memory that a trace may make */
#define FILES       3u   /* that are open at a time; the first is of the initrd */
#define SEGMENT     64u  /* pages, at most */
#define FILE_PAGES  10u
#define HALVES      2u
#define HALF        (PAGE / HALVES)
#define PAGE        ((uint64_t)FL_PAGE_BYTES)
#define RW          (PROT_READ | PROT_WRITE)
#define PLACE       5u /* the byte of each half page that programs touch */
#define NO_LIMIT    1000u

/* A file, or memory that fork shares: the byte of each half page. */
struct segment {
    struct object *file; /* NULL: memory */
    uint64_t halves;     /* its size */
    bool fixed;
    uint8_t byte[SEGMENT * HALVES];
};

struct model_page {
    bool mapped;
    bool shared;
    bool own; /* private: `byte` is what it shows */
    bool wired;
    uint8_t protection;
    uint8_t max_protection;
    uint8_t advice;
    uint8_t charge;          /* enum entry_charge */
    struct segment *segment; /* what lies under it, or NULL */
    uint32_t index;          /* of the page there */
    uint8_t byte[HALVES];
};

struct program {
    struct space *space;  /* NULL: does not live */
    uint32_t limit_pages; /* RLIMIT_AS */
    struct model_page page[WORLD_PAGES];
};

static struct {
    struct fake fake;
    struct program program[PROGRAMS];
    struct segment segment[SEGMENTS];
    uint32_t segments;
    struct segment *file[FILES]; /* with handle i of all programs */
    struct space *keeper;
    struct mixed_trace trace;
    uint32_t step;
    uint32_t refused; /* steps that failed for want of memory */
    bool scarce;
} run;

static inline uint32_t run_pick(uint32_t below)
{
    return run.trace.pick(run.trace.context, below);
}

static inline void run_expect(bool holds, const char *what)
{
    if (holds)
        return;
    harness_note("world %" PRIu64 ", step %u: %s", run.trace.world, (unsigned)run.step, what);
    CHECK(false);
}

/* True if the call did what the model is about to do; a shortage is fine when memory is scarce. */
static inline bool run_accept(int error, int expected, const char *what)
{
    if (run.scarce && expected == 0 && (error == ENOMEM || error == EAGAIN || error == ENOSPC)) {
        run.refused++;
        return false;
    }
    if (error != expected)
        harness_note("error %d, expected %d", error, expected);
    run_expect(error == expected, what);
    return error == 0;
}

static inline uint64_t model_address(uint32_t page)
{
    return WORLD + page * PAGE;
}

static inline bool model_is_beyond(const struct model_page *page)
{
    return page->segment && page->segment->file &&
           page->index * HALVES >= (page->segment->halves + 1) / HALVES * HALVES;
}

static inline uint8_t model_byte(const struct model_page *page, uint32_t half)
{
    if (page->own)
        return page->byte[half];
    return page->segment ? page->segment->byte[page->index * HALVES + half] : 0;
}

/* A private page that is written shows its own bytes from then on. */
static inline void model_own(struct model_page *page)
{
    uint8_t byte[HALVES];

    for (uint32_t half = 0; half < HALVES; half++)
        byte[half] = model_byte(page, half);
    if (page->shared)
        return;
    memcpy(page->byte, byte, sizeof(byte));
    page->own = true;
}

static inline void model_write(struct model_page *page, uint32_t half, uint8_t byte)
{
    model_own(page);
    if (page->shared)
        page->segment->byte[page->index * HALVES + half] = byte;
    else
        page->byte[half] = byte;
}

/* The signal that a touch ends in, or 0. */
static inline uint32_t model_signal(const struct model_page *page, uint32_t access)
{
    if (!page->mapped || (page->protection & access) != access)
        return 11;
    return model_is_beyond(page) ? 7 : 0;
}

/* What populating does: private pages that may be written are copies, up to the first that cannot be. */
static inline void model_populate(struct model_page *page, uint32_t count)
{
    for (; count > 0; page++, count--) {
        if (page->protection == PROT_NONE || model_is_beyond(page))
            return;
        if (page->protection & PROT_WRITE)
            model_own(page);
    }
}

static inline void model_resize(struct segment *file, uint64_t halves)
{
    uint64_t from = halves < file->halves ? halves : file->halves;
    uint64_t to = halves > file->halves ? halves : SEGMENT * HALVES;

    memset(file->byte + from, 0, to - from);
    file->halves = halves;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; p < WORLD_PAGES; p++)
            if (run.program[i].page[p].segment == file && model_is_beyond(&run.program[i].page[p]))
                run.program[i].page[p].own = false;
}

/* Which pages of a segment some program shows. */
static inline void model_find_shown(const struct segment *segment, bool shown[SEGMENT])
{
    memset(shown, 0, SEGMENT * sizeof *shown);
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; p < WORLD_PAGES; p++) {
            const struct model_page *page = &run.program[i].page[p];

            if (page->segment == segment && page->index < SEGMENT)
                shown[page->index] = true;
        }
}

/* Pages of shared memory that nobody shows any more are gone. */
static inline void model_forget(void)
{
    for (struct segment *segment = run.segment; segment < run.segment + run.segments; segment++) {
        bool shown[SEGMENT];

        if (segment->file)
            continue;
        model_find_shown(segment, shown);
        for (uint32_t index = 0; index < SEGMENT; index++)
            if (!shown[index])
                memset(segment->byte + index * HALVES, 0, HALVES);
    }
}

static inline uint32_t model_count(const struct program *program, uint32_t first, uint32_t count)
{
    uint32_t mapped = 0;

    for (uint32_t p = first; p < first + count; p++)
        mapped += program->page[p].mapped;
    return mapped;
}

/* True if the limit allows `more` pages when [first, first + count) is replaced. */
static inline bool model_has_room(const struct program *program, uint32_t more, uint32_t first,
                                  uint32_t count)
{
    return model_count(program, 0, WORLD_PAGES) - model_count(program, first, count) + more <=
           program->limit_pages;
}

static inline bool model_is_alike(const struct model_page *page, const struct model_page *other)
{
    return page->mapped && other->mapped && page->shared == other->shared &&
           page->wired == other->wired && page->protection == other->protection &&
           page->max_protection == other->max_protection && page->advice == other->advice &&
           page->charge == other->charge;
}

/* A copy of a file's page would be made that the model could not tell in a shortage. */
static inline bool model_copies_file(const struct model_page *page)
{
    return page->mapped && page->segment && !page->shared;
}

#endif
