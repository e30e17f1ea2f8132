/* The stack grows on fault, down to its limit; the heap grows by sbrk and is given back; beyond either,
 * and in what lies between, there is nothing.
 *
 * usage: stack_heap [PAGES [KIB]]      (pages of each to touch; limit of the stack)
 *
 * What ends badly is done by children; their parent reports how they ended. */
#include "course.h"

#define CHUNK 64ul /* in KiB: how exactly a stack's size is told */
#define USED  32ul /* pages of stack that counting may have used */

/* Touches whole pages of stack, so many pages apart from where it stands.  Returns: what that took. */
static struct course_count __attribute__((noinline)) stack_touch(size_t apart, size_t pages)
{
    volatile unsigned char *room = __builtin_alloca((apart + pages + 1) * COURSE_PAGE);
    volatile unsigned char *first = room + -(uintptr_t)room % COURSE_PAGE;
    struct course_count start = course_now();

    for (size_t i = pages; i-- > 0;)
        first[i * COURSE_PAGE] = 1;
    return course_since(start);
}

/* Uses ever more stack, and tells the deepest address used. */
static int __attribute__((noinline)) stack_descend(volatile uintptr_t *deepest, long levels)
{
    volatile unsigned char room[1024];

    room[0] = 1;
    *deepest = (uintptr_t)room;
    return levels > 0 ? stack_descend(deepest, levels - 1) + room[0] : 0;
}

/* A child goes as deep as the limit lets it.  Prints how deep that was, and its end. */
static void stack_exhaust(unsigned long limit_kib)
{
    volatile uintptr_t *deepest = (volatile uintptr_t *)(uintptr_t)course_map(1, MAP_SHARED);
    struct rlimit limit = {limit_kib * 1024, limit_kib * 1024};
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const char *end;
    pid_t pid = fork();

    if (pid == 0) {
        setrlimit(RLIMIT_STACK, &limit);
        _exit(stack_descend(deepest, 1 << 20));
    }
    end = course_wait(pid);
    printf("With a stack of %lu KiB a child used some %lu KiB of it: %s.\n", limit_kib,
           ((here - *deepest) / 1024 + CHUNK - 1) / CHUNK * CHUNK, end);
}

static void heap_show(size_t pages)
{
    size_t bytes = pages * COURSE_PAGE;
    struct course_count start;
    volatile unsigned char *heap;

    sbrk((intptr_t)(-(uintptr_t)sbrk(0) % COURSE_PAGE));
    start = course_now();
    heap = sbrk((intptr_t)bytes);
    course_line("heap: the break is moved up", course_since(start));
    start = course_now();
    course_write(heap, pages, 1);
    course_line("heap: each page is written", course_since(start));
    start = course_now();
    sbrk(-(intptr_t)bytes);
    course_line("heap: the break is moved down again", course_since(start));
    sbrk((intptr_t)bytes);
    printf("Moved up once more, its pages hold a sum of %lu.\n", course_read(heap, pages));
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    struct course_count stack;
    uintptr_t end;

    stack_touch(USED, 1); /* tries the code */
    stack = stack_touch(2 * USED, pages);
    course_head("step");
    course_line("stack: each page is written", stack);
    heap_show(pages);
    end = (uintptr_t)sbrk(0);
    fflush(stdout);
    printf("The last byte of the heap"
           ": %s.\n",
           course_try((volatile unsigned char *)(end - 1), COURSE_READ));
    printf("The byte past the break"
           ": %s.\n",
           course_try((volatile unsigned char *)(end), COURSE_READ));
    printf("Half way between heap and stack"
           ": %s.\n",
           course_try((volatile unsigned char *)(end / 2 + (uintptr_t)&stack / 2), COURSE_READ));
    stack_exhaust(argc > 2 ? strtoul(argv[2], NULL, 10) : 1024);
    return 0;
}
