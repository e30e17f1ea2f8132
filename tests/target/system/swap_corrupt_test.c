/* What comes back from swap other than it was written is never shown.  The host changes what is on the
 * disk while this program waits for its word (tests/target/swap/lost_test.py): a letter on the standard
 * input says what it shall find. */
#include "swap_kit.h"

#include <fcntl.h>

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

/* ---- copies of pages of a file ---- */

#define FILE_NAME "/swap_corrupt_test" /* longer than COPIES pages */
enum { COPIES = 8 };

static int file;

/* What the file has there, by a mapping of its own. */
static uint64_t file_word(uint64_t at)
{
    const uint64_t *shown = mmap(NULL, COPIES * FORK_PAGE, PROT_READ, MAP_SHARED, file, 0);
    uint64_t word;

    CHILD_CHECK(shown != MAP_FAILED);
    word = shown[at * SWAP_WORDS];
    CHILD_CHECK(munmap((void *)shown, COPIES * FORK_PAGE) == 0);
    return word;
}

/* Somebody who maps the file has its page, whatever became of a copy. */
static int read_file(void)
{
    uint64_t word;

    CHILD_CHECK(pread(file, &word, sizeof word, (off_t)(page * FORK_PAGE)) == sizeof word);
    CHILD_CHECK(file_word(page) == word);
    return 0;
}

TEST("a copy of a page of a file that comes back other than it was written is SIGBUS for who has "
     "the copy alone")
{
    char letter;

    file = open(FILE_NAME, O_RDONLY);
    CHECK(file >= 0);
    CHECK(lseek(file, 0, SEEK_END) >= (off_t)(COPIES * FORK_PAGE));
    memory = mmap(NULL, COPIES * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(memory != MAP_FAILED);
    swap_write(memory, 0, COPIES, ++generation);
    swap_put_out(memory, COPIES);
    harness_note("out %d", (int)generation);
    while (read(STDIN_FILENO, &letter, 1) == 1 && letter != 'e') {
        for (page = 0; page < COPIES; page++) {
            CHECK_EQ(swap_run(read_page), letter == 'w' ? SIGBUS : EXITED(0));
            CHECK_EQ(swap_run(read_file), EXITED(0));
        }
        harness_note("done %c", letter);
    }
    CHECK_EQ(letter, 'e');
    CHECK_EQ(munmap(memory, COPIES * FORK_PAGE), 0);
    CHECK_EQ(close(file), 0);
}
