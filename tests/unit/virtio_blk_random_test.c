/* sources: drivers/virtio/virtio_blk.c drivers/virtio/virtio_blk_start.c drivers/virtio/virtq.c */
/* sources: drivers/virtio/virtio_blk_check.c tests/unit/virtio_fake.c */
/* Random requests, orders, vices, resets and times, against a model that remembers for each request
 * what it asked for: every request ends exactly once, an end without an error is one whose data are
 * right, memory that no request names never changes, and every invariant holds after each step.
 * VIRTIO_SEED replays one run (it is printed). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "effort.h"
#include "virtio_kit.h"

#define STEPS        60000u
#define MODEL_AREAS  24u      /* of memory, one for a request */
#define AREA_BYTES   (32768u) /* each */
#define AREA_PATTERN 0x5a

struct model_request {
    bool busy, reads;
    uint32_t sector, sectors;
    uint64_t tag;
};

static struct {
    uint64_t seed, tags, now;
    struct model_request area[MODEL_AREAS];
    uint8_t disk[FAKE_DISK_SECTORS * 512]; /* as the writes that succeeded left it */
    bool unsure[FAKE_DISK_SECTORS];        /* a write of it failed: old or new */
    uint64_t ends, errors;
} model;

static uint32_t random_below(uint32_t limit)
{
    model.seed ^= model.seed << 13;
    model.seed ^= model.seed >> 7;
    model.seed ^= model.seed << 17;
    return (uint32_t)((model.seed >> 16) % limit);
}

static uint8_t *area_at(unsigned area)
{
    return fake.ram + KIT_DATA + area * AREA_BYTES;
}

/* Sectors that a busy request writes, or reads while this one would write, are left alone: their order
 * is the device's to choose. */
static bool model_conflicts(uint32_t sector, uint32_t sectors, bool reads)
{
    for (unsigned i = 0; i < MODEL_AREAS; i++) {
        const struct model_request *other = &model.area[i];

        if (other->busy && (!reads || !other->reads) && sector < other->sector + other->sectors &&
            other->sector < sector + sectors)
            return true;
    }
    return false;
}

static void step_submit(void)
{
    static const uint32_t counts[] = {1, 1, 1, 2, 3, 8, 32};
    const unsigned area = random_below(MODEL_AREAS);
    const uint32_t segments = counts[random_below(7)];
    const uint32_t sectors = segments * (1 + random_below(2)); /* up to 64: the area's size */
    const bool reads = random_below(2) == 0;
    const uint32_t sector = random_below(FAKE_DISK_SECTORS - 64);
    int error;

    if (model.area[area].busy || model_conflicts(sector, sectors, reads))
        return;
    for (uint32_t i = 0; i < sectors * 512; i++)
        area_at(area)[i] = reads ? AREA_PATTERN : (uint8_t)(model.tags * 31 + i + i / 512);
    error = kit_submit(reads ? VIRTIO_BLK_READ : VIRTIO_BLK_WRITE, sector, segments, sectors,
                       KIT_DATA + area * AREA_BYTES, ++model.tags);
    if (error) {
        CHECK(error == EAGAIN && blk.free_count == 0);
        memset(area_at(area), AREA_PATTERN, sectors * 512);
        return;
    }
    model.area[area] = (struct model_request){true, reads, sector, sectors, model.tags};
}

static void model_end_read(const struct model_request *request, const uint8_t *data)
{
    for (uint32_t i = 0; i < request->sectors; i++)
        if (!model.unsure[request->sector + i])
            CHECK(memcmp(data + i * 512, model.disk + (request->sector + i) * 512, 512) == 0);
}

static void model_end(const struct virtio_blk_end *end)
{
    unsigned area = 0;

    while (area < MODEL_AREAS && !(model.area[area].busy && model.area[area].tag == end->tag))
        area++;
    CHECK(area < MODEL_AREAS); /* once, and one of ours */
    model.area[area].busy = false;
    model.ends++;
    model.errors += end->error != 0;
    for (uint32_t i = 0; i < model.area[area].sectors && !model.area[area].reads; i++) {
        const uint32_t sector = model.area[area].sector + i;

        model.unsure[sector] = end->error != 0;
        memcpy(model.disk + sector * 512, area_at(area) + i * 512, 512);
    }
    if (model.area[area].reads && end->error == 0)
        model_end_read(&model.area[area], area_at(area));
    memset(area_at(area), AREA_PATTERN, AREA_BYTES);
}

