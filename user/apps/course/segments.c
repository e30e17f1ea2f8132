/* A program is paged from its file: constants and code in place, shared by all who run it; initialised data
 * copied by the first write; what begins as zeros a frame filled with them.
 *
 * usage: segments [PAGES]      (1 to 64)
 *
 * Two copies run at once: this one, and one that it starts. */
#include "course.h"

#define PAGES_MAX 64
#define AROUND    16ul /* pages that a fault may map with its own: nobody else's fault reaches ours */
#define BYTES     ((AROUND + PAGES_MAX + AROUND) * COURSE_PAGE)
#define FIRST     (AROUND * COURSE_PAGE)

static const unsigned char segments_constants[BYTES] __attribute__((aligned(4096))) = {[FIRST] = 7};
static unsigned char segments_data[BYTES] __attribute__((aligned(4096))) = {[FIRST] = 7};
static unsigned char segments_zeros[BYTES] __attribute__((aligned(4096)));
/* Counting is tried on these first. */
static unsigned char segments_trial[COURSE_PAGE] __attribute__((aligned(4096))) = {7};

/* Prints what reading or writing so many pages takes.  Returns: the sum of what was read. */
static unsigned long segments_pass(const char *what, volatile unsigned char *bytes, size_t pages,
                                   int write)
{
    struct course_count start = course_now(), count;
    unsigned long sum = 0;

    if (write)
        course_write(bytes, pages, 9);
    else
        sum = course_read(bytes, pages);
    count = course_since(start);
    if (what)
        course_line(what, count);
    return sum;
}

/* Does all passes in the copy `who`. */
static void segments_run(const char *who, size_t pages)
{
    volatile unsigned char *constants =
        (volatile unsigned char *)(uintptr_t)(segments_constants + FIRST);
    volatile unsigned char *data = segments_data + FIRST;
    unsigned long sum;

    madvise((void *)constants, PAGES_MAX * COURSE_PAGE, MADV_RANDOM); /* one page a fault */
    madvise((void *)data, PAGES_MAX * COURSE_PAGE, MADV_RANDOM);
    segments_pass(NULL, segments_trial, 1, 0);
    segments_pass(NULL, segments_trial, 1, 1);
    course_head(who);
    segments_pass("read constants", constants, pages, 0);
    sum = segments_pass("read initialised data", data, pages, 0);
    segments_pass("write initialised data", data, pages, 1);
    segments_pass("read uninitialised data", segments_zeros, pages, 0);
    segments_pass("write uninitialised data", segments_zeros, pages, 1);
    printf("Found in its initialised data: %lu.\n", sum);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 16);
    char *second[] = {argv[0], argc > 1 ? argv[1] : (char[]){"16"}, (char[]){"second"}, NULL};

    if (pages > PAGES_MAX)
        pages = PAGES_MAX;
    if (argc > 2) {
        segments_run(argv[2], pages);
        return 0;
    }
    segments_run("first", pages);
    printf("The other copy: %s.\n", course_wait(faultline_spawn(second)));
    return 0;
}
