/* Counting words: a fifth of the memory gets four fifths of the accesses.
 *
 * usage: words [WORDS [VOCABULARY]]
 *
 * A text of so many words is counted as such programs do it: a table of hash values, and a record for each
 * word, made when the word is met first.  The text is drawn at random as words of a language are: the n-th most
 * frequent is met 1/n as often as the first (Zipf's law).  The program counts the accesses to each page of its
 * records and of its table itself, and shows how they are spread; what the pager knows of them, which is
 * only whether a page was used at all in a window of time, `wss MS words` shows. */
#include <string.h>

#include "course.h"

#define WORDS_DECILES 10u

struct word_record {
    struct word_record *next;
    uint64_t hash;
    uint64_t count;
    char text[72]; /* the word, and what a dictionary knows of it */
};

static struct {
    size_t vocabulary;
    size_t buckets;
    struct word_record **table;
    struct word_record *records;
    size_t used;
    double *sums;       /* of 1/n: the text is drawn from them */
    uint32_t *accesses; /* of each page: the table's, then the records' */
    size_t table_pages, pages;
    uint64_t random;
} words;

static uint64_t words_next_random(void)
{
    words.random ^= words.random << 13;
    words.random ^= words.random >> 7;
    words.random ^= words.random << 17;
    return words.random;
}

static size_t words_count_pages(size_t bytes)
{
    return (bytes + COURSE_PAGE - 1) / COURSE_PAGE;
}

static void words_begin(size_t vocabulary)
{
    words.vocabulary = vocabulary;
    words.random = 88172645463325252u;
    for (words.buckets = 1; words.buckets < vocabulary / 2; words.buckets *= 2)
        continue;
    words.table_pages = words_count_pages(words.buckets * sizeof *words.table);
    words.pages = words.table_pages + words_count_pages(vocabulary * sizeof *words.records);
    words.table = (struct word_record **)(uintptr_t)course_map(words.pages, MAP_PRIVATE);
    words.records =
        (struct word_record *)((uintptr_t)words.table + words.table_pages * COURSE_PAGE);
    words.sums = calloc(vocabulary + 1, sizeof *words.sums);
    words.accesses = calloc(words.pages, sizeof *words.accesses);
    if (!words.sums || !words.accesses) {
        perror("words");
        exit(2);
    }
    for (size_t n = 1; n <= vocabulary; n++)
        words.sums[n] = words.sums[n - 1] + 1.0 / (double)n;
}

/* The number of the next word of the text. */
static uint64_t words_read(void)
{
    double at =
        (double)(words_next_random() >> 11) / 9007199254740992.0 * words.sums[words.vocabulary];
    size_t low = 0, high = words.vocabulary;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (words.sums[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void words_note(const void *place)
{
    words.accesses[((uintptr_t)place - (uintptr_t)words.table) / COURSE_PAGE]++;
}

static void words_count(uint64_t number)
{
    uint64_t hash = (number + 1) * 0x9e3779b97f4a7c15u;
    struct word_record **at = &words.table[(hash >> 20) & (words.buckets - 1)];

    words_note(at);
    for (; *at; at = &(*at)->next) {
        words_note(*at);
        if ((*at)->hash == hash) {
            (*at)->count++;
            return;
        }
    }
    *at = &words.records[words.used++];
    words_note(*at);
    (*at)->hash = hash;
    (*at)->count = 1;
    snprintf((*at)->text, sizeof(*at)->text, "word %lu", (unsigned long)number);
}

static int words_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x < y) - (x > y);
}

static void words_show(void)
{
    uint64_t all = 0, sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < words.pages; i++)
        all += words.accesses[i];
    qsort(words.accesses, words.pages, sizeof *words.accesses, words_compare);
    printf("%lu different words in %lu pages\n", (unsigned long)words.used,
           (unsigned long)words.pages);
    printf("%-24s  %s\n", "of the pages, the most", "of the accesses");
    for (size_t decile = 1; decile <= WORDS_DECILES; decile++) {
        for (; at < words.pages * decile / WORDS_DECILES; at++)
            sum += words.accesses[at];
        printf("%20lu %%  %15lu %%\n", (unsigned long)(100 * decile / WORDS_DECILES),
               (unsigned long)(100 * sum / all));
    }
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    size_t vocabulary = argc > 2 ? strtoul(argv[2], NULL, 10) : 40000;

    if (count == 0 || vocabulary < 2 || vocabulary > 1000000) {
        fprintf(stderr, "usage: %s [WORDS [VOCABULARY]]   (2 to 1000000)\n", argv[0]);
        return 2;
    }
    words_begin(vocabulary);
    for (size_t i = 0; i < count; i++)
        words_count(words_read());
    words_show();
    return 0;
}
