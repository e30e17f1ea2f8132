/* What the programs of this folder count with: page faults of this process, and frames.
 *
 * Frames are the whole system's: run such a program alone.  What else a program does between two counts
 * counts too: code that runs there for the first time, stack and data, so it is done once before, uncounted. */
#ifndef COURSE_H
#define COURSE_H

#include <errno.h>
#include <faultline/process.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define COURSE_PAGE      4096ul
#define COURSE_PAGES_MAX 4096ul

static inline uint64_t course_counter(enum faultline_source source, unsigned which)
{
    uint64_t value = 0;

    faultline_counter(source, which, &value);
    return value;
}

/* Minor faults of this process since it started. */
static inline long course_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage); /* brings in what counting itself touches */
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static inline uint64_t course_no_frames(void)
{
    return course_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) +
           course_counter(FAULTLINE_PAGER, PAGER_STAT_METADATA_FRAMES) +
           course_counter(FAULTLINE_KERNEL, FL_COUNTER_FRAMES_TABLE) +
           course_counter(FAULTLINE_KERNEL, FL_COUNTER_FRAMES_OBJECT);
}

/* Frames that hold pages, counted from any start: every frame that is not free, a page table, a kernel
 * object or a record of the pager. */
static inline long course_frames(void)
{
    course_no_frames(); /* as above */
    return -(long)course_no_frames();
}

/* Faults of this process and frames: as of now, or how many more. */
struct course_count {
    long faults;
    long frames;
};

static inline struct course_count course_now(void)
{
    long frames = course_frames();

    return (struct course_count){course_faults(), frames};
}

static inline struct course_count course_since(struct course_count start)
{
    long faults = course_faults() - start.faults;

    return (struct course_count){faults, course_frames() - start.frames};
}

/* The head of a table and its lines.  Columns are two or more blanks apart. */
static inline void course_head(const char *what)
{
    printf("%-48s  %8s  %8s\n", what, "faults", "frames");
}

static inline void course_line(const char *what, struct course_count count)
{
    printf("%-48s  %8ld  %8ld\n", what, count.faults, count.frames);
}

/* The number of pages that the program was asked for. */
static inline size_t course_pages(int argc, char **argv, size_t otherwise)
{
    size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : otherwise;

    if (pages > 0 && pages <= COURSE_PAGES_MAX)
        return pages;
    fprintf(stderr, "usage: %s [PAGES]   (1 to %lu)\n", argv[0], COURSE_PAGES_MAX);
    exit(2);
}

/* Fresh memory, private or shared by MAP_PRIVATE or MAP_SHARED. */
static inline volatile unsigned char *course_map(size_t pages, int sharing)
{
    void *memory =
        mmap(NULL, pages * COURSE_PAGE, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);

    if (memory != MAP_FAILED)
        return memory;
    perror("mmap");
    exit(2);
}

static inline void course_unmap(volatile unsigned char *memory, size_t pages)
{
    munmap((void *)memory, pages * COURSE_PAGE);
}

/* Reads the first byte of each page.  Returns: their sum. */
static inline unsigned long course_read(const volatile unsigned char *memory, size_t pages)
{
    unsigned long sum = 0;

    for (size_t i = 0; i < pages; i++)
        sum += memory[i * COURSE_PAGE];
    return sum;
}

/* Writes the first byte of each page. */
static inline void course_write(volatile unsigned char *memory, size_t pages, unsigned char byte)
{
    for (size_t i = 0; i < pages; i++)
        memory[i * COURSE_PAGE] = byte;
}

/* Lets others run until *turn, which lies in shared memory, is `number`. */
static inline void course_await(const volatile int *turn, int number)
{
    while (*turn != number)
        sched_yield();
}

/* fork, which must not fail here: its parent would wait for a child that there is not. */
static inline pid_t course_child(void)
{
    pid_t pid = fork();

    if (pid >= 0)
        return pid;
    perror("fork");
    exit(2);
}

/* A fork whose child goes on when *turn, which lies in shared memory, is `number`.  By then the parent's stack is its own
 * again: it takes no frame for it while the child counts. */
static inline pid_t course_fork(volatile int *turn, int number)
{
    pid_t pid = course_child();

    if (pid == 0) {
        course_await(turn, number);
    } else {
        course_now();
        *turn = number;
    }
    return pid;
}

/* Waits for a child.  Returns: what ended it, as text that stays until the next call. */
static inline const char *course_wait(pid_t pid)
{
    static char text[40];
    int status = 0;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        snprintf(text, sizeof text, "no child");
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "status %d", WEXITSTATUS(status));
    return text;
}

enum course_access { COURSE_READ, COURSE_WRITE, COURSE_EXECUTE };

/* A child reads, writes or executes at an address.  Returns: what came of it, as course_wait. */
static inline const char *course_try(volatile unsigned char *address, enum course_access access)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (access == COURSE_READ)
            (void)*address;
        else if (access == COURSE_WRITE)
            *address = 1;
        else
            ((void (*)(void))(uintptr_t)address)();
        _exit(0);
    }
    return course_wait(pid);
}

/* The outcome of a call that returns -1 or MAP_FAILED when it fails, with the error's name. */
static inline const char *course_outcome(intptr_t result)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {{EINVAL, "EINVAL"}, {ENOMEM, "ENOMEM"}, {EEXIST, "EEXIST"}, {EBADF, "EBADF"},
                 {EACCES, "EACCES"}, {EFAULT, "EFAULT"}, {ENODEV, "ENODEV"}, {EPERM, "EPERM"},
                 {EAGAIN, "EAGAIN"}, {EBUSY, "EBUSY"}};

    for (size_t i = 0; result == -1 && i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == errno)
            return names[i].name;
    return result == -1 ? "another error" : "done";
}

#endif
