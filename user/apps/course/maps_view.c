/* What a program has mapped, as /proc/self/maps tells it: one of everything, and the line that shows it.
 *
 * usage: maps_view [PAGES] */
#include "view.h"

static const unsigned char maps_constant[16] = {1};
static unsigned char maps_data[16] = {1};
static unsigned char maps_zeros[4 * COURSE_PAGE];

static size_t maps_pages;

/* Prints rights, size in pages (or "-": not ours to say), offset in pages, and name of the area at an address. */
static void maps_show(const char *what, const volatile void *address, bool ours)
{
    const char *line = view_find_area(view_read("/proc/self/maps"), address);
    unsigned long start, end, offset;
    char rights[8] = "none", name[64] = "", size[24] = "-";

    if (!line) {
        printf("%-26s  %s\n", what, rights);
        return;
    }
    sscanf(line, "%lx-%lx %7s %lx %*s %*u%*[ ]%63[^\n]", &start, &end, rights, &offset, name);
    if (ours)
        snprintf(size, sizeof size, "%lu", (end - start) / COURSE_PAGE);
    printf("%-26s  %s  %6s  %6lu  %s\n", what, rights, size, ours ? offset / COURSE_PAGE : 0,
           name[0] ? name : "(anonymous)");
}

static volatile unsigned char *maps_map(int protection, int flags, int fd, size_t first)
{
    void *memory =
        mmap(NULL, maps_pages * COURSE_PAGE, protection, flags, fd, (off_t)(first * COURSE_PAGE));

    if (memory != MAP_FAILED)
        return memory;
    perror("mmap");
    exit(2);
}

static int maps_make_file(void)
{
    int fd = open("/tmp/maps_view", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0 && ftruncate(fd, (off_t)((maps_pages + 1) * COURSE_PAGE)) == 0)
        return fd;
    perror("/tmp/maps_view");
    exit(2);
}

static void maps_show_files(void)
{
    int fd = maps_make_file();
    volatile unsigned char *shared = maps_map(PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile unsigned char *private = maps_map(PROT_READ, MAP_PRIVATE, fd, 1);

    maps_show("file, shared", shared, true);
    maps_show("file, private, from page 1", private, true);
    unlink("/tmp/maps_view");
    maps_show("the file has no name now", shared, true);
    course_unmap(shared, maps_pages);
    course_unmap(private, maps_pages);
    close(fd);
}

int main(int argc, char **argv)
{
    int local = 0;
    volatile unsigned char *heap, *private, *shared;

    maps_pages = course_pages(argc, argv, 3);
    heap = sbrk((intptr_t)COURSE_PAGE);
    private = maps_map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect((void *)private, COURSE_PAGE, PROT_NONE);
    shared = maps_map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("%-26s  %s  %6s  %6s  %s\n", "what", "rights", "pages", "offset", "name");
    maps_show("text", (const void *)(uintptr_t)main, false);
    maps_show("constants", maps_constant, false);
    maps_show("initialised data", maps_data, false);
    maps_show("uninitialised data", maps_zeros + 2 * COURSE_PAGE, false);
    maps_show("heap", heap, false);
    maps_show("stack", &local, false);
    maps_show("private memory", private + COURSE_PAGE, true);
    maps_show("its first page, PROT_NONE", private, true);
    maps_show("shared memory", shared, false);
    maps_show_files();
    maps_show("page 0", NULL, false);
    return 0;
}
