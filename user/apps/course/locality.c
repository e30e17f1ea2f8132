/* Memory as a cache for disk: a program that uses much memory, but not all of it at a time.
 *
 * usage: locality [MIB [VISITS]]
 *
 * All pages are filled in order; then nine visits of ten go to pages in a window of an eighth of them,
 * which moves on by a page with every sixteenth visit, and one goes anywhere.  A visit reads the whole page and
 * compares it with what was written last; every third one writes it anew.  How long that takes depends on how
 * much memory there is; what is read does not. */
#include "course.h"

#define LOCALITY_WORDS   (COURSE_PAGE / sizeof(uint64_t))
#define LOCALITY_MIB_MAX 1024ul

static struct {
    uint64_t *memory;
    uint32_t *written; /* times, by page */
    size_t pages;
    size_t window; /* its first page */
    uint64_t random;
    unsigned long wrong;
} locality;

/* What word 0 of a page holds; each further word is one more. */
static uint64_t locality_content(size_t page)
{
    return (uint64_t)page << 40 | (uint64_t)locality.written[page] << 16;
}

static void locality_write(size_t page)
{
    uint64_t *word = locality.memory + page * LOCALITY_WORDS, content;

    locality.written[page]++;
    content = locality_content(page);
    for (size_t i = 0; i < LOCALITY_WORDS; i++)
        word[i] = content + i;
}

static void locality_read(size_t page)
{
    const uint64_t *word = locality.memory + page * LOCALITY_WORDS;
    uint64_t content = locality_content(page), other = 0;

    for (size_t i = 0; i < LOCALITY_WORDS; i++)
        other |= word[i] ^ (content + i);
    locality.wrong += other != 0;
}

static uint64_t locality_random(void)
{
    locality.random = locality.random * 6364136223846793005u + 1442695040888963407u;
    return locality.random >> 33;
}

static size_t locality_choose(unsigned long visit)
{
    if (visit % 16 == 0)
        locality.window++;
    if (locality_random() % 10 == 0)
        return locality_random() % locality.pages;
    return (locality.window + locality_random() % (locality.pages / 8)) % locality.pages;
}

static void locality_fill(unsigned long pages)
{
    for (size_t page = 0; page < pages; page++)
        locality_write(page);
}

static void locality_visit(unsigned long visits)
{
    for (unsigned long visit = 0; visit < visits; visit++) {
        size_t page = locality_choose(visit);

        locality_read(page);
        if (visit % 3 == 0)
            locality_write(page);
    }
}

static void locality_step(const char *what, void (*step)(unsigned long), unsigned long visits)
{
    struct rusage before, after;
    unsigned long wrong = locality.wrong;

    getrusage(RUSAGE_SELF, &before); /* brings in what counting itself touches */
    getrusage(RUSAGE_SELF, &before);
    step(visits);
    getrusage(RUSAGE_SELF, &after);
    printf("%-10s  %8lu  %8lu  %8ld  %8ld\n", what, visits, locality.wrong - wrong,
           after.ru_minflt - before.ru_minflt, after.ru_majflt - before.ru_majflt);
}

int main(int argc, char **argv)
{
    unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 32;
    unsigned long visits = argc > 2 ? strtoul(argv[2], NULL, 10) : 60000;

    if (mib == 0 || mib > LOCALITY_MIB_MAX) {
        fprintf(stderr, "usage: %s [MIB [VISITS]]   (1 to %lu MiB)\n", argv[0], LOCALITY_MIB_MAX);
        return 2;
    }
    locality.pages = (mib << 20) / COURSE_PAGE;
    locality.random = 1;
    locality.written = calloc(locality.pages, sizeof *locality.written);
    if (locality.written == NULL) {
        perror("calloc");
        return 2;
    }
    locality.memory = (uint64_t *)(uintptr_t)course_map(locality.pages, MAP_PRIVATE);
    printf("%-10s  %8s  %8s  %8s  %8s\n", "step", "visits", "wrong", "minor", "major");
    fflush(stdout);
    locality_step("fill", locality_fill, locality.pages);
    locality_step("visit", locality_visit, visits);
    return locality.wrong != 0;
}
