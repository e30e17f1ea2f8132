/* The sorted set of entries: every small world, and long random ones, against a plain list of
 * pages. */
/* sources: user/pager/core/entry.c */
#include "harness.h"

#include <string.h>

#include "abi.h"
#include "entry.h"

#define WORLD_PAGES 8u
#define LONG_PAGES  400u
#define PAGE(n)     ((uint64_t)(n)*FL_PAGE_BYTES)

/* The model: owner[p] is the entry that covers page p, 0 = none. */
struct world {
    struct entry_map map;
    struct entry entry[LONG_PAGES + 1];
    uint16_t owner[LONG_PAGES];
    uint32_t pages;
};

static struct world world;

static void world_reset(uint32_t pages)
{
    memset(&world, 0, sizeof(world));
    world.pages = pages;
}

static void world_insert(uint32_t id, uint32_t first, uint32_t count)
{
    world.entry[id].start = PAGE(first);
    world.entry[id].end = PAGE(first + count);
    entry_insert(&world.map, &world.entry[id]);
    for (uint32_t p = first; p < first + count; p++)
        world.owner[p] = (uint16_t)id;
}

static void world_remove(uint32_t id)
{
    entry_remove(&world.map, &world.entry[id]);
    for (uint32_t p = 0; p < world.pages; p++)
        if (world.owner[p] == id)
            world.owner[p] = 0;
}

static uint64_t world_model_gap(uint32_t low, uint32_t high, uint32_t count)
{
    for (uint32_t p = low; p + count <= high; p++) {
        uint32_t run = 0;

        while (run < count && !world.owner[p + run])
            run++;
        if (run == count)
            return PAGE(p);
    }
    return 0;
}

static void world_check_finds(void)
{
    for (uint32_t p = 1; p < world.pages; p++) {
        const struct entry *found = entry_find(&world.map, PAGE(p) + 5);
        const struct entry *from = entry_find_from(&world.map, PAGE(p));
        uint32_t q = p;

        CHECK_EQ(found ? found - world.entry : 0, world.owner[p]);
        while (q < world.pages && !world.owner[q])
            q++;
        CHECK_EQ(from ? from - world.entry : 0, q < world.pages ? world.owner[q] : 0);
    }
}

static void world_check_all_gaps(void)
{
    for (uint32_t low = 1; low < world.pages; low++)
        for (uint32_t high = low + 1; high <= world.pages; high++)
            for (uint32_t count = 1; count <= high - low; count++)
                CHECK_EQ(entry_find_gap(&world.map, PAGE(low), PAGE(high), PAGE(count)),
                         world_model_gap(low, high, count));
}

static void world_check_cover(void)
{
    for (uint32_t low = 1; low < world.pages; low++) {
        bool covered = true;

        for (uint32_t high = low + 1; high <= world.pages; high++) {
            covered = covered && world.owner[high - 1];
            CHECK_EQ(entry_covered(&world.map, PAGE(low), PAGE(high)), covered);
        }
    }
}

static void world_check(void)
{
    CHECK_EQ(entry_check(&world.map), NULL);
    world_check_finds();
}

/* Builds the world whose boundaries `cuts` and holes `holes` tell: a partition of pages 1..7. */
static void world_build(uint32_t cuts, uint32_t holes, bool backwards)
{
    uint32_t first[WORLD_PAGES], count[WORLD_PAGES], entries = 0, start = 1;

    world_reset(WORLD_PAGES);
    for (uint32_t p = 1; p < WORLD_PAGES; p++) {
        bool last = p == WORLD_PAGES - 1 || (cuts >> p & 1);

        if (!last)
            continue;
        if (!(holes >> start & 1)) {
            first[entries] = start;
            count[entries++] = p + 1 - start;
        }
        start = p + 1;
    }
    for (uint32_t i = 0; i < entries; i++) {
        uint32_t k = backwards ? entries - 1 - i : i;

        world_insert(k + 1, first[k], count[k]);
    }
}

TEST("in every world of seven pages entries, gaps and cover are found as in a list of pages")
{
    for (uint32_t cuts = 0; cuts < 1u << WORLD_PAGES; cuts += 2)
        for (uint32_t holes = 0; holes < 1u << WORLD_PAGES; holes += 2) {
            world_build(cuts, holes, cuts & 2);
            world_check();
            world_check_all_gaps();
            world_check_cover();
        }
}

TEST("in every world of seven pages any entry can be removed, then any other")
{
    for (uint32_t cuts = 0; cuts < 1u << WORLD_PAGES; cuts += 2)
        for (uint32_t victim = 1; victim < WORLD_PAGES; victim++)
            for (uint32_t second = 1; second < WORLD_PAGES; second++) {
                world_build(cuts, 0, victim & 1);
                if (victim == second || victim > world.map.count || second > world.map.count)
                    continue;
                world_remove(victim);
                world_check();
                world_remove(second);
                world_check();
                world_check_all_gaps();
            }
}

TEST("an entry can shrink and grow again at both ends")
{
    for (uint32_t start = 1; start < 4; start++)
        for (uint32_t end = start + 1; end <= 5; end++) {
            world_build(1u << 4, 0, false);
            entry_resize(&world.map, &world.entry[1], PAGE(start), PAGE(end));
            for (uint32_t p = 1; p < 5; p++)
                world.owner[p] = p >= start && p < end;
            world_check();
            world_check_all_gaps();
        }
}

static uint32_t lcg(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

TEST("4,000 random insertions and removals keep the tree balanced and the gaps right")
{
    uint32_t seed = 20;

    world_reset(LONG_PAGES);
    for (uint32_t step = 0; step < 4000; step++) {
        uint32_t page = 1 + lcg(&seed) % (LONG_PAGES - 1), count = 1 + lcg(&seed) % 3;
        uint32_t low = 1 + lcg(&seed) % 300, want = 1 + lcg(&seed) % 12;

        if (world.owner[page])
            world_remove(world.owner[page]);
        else if (world_model_gap(page, LONG_PAGES, count) == PAGE(page))
            world_insert(page, page, count);
        CHECK_EQ(entry_check(&world.map), NULL);
        CHECK_EQ(entry_find_gap(&world.map, PAGE(low), PAGE(LONG_PAGES), PAGE(want)),
                 world_model_gap(low, LONG_PAGES, want));
    }
    world_check();
    CHECK(world.map.root->height <= 11);
}
