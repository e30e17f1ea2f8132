/* Random requests that overlap in time and place, with each fault, against a model of which values each
 * sector may hold: the last that was written, or any of those that were written at the same time, or that
 * faults left in doubt.  The model knows what was submitted and what was told, and nothing of the disk. */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_disk_kit.h"

#include <inttypes.h>

#include "effort.h"

#define SECTORS  ((uint64_t)PAGES * SIM_DISK_SECTORS)
#define VALUES   100u /* that a sector may hold at once */
#define ALWAYS   UINT64_MAX
#define GARBAGE  UINT64_MAX /* a value: what a discard left */
#define STEPS    2000u      /* of a trace */
#define ID_SHIFT 16         /* sector i of request n writes the value n << ID_SHIFT | i */

/* Times are numbers of events: submits and answers. */
struct model_value {
    uint64_t value;
    uint64_t submitted; /* its write */
    uint64_t done;      /* ... or ALWAYS: not yet */
    uint64_t gone;      /* since when the sector cannot hold it any more, or ALWAYS: it can */
    bool flipped;       /* a bit of it may be wrong */
};

struct model_sector {
    struct model_value value[VALUES];
    uint32_t values;
};

struct model_request {
    bool queued;
    struct sim_disk_request request;
    uint64_t submitted;
    uint32_t frame; /* first */
};

static struct {
    struct model_sector sector[SECTORS];
    struct model_request request[SIM_DISK_QUEUE];
    uint64_t frame_sum[FRAMES]; /* of those that no request has */
    bool frame_used[FRAMES];
    uint64_t time;
    uint64_t requests;
    bool reorders;
    uint64_t random;
    uint64_t hash; /* of all that was told */
    uint64_t seen[SIM_DISK_FAULTS], doubts;
} model;

static uint64_t model_pick(uint64_t options)
{
    model.random = model.random * 6364136223846793005ull + 1442695040888963407ull;
    return (model.random >> 33) % options;
}

static void model_check(bool holds, const char *what)
{
    if (!holds)
        harness_note("event %" PRIu64 ": %s", model.time, what);
    CHECK(holds);
}

static uint64_t model_sum(const void *bytes, uint64_t count)
{
    const uint64_t *word = bytes;
    uint64_t sum = 1;

    for (uint64_t i = 0; i < count / 8; i++)
        sum = (sum ^ word[i]) * 0x100000001b3ull;
    return sum;
}

/* ---- frames ---- */

static void model_take_frames(struct model_request *request, bool take)
{
    for (uint32_t i = 0; i < request->request.segments; i++) {
        if (request->request.op == SIM_DISK_WRITE && !take)
            model_check(model_sum(memory[request->frame + i], PAGE_BYTES) ==
                            model.frame_sum[request->frame + i],
                        "a write changed its frame");
        model.frame_used[request->frame + i] = take;
        model.frame_sum[request->frame + i] = model_sum(memory[request->frame + i], PAGE_BYTES);
    }
}

/* The first of so many frames that no request has, or FRAMES. */
static uint32_t model_find_frames(uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i < FRAMES; i++) {
        run = model.frame_used[i] ? 0 : run + 1;
        if (run == count)
            return i + 1 - count;
    }
    return FRAMES;
}

static void model_check_idle_frame(void)
{
    uint32_t frame = (uint32_t)model_pick(FRAMES);

    if (!model.frame_used[frame])
        model_check(model_sum(memory[frame], PAGE_BYTES) == model.frame_sum[frame],
                    "a frame changed that no request has");
}

/* ---- sectors ---- */

/* Forgets values that no read which is queued may still have seen. */
static void model_prune(struct model_sector *sector)
{
    uint64_t oldest = model.time;

    for (uint32_t i = 0; i < SIM_DISK_QUEUE; i++)
        if (model.request[i].queued && model.request[i].submitted < oldest)
            oldest = model.request[i].submitted;
    for (uint32_t i = sector->values; i-- > 0;)
        if (sector->value[i].gone < oldest)
            sector->value[i] = sector->value[--sector->values];
}

/* A sector that faults left in too much doubt is not written any more in this trace. */
static bool model_has_room(uint64_t first, uint32_t pages)
{
    struct model_sector *sector = &model.sector[first * SIM_DISK_SECTORS];

    for (uint32_t i = 0; i < pages * SIM_DISK_SECTORS; i++) {
        model_prune(&sector[i]);
        if (sector[i].values == VALUES)
            return false;
    }
    return true;
}

static void model_add(uint64_t at, uint64_t value)
{
    struct model_sector *sector = &model.sector[at];

    sector->value[sector->values++] = (struct model_value){
        .value = value, .submitted = model.time, .done = ALWAYS, .gone = ALWAYS};
}

/* The write of `own` is done, and all of it moved: what was there before it is gone. */
static void model_supersede(struct model_sector *sector, const struct model_value *own)
{
    for (uint32_t i = 0; i < sector->values; i++) {
        struct model_value *other = &sector->value[i];
        bool before =
            model.reorders ? other->done < own->submitted : other->submitted < own->submitted;

        if (before && other->gone == ALWAYS)
            other->gone = model.time;
    }
}

