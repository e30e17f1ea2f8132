/* compare TRACE...: each replacement policy of the pager beside the optimum, on the generated traces and on the
 * recorded ones that are named, as tables of Markdown.
 *
 * Status 1 if a policy has fewer misses than the optimum, which then is none; or if another policy than
 * REPLACE_DEFAULT has the lowest mean of misses / optimum's misses. */
#include <stdio.h>
#include <stdlib.h>

#include "optimum.h"
#include "replay.h"

#define SIZES   3u                      /* of memory: quarters of the footprint */
#define COLUMNS (REPLACE_POLICIES + 2u) /* exact LRU and LFU behind the pager's own */

static struct {
    double sum[COLUMNS][SIZES];           /* of misses / optimum's misses */
    double sum_counted[REPLACE_POLICIES]; /* the same when the access that faulted counts */
    struct replay total[REPLACE_POLICIES];
    uint32_t traces;
} compared;

static const char *const exact_names[] = {"exact LRU", "exact LFU"};

static const char *column_name(uint32_t column)
{
    return column < REPLACE_POLICIES ? replace_name((enum replace_policy)column)
                                     : exact_names[column - REPLACE_POLICIES];
}

static void print_head(const char *first, const char *numbers)
{
    printf("%s", first);
    for (uint32_t column = 0; column < COLUMNS; column++)
        printf(" %s |", column_name(column));
    printf("\n%s", numbers);
    for (uint32_t column = 0; column < COLUMNS; column++)
        printf("---:|");
    printf("\n");
}

static uint32_t replay_policy(const struct page_trace *trace, enum replace_policy policy,
                              uint32_t frames)
{
    struct replay replay = replay_trace(trace, policy, frames, true);
    struct replay *total = &compared.total[policy];

    total->victims += replay.victims;
    total->looks += replay.looks;
    if (replay.looks_most > total->looks_most)
        total->looks_most = replay.looks_most;
    return replay.misses;
}

static uint32_t count_misses(const struct page_trace *trace, uint32_t column, uint32_t frames)
{
    if (column < REPLACE_POLICIES)
        return replay_policy(trace, (enum replace_policy)column, frames);
    if (column == REPLACE_POLICIES)
        return exact_lru_misses(trace->reference, trace->count, trace->pages, frames);
    return exact_lfu_misses(trace->reference, trace->count, trace->pages, frames);
}

static void compare_at(const struct page_trace *trace, uint32_t size)
{
    uint32_t frames = trace->pages * (size + 1) / (SIZES + 1);
    uint32_t optimum = optimum_misses(trace->reference, trace->count, trace->pages, frames);

    printf("| %s | %u | %u |", trace->name, frames, optimum);
    for (uint32_t column = 0; column < COLUMNS; column++) {
        uint32_t misses = count_misses(trace, column, frames);
        double ratio = (double)misses / optimum;

        if (misses < optimum) {
            fprintf(stderr, "%s, %u frames: %s has %u misses, the optimum %u\n", trace->name,
                    frames, column_name(column), misses, optimum);
            exit(1);
        }
        printf(" %.2f |", ratio);
        compared.sum[column][size] += ratio;
        if (column < REPLACE_POLICIES)
            compared.sum_counted[column] +=
                (double)replay_trace(trace, (enum replace_policy)column, frames, false).misses /
                optimum;
    }
    printf("\n");
}

static void compare_trace(struct page_trace trace)
{
    for (uint32_t size = 0; size < SIZES; size++)
        compare_at(&trace, size);
    page_trace_free(&trace);
    compared.traces++;
}

/* Mean over all traces and sizes. */
static double column_mean(uint32_t column)
{
    double sum = 0;

    for (uint32_t size = 0; size < SIZES; size++)
        sum += compared.sum[column][size];
    return sum / (SIZES * compared.traces);
}

static void print_means(void)
{
    print_head("| mean over all traces |", "|---|");
    for (uint32_t size = 0; size < SIZES; size++) {
        printf("| memory for %u %% of the pages |", 100 * (size + 1) / (SIZES + 1));
        for (uint32_t column = 0; column < COLUMNS; column++)
            printf(" %.3f |", compared.sum[column][size] / compared.traces);
        printf("\n");
    }
    printf("| **all** |");
    for (uint32_t column = 0; column < COLUMNS; column++)
        printf(" **%.3f** |", column_mean(column));
    printf("\n| all, if the access that faulted counted |");
    for (uint32_t column = 0; column < REPLACE_POLICIES; column++)
        printf(" %.3f |", compared.sum_counted[column] / (SIZES * compared.traces));
    printf(" | |\n\n| looks at accessed bits | for a victim, mean | at most |\n|---|---:|---:|\n");
    for (uint32_t policy = 0; policy < REPLACE_POLICIES; policy++)
        printf("| %s | %.2f | %u |\n", column_name(policy),
               (double)compared.total[policy].looks / compared.total[policy].victims,
               compared.total[policy].looks_most);
}

static int check_default(void)
{
    uint32_t best = 0;

    for (uint32_t policy = 1; policy < REPLACE_POLICIES; policy++)
        if (column_mean(policy) < column_mean(best))
            best = policy;
    if (best == REPLACE_DEFAULT)
        return 0;
    fprintf(stderr, "the default is %s, but %s has the lowest mean\n", column_name(REPLACE_DEFAULT),
            column_name(best));
    return 1;
}

int main(int argc, char **argv)
{
    print_head("| trace | frames | optimum |", "|---|---:|---:|");
    for (uint32_t which = 0; which < PAGE_TRACE_GENERATED; which++)
        compare_trace(page_trace_generate(which));
    for (int i = 1; i < argc; i++) {
        struct page_trace trace;

        if (!page_trace_read(&trace, argv[i]))
            return 1;
        compare_trace(trace);
    }
    printf("\n");
    print_means();
    return check_default();
}
