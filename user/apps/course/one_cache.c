/* One cache: read(), write() and every mapping of a file use the same frames.
 *
 * A file of PAGES pages is written, mapped, stored to, and read back; the frames in use tell whether
 * anybody made a copy.  MADV_RANDOM: each page comes by a fault of its own.
 *
 * usage: one_cache [PAGES] */
#include "course.h"

#include <fcntl.h>
#include <string.h>

static char cache_buffer[COURSE_PAGES_MAX * COURSE_PAGE];
static int cache_file;

static volatile unsigned char *cache_map(size_t pages, int sharing)
{
    void *memory = mmap(NULL, pages * COURSE_PAGE, PROT_READ | PROT_WRITE, sharing, cache_file, 0);

    if (memory == MAP_FAILED || madvise(memory, pages * COURSE_PAGE, MADV_RANDOM)) {
        perror("one_cache: mmap");
        exit(2);
    }
    return memory;
}

static void cache_check(ssize_t bytes, size_t pages)
{
    if (bytes == (ssize_t)(pages * COURSE_PAGE))
        return;
    perror("one_cache");
    exit(2);
}

/* Writes the file anew: page i begins with `byte`, the rest is zero. */
static void cache_write(size_t pages, char byte)
{
    for (size_t i = 0; i < pages; i++)
        cache_buffer[i * COURSE_PAGE] = byte;
    cache_check(pwrite(cache_file, cache_buffer, pages * COURSE_PAGE, 0), pages);
}

/* Reads all of the file by read().  Returns: pages that begin with `byte`. */
static size_t cache_read(size_t pages, char byte)
{
    size_t found = 0;

    cache_check(pread(cache_file, cache_buffer, pages * COURSE_PAGE, 0), pages);
    for (size_t i = 0; i < pages; i++)
        found += cache_buffer[i * COURSE_PAGE] == byte;
    return found;
}

static size_t cache_seen(const volatile unsigned char *memory, size_t pages, char byte)
{
    return course_read(memory, pages) / (unsigned char)byte;
}

/* --- the steps --- */
struct cache_step {
    const char *what;
    struct course_count count;
    size_t pages; /* that held what they should */
};

static struct cache_step cache_steps[20];
static int cache_step_count;

/* Notes one step: what it does, and how many pages hold then what they should. */
#define CACHE_STEP(what, does, found)                                                            \
    do {                                                                                         \
        struct course_count start = course_now();                                                \
        does;                                                                                    \
        cache_steps[cache_step_count++] = (struct cache_step){what, course_since(start), found}; \
    } while (0)

static void cache_show_calls(size_t pages)
{
    size_t seen = 0;

    CACHE_STEP("write() the file", cache_write(pages, 'w'), pages);
    CACHE_STEP("read() it", seen = cache_read(pages, 'w'), seen);
}

static void cache_show_mappings(size_t pages)
{
    volatile unsigned char *one = cache_map(pages, MAP_SHARED), *two = cache_map(pages, MAP_SHARED),
                           *own = cache_map(pages, MAP_PRIVATE);
    size_t seen = 0;

    CACHE_STEP("store to each page by a shared mapping", course_write(one, pages, 's'), pages);
    CACHE_STEP("load each page by another one", seen = cache_seen(two, pages, 's'), seen);
    CACHE_STEP("load each page by a private one", seen = cache_seen(own, pages, 's'), seen);
    CACHE_STEP("read() sees the stores", seen = cache_read(pages, 's'), seen);
    CACHE_STEP("write() the file again", cache_write(pages, 'W'), pages);
    CACHE_STEP("the shared mapping sees it", seen = cache_seen(one, pages, 'W'), seen);
    CACHE_STEP("the private one, not yet written, too", seen = cache_seen(own, pages, 'W'), seen);
    CACHE_STEP("store to each page of the private one", course_write(own, pages, 'p'), pages);
    CACHE_STEP("read() does not see that", seen = cache_read(pages, 'W'), seen);
    CACHE_STEP("unmap the private one", course_unmap(own, pages), pages);
    close(cache_file);
    course_unmap(one, pages);
    CACHE_STEP("unmap the last mapping: the file goes", course_unmap(two, pages), pages);
}

static void cache_run(size_t pages)
{
    cache_step_count = 0;
    cache_file = open("/tmp/one_cache", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/one_cache");
    cache_show_calls(pages);
    cache_show_mappings(pages);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);

    cache_run(pages);
    cache_run(pages);
    printf("%-44s  %8s  %8s  %8s\n", "step", "faults", "frames", "pages");
    for (int i = 0; i < cache_step_count; i++)
        printf("%-44s  %8ld  %8ld  %8zu\n", cache_steps[i].what, cache_steps[i].count.faults,
               cache_steps[i].count.frames, cache_steps[i].pages);
    return 0;
}
