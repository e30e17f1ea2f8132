/* What comes back from swap other than it was written is never shown.  The host changes what is on the
 * disk while this program waits for its word (tests/target/swap/lost_test.py): a letter on the standard
 * input says what it shall find. */
#include "swap_kit.h"

enum { PAGES = 24 };

static uint64_t *memory; /* shared, so that children meet what they did not write */
static uint64_t page, generation;

static int read_page(void)
{
    CHILD_CHECK(swap_wrong(memory, page, page + 1, generation) == 0);
    return 0;
}

/* Each page is read by a child of its own. */
static void check_children(int expected)
{
    for (page = 0; page < PAGES; page++)
        CHECK_EQ(swap_run(read_page), expected);
}

static void put_out(void)
{
    swap_write(memory, 0, PAGES, ++generation);
    CHECK_EQ(madvise(memory, PAGES * FORK_PAGE, MADV_PAGEOUT), 0);
    swap_settle();
    CHECK(fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_USED) >= PAGES);
    harness_note("out %d", (int)generation);
}

TEST("a page that comes back other than it was written is SIGBUS for who reads it, as often as it "
     "is read")
{
    char letter;

    memory = swap_map(PAGES, MAP_SHARED);
    put_out();
    while (read(STDIN_FILENO, &letter, 1) == 1 && letter != 'e') {
        if (letter == 'n')
            put_out();
        else
            check_children(letter == 'w' ? SIGBUS : EXITED(0));
        harness_note("done %c", letter);
    }
    CHECK_EQ(letter, 'e');
    CHECK_EQ(munmap(memory, PAGES * FORK_PAGE), 0);
}
