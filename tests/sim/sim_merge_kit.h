/* What the tests of same-page merging share: programs with equal pages, and the scanner at work. */
#ifndef SIM_MERGE_KIT_H
#define SIM_MERGE_KIT_H

#include "sim_swap_kit.h"

#define MERGE_FRAMES 256u

static inline const struct samepage_counts *merge_counts(void)
{
    return &kit_vm()->samepage.counts;
}

static inline uint32_t merge_free(void)
{
    return kit_vm()->table.counts[PAGE_FREE];
}

static inline uint32_t merge_shared(void)
{
    return kit_vm()->table.counts[PAGE_MERGED];
}

static inline void merge_set(enum samepage_mode mode)
{
    CHECK(samepage_set(kit_vm(), mode));
    kit_sound();
}

/* A machine without disks, and merging on. */
static inline void merge_begin(void)
{
    kit_begin(MERGE_FRAMES);
    merge_set(SAMEPAGE_ON);
}

static inline void merge_end(void)
{
    slow_end(&slow);
    merge_set(SAMEPAGE_OFF);
    kit_end();
}

static inline int merge_advise(struct space *space, uint64_t first, uint64_t count, uint64_t advice)
{
    int error = vm_advise(kit_vm(), space, AT + first * PAGE, count * PAGE, advice);

    kit_sound();
    return error;
}

/* Free frames hold anything: nobody finds there what he should have copied. */
static inline void merge_scribble(void)
{
    const struct page_table *table = &kit_vm()->table;

    for (uint32_t page = 0; page < table->count; page++)
        if (table->pages[page].state == PAGE_FREE && !table->pages[page].zeroed)
            memset(page_contents(table, page), 0xee, PAGE);
}

/* The scanner goes on until it says that there is nothing to do. */
static inline void merge_scan(void)
{
    uint32_t steps = 0;

    samepage_wake(kit_vm());
    while (samepage_step(kit_vm())) {
        kit_sound();
        CHECK(steps++ < 100000);
    }
    merge_scribble();
}

/* A program with so many pages from AT on, all advised; page i is kit_write_page's with this salt. */
static inline struct space *merge_program(uint64_t pid, uint64_t pages, uint32_t salt)
{
    struct space *space = kit_space(pid);

    kit_map(space, AT, pages, MAP_PRIVATE);
    CHECK_EQ(merge_advise(space, 0, pages, MADV_MERGEABLE), 0);
    for (uint64_t i = 0; i < pages; i++)
        kit_write_page(space, AT + i * PAGE, salt);
    return space;
}

static inline struct space *merge_fork(struct space *parent, uint64_t pid)
{
    struct space *child = kit_space(pid);

    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_sound();
    return child;
}

static inline void merge_read_pages(struct space *space, uint64_t pages, uint32_t salt)
{
    for (uint64_t i = 0; i < pages; i++)
        kit_read_page(space, AT + i * PAGE, salt);
}

static inline struct object *merge_object(const struct space *space, uint64_t page)
{
    return entry_find(&space->map, AT + page * PAGE)->object;
}

/* The leaf of a page in the program's own object. */
static inline uint64_t merge_leaf(const struct space *space, uint64_t page)
{
    return index_lookup(&merge_object(space, page)->index, page);
}

static inline bool merge_is_mapped(const struct space *space, uint64_t page, uint32_t access)
{
    return fake_peek(&slow.fake, space, AT + page * PAGE, access) != NULL;
}

#endif
