/* The structures behind a program's memory: its space has entries, an entry shows an object, an object holds
 * pages; what an object does not hold it shows from the one below.  A fork puts two new objects over each
 * private one that holds pages, and an end takes one of them away.
 *
 * usage: structures [PAGES]
 *
 * A chain is written top first, with the pages that each object holds. */
#include "view.h"

static unsigned char structures_data[COURSE_PAGE] = {7};

struct structures_shared {
    volatile int turn;
    char child[160];       /* its chain */
    char child_wrote[160]; /* the same when it has written */
};

static void structures_line(const char *what, const char *chain)
{
    printf("%-44s  %s\n", what, chain);
}

static void structures_show(const char *what, const volatile void *address)
{
    struct view_chain chain = view_chain(address);
    char text[160];

    view_format_chain(&chain, text, sizeof text);
    structures_line(what, text);
}

/* Private objects of this process that hold pages. */
static long structures_count_private(void)
{
    const char *line = view_read("/proc/self/objects");
    struct view_object object;
    char rights[5] = "";
    bool first = false; /* the line is the top of a chain */
    long count = 0;

    for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        object.charged = 0;
        if (first && view_read_object(line, &object) && object.charged && object.pages > 0)
            count++;
        first = sscanf(line, "%*x-%*x %4s", rights) == 1 && rights[3] == 'p';
    }
    return count;
}

static void structures_child(struct structures_shared *shared, volatile unsigned char *memory,
                             size_t pages)
{
    struct view_chain chain = view_chain(memory);

    view_format_chain(&chain, shared->child, sizeof shared->child);
    course_write(memory, pages / 2, 2);
    chain = view_chain(memory);
    view_format_chain(&chain, shared->child_wrote, sizeof shared->child_wrote);
    shared->turn = 1;
    course_await(&shared->turn, 2);
    _exit(0);
}

static void structures_fork(volatile unsigned char *memory, size_t pages)
{
    struct structures_shared *shared =
        (struct structures_shared *)(uintptr_t)course_map(1, MAP_SHARED);
    long shadows, objects = structures_count_private();
    pid_t pid;

    shadows = view_figure("/proc/vmstat", "shadow_objects");
    fflush(stdout);
    pid = course_child();
    if (pid == 0)
        structures_child(shared, memory, pages);
    course_await(&shared->turn, 1);
    shadows = view_figure("/proc/vmstat", "shadow_objects") - shadows;
    structures_line("forked: the child's memory", shared->child);
    structures_line("the child wrote half of it", shared->child_wrote);
    structures_show("the parent's memory meanwhile", memory);
    course_write(memory, pages / 2, 3);
    structures_show("the parent wrote the same half", memory);
    shared->turn = 2;
    printf("The child ended: %s.\n", course_wait(pid));
    structures_show("the parent's memory, alone again", memory);
    printf("New objects for each private one that held pages: %ld, remainder %ld.\n",
           shadows / objects, shadows % objects);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 16);
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    volatile unsigned char *shared = course_map(pages, MAP_SHARED);
    int local = 0;

    *(volatile unsigned char *)structures_data = 8;
    course_write(memory, pages, 1);
    course_write(shared, pages, 1);
    printf("%-44s  %s\n", "area", "chain of objects");
    structures_show("text", (const void *)(uintptr_t)main);
    structures_show("initialised data, written", structures_data);
    structures_show("stack", &local);
    structures_show("private memory, written", memory);
    structures_show("shared memory, written", shared);
    structures_fork(memory, pages);
    return 0;
}
