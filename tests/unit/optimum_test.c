/* What the comparison of replacement policies stands on: the optimum and exact LRU and LFU against
 * slower ones, traces, how they are made short, and their replay. */
/* sources: tests/replace/optimum.c tests/replace/page_trace.c tests/replace/reduce.c tests/replace/replay.c
 * user/pager/core/replace*.c user/pager/core/ghost.c */
/* libs: -lm */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "optimum.h"
#include "page_trace.h"
#include "reduce.h"
#include "replay.h"

#define TINY_PAGES   4u
#define TINY_LENGTH  7u
#define RANDOM_PAGES 40u
#define RANDOM_COUNT 600u
#define NEAR_PAGES   120u
#define NEAR_COUNT   6000u

static uint64_t seed;

static uint32_t random_below(uint32_t end)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((seed >> 33) % end);
}

/* ---- the optimum ---- */

/* Fewest misses of the rest of a trace, by trying each victim.  memory: a bit for each page. */
static uint32_t fewest_misses(const uint32_t *reference, uint32_t count, uint32_t memory,
                              uint32_t frames)
{
    uint32_t best = UINT32_MAX, bit = 1u << reference[0];

    if (count == 0)
        return 0;
    if (memory & bit)
        return fewest_misses(reference + 1, count - 1, memory, frames);
    if ((uint32_t)__builtin_popcount(memory) < frames)
        return 1 + fewest_misses(reference + 1, count - 1, memory | bit, frames);
    for (uint32_t page = 0; page < TINY_PAGES; page++) {
        uint32_t misses;

        if (!(memory >> page & 1))
            continue;
        misses = fewest_misses(reference + 1, count - 1, (memory & ~(1u << page)) | bit, frames);
        best = misses < best ? misses : best;
    }
    return best + 1;
}

TEST(
    "no choice of victims has fewer misses than the optimum: all traces of 7 references to 4 pages")
{
    for (uint32_t code = 0; code < 1u << 2 * TINY_LENGTH; code++) {
        uint32_t reference[TINY_LENGTH + 1] = {0};

        for (uint32_t i = 0; i < TINY_LENGTH; i++)
            reference[i] = code >> 2 * i & 3;
        for (uint32_t frames = 1; frames <= 3; frames++)
            CHECK_EQ(optimum_misses(reference, TINY_LENGTH, TINY_PAGES, frames),
                     fewest_misses(reference, TINY_LENGTH, 0, frames));
    }
}

/* ---- exact LRU and LFU ---- */

/* Misses with a list: the page at its end leaves; `frequent`: among those with fewest references. */
static uint32_t list_misses(const uint32_t *reference, uint32_t count, uint32_t frames,
                            bool frequent)
{
    uint32_t list[RANDOM_PAGES], uses[RANDOM_PAGES] = {0}, used = 0, misses = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t page = reference[i], at = 0, victim;

        while (at < used && list[at] != page)
            at++;
        if (at == used) {
            misses++;
            victim = used - 1;
            for (uint32_t k = used; frequent && k-- > 0;)
                if (uses[list[k]] < uses[list[victim]])
                    victim = k;
            if (used == frames) {
                uses[list[victim]] = 0;
                at = victim;
            } else {
                used++;
            }
        }
        memmove(list + 1, list, at * sizeof list[0]);
        list[0] = page;
        uses[page]++;
    }
    return misses;
}

TEST("exact LRU and LFU have the misses of plain lists")
{
    uint32_t reference[RANDOM_COUNT];

    seed = 5;
    for (uint32_t run = 0; run < 40; run++) {
        for (uint32_t i = 0; i < RANDOM_COUNT; i++)
            reference[i] = random_below(1 + random_below(RANDOM_PAGES));
        for (uint32_t frames = 1; frames < RANDOM_PAGES; frames += 3) {
            CHECK_EQ(exact_lru_misses(reference, RANDOM_COUNT, RANDOM_PAGES, frames),
                     list_misses(reference, RANDOM_COUNT, frames, false));
            CHECK_EQ(exact_lfu_misses(reference, RANDOM_COUNT, RANDOM_PAGES, frames),
                     list_misses(reference, RANDOM_COUNT, frames, true));
        }
    }
}

/* ---- replay ---- */

static uint32_t replay_misses(uint32_t *reference, uint32_t count, uint32_t pages,
                              enum replace_policy policy, uint32_t frames)
{
    struct page_trace trace = {.reference = reference, .count = count, .pages = pages};

    return replay_trace(&trace, policy, frames, true).misses;
}

TEST("Belady's anomaly: FIFO has 9 misses with 3 frames and 10 with 4")
{
    uint32_t reference[] = {0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4};

    CHECK_EQ(replay_misses(reference, 12, 5, REPLACE_FIFO, 3), 9);
    CHECK_EQ(replay_misses(reference, 12, 5, REPLACE_FIFO, 4), 10);
}

