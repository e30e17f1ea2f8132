/* A program for runs that tell what paging costs: each phase visits as many pages as there are, and compares all of a
 * page with what was written to it last.
 *
 * usage: paging_phases MIB PHASE...
 *
 *    fill      writes all pages, in order (the first phase, without being named)
 *    read      reads all pages, in order
 *    rewrite   reads and writes all pages, in order
 *    seek      reads pages here and there
 *    change    reads and writes pages here and there
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PHASES_PAGE  4096u
#define PHASES_WORDS (PHASES_PAGE / sizeof(uint64_t))

struct phase {
    const char *name;
    int in_order;
    int reads;
    int writes;
};

static const struct phase fill = {"fill", 1, 0, 1};
static const struct phase others[] = {
    {"read", 1, 1, 0}, {"rewrite", 1, 1, 1}, {"seek", 0, 1, 0}, {"change", 0, 1, 1}};

static uint64_t *memory;
static uint32_t *times; /* that a page was written */
static uint64_t pages;
static uint64_t state = 1; /* of the choice of pages */

/* No two words of all pages and times are the same. */
static uint64_t content(uint64_t page, uint64_t word)
{
    return (uint64_t)times[page] << 48 | page << 16 | (word + 1);
}

static void write_page(uint64_t page)
{
    times[page]++;
    for (uint64_t i = 0; i < PHASES_WORDS; i++)
        memory[page * PHASES_WORDS + i] = content(page, i);
}

static int is_wrong(uint64_t page)
{
    uint64_t other = 0;

    for (uint64_t i = 0; i < PHASES_WORDS; i++)
        other |= memory[page * PHASES_WORDS + i] ^ content(page, i);
    return other != 0;
}

static uint64_t choose(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % pages;
}

static unsigned run(const struct phase *phase)
{
    unsigned wrong = 0;

    for (uint64_t i = 0; i < pages; i++) {
        uint64_t page = phase->in_order ? i : choose();

        if (phase->reads)
            wrong += (unsigned)is_wrong(page);
        if (phase->writes)
            write_page(page);
    }
    printf("%s: %u pages, %u wrong\n", phase->name, (unsigned)pages, wrong);
    return wrong;
}

static const struct phase *find(const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i].name) == 0)
            return &others[i];
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned wrong;

    pages = argc > 1 ? strtoul(argv[1], NULL, 10) * (1u << 20) / PHASES_PAGE : 0;
    for (int i = 2; i < argc; i++)
        if (!find(argv[i]))
            pages = 0;
    if (pages == 0) {
        fprintf(stderr, "usage: paging_phases MIB [read|rewrite|seek|change]...\n");
        return 2;
    }
    times = calloc(pages, sizeof *times);
    memory =
        mmap(NULL, pages * PHASES_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!times || memory == MAP_FAILED) {
        perror("paging_phases");
        return 2;
    }
    wrong = run(&fill);
    for (int i = 2; i < argc; i++)
        wrong += run(find(argv[i]));
    return wrong != 0;
}
