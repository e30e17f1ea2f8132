/* Three levels of tables: the digits of an address, the reach of an entry at each level, and how many
 * tables the same number of pages takes when they lie together and when they lie far apart.  (Frames that
 * hold tables are the whole system's: run it alone.)
 * usage: walk */
#include <faultline/process.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "abi.h"

#define PAGE   4096ul
#define LEVELS 3u
#define KIB    1024ul
#define PAGES  256u
#define SLACK  32             /* spare tables that the pager keeps in stock */
#define BASE   0x2040000000ul /* GiBs that nobody uses */

/* Bytes that one entry of a table at `level` covers; 0 is the level of pages. */
static unsigned long walk_reach(unsigned level)
{
    return PAGE << 9 * level;
}

static unsigned long walk_index(uintptr_t address, unsigned level)
{
    return address / walk_reach(level) % 512;
}

static uint64_t walk_table_frames(void)
{
    uint64_t frames = 0;

    faultline_counter(FAULTLINE_KERNEL, FL_COUNTER_FRAMES_TABLE, &frames);
    return frames;
}

static void walk_digits(const char *what, uintptr_t address)
{
    printf("%-16s %#13lx = %3lu %3lu %3lu, byte %lu\n", what, address, walk_index(address, 2),
           walk_index(address, 1), walk_index(address, 0), address % PAGE);
}

/* Reads a page in every `step` bytes.  Returns: how many more frames are page tables, spare ones too. */
static long walk_touch(const char *what, uintptr_t start, unsigned long step, const char *note)
{
    uint64_t before = walk_table_frames();
    volatile char *pages = mmap((void *)start, PAGES * step, PROT_READ,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    if (pages == MAP_FAILED) {
        perror("walk: mmap");
        return -1;
    }
    for (unsigned i = 0; i < PAGES; i++)
        (void)pages[i * step];
    long more = (long)(walk_table_frames() - before);
    printf("%u pages, %-22s %4ld more frames hold tables%s\n", PAGES, what, more, note);
    return more;
}

int main(void)
{
    for (unsigned level = LEVELS; level-- > 0;)
        printf("level %u: an entry reaches %lu KiB, a table %lu KiB\n", level,
               walk_reach(level) / KIB, 512 * walk_reach(level) / KIB);
    walk_digits("main", (uintptr_t)main);
    walk_digits("another function", (uintptr_t)&walk_digits);
    walk_digits("the stack", (uintptr_t)__builtin_frame_address(0));
    walk_touch("one in each 2 MiB:", BASE, walk_reach(1),
               " (first run: also fills the pager's stock of spare tables)");
    long sparse = walk_touch("one in each 2 MiB:", BASE + walk_reach(2), walk_reach(1), "");
    long dense = walk_touch("one behind the other:", BASE + 2 * walk_reach(2), walk_reach(0), "");
    return sparse >= (long)PAGES - SLACK && sparse <= (long)PAGES + SLACK && dense <= SLACK ? 0 : 1;
}
