/* record_pages OUTPUT [REFERENCES]: what valgrind's lackey tells on standard input (--trace-mem=yes), reduced, as a
 * page-reference trace.
 *
 * The file: a line "pages REFERENCES PAGES", then for each reference the difference of its page's number
 * from the one before, zigzag (0, -1, 1, -2, ...), 7 bits a byte, the low ones first, bit 7 if more follow.
 * Pages are numbered in the order of their addresses.  With REFERENCES only so many are kept, the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reduce.h"

#define RECORD_PAGE_BITS  12
#define RECORD_REFERENCES (1u << 22)

static uint64_t kept[RECORD_REFERENCES], pages[RECORD_REFERENCES];
static struct reduced reduced = {.page = kept, .limit = RECORD_REFERENCES};
static uint32_t page_count;

static int record_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void record_number_pages(void)
{
    memcpy(pages, kept, reduced.count * sizeof kept[0]);
    qsort(pages, reduced.count, sizeof pages[0], record_compare);
    for (uint32_t i = 0; i < reduced.count; i++)
        if (i == 0 || pages[i] != pages[page_count - 1])
            pages[page_count++] = pages[i];
}

static void record_write(FILE *out)
{
    int64_t before = 0;

    fprintf(out, "pages %u %u\n", reduced.count, page_count);
    for (uint32_t i = 0; i < reduced.count; i++) {
        const uint64_t *found =
            bsearch(&kept[i], pages, page_count, sizeof pages[0], record_compare);
        int64_t number = found - pages, step = number - before;
        uint64_t code = step < 0 ? (uint64_t)(-step) * 2 - 1 : (uint64_t)step * 2;

        for (; code > 127; code >>= 7)
            putc((int)(code & 127) | 128, out);
        putc((int)code, out);
        before = number;
    }
}

/* Lines of a trace: "I  ADDRESS,SIZE", " L ADDRESS,SIZE", S and M likewise. */
static void record_read(FILE *in)
{
    char line[256];

    while (reduced.count < reduced.limit && fgets(line, sizeof line, in))
        if (strlen(line) > 3 && (line[0] == 'I' || (line[0] == ' ' && strchr("LSM", line[1]))))
            reduce_take(&reduced, strtoull(line + 3, NULL, 16) >> RECORD_PAGE_BITS);
}

int main(int argc, char **argv)
{
    FILE *out;

    if (argc > 2)
        reduced.limit = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc < 2 || reduced.limit == 0 || reduced.limit > RECORD_REFERENCES) {
        fprintf(stderr, "usage: %s OUTPUT [REFERENCES]\n", argv[0]);
        return 2;
    }
    record_read(stdin);
    record_number_pages();
    out = fopen(argv[1], "wb");
    if (!out) {
        perror(argv[1]);
        return 1;
    }
    record_write(out);
    return fclose(out) ? 1 : 0;
}
