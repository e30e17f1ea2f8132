/* Fault-around: a fault on a page of a file maps pages near it that are in memory, as many as the advice
 * lets expect a use for.
 *
 * usage: prefetch [PAGES]
 *
 * A file of so many pages is read through a mapping of its own for each line of the table: every page in
 * order, or every eighth page's worth of them anywhere. */
#include "course.h"

#include <fcntl.h>

#define PREFETCH_ALIGNED (512 * COURSE_PAGE) /* so that the model knows where windows begin */

static const struct {
    const char *what;
    int advice;
    int scattered;
} prefetch_lines[] = {
    {"in order, NORMAL", MADV_NORMAL, 0},         {"in order, RANDOM", MADV_RANDOM, 0},
    {"in order, SEQUENTIAL", MADV_SEQUENTIAL, 0}, {"scattered, NORMAL", MADV_NORMAL, 1},
    {"scattered, RANDOM", MADV_RANDOM, 1},        {"scattered, SEQUENTIAL", MADV_SEQUENTIAL, 1},
};
#define PREFETCH_LINES (sizeof prefetch_lines / sizeof prefetch_lines[0])

/* A file whose page i begins with byte i.  Returns: its descriptor. */
static int prefetch_make_file(size_t pages)
{
    unsigned char page[COURSE_PAGE] = {0};
    char path[40];
    int file;

    snprintf(path, sizeof path, "/tmp/prefetch.%d", (int)getpid());
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < pages; i++) {
        page[0] = (unsigned char)i;
        if (write(file, page, sizeof page) != (ssize_t)sizeof page) {
            perror(path);
            exit(2);
        }
    }
    unlink(path);
    return file;
}

/* Maps the file at a multiple of PREFETCH_ALIGNED, in room that was mapped for it. */
static volatile unsigned char *prefetch_map(int file, size_t pages, int advice)
{
    size_t bytes = pages * COURSE_PAGE;
    unsigned char *room = mmap(NULL, bytes + PREFETCH_ALIGNED, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char *start = room + -(uintptr_t)room % PREFETCH_ALIGNED;

    if (room == MAP_FAILED ||
        mmap(start, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED ||
        madvise(start, bytes, advice) != 0) {
        perror("prefetch: mmap");
        exit(2);
    }
    return start;
}

/* Reads all pages in order, or an eighth of them by a fixed series of random numbers.  Returns: the sum. */
static unsigned long prefetch_read(const volatile unsigned char *memory, size_t pages,
                                   int scattered)
{
    unsigned long sum = 0;
    unsigned seed = 1;

    if (!scattered)
        return course_read(memory, pages);
    for (size_t i = 0; i < pages / 8; i++) {
        seed = seed * 1664525u + 1013904223u;
        sum += memory[(seed >> 8) % pages * COURSE_PAGE];
    }
    return sum;
}

static void prefetch_line(size_t line, int file, size_t pages, int tell)
{
    volatile unsigned char *memory = prefetch_map(file, pages, prefetch_lines[line].advice);
    uint64_t neighbours = course_counter(FAULTLINE_PAGER, PAGER_STAT_NEIGHBOURS);
    long faults = course_faults();
    unsigned long sum = prefetch_read(memory, pages, prefetch_lines[line].scattered);

    faults = course_faults() - faults;
    neighbours = course_counter(FAULTLINE_PAGER, PAGER_STAT_NEIGHBOURS) - neighbours;
    if (tell)
        printf("%-24s  %8ld  %14llu  %8lu\n", prefetch_lines[line].what, faults,
               (unsigned long long)neighbours, sum);
    munmap((void *)memory, pages * COURSE_PAGE);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 256);
    int file = prefetch_make_file(pages);

    prefetch_line(0, file, pages, 0);
    prefetch_line(PREFETCH_LINES - 1, file, pages, 0);
    printf("%-24s  %8s  %14s  %8s\n", "access", "faults", "mapped beside", "sum");
    for (size_t line = 0; line < PREFETCH_LINES; line++)
        prefetch_line(line, file, pages, 1);
    return 0;
}
