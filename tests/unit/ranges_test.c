/* Lists of physical ranges, compared with one bit per page. */
/* sources: kernel/ranges.c */
#include "ranges.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define PAGES 64u
#define PAGE  4096ull

static bool page_in(const struct ranges *ranges, unsigned page)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        if (page * PAGE >= ranges->at[i].start && page * PAGE < ranges->at[i].end)
            return true;
    }
    return false;
}

static void check_g1(const struct ranges *ranges)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        CHECK_EQ(ranges->at[i].start % PAGE, 0);
        CHECK_EQ(ranges->at[i].end % PAGE, 0);
        CHECK(ranges->at[i].start < ranges->at[i].end);
        CHECK(i == 0 || ranges->at[i - 1].end <= ranges->at[i].start);
    }
}

static void subtract_both(struct ranges *ranges, bool *model, uint64_t start, uint64_t end)
{
    ranges_subtract(ranges, start, end);
    for (unsigned page = 0; page < PAGES; page++) {
        if (start < end && page * PAGE < end && (page + 1) * PAGE > start)
            model[page] = false;
    }
}

TEST("an appended range is rounded inwards to pages, and one without a whole page vanishes")
{
    struct ranges ranges = {0};

    ranges_append(&ranges, 1, 3 * PAGE - 1);
    CHECK_EQ(ranges.count, 1);
    CHECK_EQ(ranges.at[0].start, PAGE);
    CHECK_EQ(ranges.at[0].end, 2 * PAGE);
    ranges_append(&ranges, 4 * PAGE + 1, 5 * PAGE + 5);
    CHECK_EQ(ranges.count, 1);
}

TEST("what is subtracted is rounded outwards, so no byte of it is left")
{
    struct ranges ranges = {0};

    ranges_append(&ranges, 0, 8 * PAGE);
    ranges_subtract(&ranges, 2 * PAGE + 1, 3 * PAGE + 1);
    CHECK_EQ(ranges.count, 2);
    CHECK_EQ(ranges.at[0].end, 2 * PAGE);
    CHECK_EQ(ranges.at[1].start, 4 * PAGE);
}

TEST("every subtraction of two ranges from three banks leaves exactly the pages of the model")
{
    for (unsigned a = 0; a <= 24; a++) {
        for (unsigned b = a; b <= 24; b++) {
            for (unsigned c = 0; c <= 24; c += 3) {
                struct ranges ranges = {0};
                bool model[PAGES] = {false};

                for (unsigned bank = 0; bank < 3; bank++) {
                    ranges_append(&ranges, bank * 8 * PAGE, (bank * 8 + 6) * PAGE);
                    for (unsigned page = 0; page < 6; page++)
                        model[bank * 8 + page] = true;
                }
                subtract_both(&ranges, model, a * PAGE, b * PAGE);
                subtract_both(&ranges, model, c * PAGE, (c + 2) * PAGE);
                check_g1(&ranges);
                for (unsigned page = 0; page < PAGES; page++)
                    CHECK_EQ(page_in(&ranges, page), model[page]);
            }
        }
    }
}

TEST("a list that is full drops the piece behind a cut and says so")
{
    struct ranges ranges = {0};

    for (unsigned i = 0; i < RANGES_MAX; i++)
        ranges_append(&ranges, i * 4 * PAGE, (i * 4 + 3) * PAGE);
    CHECK(!ranges.dropped);
    ranges_subtract(&ranges, PAGE, 2 * PAGE);
    CHECK(ranges.dropped);
    CHECK_EQ(ranges.count, RANGES_MAX);
    check_g1(&ranges);
    CHECK(!page_in(&ranges, 1));
}

TEST("the longest range is found")
{
    struct ranges ranges = {0};

    ranges_append(&ranges, 0, 2 * PAGE);
    ranges_append(&ranges, 4 * PAGE, 9 * PAGE);
    ranges_append(&ranges, 10 * PAGE, 12 * PAGE);
    CHECK_EQ(ranges_longest(&ranges), 1);
}
