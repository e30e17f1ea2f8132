/* What the tests of files on a disk share: the core on the machine of pager_fake.h with the driver of
 * pager_slow.h, a frame table over its memory, a disk, and what must hold after each step and at the
 * end. */
#ifndef SIM_FILE_KIT_H
#define SIM_FILE_KIT_H

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"
#include "sim_file.h"

#define FRAMES   256u
#define PAGE     ((uint64_t)FL_PAGE_BYTES)
#define AT       0x10000000ull
#define PAGES    8u
#define DELAY    10u
#define PATIENCE 100u
#define RW       (PROT_READ | PROT_WRITE)

static struct slow slow;
static struct frame_table kit_frames;
static struct sim_disk *kit_disk;

static inline frame_t kit_frame_of(const struct vm *vm, uint32_t page)
{
    (void)vm;
    return frame_plus(kit_frames.first, page);
}

/* Machines begin with this; chance: as of sim_disk_config, or NULL. */
static inline void kit_begin(uint64_t seed, uint64_t pages, bool reorders, const uint32_t *chance)
{
    static struct frame records[FRAMES];
    const frame_t first = {0x80400};
    struct sim_disk_config disk = {
        .frames = &kit_frames, .pages = pages, .delay = DELAY, .reorders = reorders, .seed = seed};

    slow_begin(&slow, FRAMES);
    frame_table_init(&kit_frames, records, first, FRAMES,
                     (uint64_t)(uintptr_t)slow.fake.memory - frame_address(first).value);
    if (chance)
        memcpy(disk.chance, chance, sizeof(disk.chance));
    kit_disk = sim_disk_create(&disk);
    sim_file_start(&(struct sim_file_config){.vm = &slow.fake.vm,
                                             .disk = kit_disk,
                                             .frame_of = kit_frame_of,
                                             .name = "slow",
                                             .pages = pages,
                                             .patience = PATIENCE});
}

static inline void kit_sound(void)
{
    const char *broken = slow_check(&slow);

    CHECK_STRING(broken ? broken : "", "");
    broken = sim_file_check();
    CHECK_STRING(broken ? broken : "", "");
    broken = frame_table_check(&kit_frames);
    CHECK_STRING(broken ? broken : "", "");
}

/* Ticks pass; what became ready goes on. */
static inline uint32_t kit_poll(uint32_t ticks)
{
    uint32_t told = sim_file_poll(ticks);

    slow_serve(&slow);
    kit_sound();
    return told;
}

/* The law of all tests here: when spaces and fetches are gone, every frame, pin and token is back. */
static inline void kit_end(void)
{
    kit_sound();
    slow_end(&slow);
    fake_unlimit(&slow.fake);
    for (uint32_t turn = 0; sim_file_fetches() > 0; turn++) {
        CHECK(turn < 1000);
        kit_poll(PATIENCE);
    }
    kit_sound();
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages);
    CHECK_EQ(slow.fake.vm.waits.active, 0);
    CHECK_EQ(kit_frames.pins, 0);
    CHECK_EQ(kit_frames.totals[FRAME_FREE], FRAMES);
    CHECK_EQ(sim_disk_queued(kit_disk), 0);
    sim_file_end();
    sim_disk_destroy(kit_disk);
    fake_free(&slow.fake);
}

/* Maps `pages` pages of the file from `first` on. */
static inline int kit_map(struct space *space, uint64_t address, uint64_t first, uint64_t pages,
                          bool private)
{
    struct object *object = sim_file_open();
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .offset = first * PAGE,
                                     .protection = private ? RW : PROT_READ,
                                     .flags = MAP_FIXED | (private ? MAP_PRIVATE : MAP_SHARED),
                                     .file = object,
                                     .readable = true};
    uint64_t at;
    int error = object ? vm_map(&slow.fake.vm, space, &request, &at) : ENOMEM;

    if (object)
        object_release(&slow.fake.vm, object);
    return error;
}

static inline struct space *kit_space(uint32_t parent)
{
    struct space *space = space_create(&slow.fake.vm, parent);

    CHECK(space);
    return space;
}

static inline enum slow_state kit_fault(uint32_t thread, struct space *space, uint64_t address,
                                        uint32_t access)
{
    enum slow_state state = slow_fault(&slow, &slow.thread[thread], space, address, access);

    kit_sound();
    return state;
}

/* What a program reads without a wait, or -1. */
static inline int kit_read(struct space *space, uint64_t address)
{
    uint8_t byte = 0;

    return fake_touch(&slow.fake, space, address, FL_ACCESS_READ, &byte) == FAKE_DONE ? byte : -1;
}

static inline void kit_stopped(uint32_t thread, const struct space *space)
{
    CHECK_EQ(slow.thread[thread].state, SLOW_STOPPED);
    CHECK_EQ(space->event.kind, PAGER_EVENT_UNREADABLE);
    CHECK_EQ(space->event.signal, 7); /* SIGBUS */
}

/* Page `index` of the disk is written by a request with this fault; nothing else is queued. */
static inline void kit_write_medium(uint64_t index, const uint8_t *bytes, enum sim_disk_fault fault)
{
    uint32_t page = page_allocate(&slow.fake.vm.table, PAGE_LENT);
    struct sim_disk_request request = {
        .op = SIM_DISK_WRITE, .first = index, .segments = 1, .frame = {kit_frame_of(NULL, page)}};
    struct sim_disk_done done;

    CHECK(page != PAGE_NONE);
    memcpy(page_contents(&slow.fake.vm.table, page), bytes, PAGE);
    sim_disk_inject(kit_disk, fault);
    CHECK(sim_disk_submit(kit_disk, &request));
    CHECK(sim_disk_next(kit_disk, DELAY, &done) && done.ok);
    page_release(&slow.fake.vm.table, page);
}

#endif
