/* Same-page merging: two processes with the same pages share their frames, either may write, and the time of a
 * write tells a stranger which pages somebody else has.
 *
 * usage: merge [PAGES]     (2 to MERGE_PAGES_MAX; merging must be on: sysctl vm.merge=on)
 *
 * The child plays the one who is spied on: it holds a page for each bit of a secret, with known bytes where the
 * bit is 1.  The parent guesses all of them, waits until equal pages are merged, and times a write to each
 * guess: where it takes a copy the guess was right.  `cycles` are instructions under --icount. */
#include <string.h>
#include <time.h>

#include "course.h"
#include "view.h"

#define MERGE_PAGES_MAX 1024u
#define MERGE_SECRET    0xc5u /* of the child */
#define MERGE_BITS      8u
#define MERGE_WAITS     50 /* pauses of 100 ms, at most */

enum { TURN_CHILD, TURN_PARENT, TURN_CHILD_WRITES, TURN_PARENT_LOOKS, TURN_CHILD_ENDS };

struct merge_shared {
    volatile int turn;
    unsigned wrong; /* pages of the child that hold other bytes than it wrote */
};

static void merge_pause(long milliseconds)
{
    const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

/* As course_await, but the time is idle, which merging needs. */
static void merge_await(const volatile int *turn, int number)
{
    while (*turn != number)
        merge_pause(1);
}

/* Writes the bytes of page `number` of a kind. */
static void merge_fill(volatile unsigned char *page, unsigned kind, size_t number)
{
    volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)page;

    for (size_t i = 0; i < COURSE_PAGE / sizeof *word; i++)
        word[i] = kind << 24 ^ (uint32_t)(number * 2654435761u + i);
}

/* Returns: whether the page holds those bytes, but for the first word. */
static int merge_is_right(const volatile unsigned char *page, unsigned kind, size_t number)
{
    const volatile uint32_t *word = (const volatile uint32_t *)(uintptr_t)page;

    for (size_t i = 1; i < COURSE_PAGE / sizeof *word; i++)
        if (word[i] != (kind << 24 ^ (uint32_t)(number * 2654435761u + i)))
            return 0;
    return 1;
}

static volatile unsigned char *merge_map(size_t pages)
{
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);

    if (madvise((void *)memory, pages * COURSE_PAGE, MADV_MERGEABLE) == 0)
        return memory;
    perror("madvise");
    exit(2);
}

static long merge_figure(const char *name)
{
    return view_figure("/proc/vmstat", name);
}

/* Idle time, until so many pages share others' frames.  Returns: how many do. */
static long merge_wait(long sharing)
{
    long now = 0;

    for (int turn = 0; turn < MERGE_WAITS && now < sharing; turn++) {
        merge_pause(100);
        now = merge_figure("ksm_pages_sharing");
    }
    return now;
}

/* ---- the child ---- */

static void merge_child(struct merge_shared *shared, size_t pages)
{
    volatile unsigned char *memory = merge_map(pages), *secret = merge_map(MERGE_BITS);

    for (size_t i = 0; i < pages; i++)
        merge_fill(memory + i * COURSE_PAGE, 1, i);
    for (unsigned bit = 0; bit < MERGE_BITS; bit++)
        merge_fill(secret + bit * COURSE_PAGE, MERGE_SECRET >> bit & 1 ? 2 : 3, bit);
    shared->turn = TURN_PARENT;
    merge_await(&shared->turn, TURN_CHILD_WRITES);
    for (size_t i = 0; i < pages; i += 2)
        memory[i * COURSE_PAGE] = 0xcc;
    shared->turn = TURN_PARENT_LOOKS;
    merge_pause(1000); /* so that it does not wake while times are taken */
    merge_await(&shared->turn, TURN_CHILD_ENDS);
    for (size_t i = 0; i < pages; i++)
        shared->wrong += !merge_is_right(memory + i * COURSE_PAGE, 1, i) ||
                         (i % 2 == 0 && memory[i * COURSE_PAGE] != 0xcc);
    _exit(0);
}

