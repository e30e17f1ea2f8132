/* What the tests of the simulated disk share: a disk, a frame table over memory of its own, and contents
 * that tell where they come from. */
#ifndef SIM_DISK_KIT_H
#define SIM_DISK_KIT_H

#include "sim_disk.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define FRAMES 64u
#define PAGES  40u
#define DELAY  20u
#define LONG   10000u /* ticks: more than any request takes */
#define WORDS  (SIM_DISK_SECTOR_BYTES / 8)

static const frame_t first_frame = {0x80400};
static _Alignas(PAGE_BYTES) uint8_t memory[FRAMES][PAGE_BYTES];
static struct frame records[FRAMES];
static struct frame_table frames;
static struct sim_disk *disk;

/* ---- contents: a sector holds a value, which is all of its bytes ---- */

static inline uint64_t value_word(uint64_t value, uint32_t word)
{
    return word == 0 ? value : (value ^ word) * 0x9fb21c651e98df25ull;
}

static inline void value_put(uint8_t *sector, uint64_t value)
{
    for (uint32_t word = 0; word < WORDS; word++) {
        uint64_t bits = value_word(value, word);

        memcpy(sector + word * 8, &bits, 8);
    }
}

/* Bits in which a sector differs from a value. */
static inline uint32_t value_distance(const uint8_t *sector, uint64_t value)
{
    uint32_t distance = 0;

    for (uint32_t word = 0; word < WORDS; word++) {
        uint64_t bits;

        memcpy(&bits, sector + word * 8, 8);
        distance += (uint32_t)__builtin_popcountll(bits ^ value_word(value, word));
    }
    return distance;
}

/* The value of sector `sector` of a page or run of pages that began with value `base`. */
static inline void pages_put(uint8_t *page, uint64_t base, uint32_t pages)
{
    for (uint32_t sector = 0; sector < pages * SIM_DISK_SECTORS; sector++)
        value_put(page + sector * SIM_DISK_SECTOR_BYTES, base + sector);
}

/* How many sectors from the first on hold base, base + 1, ... */
static inline uint32_t pages_have(const uint8_t *page, uint64_t base, uint32_t pages)
{
    uint32_t sector = 0;

    while (sector < pages * SIM_DISK_SECTORS &&
           value_distance(page + sector * SIM_DISK_SECTOR_BYTES, base + sector) == 0)
        sector++;
    return sector;
}

/* ---- one disk ---- */

static inline void begin(uint64_t seed, bool reorders, const uint32_t *chance)
{
    struct sim_disk_config config = {
        .frames = &frames, .pages = PAGES, .delay = DELAY, .reorders = reorders, .seed = seed};

    if (chance)
        memcpy(config.chance, chance, sizeof(config.chance));
    frame_table_init(&frames, records, first_frame, FRAMES,
                     (uint64_t)(uintptr_t)memory - frame_address(first_frame).value);
    disk = sim_disk_create(&config);
}

static inline void sound(void)
{
    const char *broken = sim_disk_check(disk);

    CHECK_STRING(broken ? broken : "", "");
    broken = frame_table_check(&frames);
    CHECK_STRING(broken ? broken : "", "");
}

static inline void end(void)
{
    sound();
    sim_disk_destroy(disk);
    CHECK_EQ(frames.pins, 0);
    CHECK_EQ(frames.totals[FRAME_FREE], FRAMES);
}

/* A request of frames from `frame` on. */
static inline struct sim_disk_request request_of(enum sim_disk_op op, uint64_t first,
                                                 uint32_t segments, uint32_t frame)
{
    struct sim_disk_request request = {
        .op = op, .first = first, .segments = segments, .tag = 1000 + first};

    for (uint32_t i = 0; i < segments && op != SIM_DISK_DISCARD; i++)
        request.frame[i] = frame_plus(first_frame, frame + i);
    return request;
}

static inline void submit(enum sim_disk_op op, uint64_t first, uint32_t segments, uint32_t frame)
{
    struct sim_disk_request request = request_of(op, first, segments, frame);

    CHECK(sim_disk_submit(disk, &request));
    sound();
}

static inline struct sim_disk_done finish(void)
{
    struct sim_disk_done done;

    CHECK(sim_disk_next(disk, LONG, &done));
    sound();
    return done;
}

#endif
