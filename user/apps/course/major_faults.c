/* Major faults: the page is on a disk, and who touches it waits.  Pages that come along with it are then in
 * memory: each of them is a minor fault, or none where it was mapped beside the other.  Wants a disk for swap:
 * faultline-run -s 16M major_faults
 *
 * usage: major_faults [PAGES] */
#include "course.h"

struct major_count {
    long minor, major;
};

static struct major_count major_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage); /* brings in what counting itself touches */
    getrusage(RUSAGE_SELF, &usage);
    return (struct major_count){usage.ru_minflt, usage.ru_majflt};
}

/* All pages leave, to the last byte: one that is found while it is written would be a minor fault. */
static void major_put_out(volatile unsigned char *memory, size_t pages)
{
    madvise((void *)memory, pages * COURSE_PAGE, MADV_PAGEOUT);
    while (course_counter(FAULTLINE_PAGER, PAGER_STAT_DISK_REQUESTS) > 0)
        sched_yield();
}

/* Touches each page and prints what that took.  Returns: the sum of their first bytes. */
static unsigned long major_pass(const char *what, volatile unsigned char *memory, size_t pages,
                                int write)
{
    struct major_count before = major_now(), after;
    unsigned long sum = 0;

    for (size_t page = 0; page < pages; page++) {
        if (write)
            memory[page * COURSE_PAGE] = (unsigned char)(page % 255 + 1);
        sum += memory[page * COURSE_PAGE];
    }
    after = major_now();
    printf("%-28s  %6ld  %6s  %8lu\n", what,
           after.minor - before.minor + after.major - before.major,
           after.major > before.major ? "yes" : "no", sum);
    return sum;
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    unsigned long sum;
    int same;

    printf("%-28s  %6s  %6s  %8s\n", "pages", "faults", "major", "sum");
    sum = major_pass("written", memory, pages, 1);
    major_put_out(memory, pages);
    same = sum == major_pass("put out, then read", memory, pages, 0);
    same &= sum == major_pass("read again", memory, pages, 0);
    major_put_out(memory, pages);
    same &= sum == major_pass("put out, then written", memory, pages, 1);
    return same ? 0 : 1;
}
