/* Page-reference traces: see page_trace.h. */
#include "page_trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_PAGES       1000u
#define TRACE_REFERENCES  60000u
#define TRACE_ROUNDS      20u /* of the loop */
#define TRACE_PHASES      8u  /* each with a quarter of the pages, half of them new */
#define TRACE_PHASE_PAGES (TRACE_PAGES / 4)
#define TRACE_PHASE_STEP  (TRACE_PAGES / TRACE_PHASES)
#define TRACE_WEIGHT      16777216.0 /* of the first rank */
#define TRACE_COUNT_MAX   (1u << 22)

/* xorshift64*, the high half: the same everywhere. */
static uint32_t page_trace_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545F4914F6CDD1Dull >> 32);
}

static uint32_t page_trace_random_below(uint64_t *state, uint32_t end)
{
    return (uint32_t)((uint64_t)page_trace_random(state) * end >> 32);
}

static struct page_trace page_trace_allocate(const char *name, uint32_t count, uint32_t pages)
{
    struct page_trace trace = {.count = count, .pages = pages};

    snprintf(trace.name, sizeof trace.name, "%s", name);
    trace.reference = calloc(count, sizeof trace.reference[0]);
    if (!trace.reference)
        abort();
    return trace;
}

/* ---- generated ---- */

static struct page_trace page_trace_loop(const char *name, uint32_t rounds)
{
    struct page_trace trace = page_trace_allocate(name, rounds * TRACE_PAGES, TRACE_PAGES);

    for (uint32_t i = 0; i < trace.count; i++)
        trace.reference[i] = i % TRACE_PAGES;
    return trace;
}

/* The page of rank r comes with a weight of 1 / r^exponent; which page has which rank is random.
 * Weights are whole numbers, so that no compiler's rounding makes another trace. */
static struct page_trace page_trace_zipf(const char *name, double exponent, uint64_t seed)
{
    static uint64_t sum[TRACE_PAGES]; /* of the weights up to a rank */
    static uint32_t page_of[TRACE_PAGES];
    struct page_trace trace =
        page_trace_allocate(name, TRACE_PAGES + TRACE_REFERENCES, TRACE_PAGES);

    for (uint32_t rank = 0; rank < TRACE_PAGES; rank++) {
        uint32_t other = page_trace_random_below(&seed, rank + 1);

        sum[rank] =
            (rank > 0 ? sum[rank - 1] : 0) + (uint64_t)(TRACE_WEIGHT * pow(rank + 1, -exponent));
        page_of[rank] = page_of[other];
        page_of[other] = rank;
    }
    for (uint32_t i = 0; i < TRACE_PAGES; i++) /* so that each is referenced */
        trace.reference[i] = i;
    for (uint32_t i = TRACE_PAGES; i < trace.count; i++) {
        uint64_t at = page_trace_random(&seed) * sum[TRACE_PAGES - 1] >> 32;
        uint32_t low = 0, high = TRACE_PAGES - 1;

        while (low < high) {
            uint32_t middle = (low + high) / 2;

            if (sum[middle] > at)
                high = middle;
            else
                low = middle + 1;
        }
        trace.reference[i] = page_of[low];
    }
    return trace;
}

static struct page_trace page_trace_phases(const char *name, uint64_t seed)
{
    struct page_trace trace = page_trace_allocate(name, TRACE_REFERENCES, TRACE_PAGES);

    for (uint32_t i = 0; i < trace.count; i++) {
        uint32_t phase = i / (TRACE_REFERENCES / TRACE_PHASES);

        trace.reference[i] =
            (phase * TRACE_PHASE_STEP + page_trace_random_below(&seed, TRACE_PHASE_PAGES)) %
            TRACE_PAGES;
    }
    return trace;
}

struct page_trace page_trace_generate(uint32_t which)
{
    switch (which) {
    case 0:
        return page_trace_loop("sequential", 1);
    case 1:
        return page_trace_loop("loop", TRACE_ROUNDS);
    case 2:
        return page_trace_zipf("Zipf 0.8", 0.8, 1);
    case 3:
        return page_trace_zipf("Zipf 1.0", 1.0, 2);
    default:
        return page_trace_phases("phase change", 3);
    }
}

/* ---- recorded ---- */

/* The next number of the file, zigzag and 7 bits a byte.  False: the file is over, or the number too large. */
static bool page_trace_read_step(FILE *file, int64_t *step)
{
    uint64_t code = 0;
    int byte;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        byte = getc(file);
        if (byte == EOF)
            return false;
        code |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *step = code & 1 ? -(int64_t)(code / 2) - 1 : (int64_t)(code / 2);
            return true;
        }
    }
    return false;
}

static bool page_trace_read_references(struct page_trace *trace, FILE *file)
{
    bool *seen = calloc(trace->pages, sizeof *seen);
    uint32_t distinct = 0, i;
    int64_t page = 0, step;

    if (!seen)
        abort();
    for (i = 0; i < trace->count && page_trace_read_step(file, &step); i++) {
        page += step;
        if (page < 0 || page >= trace->pages)
            break;
        distinct += !seen[page];
        seen[page] = true;
        trace->reference[i] = (uint32_t)page;
    }
    free(seen);
    return i == trace->count && getc(file) == EOF && distinct == trace->pages;
}

/* The file's name without folder and suffix. */
static void page_trace_name(const char *path, char name[40])
{
    const char *slash = strrchr(path, '/');

    snprintf(name, 40, "%s", slash ? slash + 1 : path);
    name[strcspn(name, ".")] = '\0';
}

bool page_trace_read(struct page_trace *trace, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint32_t count, pages;
    bool good = false;
    char name[40];

    if (!file) {
        perror(path);
        return false;
    }
    page_trace_name(path, name);
    if (fscanf(file, "pages %u %u%*1[\n]", &count, &pages) == 2 && count > 0 && pages > 0 &&
        count <= TRACE_COUNT_MAX && pages <= count) {
        *trace = page_trace_allocate(name, count, pages);
        good = page_trace_read_references(trace, file);
        if (!good)
            page_trace_free(trace);
    }
    fclose(file);
    if (!good)
        fprintf(stderr, "%s: not a trace\n", path);
    return good;
}

void page_trace_free(struct page_trace *trace)
{
    free(trace->reference);
    trace->reference = NULL;
}