/* ---- the parent ---- */

/* What a write to each guess takes.  Returns: the bits whose write took longer than the mean of the least and
 * the most. */
static unsigned merge_spy(volatile unsigned char *guess, uint64_t cycles[MERGE_BITS])
{
    uint64_t least = UINT64_MAX, most = 0;
    unsigned seen = 0;

    for (unsigned bit = 0; bit < MERGE_BITS; bit++)
        cycles[bit] = 0; /* present before anything is counted */
    for (unsigned bit = 0; bit < MERGE_BITS; bit++) {
        uint64_t start = faultline_cycles();

        guess[bit * COURSE_PAGE] = 1;
        cycles[bit] = faultline_cycles() - start;
        least = cycles[bit] < least ? cycles[bit] : least;
        most = cycles[bit] > most ? cycles[bit] : most;
    }
    for (unsigned bit = 0; bit < MERGE_BITS; bit++)
        seen |= (unsigned)(cycles[bit] > (least + most) / 2) << bit;
    return seen;
}

static void merge_show(const char *what, long frames, long sharing)
{
    printf("%-44s  %8ld  %8ld\n", what, frames, sharing);
}

static unsigned merge_count_wrong(const volatile unsigned char *memory, size_t pages)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < pages; i++)
        wrong += !merge_is_right(memory + i * COURSE_PAGE, 1, i) || memory[i * COURSE_PAGE] == 0xcc;
    return wrong;
}

/* The exercise: frames before, merged, and after the child wrote half of its pages. */
static void merge_share(struct merge_shared *shared, const volatile unsigned char *memory,
                        size_t pages)
{
    long before, sharing;

    merge_wait(1); /* its code and the view's memory are here from now on */
    before = course_frames() + merge_figure("ksm_pages_sharing");
    merge_show("as both filled it", 0, 0);
    sharing = merge_wait((long)pages + __builtin_popcount(MERGE_SECRET));
    merge_show("merged", course_frames() - before, sharing);
    shared->turn = TURN_CHILD_WRITES;
    merge_await(&shared->turn, TURN_PARENT_LOOKS);
    merge_show("the child wrote every second page", course_frames() - before,
               merge_figure("ksm_pages_sharing"));
    printf("%-44s  %8u\n", "wrong pages of the parent", merge_count_wrong(memory, pages));
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    struct merge_shared *shared = (struct merge_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    volatile unsigned char *memory, *guess;
    uint64_t cycles[MERGE_BITS];
    unsigned seen;
    pid_t child;

    if (pages > MERGE_PAGES_MAX || pages < 2) {
        fprintf(stderr, "usage: merge [PAGES]   (2 to %u)\n", MERGE_PAGES_MAX);
        return 2;
    }
    child = course_child();
    if (child == 0)
        merge_child(shared, pages);
    memory = merge_map(pages);
    guess = merge_map(MERGE_BITS);
    for (size_t i = 0; i < pages; i++)
        merge_fill(memory + i * COURSE_PAGE, 1, i);
    for (unsigned bit = 0; bit < MERGE_BITS; bit++)
        merge_fill(guess + bit * COURSE_PAGE, 2, bit);
    merge_await(&shared->turn, TURN_PARENT);
    printf("%-44s  %8s  %8s\n", "step", "frames", "sharing");
    merge_share(shared, memory, pages);
    seen = merge_spy(guess, cycles);
    for (unsigned bit = 0; bit < MERGE_BITS; bit++)
        printf("cycles to write guess %-22u  %8lu\n", bit, (unsigned long)cycles[bit]);
    printf("%-44s      0x%02x\n", "the child's secret, by these times alone", seen);
    shared->turn = TURN_CHILD_ENDS;
    course_wait(child);
    printf("%-44s  %8u\n", "wrong pages of the child", shared->wrong);
    return 0;
}