TEST("in memory for all pages each policy misses each page once; in less, never fewer than the "
     "optimum")
{
    struct page_trace trace = page_trace_generate(3);

    trace.count = 20000;
    for (enum replace_policy policy = 0; policy < REPLACE_POLICIES; policy++) {
        CHECK_EQ(replay_trace(&trace, policy, trace.pages, true).misses, trace.pages);
        CHECK_EQ(replay_trace(&trace, policy, trace.pages, true).victims, 0);
        for (uint32_t frames = 1; frames < 500; frames = frames * 3 + 1)
            CHECK(replay_trace(&trace, policy, frames, true).misses >=
                  optimum_misses(trace.reference, trace.count, trace.pages, frames));
    }
    page_trace_free(&trace);
}

/* ---- traces ---- */

TEST("each page of a generated trace is referenced, and each time the trace is the same")
{
    for (uint32_t which = 0; which < PAGE_TRACE_GENERATED; which++) {
        struct page_trace trace = page_trace_generate(which), again = page_trace_generate(which);
        bool *seen = calloc(trace.pages, sizeof *seen);
        uint32_t distinct = 0;

        for (uint32_t i = 0; i < trace.count; i++) {
            distinct += !seen[trace.reference[i]];
            seen[trace.reference[i]] = true;
        }
        CHECK_EQ(distinct, trace.pages);
        CHECK_EQ(memcmp(trace.reference, again.reference, trace.count * sizeof(uint32_t)), 0);
        free(seen);
        page_trace_free(&trace);
        page_trace_free(&again);
    }
}

/* Reads these bytes as a trace. */
static bool read_bytes(struct page_trace *trace, const char *bytes, size_t count)
{
    char path[] = "/tmp/trace-XXXXXX";
    int fd = mkstemp(path);
    bool good;

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, count), count);
    close(fd);
    good = page_trace_read(trace, path);
    unlink(path);
    return good;
}

TEST("a recorded trace is read as it was written")
{
    static const uint32_t expected[] = {1, 0, 2, 200, 1};
    char bytes[300] = "pages 205 201\n";
    size_t used = strlen(bytes);
    struct page_trace trace;

    memcpy(bytes + used, "\2\1\4\x8c\3\x8d\3", 7); /* 0 + 1 - 1 + 2 + 198 - 199 */
    used += 7;
    bytes[used++] = 4; /* 3 */
    bytes[used++] = 0; /* 3 again */
    for (uint32_t page = 4; page < 200; page++)
        bytes[used++] = 2;
    bytes[used++] = 0;
    bytes[used++] = 0;
    CHECK(read_bytes(&trace, bytes, used));
    CHECK_EQ(trace.count, 205);
    CHECK_EQ(trace.pages, 201);
    CHECK_EQ(memcmp(trace.reference, expected, sizeof expected), 0);
    CHECK_EQ(trace.reference[5], 3);
    CHECK_EQ(trace.reference[204], 199);
    page_trace_free(&trace);
}

TEST("what is no trace is refused: other text, too short, too long, a page too high or never "
     "referenced")
{
    static const struct {
        const char *bytes;
        size_t count;
    } bad[] = {{"", 0},
               {"trace 1 1\n\0", 11},
               {"pages 0 0\n", 10},
               {"pages 99999999 1\n\0", 18},
               {"pages 1 2\n\0", 11},
               {"pages 2 1\n\0", 11},
               {"pages 1 1\n\0\0", 12},
               {"pages 2 2\n\0\4", 12},
               {"pages 2 2\n\0\1", 12},
               {"pages 2 2\n\0\0", 12},
               {"pages 1 1\n\xff\xff\xff\xff\xff\xff", 16}};
    struct page_trace trace;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!read_bytes(&trace, bad[i].bytes, bad[i].count));
    CHECK(!page_trace_read(&trace, "/no/such/trace"));
}

TEST("a trace made short has the misses of the whole one, with LRU and with the optimum")
{
    static uint32_t whole[NEAR_COUNT], brief[NEAR_COUNT];
    static uint64_t kept[NEAR_COUNT];

    seed = 9;
    for (uint32_t run = 0; run < 20; run++) {
        struct reduced reduced = {.page = kept, .limit = NEAR_COUNT};

        for (uint32_t i = 0, at = 0; i < NEAR_COUNT; i++) { /* a few pages at a time, which drift */
            if (random_below(20) == 0)
                at = random_below(NEAR_PAGES);
            whole[i] = (at + random_below(2 + run)) % NEAR_PAGES;
            reduce_take(&reduced, whole[i]);
        }
        for (uint32_t i = 0; i < reduced.count; i++)
            brief[i] = (uint32_t)kept[i];
        CHECK(reduced.count < NEAR_COUNT * 3 / 4);
        for (uint32_t frames = REDUCE_NEAR; frames < NEAR_PAGES; frames += 7) {
            CHECK_EQ(exact_lru_misses(brief, reduced.count, NEAR_PAGES, frames),
                     exact_lru_misses(whole, NEAR_COUNT, NEAR_PAGES, frames));
            CHECK_EQ(optimum_misses(brief, reduced.count, NEAR_PAGES, frames),
                     optimum_misses(whole, NEAR_COUNT, NEAR_PAGES, frames));
        }
    }
}
