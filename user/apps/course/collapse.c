/* Chains stay short: in each generation a process forks, its child writes one page while both have it, and
 * the parent ends.  Every fork makes a chain longer, every end makes it shorter; after a thousand generations
 * nothing has piled up.
 *
 * usage: collapse [GENERATIONS [PAGES]]
 *
 * `objects` and `frames` are the whole system's, against those after the first ten generations. */
#include "view.h"

#define COLLAPSE_EARLY 10

struct collapse_state {
    unsigned longest; /* objects of the chain while parent and child live, the most there were */
    unsigned depth;   /* when the parent has ended */
    unsigned pages;   /* of the chain then */
    long objects;
    long frames;
    long shadows; /* made since the start */
    long merges;
    long copies;
};

/* Outlives all generations. */
struct collapse_shared {
    volatile int turn; /* the generation whose child has written */
    volatile int done;
    struct collapse_state early;
    struct collapse_state late;
};

static struct collapse_shared *collapse_shared;

static void collapse_note(struct collapse_state *state, const volatile unsigned char *memory)
{
    struct view_chain chain = view_chain(memory);

    state->depth = chain.count;
    state->pages = 0;
    for (unsigned i = 0; i < chain.count; i++)
        state->pages += chain.object[i].pages;
    state->objects = view_figure("/proc/vmstat", "nr_objects");
    state->shadows = view_figure("/proc/vmstat", "shadow_objects");
    state->merges = view_figure("/proc/vmstat", "shadow_merges");
    state->copies = view_figure("/proc/vmstat", "cow_copies");
    state->frames = course_frames();
}

/* The child of a generation: writes a page while its parent waits, and stays alone. */
static void collapse_take_over(volatile unsigned char *memory, size_t pages, int generation)
{
    struct view_chain chain;
    pid_t parent = getppid();

    memory[(size_t)generation % pages * COURSE_PAGE] = (unsigned char)generation;
    chain = view_chain(memory);
    if (chain.count > collapse_shared->late.longest)
        collapse_shared->late.longest = chain.count;
    collapse_shared->turn = generation;
    while (getppid() == parent)
        sched_yield();
}

static void collapse_generations(int generations, size_t pages)
{
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);

    course_write(memory, pages, 1);
    for (int generation = 1; generation <= generations; generation++) {
        pid_t pid = fork();

        if (pid < 0)
            break;
        if (pid > 0) {
            course_await(&collapse_shared->turn, generation);
            _exit(0);
        }
        collapse_take_over(memory, pages, generation);
        if (generation == COLLAPSE_EARLY)
            collapse_note(&collapse_shared->early, memory);
    }
    collapse_note(&collapse_shared->late, memory);
    collapse_shared->done = 1;
    _exit(0);
}

static void collapse_report(int generations, size_t pages)
{
    const struct collapse_state *early = &collapse_shared->early, *late = &collapse_shared->late;
    int since = generations - COLLAPSE_EARLY;

    printf("%-52s  %8s\n", "what", "number");
    printf("%-52s  %8u\n", "longest chain while parent and child lived", late->longest);
    printf("%-52s  %8u\n", "chain of the last one, alone", late->depth);
    printf("%-52s  %8u\n", "pages in it", late->pages);
    printf("%-52s  %8ld\n", "objects more than after 10 generations",
           late->objects - early->objects);
    printf("%-52s  %8ld\n", "frames more than after 10 generations", late->frames - early->frames);
    printf("In each generation: %s shadow objects, %s merge, %s copy.\n",
           late->shadows - early->shadows >= 2L * since ? "two or more" : "too few",
           late->merges - early->merges >= since ? "at least one" : "no",
           late->copies - early->copies >= since ? "at least one" : "no");
    printf("%d generations, %zu pages: %s.\n", generations, pages,
           collapse_shared->turn == generations ? "all of them" : "cut short");
}

int main(int argc, char **argv)
{
    int generations = argc > 1 ? atoi(argv[1]) : 1000;
    size_t pages = argc > 2 ? strtoul(argv[2], NULL, 10) : 16;
    pid_t pid;

    if (generations <= COLLAPSE_EARLY || pages == 0 || pages > COURSE_PAGES_MAX) {
        fprintf(stderr, "usage: %s [GENERATIONS [PAGES]]   (more than %d; 1 to %lu)\n", argv[0],
                COLLAPSE_EARLY, COURSE_PAGES_MAX);
        return 2;
    }
    collapse_shared = (struct collapse_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    pid = course_child();
    if (pid == 0)
        collapse_generations(generations, pages);
    course_await(&collapse_shared->done, 1);
    course_wait(pid);
    collapse_report(generations, pages);
    return 0;
}
