/* A disk and a clock for the tests: see sim_disk.h.
 *
 * All that will happen to a request is chosen at its submit: how many sectors of each page move, and when,
 * and when it is done.  The clock goes from one of these events to the next. */
#include "sim_disk.h"

#include <stdlib.h>
#include <string.h>

#define NEVER  UINT64_MAX
#define NO_BIT UINT64_MAX
#define WORDS  (PAGE_BYTES / sizeof(uint64_t))

struct sim_segment {
    uint64_t at;      /* tick when it moves; NEVER: it has moved, or will not */
    uint64_t sum;     /* of a read: what the device put in the frame last */
    uint32_t sectors; /* first ones, that move */
};

struct sim_transfer {
    bool queued, ok;
    enum sim_disk_fault fault;
    struct sim_disk_request request;
    struct sim_segment segment[SIM_DISK_SEGMENTS];
    uint64_t place; /* first page on the medium */
    uint64_t bit;   /* of the request, that will be wrong; or NO_BIT */
    uint64_t done;  /* tick, or NEVER */
    uint64_t next;  /* tick of its next event, or NEVER */
    uint64_t order; /* among events of a tick */
};

struct sim_disk {
    struct sim_disk_config config;
    uint8_t *medium;
    struct sim_transfer transfer[SIM_DISK_QUEUE];
    uint32_t queued;
    uint64_t submitted;
    uint64_t now;
    uint64_t last; /* tick when all but those that never end will be done */
    uint64_t random;
    bool chosen; /* the fault of the next request */
    enum sim_disk_fault choice;
    const char *broken;
};

static uint64_t sim_disk_pins; /* of all disks */

/* ---- random numbers ---- */

static uint64_t sim_disk_random(struct sim_disk *disk)
{
    uint64_t value = disk->random += 0x9e3779b97f4a7c15ull;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

/* From low to high, both included. */
static uint64_t sim_disk_pick(struct sim_disk *disk, uint64_t low, uint64_t high)
{
    return low + sim_disk_random(disk) % (high - low + 1);
}

static void sim_disk_fill_garbage(struct sim_disk *disk, void *page, uint64_t bytes)
{
    uint64_t *word = page, value = sim_disk_random(disk) | 1;

    for (uint64_t i = 0; i < bytes / sizeof(*word); i++)
        word[i] = value * (i + 1);
}

static uint64_t sim_disk_sum(const void *page)
{
    const uint64_t *word = page;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < WORDS; i++)
        sum = (sum ^ word[i]) * 0x9fb21c651e98df25ull;
    return sum;
}

/* ---- the disk ---- */

struct sim_disk *sim_disk_create(const struct sim_disk_config *config)
{
    struct sim_disk *disk = calloc(1, sizeof(*disk));

    if (!disk)
        abort();
    disk->config = *config;
    disk->random = config->seed;
    disk->medium = calloc(config->pages, PAGE_BYTES);
    if (!disk->medium)
        abort();
    return disk;
}

static void sim_disk_unpin(struct sim_disk *disk, const struct sim_disk_request *request,
                           uint32_t segments)
{
    if (request->op == SIM_DISK_DISCARD)
        return;
    for (uint32_t i = 0; i < segments; i++)
        frame_unpin(disk->config.frames, request->frame[i]);
    sim_disk_pins -= segments;
}

static void sim_disk_forget(struct sim_disk *disk, struct sim_transfer *transfer)
{
    sim_disk_unpin(disk, &transfer->request, transfer->request.segments);
    transfer->queued = false;
    disk->queued--;
}

void sim_disk_destroy(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < SIM_DISK_QUEUE; i++)
        if (disk->transfer[i].queued)
            sim_disk_forget(disk, &disk->transfer[i]);
    free(disk->medium);
    free(disk);
}

void sim_disk_seed(struct sim_disk *disk, uint64_t seed)
{
    disk->random = seed;
}

uint8_t *sim_disk_medium(struct sim_disk *disk, uint64_t page)
{
    return disk->medium + page * PAGE_BYTES;
}

