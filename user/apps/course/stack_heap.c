/* The stack grows on fault down to a guard; the heap grows by sbrk and is given back; past either
 * end a program gets SIGSEGV, and only that program.  (The parts that end badly run in programs of
 * their own: segv.) */
#include <faultline/process.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define PAGES 64
#define SIZE  4096

static long stack_heap_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static uint64_t stack_heap_frames(void)
{
    uint64_t frames = 0;

    faultline_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES, &frames);
    return frames;
}

/* Uses a page of stack for each level.  Returns: the deepest address used. */
static uintptr_t __attribute__((noinline)) stack_heap_descend(int levels)
{
    volatile char page[SIZE];
    uintptr_t deepest;

    page[0] = (char)levels;
    deepest = levels > 1 ? stack_heap_descend(levels - 1) : (uintptr_t)page;
    return page[0] == (char)levels ? deepest : 0;
}

static int stack_heap_grow_stack(void)
{
    char here;
    long before = stack_heap_faults(), faults;
    uintptr_t deepest = stack_heap_descend(PAGES);

    faults = stack_heap_faults() - before;
    printf("stack: %d levels of a page each, from %p down to %p: %ld faults\n", PAGES,
           (void *)&here, (void *)deepest, faults);
    return deepest != 0 && faults >= PAGES;
}

static int stack_heap_grow_heap(void)
{
    uint64_t before, grown, returned;
    char *start = sbrk(0), *heap = sbrk(PAGES * SIZE);

    if (heap != start)
        return 0;
    before = stack_heap_frames();
    for (int i = 0; i < PAGES; i++)
        heap[i * SIZE] = 1;
    grown = stack_heap_frames();
    sbrk(-PAGES * SIZE);
    returned = stack_heap_frames();
    printf("heap: %d pages written at %p took %ld frames, giving them back returned %ld\n", PAGES,
           (void *)heap, (long)(before - grown), (long)(returned - grown));
    return sbrk(0) == start && returned - grown >= PAGES - 1;
}

static int stack_heap_ends(const char *mode, const char *what)
{
    int status = 0;
    pid_t pid = faultline_spawn((char *[]){"segv", (char *)mode, NULL});

    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        perror("stack_heap: segv");
        return 0;
    }
    printf("%s: another program that goes there is ended by signal %d\n", what, WTERMSIG(status));
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

int main(void)
{
    int fine = stack_heap_grow_stack();

    fine &= stack_heap_grow_heap();
    fflush(stdout);
    fine &= stack_heap_ends("stack-guard", "below the stack");
    fine &= stack_heap_ends("beyond-brk", "past the break");
    return fine ? 0 : 1;
}
