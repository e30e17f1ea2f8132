/* Demand-zero memory: nothing is allocated until it is touched; reads share one page of zeros; a write
 * gets a frame of its own.
 *
 * usage: demand_zero [PAGES] */
#include "course.h"

enum {
    STEP_MAP,
    STEP_READ,
    STEP_READ_AGAIN,
    STEP_WRITE,
    STEP_WRITE_AGAIN,
    STEP_UNMAP,
    STEP_FRESH,
    STEPS
};

static const char *const demand_steps[STEPS] = {
    [STEP_MAP] = "map the memory",
    [STEP_READ] = "read each page (all are the one page of zeros)",
    [STEP_READ_AGAIN] = "read each page again",
    [STEP_WRITE] = "write each page (a frame each)",
    [STEP_WRITE_AGAIN] = "write each page again",
    [STEP_UNMAP] = "unmap the memory",
    [STEP_FRESH] = "map again, write each page without reading",
};

/* Does one step of the experiment on *memory.  Returns: the sum of what it read. */
static unsigned long demand_step(int step, volatile unsigned char **memory, size_t pages)
{
    switch (step) {
    case STEP_MAP:
        *memory = course_map(pages, MAP_PRIVATE);
        return 0;
    case STEP_READ:
    case STEP_READ_AGAIN:
        return course_read(*memory, pages);
    case STEP_UNMAP:
        course_unmap(*memory, pages);
        return 0;
    case STEP_FRESH:
        *memory = course_map(pages, MAP_PRIVATE);
        break;
    }
    course_write(*memory, pages, 1);
    return 0;
}

/* Runs all steps and counts each.  Returns: the sum of what was read before any write. */
static unsigned long demand_run(size_t pages, struct course_count counts[STEPS])
{
    volatile unsigned char *memory = NULL;
    unsigned long sum = 0;

    for (int step = 0; step < STEPS; step++) {
        struct course_count start = course_now();

        sum += demand_step(step, &memory, pages);
        counts[step] = course_since(start);
    }
    course_unmap(memory, pages);
    return sum;
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    struct course_count counts[STEPS];
    unsigned long sum;

    demand_run(pages, counts);
    sum = demand_run(pages, counts);
    course_head("step");
    for (int step = 0; step < STEPS; step++)
        course_line(demand_steps[step], counts[step]);
    printf("The bytes read before any write add up to %lu.\n", sum);
    return 0;
}