void sim_disk_inject(struct sim_disk *disk, enum sim_disk_fault fault)
{
    disk->chosen = true;
    disk->choice = fault;
}

uint32_t sim_disk_queued(const struct sim_disk *disk)
{
    return disk->queued;
}

uint64_t sim_disk_now(const struct sim_disk *disk)
{
    return disk->now;
}

/* ---- submit: what will happen ---- */

static enum sim_disk_fault sim_disk_choose_fault(struct sim_disk *disk)
{
    uint64_t number = sim_disk_pick(disk, 0, 1023);

    if (disk->chosen) {
        disk->chosen = false;
        return disk->choice;
    }
    for (uint32_t fault = SIM_DISK_GOOD + 1; fault < SIM_DISK_FAULTS; fault++) {
        if (number < disk->config.chance[fault])
            return (enum sim_disk_fault)fault;
        number -= disk->config.chance[fault];
    }
    return SIM_DISK_GOOD;
}

/* The first `sectors` of the request move. */
static void sim_disk_limit_sectors(struct sim_transfer *transfer, uint64_t sectors)
{
    for (uint32_t i = 0; i < transfer->request.segments; i++) {
        uint64_t some = sectors < SIM_DISK_SECTORS ? sectors : SIM_DISK_SECTORS;

        transfer->segment[i].sectors = (uint32_t)some;
        sectors -= some;
    }
}

/* Another place for a misplaced request; if the disk has no other, it is lost. */
static void sim_disk_misplace(struct sim_disk *disk, struct sim_transfer *transfer)
{
    uint64_t places = disk->config.pages - transfer->request.segments;

    if (places == 0) {
        transfer->fault = SIM_DISK_LOST;
        sim_disk_limit_sectors(transfer, 0);
        return;
    }
    transfer->place = sim_disk_pick(disk, 0, places - 1);
    transfer->place += transfer->place >= transfer->request.first;
}

static void sim_disk_choose_sectors(struct sim_disk *disk, struct sim_transfer *transfer)
{
    uint32_t segments = transfer->request.segments;
    uint64_t all = (uint64_t)segments * SIM_DISK_SECTORS;

    transfer->place = transfer->request.first;
    transfer->bit = NO_BIT;
    sim_disk_limit_sectors(transfer, all);
    switch (transfer->fault) {
    case SIM_DISK_ERROR:
    case SIM_DISK_LOST:
        sim_disk_limit_sectors(transfer, 0);
        break;
    case SIM_DISK_SHORT:
        sim_disk_limit_sectors(transfer, sim_disk_pick(disk, 1, all - 1));
        break;
    case SIM_DISK_TORN:
        transfer->segment[sim_disk_pick(disk, 0, segments - 1)].sectors =
            (uint32_t)sim_disk_pick(disk, 1, SIM_DISK_SECTORS - 1);
        break;
    case SIM_DISK_CORRUPT:
        transfer->bit = sim_disk_pick(disk, 0, segments * PAGE_BYTES * 8 - 1);
        break;
    case SIM_DISK_MISPLACED:
        sim_disk_misplace(disk, transfer);
        break;
    case SIM_DISK_SILENT:
        sim_disk_limit_sectors(transfer, sim_disk_pick(disk, 0, all));
        break;
    case SIM_DISK_GOOD:
    case SIM_DISK_FAULTS:
        break;
    }
}

static void sim_disk_find_next(struct sim_transfer *transfer)
{
    transfer->next = transfer->done;
    for (uint32_t i = 0; i < transfer->request.segments; i++)
        if (transfer->segment[i].at < transfer->next)
            transfer->next = transfer->segment[i].at;
}