static void model_settle(uint64_t at, const struct model_request *request, uint32_t number,
                         const struct sim_disk_done *done)
{
    struct model_sector *sector = &model.sector[at];
    struct model_value *own = sector->value;

    while (own->submitted != request->submitted)
        own++;
    CHECK(own->value == GARBAGE || (own->value & ((1u << ID_SHIFT) - 1)) == number);
    own->done = model.time;
    own->flipped = done->fault == SIM_DISK_CORRUPT;
    if (done->fault == SIM_DISK_ERROR || done->fault == SIM_DISK_LOST)
        own->gone = 0;
    else if (done->ok && done->fault != SIM_DISK_TORN)
        model_supersede(sector, own);
    else /* it moved, or it did not */
        model.doubts++;
}

/* The fewest bits in which contents differ from what the sector may have held since `since`. */
static uint32_t model_distance(uint64_t at, const uint8_t *contents, uint64_t since)
{
    const struct model_sector *sector = &model.sector[at];
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < sector->values; i++) {
        const struct model_value *value = &sector->value[i];
        uint32_t distance;

        if (value->gone <= since)
            continue;
        distance = value->value == GARBAGE ? 0 : value_distance(contents, value->value);
        if (distance > 0 && (value->flipped || value->done == ALWAYS))
            distance--;
        if (distance < least)
            least = distance;
    }
    return least;
}

/* ---- answers ---- */

/* Sectors of page `page` of a read that hold what they never could; *bits: the fewest wrong ones, if they
 * are few. */
static uint32_t model_count_wrong(const struct model_request *request, uint32_t page,
                                  uint32_t *bits)
{
    uint64_t at = (request->request.first + page) * SIM_DISK_SECTORS;
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < SIM_DISK_SECTORS; i++) {
        const uint8_t *contents = memory[request->frame + page] + i * SIM_DISK_SECTOR_BYTES;
        uint32_t distance = model_distance(at + i, contents, request->submitted);

        wrong += distance > 0;
        *bits += distance;
    }
    return wrong;
}

static void model_check_read(const struct model_request *request, enum sim_disk_fault fault)
{
    uint32_t wrong = 0, pages = 0, bits = 0;

    for (uint32_t page = 0; page < request->request.segments; page++) {
        uint32_t here = model_count_wrong(request, page, &bits);

        wrong += here;
        pages += here > 0;
    }
    if (fault == SIM_DISK_GOOD)
        model_check(wrong == 0, "a sector was read that nobody wrote");
    if (fault == SIM_DISK_CORRUPT) /* 0: the bit that a corrupt write had flipped, or garbage */
        model_check(bits <= 1, "more than one bit is wrong");
    if (fault == SIM_DISK_TORN)
        model_check(pages <= 1 && wrong < SIM_DISK_SECTORS, "more is torn than a page");
}

static void model_answer(const struct sim_disk_done *done)
{
    struct model_request *request = model.request;

    while (!request->queued || request->request.tag != done->tag)
        CHECK(++request < model.request + SIM_DISK_QUEUE);
    model.time++;
    model.seen[done->fault]++;
    model.hash = (model.hash ^ done->tag ^ (uint64_t)done->fault << 32 ^ sim_disk_now(disk) << 40) *
                 0x100000001b3ull;
    model_check(done->place == request->request.first, "misplaced");
    if (request->request.op == SIM_DISK_READ && done->ok)
        model_check_read(request, done->fault);
    for (uint32_t i = 0;
         request->request.op != SIM_DISK_READ && i < request->request.segments * SIM_DISK_SECTORS;
         i++)
        model_settle(request->request.first * SIM_DISK_SECTORS + i, request, i, done);
    model_take_frames(request, false);
    request->queued = false;
}

/* ---- steps ---- */

static void step_submit(void)
{
    uint32_t segments = 1 + (uint32_t)model_pick(model_pick(8) == 0 ? 20 : 3);
    uint64_t place = model_pick(model_pick(2) ? 6 : PAGES - segments + 1);
    uint32_t frame = model_find_frames(segments), kind = (uint32_t)model_pick(16);
    enum sim_disk_op op = kind == 0 ? SIM_DISK_DISCARD : kind < 7 ? SIM_DISK_READ : SIM_DISK_WRITE;
    struct model_request *request = model.request;

    if (frame == FRAMES || (op != SIM_DISK_READ && !model_has_room(place, segments)))
        return;
    while (request->queued)
        request++;
    *request = (struct model_request){.queued = true,
                                      .request = request_of(op, place, segments, frame),
                                      .submitted = ++model.time,
                                      .frame = frame};
    request->request.tag = ++model.requests;
    if (op == SIM_DISK_WRITE)
        pages_put(memory[frame], model.requests << ID_SHIFT, segments);
    for (uint32_t i = 0; op != SIM_DISK_READ && i < segments * SIM_DISK_SECTORS; i++)
        model_add(place * SIM_DISK_SECTORS + i,
                  op == SIM_DISK_WRITE ? model.requests << ID_SHIFT | i : GARBAGE);
    CHECK(sim_disk_submit(disk, &request->request));
    model_take_frames(request, true);
}

