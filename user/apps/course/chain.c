/* A fault goes along the chain of objects until one holds the page: in the first object it is mapped; deeper,
 * a read maps it where it is and a write copies it up, or moves it up when nobody else sees it; where none
 * holds it, it is a page of the file below, or zero.
 *
 * usage: chain [PAGES]
 *
 * `top` and `below` are the pages that the first object and those below it hold after the step. */
#include "view.h"

enum {
    STEP_FIRST,
    STEP_READ,
    STEP_COPY,
    STEP_MOVE,
    STEP_ZERO_READ,
    STEP_ZERO_WRITE,
    STEP_FILE_READ,
    STEP_FILE_WRITE,
    STEPS
};

static const char *const chain_names[STEPS] = {
    [STEP_FIRST] = "in the first object, access",
    [STEP_READ] = "below it, read",
    [STEP_COPY] = "below it, write: others see it",
    [STEP_MOVE] = "below it, write: nobody else sees it",
    [STEP_ZERO_READ] = "nowhere, read: the page of zeros",
    [STEP_ZERO_WRITE] = "nowhere, write: a frame of zeros",
    [STEP_FILE_READ] = "nowhere, read: the file's page",
    [STEP_FILE_WRITE] = "nowhere, write: a copy of the file's page",
};

struct chain_step {
    struct course_count count;
    unsigned top;
    unsigned below;
};

enum { TURN_NOBODY, TURN_CHILD, TURN_PARENT, TURN_CHILD_ENDS };

struct chain_shared {
    volatile int turn;
    struct chain_step step[STEPS];
};

static size_t chain_pages;
static struct chain_step *chain_steps; /* in shared memory */

/* Does one step on memory: reads or writes all pages.  Notes what it took and where the pages are then. */
static void chain_do(unsigned step, volatile unsigned char *memory, bool write)
{
    struct chain_step done = {.top = 0};
    struct course_count start;
    struct view_chain chain = view_chain(memory); /* so that looking again makes no fault */

    chain_steps[step] = done;
    start = course_now();
    if (write)
        course_write(memory, chain_pages, 2);
    else
        course_read(memory, chain_pages);
    done.count = course_since(start);
    chain = view_chain(memory);
    for (unsigned i = 0; i < chain.count; i++)
        *(i == 0 ? &done.top : &done.below) += chain.object[i].charged ? chain.object[i].pages : 0;
    chain_steps[step] = done;
}

/* Read and copied in a child; moved up by the parent, who is alone with the pages then. */
static void chain_fork(volatile unsigned char *memory, struct chain_shared *shared)
{
    pid_t pid = course_fork(&shared->turn, TURN_CHILD);

    if (pid == 0) {
        chain_do(STEP_READ, memory, false);
        chain_do(STEP_COPY, memory, true);
        shared->turn = TURN_PARENT;
        course_await(&shared->turn, TURN_CHILD_ENDS);
        _exit(0);
    }
    course_await(&shared->turn, TURN_PARENT);
    chain_do(STEP_MOVE, memory, true);
    shared->turn = TURN_CHILD_ENDS;
    course_wait(pid);
}

/* A private mapping of a new file in memory. */
static volatile unsigned char *chain_map_file(void)
{
    static unsigned char page[COURSE_PAGE];
    int fd = open("/tmp/chain", O_RDWR | O_CREAT | O_TRUNC, 0600);
    void *memory = MAP_FAILED;

    for (size_t i = 0; fd >= 0 && i < chain_pages; i++)
        if (write(fd, page, sizeof page) != (ssize_t)sizeof page)
            exit(2);
    if (fd >= 0)
        memory = mmap(NULL, chain_pages * COURSE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
        perror("/tmp/chain");
        exit(2);
    }
    unlink("/tmp/chain");
    close(fd);
    madvise(memory, chain_pages * COURSE_PAGE, MADV_RANDOM); /* each page by a fault of its own */
    return memory;
}

static void chain_run(struct chain_shared *shared)
{
    volatile unsigned char *memory = course_map(chain_pages, MAP_PRIVATE);
    volatile unsigned char *file = chain_map_file();

    chain_do(STEP_ZERO_READ, memory, false);
    course_unmap(memory, chain_pages);
    memory = course_map(chain_pages, MAP_PRIVATE);
    chain_do(STEP_ZERO_WRITE, memory, true);
    mprotect((void *)memory, chain_pages * COURSE_PAGE, PROT_NONE); /* takes the tables' rights */
    mprotect((void *)memory, chain_pages * COURSE_PAGE, PROT_READ | PROT_WRITE);
    chain_do(STEP_FIRST, memory, false);
    shared->turn = TURN_NOBODY;
    chain_fork(memory, shared);
    chain_do(STEP_FILE_READ, file, false);
    chain_do(STEP_FILE_WRITE, file, true);
    course_unmap(memory, chain_pages);
    course_unmap(file, chain_pages);
}

int main(int argc, char **argv)
{
    struct chain_shared *shared = (struct chain_shared *)(uintptr_t)course_map(1, MAP_SHARED);

    chain_pages = course_pages(argc, argv, 16);
    chain_steps = shared->step;
    chain_run(shared);
    chain_run(shared);
    printf("%-42s  %6s  %6s  %5s  %5s\n", "the page is", "faults", "frames", "top", "below");
    for (unsigned i = 0; i < STEPS; i++)
        printf("%-42s  %6ld  %6ld  %5u  %5u\n", chain_names[i], shared->step[i].count.faults,
               shared->step[i].count.frames, shared->step[i].top, shared->step[i].below);
    return 0;
}
