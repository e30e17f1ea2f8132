/* Same-page merging on the target, with the setting on and no swap: programs with more equal pages than there
 * is memory, and forks that write them. */
#include "swap_kit.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#define RECORDS 64u   /* frames that 1,024 pages may cost in tables and records */
#define PAUSES  3000u /* of 10 ms each, at most; merging happens in idle time */

FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* A figure of /proc/vmstat. */
static long merge_figure(const char *name)
{
    static char text[4096];
    const char *at;
    ssize_t bytes;
    int fd = open("/proc/vmstat", O_RDONLY);

    CHILD_CHECK(fd >= 0);
    bytes = read(fd, text, sizeof text - 1);
    CHILD_CHECK(bytes > 0);
    text[bytes] = '\0';
    close(fd);
    at = strstr(text, name);
    CHILD_CHECK(at);
    return strtol(at + strlen(name), NULL, 10);
}

/* Leaves the processor idle until so many pages share the frame of another. */
static void merge_await(long sharing)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    for (unsigned i = 0; merge_figure("ksm_pages_sharing ") < sharing; i++) {
        CHILD_CHECK(i < PAUSES);
        nanosleep(&pause, NULL);
    }
}

static uint64_t *merge_map(uint64_t pages)
{
    uint64_t *memory = mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHILD_CHECK(memory != MAP_FAILED);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_MERGEABLE) == 0);
    return memory;
}

/* Fills pages [first, end), each with one of `kinds` contents. */
static void merge_fill(uint64_t *memory, uint64_t first, uint64_t end, uint64_t kinds)
{
    for (uint64_t page = first; page < end; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            memory[page * SWAP_WORDS + word] = swap_pattern(page % kinds, word, 1);
}

/* Pages of [0, pages) that are not as they were filled. */
static uint64_t merge_wrong(const uint64_t *memory, uint64_t pages, uint64_t kinds)
{
    uint64_t wrong = 0;

    for (uint64_t page = 0; page < pages; page += kinds)
        wrong += swap_wrong(memory + page * SWAP_WORDS, 0, kinds, 1);
    return wrong;
}

static int merge_more_than_memory(void)
{
    const uint64_t pages = 24 * SWAP_MIB, kinds = 16, part = 4 * SWAP_MIB;
    uint64_t *memory = merge_map(pages);

    for (uint64_t first = 0; first < pages; first += part) {
        merge_fill(memory, first, first + part, kinds);
        merge_await((long)(first + part - kinds));
    }
    CHILD_CHECK(merge_figure("ksm_pages_shared ") == (long)kinds);
    CHILD_CHECK(merge_wrong(memory, pages, kinds) == 0);
    for (uint64_t page = 0; page < pages; page += 8 * kinds)
        memory[page * SWAP_WORDS] = 0;
    CHILD_CHECK(merge_wrong(memory, pages, kinds) == pages / (8 * kinds));
    return 0;
}

TEST("a program with more equal pages than there is memory has room for them, and finds every byte")
{
    CHECK_EQ(swap_run(merge_more_than_memory), EXITED(0));
}

/* Writes every second page, by way of a child of its own that leaves all as it was. */
static int merge_write_half(uint64_t *memory, uint64_t pages, uint64_t kinds)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (uint64_t page = 0; page < pages; page += 2)
            memory[page * SWAP_WORDS + 7] = page;
        _exit(merge_wrong(memory, pages, kinds) == pages / 2 ? 0 : 1);
    }
    CHILD_CHECK(pid > 0 && fork_wait(pid) == EXITED(0));
    return merge_wrong(memory, pages, kinds) == 0 ? 0 : 1;
}

static int merge_and_fork(void)
{
    const uint64_t pages = 256, kinds = 128;
    uint64_t *memory = merge_map(pages);
    pid_t pid[4];

    merge_fill(memory, 0, pages, kinds);
    merge_await((long)(pages - kinds));
    for (unsigned i = 0; i < 4; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(merge_write_half(memory, pages, kinds));
        CHILD_CHECK(pid[i] > 0);
    }
    for (unsigned i = 0; i < 4; i++)
        CHILD_CHECK(fork_wait(pid[i]) == EXITED(0));
    CHILD_CHECK(merge_wrong(memory, pages, kinds) == 0);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_UNMERGEABLE) == 0);
    CHILD_CHECK(merge_figure("ksm_pages_shared ") == 0);
    CHILD_CHECK(merge_wrong(memory, pages, kinds) == 0);
    return 0;
}

TEST("merged pages are forked, written by the children of children, and parted, and nobody sees "
     "another's bytes")
{
    CHECK_EQ(swap_run(merge_and_fork), EXITED(0));
}

static int merge_zeros(void)
{
    const uint64_t pages = 4 * SWAP_MIB;
    uint64_t *memory = merge_map(pages);
    uint64_t before = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
    long merged = merge_figure("ksm_zero_merged ") + (long)pages;
    const struct timespec pause = {.tv_nsec = 10000000};

    /* Each has a frame of its own at first; where another hart has nothing to do, some not for long. */
    for (uint64_t page = 0; page < pages; page++)
        memory[page * SWAP_WORDS + page % SWAP_WORDS] = 0;
    for (unsigned i = 0; merge_figure("ksm_zero_merged ") < merged; i++) {
        CHILD_CHECK(i < PAUSES);
        nanosleep(&pause, NULL);
    }
    CHILD_CHECK(fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) + RECORDS >= before);
    for (uint64_t page = 0; page < pages; page++)
        CHILD_CHECK(memory[page * SWAP_WORDS + page % SWAP_WORDS] == 0);
    CHILD_CHECK(fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) + RECORDS >= before);
    return 0;
}

TEST("pages that became zeros take no memory, and none when they are read")
{
    CHECK_EQ(swap_run(merge_zeros), EXITED(0));
}
