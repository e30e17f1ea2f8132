/* Which accesses each protection of mmap and mprotect allows, tried by children.
 *
 * usage: protections */
#include "course.h"

#include <string.h>

#define CODE_BYTES 64

static const struct {
    const char *name;
    int protection;
} protections_kinds[] = {
    {"none", PROT_NONE},
    {"read", PROT_READ},
    {"write", PROT_WRITE},
    {"read, write", PROT_READ | PROT_WRITE},
    {"read, execute", PROT_READ | PROT_EXEC},
    {"read, write, execute", PROT_READ | PROT_WRITE | PROT_EXEC},
};
#define PROTECTIONS_KINDS (sizeof protections_kinds / sizeof protections_kinds[0])

/* What is executed: a copy of this function's first bytes. */
static int __attribute__((noinline, aligned(64))) protections_seven(void)
{
    return 7;
}

int main(void)
{
    volatile unsigned char *page = course_map(1, MAP_PRIVATE);

    memcpy((void *)page, (const void *)(uintptr_t)protections_seven, CODE_BYTES);
    __builtin___clear_cache((char *)page, (char *)page + CODE_BYTES);
    setvbuf(stdout, NULL, _IONBF, 0); /* nothing is left for a child to print once more */
    printf("%-20s  %-18s  %-18s  %s\n", "a page with", "read", "write", "execute");
    for (size_t i = 0; i < PROTECTIONS_KINDS; i++) {
        mprotect((void *)page, COURSE_PAGE, protections_kinds[i].protection);
        printf("%-20s", protections_kinds[i].name);
        for (int access = COURSE_READ; access <= COURSE_EXECUTE; access++)
            printf("  %-18s", course_try(page, (enum course_access)access));
        printf("\n");
    }
    return 0;
}