static void step_take(void)
{
    struct virtio_blk_end end;

    while (virtio_blk_take(&blk, &end)) {
        kit_check();
        model_end(&end);
    }
}

static void step_finish(void)
{
    const enum fake_vice vice =
        random_below(40) == 0 ? (enum fake_vice)random_below(VICES) : VICE_NONE;

    if (fake.held_count == 0 || fake.broken)
        return;
    if (fake.legacy && vice == VICE_SHORT)
        return; /* an old device's lie that nobody can tell */
    virtio_fake_finish(&fake, random_below(fake.held_count), vice);
}

/* The driver serves as a loop would: interrupts, ends, sleep. */
static void step_serve(void)
{
    if (fake.interrupt_status != 0)
        virtio_blk_interrupt(&blk);
    do
        step_take();
    while (!virtio_blk_sleep(&blk));
}

static void step_time(void)
{
    model.now += random_below(200);
    virtio_blk_kick(&blk);
    step_take();
    if (random_below(20) == 0)
        virtio_blk_expire(&blk, 1000 + model.now);
}

static void step(void)
{
    switch (random_below(8)) {
    case 0:
    case 1:
        step_submit();
        break;
    case 2:
        virtio_blk_kick(&blk);
        break;
    case 3:
    case 4:
        step_finish();
        break;
    case 5:
        if (random_below(200) == 0)
            virtio_fake_need_reset(&fake);
        else if (random_below(50) == 0)
            step_time();
        break;
    default:
        virtio_blk_kick(&blk);
        step_serve();
    }
    kit_check();
}

/* Nothing is left in flight, and memory between the requests' is as it was. */
static void check_end(void)
{
    virtio_blk_kick(&blk);
    virtio_blk_expire(&blk, UINT64_MAX);
    step_take();
    for (unsigned i = 0; i < MODEL_AREAS; i++) {
        CHECK(!model.area[i].busy);
        for (uint32_t k = 0; k < AREA_BYTES; k++)
            CHECK_EQ(area_at(i)[k], AREA_PATTERN);
    }
    for (uint32_t i = sizeof(struct virtio_blk_shared); i < KIT_DATA; i++)
        CHECK_EQ(fake.ram[i], 0xa5);
    for (uint32_t i = 0; i < FAKE_DISK_SECTORS; i++)
        CHECK(model.unsure[i] || memcmp(model.disk + i * 512, fake.disk + i * 512, 512) == 0);
    CHECK_EQ(blk.state, VIRTIO_BLK_READY);
}

static void random_run(bool legacy, bool indirect, bool events)
{
    const char *chosen = getenv("VIRTIO_SEED");
    struct effort effort = effort_begin(STEPS);

    memset(&model, 0, sizeof model);
    model.seed = chosen ? strtoull(chosen, NULL, 0)
                        : 0x9e3779b97f4a7c15ull + legacy + 2 * indirect + 4 * events;
    harness_note("VIRTIO_SEED=%" PRIu64, model.seed);
    virtio_fake_init(&fake, legacy);
    memset(fake.ram + KIT_DATA, AREA_PATTERN, MODEL_AREAS * AREA_BYTES);
    memcpy(model.disk, fake.disk, sizeof model.disk);
    if (!indirect)
        fake.offered &= ~(1ull << 28);
    if (!events)
        fake.offered &= ~(1ull << 29);
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
    while (effort_continues(&effort))
        step();
    check_end();
    effort_end(&effort);
    harness_note("%" PRIu64 " requests, %" PRIu64 " ended with an error, %" PRIu64 " resets",
                 model.ends, model.errors, blk.resets);
    CHECK(chosen || (model.ends > STEPS / 20 && model.errors > 0 && blk.resets > 0));
}

TEST("random requests on a modern disk end once each, with the right data or an error")
{
    random_run(false, true, true);
}

TEST("the same on a legacy disk")
{
    random_run(true, true, true);
}

TEST("the same on disks that know no indirect descriptors, or no event index")
{
    random_run(false, false, true);
    random_run(true, true, false);
}
