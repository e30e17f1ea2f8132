/* A compressed page whose bytes changed is never shown.  The host changes memory while this program waits for its
 * word (tests/target/swap/lost_test.py): a letter on the standard input says what it shall find. */
#include "swap_kit.h"

enum { PAGES = 24, BROKEN = 5 };

static uint64_t *memory; /* shared, so that children meet what they did not write */
static uint64_t page;

/* One word, but for one in the middle: it packs. */
static uint64_t corrupt_pattern(uint64_t word)
{
    return swap_pattern(page, word == SWAP_WORDS / 2, 1);
}

static int read_page(void)
{
    const uint64_t *at = memory + page * SWAP_WORDS;

    for (uint64_t word = 0; word < SWAP_WORDS; word++)
        CHILD_CHECK(at[word] == corrupt_pattern(word));
    return 0;
}

/* Each page is read by a child of its own, twice. */
static void check_children(int expected)
{
    for (uint32_t turn = 0; turn < 2; turn++)
        for (page = 0; page < PAGES; page++)
            CHECK_EQ(swap_run(read_page), page == BROKEN ? expected : EXITED(0));
}

TEST("a compressed page whose bytes changed is SIGBUS for who reads it, and the others are as they "
     "were")
{
    char letter;

    memory = swap_map(PAGES, MAP_SHARED);
    for (page = 0; page < PAGES; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            memory[page * SWAP_WORDS + word] = corrupt_pattern(word);
    CHECK_EQ(madvise(memory, PAGES * FORK_PAGE, MADV_PAGEOUT), 0);
    page = BROKEN;
    harness_note("marked by %lx", corrupt_pattern(0));
    harness_note("ready");
    while (read(STDIN_FILENO, &letter, 1) == 1 && letter != 'e') {
        check_children(letter == 'w' ? SIGBUS : EXITED(0));
        harness_note("done %c", letter);
    }
    CHECK_EQ(letter, 'e');
    CHECK_EQ(munmap(memory, PAGES * FORK_PAGE), 0);
}
