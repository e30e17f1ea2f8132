/* What mmap and munmap promise: sharing, addresses, parts, errors.  (Protections: protections.c.)
 *
 * usage: mappings [PAGES]
 *
 * Whatever may end badly is done by a child. */
#include "course.h"

#include <fcntl.h>

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static void mappings_sharing(const char *what, int sharing)
{
    volatile unsigned char *page = course_map(1, sharing);

    *page = 0;
    course_try(page, COURSE_WRITE);
    printf("%-44s  %s\n", what, *page ? "seen" : "not seen");
    course_unmap(page, 1);
}

/* Maps a page, and says where it came to lie. */
static void mappings_address(const char *what, volatile unsigned char *wish, int flags)
{
    unsigned char *page = mmap((void *)wish, COURSE_PAGE, RW, PRIVATE | flags, -1, 0);

    if (page == MAP_FAILED)
        printf("%-44s  %s\n", what, course_outcome(-1));
    else
        printf("%-44s  %s, byte %d\n", what, page == wish ? "there" : "elsewhere", *page);
    if (page != MAP_FAILED)
        munmap(page, COURSE_PAGE);
}

static void mappings_addresses(void)
{
    volatile unsigned char *taken = course_map(2, MAP_PRIVATE);

    course_unmap(taken + COURSE_PAGE, 1);
    *taken = 9;
    mappings_address("at a hint that is free", taken + COURSE_PAGE, 0);
    mappings_address("at a hint that is taken", taken, 0);
    mappings_address("fixed, not to replace, taken", taken, MAP_FIXED_NOREPLACE);
    mappings_address("fixed, taken: it is replaced", taken, MAP_FIXED);
}

/* Unmaps every second page of some. */
static void mappings_parts(size_t pages)
{
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    unsigned long sum = 0;
    long frames;

    course_write(memory, pages, 1);
    frames = course_frames();
    for (size_t i = 1; i < pages; i += 2)
        munmap((void *)(memory + i * COURSE_PAGE), COURSE_PAGE);
    frames -= course_frames();
    for (size_t i = 0; i < pages; i += 2)
        sum += memory[i * COURSE_PAGE];
    printf("%-44s  %ld given back, %lu kept\n", "every second page unmapped", frames, sum);
    printf("%-44s  %s\n", "what is kept", course_try(memory, COURSE_READ));
    printf("%-44s  %s\n", "what was unmapped", course_try(memory + COURSE_PAGE, COURSE_READ));
    course_unmap(memory, pages);
}

/* A file of two pages and a half, open to be read, its name gone.  Page i begins with byte i + 1. */
static int mappings_file(void)
{
    unsigned char bytes[COURSE_PAGE * 5 / 2] = {1};
    char path[40];
    int file, same;

    bytes[COURSE_PAGE] = 2;
    bytes[2 * COURSE_PAGE] = 3;
    snprintf(path, sizeof path, "/tmp/mappings.%d", (int)getpid());
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (write(file, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        perror(path);
    same = open(path, O_RDONLY);
    unlink(path);
    close(file);
    return same;
}

/* Maps four pages of the file from its second page on: half of the second one is past its end. */
static void mappings_offset(int file)
{
    volatile unsigned char *memory =
        mmap(NULL, 4 * COURSE_PAGE, RW, MAP_PRIVATE, file, (off_t)COURSE_PAGE);

    if (memory == MAP_FAILED) {
        perror("mappings: a file");
        return;
    }
    printf("%-44s  byte %d\n", "a file from its second page on", *memory);
    printf("%-44s  byte %d\n", "its last page, behind its end", memory[2 * COURSE_PAGE - 1]);
    printf("%-44s  %s\n", "the page behind that",
           course_try(memory + 2 * COURSE_PAGE, COURSE_READ));
    course_unmap(memory, 4);
}

static void mappings_error(const char *what, intptr_t result)
{
    printf("%-44s  %s\n", what, course_outcome(result));
}

static intptr_t mappings_map(size_t bytes, int flags, int fd, off_t offset)
{
    return (intptr_t)mmap(NULL, bytes, RW, flags, fd, offset);
}

static void mappings_errors(int file)
{
    unsigned char *page = (unsigned char *)(uintptr_t)course_map(1, MAP_PRIVATE);

    mappings_error("map no bytes", mappings_map(0, PRIVATE, -1, 0));
    mappings_error("map more than all addresses", mappings_map(1ul << 62, PRIVATE, -1, 0));
    mappings_error("map neither shared nor private", mappings_map(1, MAP_ANONYMOUS, -1, 0));
    mappings_error("map a file that is not open", mappings_map(1, MAP_PRIVATE, 99, 0));
    mappings_error("map from half a page on", mappings_map(1, PRIVATE, -1, 2048));
    mappings_error("map a file from half a page on", mappings_map(1, MAP_SHARED, file, 2048));
    mappings_error("map a file that is open to read, private",
                   mappings_map(1, MAP_PRIVATE, file, 0));
    mappings_error("the same, shared and writable", mappings_map(1, MAP_SHARED, file, 0));
    mappings_error("map fixed at half a page",
                   (intptr_t)mmap(page + 2048, 1, RW, PRIVATE | MAP_FIXED, -1, 0));
    mappings_error("unmap from half a page on", munmap(page + 2048, COURSE_PAGE));
    mappings_error("unmap no bytes", munmap(page, 0));
    mappings_error("unmap it", munmap(page, COURSE_PAGE));
    mappings_error("unmap it again", munmap(page, COURSE_PAGE));
    mappings_error("protect it then", mprotect(page, COURSE_PAGE, PROT_READ));
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 16);
    int file = mappings_file();

    setvbuf(stdout, NULL, _IONBF, 0); /* nothing is left for a child to print once more */
    printf("%-44s  %s\n", "memory", "what came of it");
    mappings_sharing("private: what a child writes, its parent has", MAP_PRIVATE);
    mappings_sharing("shared: what a child writes, its parent has", MAP_SHARED);
    mappings_addresses();
    mappings_parts(pages);
    mappings_offset(file);
    mappings_errors(file);
    return 0;
}
