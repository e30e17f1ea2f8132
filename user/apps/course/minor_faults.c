/* Minor faults: the page is in memory, or needs no more than memory, and only the entry is missing.  Every
 * kind of them, counted for the process and for the whole system.  (Major faults wait for a disk: major_faults.c.)
 *
 * usage: minor_faults [PAGES] */
#include "course.h"

enum { PASS_ZERO, PASS_FILL, PASS_AGAIN, PASS_CHILD, PASS_COPY, PASS_SHARED, PASSES };
enum { TURN_CHILD = 1, TURN_PARENT, TURN_END };

static const char *const minor_passes[PASSES] = {
    [PASS_ZERO] = "read: the page of zeros",
    [PASS_FILL] = "written after that: frames filled with zeros",
    [PASS_AGAIN] = "written again",
    [PASS_CHILD] = "a child writes twice as many",
    [PASS_COPY] = "written while the child shares them: copies",
    [PASS_SHARED] = "shared ones that the child has filled",
};

struct minor_count {
    long process, system, major;
};

static struct minor_shared {
    volatile int turn;
    struct minor_count counts[PASSES];
} * minor_shared;

/* Counts twice: the first time brings in what counting itself touches. */
static struct minor_count minor_now(void)
{
    struct minor_count now = {0};
    struct rusage usage;

    for (int time = 0; time < 2; time++) {
        getrusage(RUSAGE_SELF, &usage);
        now.process = usage.ru_minflt;
        now.major = usage.ru_majflt;
        now.system = (long)course_counter(FAULTLINE_PAGER, PAGER_STAT_MINOR_FAULTS);
    }
    return now;
}

static struct minor_count minor_since(struct minor_count start)
{
    struct minor_count now = minor_now();

    return (struct minor_count){now.process - start.process, now.system - start.system,
                                now.major - start.major};
}

/* Writes each page, or reads it, and counts the faults that takes. */
static void minor_pass(int pass, volatile unsigned char *memory, size_t pages, int write)
{
    struct minor_count start = minor_now();

    if (write)
        course_write(memory, pages, 1);
    else
        course_read(memory, pages);
    minor_shared->counts[pass] = minor_since(start);
}

/* Counts its own faults, fills what it shares, and stays until its parent has counted. */
static _Noreturn void minor_child(volatile unsigned char *filled, size_t pages)
{
    course_await(&minor_shared->turn, TURN_CHILD);
    minor_pass(PASS_CHILD, course_map(2 * pages, MAP_PRIVATE), 2 * pages, 1);
    course_write(filled, pages, 1);
    minor_shared->turn = TURN_PARENT;
    course_await(&minor_shared->turn, TURN_END);
    _exit(0);
}

static void minor_run(size_t pages)
{
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    volatile unsigned char *filled = course_map(pages, MAP_SHARED);
    pid_t pid;

    minor_pass(PASS_ZERO, memory, pages, 0);
    minor_pass(PASS_FILL, memory, pages, 1);
    minor_pass(PASS_AGAIN, memory, pages, 1);
    pid = course_child();
    if (pid == 0)
        minor_child(filled, pages);
    minor_now(); /* this process's stack is its own again: it will not fault while the child counts */
    minor_shared->turn = TURN_CHILD;
    course_await(&minor_shared->turn, TURN_PARENT);
    minor_pass(PASS_COPY, memory, pages, 1);
    minor_pass(PASS_SHARED, filled, pages, 1);
    minor_shared->turn = TURN_END;
    course_wait(pid);
    course_unmap(memory, pages);
    course_unmap(filled, pages);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 16);

    minor_shared = (struct minor_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    minor_run(pages);
    minor_run(pages);
    printf("%-44s  %8s  %8s  %8s\n", "pages", "process", "system", "major");
    for (int pass = 0; pass < PASSES; pass++)
        printf("%-44s  %8ld  %8ld  %8ld\n", minor_passes[pass], minor_shared->counts[pass].process,
               minor_shared->counts[pass].system, minor_shared->counts[pass].major);
    return 0;
}
