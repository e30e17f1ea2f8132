/* A disk for swap that is told what nobody wants.  The host looks at what the disk keeps while this program waits for
 * a letter on the standard input (tests/target/swap/discard_test.py). */
#include "swap_kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>

#define DISK "/dev/vda"
/* All work is done by children: page tables that a program needed are back when it has ended. */
enum {
    WORD = 64,             /* slots that are discarded together, at least */
    SLOTS = 16 * SWAP_MIB, /* of the disk */
    PAGES = 4 * SWAP_MIB
};

/* Slots that were discarded since the start. */
static uint64_t discarded(void)
{
    static char text[4096];
    int file = open("/proc/vmstat", O_RDONLY);
    ssize_t bytes = read(file, text, sizeof text - 1);
    const char *line;

    CHILD_CHECK(bytes > 0 && close(file) == 0);
    text[bytes] = '\0';
    line = strstr(text, "\nswap_discarded ");
    CHILD_CHECK(line);
    return strtoul(line + strlen("\nswap_discarded "), NULL, 10);
}

/* Until so many more are: that is done in idle time. */
static void await_discards(uint64_t before, uint64_t slots)
{
    while (discarded() - before < slots)
        usleep(1000);
}

static void meet(const char *what)
{
    char letter;

    harness_note("%s", what);
    CHILD_CHECK(read(STDIN_FILENO, &letter, 1) == 1);
}

static uint64_t *put_out(uint64_t pages)
{
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_write(memory, 0, pages, 1);
    swap_put_out(memory, pages);
    return memory;
}

static int out_and_in(void)
{
    uint64_t *memory;

    CHILD_CHECK(swapon(DISK, 0) == 0);
    memory = put_out(PAGES);
    CHILD_CHECK(swap_wrong(memory, 0, PAGES, 1) == 0);
    CHILD_CHECK(munmap(memory, PAGES * FORK_PAGE) == 0);
    CHILD_CHECK(swapoff(DISK) == 0);
    return 0;
}

/* What the servers keep for reuse is there before anything is counted. */
static void __attribute__((constructor)) warm_up(void)
{
    CHECK_EQ(swap_run(out_and_in), EXITED(0));
}

static int discards(void)
{
    uint64_t before = discarded(), *memory;

    CHILD_CHECK(swapon(DISK, SWAP_FLAG_DISCARD) == 0);
    await_discards(before, SLOTS - WORD); /* not beside the header */
    meet("once");
    memory = put_out(PAGES);
    meet("out");
    before = discarded();
    CHILD_CHECK(munmap(memory + PAGES / 2 * SWAP_WORDS, PAGES / 2 * FORK_PAGE) == 0);
    await_discards(before, PAGES / 2 - 2 * WORD);
    meet("freed");
    CHILD_CHECK(swap_wrong(memory, 0, PAGES / 2, 1) == 0);
    CHILD_CHECK(munmap(memory, PAGES / 2 * FORK_PAGE) == 0);
    CHILD_CHECK(swapoff(DISK) == 0);
    return 0;
}

TEST("what was there and what becomes free is discarded, and what is in use is kept")
{
    CHECK_EQ(swap_run(discards), EXITED(0));
}

static int discards_nothing(void)
{
    uint64_t before = discarded(), *memory;

    CHILD_CHECK(swapon(DISK, SWAP_FLAG_DISCARD) == 0);
    meet("on");
    memory = put_out(PAGES);
    CHILD_CHECK(swap_wrong(memory, 0, PAGES, 1) == 0);
    CHILD_CHECK(munmap(memory, PAGES * FORK_PAGE) == 0);
    CHILD_CHECK(swapoff(DISK) == 0 && discarded() == before);
    return 0;
}

TEST("a disk that discards nothing is swap as any other")
{
    CHECK_EQ(swap_run(discards_nothing), EXITED(0));
}