static void step_pass(uint32_t ticks)
{
    struct sim_disk_done done;

    if (sim_disk_next(disk, ticks, &done))
        model_answer(&done);
}

static void step_any(void)
{
    uint64_t kind = model_pick(400);

    if (kind == 0 || sim_disk_queued(disk) == SIM_DISK_QUEUE)
        sim_disk_reset(disk);
    else if (kind < 200)
        step_submit();
    else
        step_pass((uint32_t)model_pick(DELAY / 4));
    model_check_idle_frame();
    if (model_pick(32) == 0)
        sound();
}

static void check_medium(void)
{
    for (uint64_t at = 0; at < SECTORS; at++)
        model_check(model_distance(at, sim_disk_medium(disk, 0) + at * SIM_DISK_SECTOR_BYTES,
                                   model.time) == 0,
                    "the medium holds what nobody wrote");
}

static void trace_begin(uint64_t seed, uint32_t variant)
{
    static const uint32_t faults[SIM_DISK_FAULTS] = {
        [SIM_DISK_ERROR] = 30, [SIM_DISK_SHORT] = 30,   [SIM_DISK_TORN] = 30,
        [SIM_DISK_LOST] = 30,  [SIM_DISK_CORRUPT] = 30, [SIM_DISK_SILENT] = 4};

    effort_trace_begin(seed, variant);
    memset(&model, 0, sizeof(model));
    model.random = seed;
    model.reorders = seed % 2;
    begin(seed, model.reorders, seed % 4 < 2 ? NULL : faults);
    memset(memory, 0, sizeof(memory));
    for (uint32_t i = 0; i < FRAMES; i++)
        model.frame_sum[i] = model_sum(memory[i], PAGE_BYTES);
    for (uint64_t at = 0; at < SECTORS; at++) {
        value_put(sim_disk_medium(disk, 0) + at * SIM_DISK_SECTOR_BYTES, at);
        model_add(at, at);
        model.sector[at].value[0].done = 0;
    }
}

/* All that is queued ends; the rest by a reset. */
static void trace_end(void)
{
    for (uint32_t i = 0; i < 2 * SIM_DISK_QUEUE; i++) {
        if (i == SIM_DISK_QUEUE)
            sim_disk_reset(disk);
        step_pass(LONG);
    }
    CHECK_EQ(sim_disk_queued(disk), 0);
    check_medium();
    model.hash ^= model_sum(sim_disk_medium(disk, 0), PAGES * PAGE_BYTES);
    end();
    effort_trace_end();
}

static void run_trace(uint64_t seed, uint32_t variant)
{
    trace_begin(seed, variant);
    for (uint32_t i = 0; i < STEPS; i++)
        step_any();
    trace_end();
}

/* Of all traces. */
static uint64_t seen[SIM_DISK_FAULTS], doubts;

static void run_counted(uint64_t seed, uint32_t variant)
{
    run_trace(seed, variant);
    for (uint32_t fault = 0; fault < SIM_DISK_FAULTS; fault++)
        seen[fault] += model.seen[fault];
    doubts += model.doubts;
}

TEST(
    "random traces: each sector holds what the last write put there, or what faults leave possible")
{
    if (!effort_run_traces(20, STEPS, 0, run_counted))
        return;
    for (uint32_t fault = 0; fault < SIM_DISK_FAULTS; fault++)
        CHECK((seen[fault] > 10) == (fault != SIM_DISK_MISPLACED));
    CHECK(doubts > 100);
}

TEST("a trace goes the same way again, to the byte, and with another seed another way")
{
    uint64_t hash[4];

    for (uint64_t i = 0; i < 4; i++) {
        run_trace(3 + i / 2 * 4, 0);
        hash[i] = model.hash;
    }
    CHECK_EQ(hash[0], hash[1]);
    CHECK_EQ(hash[2], hash[3]);
    CHECK(hash[0] != hash[2]);
}

TEST("what comes after a seed is set does not depend on what was before")
{
    uint64_t hash[2];

    for (uint32_t i = 0; i < 2; i++) {
        struct sim_disk_done done;

        begin(i, true, NULL);
        while (sim_disk_now(disk) < 100) { /* another number of choices */
            submit(SIM_DISK_READ, 0, 1 + i, 0);
            while (sim_disk_queued(disk) > 0)
                sim_disk_next(disk, 100 - (uint32_t)sim_disk_now(disk) % 100, &done);
        }
        sim_disk_seed(disk, 77);
        hash[i] = 0;
        submit(SIM_DISK_READ, 0, 4, 0);
        submit(SIM_DISK_READ, 9, 4, 4);
        for (uint64_t start = sim_disk_now(disk); sim_disk_queued(disk) > 0;) {
            done = finish();
            hash[i] = (hash[i] ^ done.tag ^ (sim_disk_now(disk) - start) << 32) * 0x100000001b3ull;
        }
        end();
    }
    CHECK_EQ(hash[0], hash[1]);
}
