/* Page tables are a cache of what the pager knows: entries can be thrown away at any time, and come back by
 * minor faults, with the same frames and the same bytes.
 *
 * usage: table_cache [PAGES]
 *
 * Nothing throws them away but calls that may: a protection lowered and raised again, a move to other
 * addresses, a new space by fork. */
#include "course.h"

enum { STEP_WRITE, STEP_READ, STEP_PROTECT, STEP_MOVE, STEP_FORK, STEP_PARENT, STEP_SHARED, STEPS };

static const char *const cache_steps[STEPS] = {
    [STEP_WRITE] = "write each page: faults and frames",
    [STEP_READ] = "read each page: the entries are there",
    [STEP_PROTECT] = "no access, all access again, read",
    [STEP_MOVE] = "move to other addresses, read",
    [STEP_FORK] = "a child by fork reads",
    [STEP_PARENT] = "its parent reads: its entries stayed",
    [STEP_SHARED] = "a child writes shared memory: same frames",
};

struct cache_result {
    struct course_count count;
    size_t right; /* pages with the bytes that were written */
};

static struct cache_shared {
    volatile int turn; /* the step that a child may do */
    struct cache_result results[STEPS];
} * cache_shared;

static unsigned char cache_byte(size_t page)
{
    return (unsigned char)(page % 251 + 1);
}

static size_t cache_check(const volatile unsigned char *memory, size_t pages)
{
    size_t right = 0;

    for (size_t i = 0; i < pages; i++)
        right += memory[i * COURSE_PAGE] == cache_byte(i);
    return right;
}

static size_t cache_fill(volatile unsigned char *memory, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        memory[i * COURSE_PAGE] = cache_byte(i);
    return pages;
}

/* Counts what one pass over the memory takes. */
static void cache_pass(int step, volatile unsigned char *memory, size_t pages, int write)
{
    struct course_count start = course_now();
    struct cache_result result;

    result.right = write ? cache_fill(memory, pages) : cache_check(memory, pages);
    result.count = course_since(start);
    cache_shared->results[step] = result;
}

static void cache_in_child(int step, volatile unsigned char *memory, size_t pages, int write)
{
    pid_t pid = course_fork(&cache_shared->turn, step);

    if (pid == 0) {
        cache_pass(step, memory, pages, write);
        _exit(0);
    }
    course_wait(pid);
}

static void cache_run(size_t pages)
{
    volatile unsigned char *shared = course_map(pages, MAP_SHARED);
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    void *place = (void *)course_map(pages, MAP_PRIVATE);

    cache_pass(STEP_WRITE, memory, pages, 1);
    cache_pass(STEP_READ, memory, pages, 0);
    mprotect((void *)memory, pages * COURSE_PAGE, PROT_NONE);
    mprotect((void *)memory, pages * COURSE_PAGE, PROT_READ | PROT_WRITE);
    cache_pass(STEP_PROTECT, memory, pages, 0);
    memory = mremap((void *)memory, pages * COURSE_PAGE, pages * COURSE_PAGE,
                    MREMAP_MAYMOVE | MREMAP_FIXED, place);
    cache_pass(STEP_MOVE, memory, pages, 0);
    cache_in_child(STEP_FORK, memory, pages, 0);
    cache_pass(STEP_PARENT, memory, pages, 0);
    cache_fill(shared, pages);
    cache_in_child(STEP_SHARED, shared, pages, 1);
    course_unmap(memory, pages);
    course_unmap(shared, pages);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);

    cache_shared = (struct cache_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    cache_run(pages);
    cache_run(pages);
    printf("%-42s  %8s  %8s  %12s\n", "step", "faults", "frames", "pages right");
    for (int step = 0; step < STEPS; step++) {
        const struct cache_result *result = &cache_shared->results[step];

        printf("%-42s  %8ld  %8ld  %12zu\n", cache_steps[step], result->count.faults,
               result->count.frames, result->right);
    }
    return 0;
}