static void sim_disk_choose_times(struct sim_disk *disk, struct sim_transfer *transfer)
{
    uint32_t delay = disk->config.delay;
    uint64_t done = disk->now + (delay ? sim_disk_pick(disk, 1, delay) : 0), first = disk->now;
    bool reorders = disk->config.reorders, silent = transfer->fault == SIM_DISK_SILENT;

    if (!reorders && disk->last > first)
        first = disk->last;
    if (done < first)
        done = first;
    if (silent && reorders) /* what was given up on may still move long after */
        done += 4 * (uint64_t)delay;
    if (!reorders)
        disk->last = done;
    for (uint32_t i = 0; i < transfer->request.segments; i++)
        transfer->segment[i].at =
            transfer->segment[i].sectors ? sim_disk_pick(disk, first, done) : NEVER;
    transfer->done = silent ? NEVER : done;
    transfer->order = reorders ? sim_disk_random(disk) : disk->submitted;
    transfer->ok = transfer->fault != SIM_DISK_ERROR && transfer->fault != SIM_DISK_SHORT;
    sim_disk_find_next(transfer);
}

/* ---- submit ---- */

static bool sim_disk_pin(struct sim_disk *disk, const struct sim_disk_request *request)
{
    if (request->op == SIM_DISK_DISCARD)
        return true;
    for (uint32_t i = 0; i < request->segments; i++) {
        if (frame_pin(disk->config.frames, request->frame[i]) != FL_OK) {
            sim_disk_unpin(disk, request, i);
            return false;
        }
        sim_disk_pins++;
    }
    return true;
}

static void *sim_disk_memory(const struct sim_disk *disk, const struct sim_transfer *transfer,
                             uint32_t segment)
{
    return frame_contents(disk->config.frames, transfer->request.frame[segment]);
}

static void sim_disk_spoil_frames(struct sim_disk *disk, struct sim_transfer *transfer)
{
    if (transfer->request.op != SIM_DISK_READ)
        return;
    for (uint32_t i = 0; i < transfer->request.segments; i++) {
        void *memory = sim_disk_memory(disk, transfer, i);

        sim_disk_fill_garbage(disk, memory, PAGE_BYTES);
        transfer->segment[i].sum = sim_disk_sum(memory);
    }
}

bool sim_disk_submit(struct sim_disk *disk, const struct sim_disk_request *request)
{
    struct sim_transfer *transfer = disk->transfer;

    if (disk->queued == SIM_DISK_QUEUE || request->segments == 0 ||
        request->segments > SIM_DISK_SEGMENTS || request->segments > disk->config.pages ||
        request->first > disk->config.pages - request->segments || !sim_disk_pin(disk, request))
        return false;
    while (transfer->queued)
        transfer++;
    disk->queued++;
    disk->submitted++;
    *transfer = (struct sim_transfer){.queued = true, .request = *request};
    transfer->fault = sim_disk_choose_fault(disk);
    sim_disk_choose_sectors(disk, transfer);
    sim_disk_choose_times(disk, transfer);
    sim_disk_spoil_frames(disk, transfer);
    return true;
}

/* ---- what happens ---- */

/* D3, looked at whenever the device has the frame in its hands. */
static bool sim_disk_is_untouched(const struct sim_disk *disk, const struct sim_transfer *transfer,
                                  uint32_t segment)
{
    return transfer->request.op != SIM_DISK_READ ||
           sim_disk_sum(sim_disk_memory(disk, transfer, segment)) == transfer->segment[segment].sum;
}

static void sim_disk_flip(const struct sim_transfer *transfer, uint32_t segment, uint8_t *page)
{
    uint64_t bit = transfer->bit % (PAGE_BYTES * 8);

    if (transfer->bit / (PAGE_BYTES * 8) == segment)
        page[bit / 8] = (uint8_t)(page[bit / 8] ^ 1u << bit % 8);
}

static void sim_disk_move(struct sim_disk *disk, struct sim_transfer *transfer, uint32_t segment)
{
    uint64_t bytes = (uint64_t)transfer->segment[segment].sectors * SIM_DISK_SECTOR_BYTES;
    uint8_t *medium = sim_disk_medium(disk, transfer->place + segment), *memory;

    transfer->segment[segment].at = NEVER;
    if (transfer->request.op == SIM_DISK_DISCARD) {
        sim_disk_fill_garbage(disk, medium, bytes);
        return;
    }
    memory = sim_disk_memory(disk, transfer, segment);
    if (transfer->request.op == SIM_DISK_WRITE) {
        memcpy(medium, memory, bytes);
        sim_disk_flip(transfer, segment, medium);
        return;
    }
    if (!sim_disk_is_untouched(disk, transfer, segment))
        disk->broken = "D3";
    memcpy(memory, medium, bytes);
    sim_disk_flip(transfer, segment, memory);
    transfer->segment[segment].sum = sim_disk_sum(memory);
}

