/* Fork shares every private page; a write copies it; who is left alone with a page writes it without a
 * copy; what is really read-only stays so.
 *
 * usage: fork_cow [PAGES]
 *
 * The two take turns, so that each step is one's alone; what the child counts it leaves in shared memory. */
#include "course.h"

enum { STEP_READ, STEP_COPY, STEP_LAST, STEP_PARENT_COPIES, STEP_ALONE, STEPS };
enum { TURN_NOBODY, TURN_CHILD, TURN_PARENT, TURN_CHILD_ENDS };

static const char *const fork_steps[STEPS] = {
    [STEP_READ] = "child reads all pages",
    [STEP_COPY] = "child writes half of them (copies)",
    [STEP_LAST] = "parent writes the same half (alone with it)",
    [STEP_PARENT_COPIES] = "parent writes one page more (a copy)",
    [STEP_ALONE] = "child has ended, parent writes the rest (alone)",
};

struct fork_shared {
    volatile int turn;
    struct course_count counts[STEPS];
    unsigned long read; /* sum of what the child saw */
    long left;          /* frames in use after its end more than before the fork */
};

static void fork_child(struct fork_shared *shared, volatile unsigned char *memory, size_t pages)
{
    struct course_count start;

    shared->read = 0; /* the shared page, and this process's stack, are here from now on */
    start = course_now();
    unsigned long sum = course_read(memory, pages);
    shared->counts[STEP_READ] = course_since(start);
    shared->read = sum;
    start = course_now();
    course_write(memory, pages / 2, 2);
    shared->counts[STEP_COPY] = course_since(start);
    shared->turn = TURN_PARENT;
    course_await(&shared->turn, TURN_CHILD_ENDS);
    _exit(course_read(memory, pages) == pages / 2 * 2 + (pages - pages / 2) * 1 ? 0 : 1);
}

/* Counts one step of the parent: writes to pages [first, end). */
static struct course_count fork_write(volatile unsigned char *memory, size_t first, size_t end)
{
    struct course_count start = course_now();

    course_write(memory + first * COURSE_PAGE, end - first, 3);
    return course_since(start);
}

/* Does all steps.  Returns: what ended the child. */
static const char *fork_run(struct fork_shared *shared, size_t pages)
{
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    const char *end;
    long frames;
    pid_t pid;

    course_write(memory, pages, 1);
    shared->turn = TURN_NOBODY;
    frames = course_frames();
    pid = course_fork(&shared->turn, TURN_CHILD);
    if (pid == 0)
        fork_child(shared, memory, pages);
    course_await(&shared->turn, TURN_PARENT);
    shared->counts[STEP_LAST] = fork_write(memory, 0, pages / 2);
    shared->counts[STEP_PARENT_COPIES] = fork_write(memory, pages / 2, pages / 2 + 1);
    shared->turn = TURN_CHILD_ENDS;
    end = course_wait(pid);
    shared->left = course_frames() - frames;
    shared->counts[STEP_ALONE] = fork_write(memory, pages / 2 + 1, pages);
    course_unmap(memory, pages);
    return end;
}

/* A child writes to a page that it may only read.  Returns: what ended it. */
static const char *fork_forbidden(void)
{
    volatile unsigned char *memory = course_map(1, MAP_PRIVATE);

    course_write(memory, 1, 1);
    mprotect((void *)memory, COURSE_PAGE, PROT_READ);
    return course_try(memory, COURSE_WRITE);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    struct fork_shared *shared = (struct fork_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    const char *end;

    fork_run(shared, pages);
    end = fork_run(shared, pages);
    course_head("step");
    for (int step = 0; step < STEPS; step++)
        course_line(fork_steps[step], shared->counts[step]);
    printf("The child read a sum of %lu; it found its own bytes at the end: %s.\n", shared->read,
           end);
    printf("With the child ended, frames in use more than before the fork: %ld.\n", shared->left);
    printf("A child that writes to a read-only page: %s.\n", fork_forbidden());
    return 0;
}
