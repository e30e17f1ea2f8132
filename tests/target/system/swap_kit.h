/* What the tests of swap share: memory whose every byte is checked, and what must be as before after each
 * test.  The tests' own program is locked in memory, so that what is left when its children have ended is what
 * was there before. */
#ifndef SWAP_KIT_H
#define SWAP_KIT_H

#include "fork_kit.h"

#include <signal.h>

#define SWAP_MIB   (1024u * 1024u / FORK_PAGE) /* pages of one */
#define SWAP_WORDS (FORK_PAGE / sizeof(uint64_t))

/* A law with a name: lines of this file are no ids in another. */
#define SWAP_LAW_OF(name, quantity, value) \
    static uint64_t swap_law_##name(void)  \
    {                                      \
        return value;                      \
    }                                      \
    HARNESS_REGISTER(swap_##name, quantity, measure, swap_law_##name)
#define SWAP_LAW(name, quantity, source, which) \
    SWAP_LAW_OF(name, quantity, fork_counter(source, which))

/* The pager keeps Pins on memory that disks used. */
SWAP_LAW_OF(capabilities, "kernel: capabilities but Pins that stay",
            fork_counter(FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES) -
                fork_counter(FAULTLINE_PAGER, PAGER_STAT_PINS))
SWAP_LAW_OF(pins, "kernel: pins but those that stay",
            fork_counter(FAULTLINE_KERNEL, FL_COUNTER_PINS) -
                fork_counter(FAULTLINE_PAGER, PAGER_STAT_PINNED))
/* Records of what stays may come to lie in one frame more than before. */
SWAP_LAW_OF(frames, "pager: frames that are free, or of records",
            fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) +
                fork_counter(FAULTLINE_PAGER, PAGER_STAT_METADATA_FRAMES))
SWAP_LAW(entries, "pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
SWAP_LAW(slots, "pager: slots of swap", FAULTLINE_PAGER, PAGER_STAT_SWAP_USED)
SWAP_LAW(objects, "pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* A program whose tests want memory to be short names the least MiB that would be too many. */
#ifndef SWAP_ENOUGH_MIB
#define SWAP_ENOUGH_MIB (UINT64_MAX / SWAP_MIB)
#endif

static void __attribute__((constructor)) swap_lock(void)
{
    uint64_t free_frames = 0;

    CHECK_EQ(faultline_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES, &free_frames), 0);
    CHECK(free_frames < SWAP_ENOUGH_MIB * SWAP_MIB); /* else nothing would be short */
    CHECK_EQ(mlockall(MCL_CURRENT), 0);
}

/* Until no page is on its way. */
static inline void swap_settle(void)
{
    while (fork_counter(FAULTLINE_PAGER, PAGER_STAT_DISK_REQUESTS) > 0)
        sched_yield();
}

/* Runs `body` in a child, and waits for writes of pages that nobody wants any more.  Returns: its status. */
static inline int swap_run(int (*body)(void))
{
    int status = fork_run(body);

    swap_settle();
    return status;
}

static inline uint64_t *swap_map(uint64_t pages, int sharing)
{
    uint64_t *memory =
        mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);

    CHILD_CHECK(memory != MAP_FAILED);
    return memory;
}

/* What is written packs three to one: four words of five are those of the page. */
static bool swap_packs;

static inline uint64_t swap_pattern(uint64_t page, uint64_t word, uint64_t generation)
{
    if (swap_packs && word % 5 != 0)
        word = 0;
    return page * 0x9e3779b97f4a7c15u ^ generation << 40 ^ (word + 1) * 0xbf58476d1ce4e5b9u;
}

static inline void swap_write(uint64_t *memory, uint64_t first, uint64_t end, uint64_t generation)
{
    for (uint64_t page = first; page < end; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            memory[page * SWAP_WORDS + word] = swap_pattern(page, word, generation);
}

/* Pages of the range that are not, to the last byte, as they were written. */
static inline uint64_t swap_wrong(const uint64_t *memory, uint64_t first, uint64_t end,
                                  uint64_t generation)
{
    uint64_t wrong = 0;

    for (uint64_t page = first; page < end; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            if (memory[page * SWAP_WORDS + word] != swap_pattern(page, word, generation)) {
                wrong++;
                break;
            }
    return wrong;
}

/* Writes so many pages, finds them, in order and one in so many at random, and writes them again. */
static inline void swap_go_over(uint64_t pages, uint64_t one_in)
{
    uint64_t *memory = swap_map(pages, MAP_PRIVATE), seed = 1;

    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    for (uint32_t i = 0; i < pages / one_in; i++) {
        uint64_t page = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;

        CHILD_CHECK(swap_wrong(memory, page % pages, page % pages + 1, 1) == 0);
    }
    swap_write(memory, 0, pages, 2);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 2) == 0);
}

static inline bool swap_is_out(const uint64_t *memory, uint64_t pages)
{
    for (uint64_t page = 0; page < pages; page++) {
        unsigned char resident;

        CHILD_CHECK(mincore((void *)&memory[page * SWAP_WORDS], FORK_PAGE, &resident) == 0);
        if (resident & 1)
            return false;
    }
    return true;
}

/* Until the whole range is out: one call makes as many requests as there may be. */
static inline void swap_put_out(uint64_t *memory, uint64_t pages)
{
    for (uint32_t turns = 0; turns < 64 && !swap_is_out(memory, pages); turns++) {
        CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_PAGEOUT) == 0);
        swap_settle();
    }
    CHILD_CHECK(swap_is_out(memory, pages));
}

/* What parent and child have in the test below, unless its program says otherwise. */
#ifndef SWAP_FORKED_MIB
#define SWAP_FORKED_MIB 8
#endif

/* Parent and child of memory that is out write, both the second eighth of it, and see their own. */
static inline int swap_fork_of_what_is_out(void)
{
    const uint64_t pages = SWAP_FORKED_MIB * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);
    pid_t pid;

    swap_write(memory, 0, pages, 1);
    swap_put_out(memory, pages);
    pid = fork();
    if (pid == 0) {
        swap_write(memory, 0, pages / 4, 2);
        CHILD_CHECK(swap_wrong(memory, 0, pages / 4, 2) == 0);
        CHILD_CHECK(swap_wrong(memory, pages / 4, pages, 1) == 0);
        _exit(0);
    }
    CHILD_CHECK(pid > 0);
    swap_write(memory, pages / 8, pages / 2, 3);
    CHILD_CHECK(swap_wrong(memory, 0, pages / 8, 1) == 0);
    CHILD_CHECK(swap_wrong(memory, pages / 8, pages / 2, 3) == 0);
    CHILD_CHECK(swap_wrong(memory, pages / 2, pages, 1) == 0);
    CHILD_CHECK(fork_wait(pid) == EXITED(0));
    CHILD_CHECK(swap_wrong(memory, pages / 8, pages / 2, 3) == 0);
    return 0;
}

#endif