/* The request with the first event until tick `end`, or NULL. */
static struct sim_transfer *sim_disk_first_event(struct sim_disk *disk, uint64_t end)
{
    struct sim_transfer *first = NULL;

    for (struct sim_transfer *t = disk->transfer; t < disk->transfer + SIM_DISK_QUEUE; t++)
        if (t->queued && t->next <= end && t->next != NEVER &&
            (!first || t->next < first->next ||
             (t->next == first->next && t->order < first->order)))
            first = t;
    return first;
}

/* Moves a page of the request that moves now.  False: none does, the request is done. */
static bool sim_disk_move_one(struct sim_disk *disk, struct sim_transfer *transfer)
{
    for (uint32_t i = 0; i < transfer->request.segments; i++) {
        if (transfer->segment[i].at != transfer->next)
            continue;
        sim_disk_move(disk, transfer, i);
        sim_disk_find_next(transfer);
        return true;
    }
    return false;
}

bool sim_disk_next(struct sim_disk *disk, uint32_t ticks, struct sim_disk_done *done)
{
    uint64_t end = disk->now + ticks;
    struct sim_transfer *transfer;

    while ((transfer = sim_disk_first_event(disk, end))) {
        disk->now = transfer->next;
        if (sim_disk_move_one(disk, transfer))
            continue;
        for (uint32_t i = 0; i < transfer->request.segments; i++)
            if (!sim_disk_is_untouched(disk, transfer, i))
                disk->broken = "D3";
        *done = (struct sim_disk_done){transfer->request.tag, transfer->ok, transfer->fault,
                                       transfer->place};
        sim_disk_forget(disk, transfer);
        return true;
    }
    disk->now = end;
    return false;
}

static void sim_disk_cut_off(struct sim_disk *disk, struct sim_transfer *transfer)
{
    for (uint32_t i = 0; i < transfer->request.segments; i++)
        transfer->segment[i].at = NEVER;
    if (transfer->fault < SIM_DISK_CORRUPT)
        transfer->fault = SIM_DISK_SHORT;
    transfer->ok = false;
    transfer->done = transfer->next = disk->now;
    if (disk->config.reorders)
        transfer->order = sim_disk_random(disk);
}

void sim_disk_reset(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < SIM_DISK_QUEUE; i++)
        if (disk->transfer[i].queued)
            sim_disk_cut_off(disk, &disk->transfer[i]);
    disk->last = disk->now;
}

/* ---- the checker ---- */

static bool sim_disk_check_pins(const struct sim_disk *disk)
{
    const struct frame_table *frames = disk->config.frames;
    uint16_t *named = calloc(frames->count, sizeof(*named));
    bool holds = frames->pins == sim_disk_pins;

    if (!named)
        abort();
    for (const struct sim_transfer *t = disk->transfer; t < disk->transfer + SIM_DISK_QUEUE; t++)
        for (uint32_t i = 0;
             t->queued && t->request.op != SIM_DISK_DISCARD && i < t->request.segments; i++) {
            uint64_t at = t->request.frame[i].value - frames->first.value;

            holds = holds && ++named[at] <= frames->frames[at].pins;
        }
    free(named);
    return holds;
}

const char *sim_disk_check(const struct sim_disk *disk)
{
    uint32_t queued = 0;

    if (disk->broken)
        return disk->broken;
    for (const struct sim_transfer *t = disk->transfer; t < disk->transfer + SIM_DISK_QUEUE; t++) {
        if (t->queued && t->next < disk->now)
            return "D1";
        queued += t->queued;
        for (uint32_t i = 0; t->queued && i < t->request.segments; i++)
            if (!sim_disk_is_untouched(disk, t, i))
                return "D3";
    }
    if (queued != disk->queued)
        return "D1";
    return sim_disk_check_pins(disk) ? NULL : "D2";
}
