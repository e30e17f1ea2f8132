/* What the tests of swap share: the core on the machine of pager_fake.h with the driver of pager_slow.h,
 * disks with swap headers, and what must hold after each step and at the end. */
#ifndef SIM_SWAP_KIT_H
#define SIM_SWAP_KIT_H

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"
#include "rmap.h"
#include "sim_disk.h"

#define FRAMES_MAX 2048u
#define DISKS      2u
#define PAGE       ((uint64_t)FL_PAGE_BYTES)
#define AT         0x10000000ull
#define DELAY      10u
#define RW         (PROT_READ | PROT_WRITE)

static struct slow slow;
static struct frame_table kit_frames;
static struct sim_disk *kit_disk[DISKS];
static uint32_t kit_frame_count;
static uint32_t kit_submitted[2]; /* requests that read, that write */
static uint64_t kit_now;          /* microseconds */
static bool kit_gone[DISKS];      /* disks that take no request */
static uint64_t
    kit_bad[DISKS]; /* a page of the disk that can be neither read nor written; 0: none */

/* What a disk is told that it need not keep: in parts, as its requests are short. */
#define KIT_DISCARD       1000u /* the tag of a part */
#define KIT_DISCARD_PAGES 200u  /* most of a request of the core; no whole number of words */
static struct {
    uint32_t device;
    uint64_t first, pages; /* pages > 0: under way */
    uint32_t parts;        /* that have not ended */
    bool ok;
} kit_discard;
static bool kit_is_idle;       /* what is for idle time is done whenever the core is served */
static uint32_t kit_discarded; /* requests */

static inline struct vm *kit_vm(void)
{
    return &slow.fake.vm;
}

static inline bool kit_submit(struct fake *fake, const struct vm_io *io)
{
    struct sim_disk_request request = {.op = io->write ? SIM_DISK_WRITE : SIM_DISK_READ,
                                       .first = io->first,
                                       .segments = io->count,
                                       .tag = io->tag};

    (void)fake;
    if (kit_gone[io->device])
        return false;
    if (kit_discard.pages > 0 && kit_discard.device == io->device) /* K5 */
        CHECK(io->first >= kit_discard.first + kit_discard.pages ||
              io->first + io->count <= kit_discard.first);
    for (uint32_t i = 0; i < io->count; i++)
        request.frame[i] = frame_plus(kit_frames.first, io->page[i]);
    kit_submitted[io->write]++;
    if (kit_bad[io->device] - io->first < io->count)
        sim_disk_inject(kit_disk[io->device], SIM_DISK_ERROR);
    CHECK(sim_disk_submit(kit_disk[io->device], &request));
    return true;
}

static inline bool kit_submit_discard(struct fake *fake, uint32_t device, uint64_t first,
                                      uint32_t pages)
{
    struct sim_disk_request request = {.op = SIM_DISK_DISCARD, .tag = KIT_DISCARD};

    CHECK(pages > 0 && pages <= KIT_DISCARD_PAGES && kit_discard.pages == 0);
    for (uint32_t area = 0; area < SWAP_AREAS; area++)
        for (uint64_t page = first; page < first + pages; page++)
            if (fake->vm.swap.area[area].device == device)
                CHECK(!swap_is_used(&fake->vm.swap, SWAP_SLOT(area, page)));
    if (kit_gone[device])
        return false;
    kit_discard.device = device;
    kit_discard.first = first;
    kit_discard.pages = pages;
    kit_discard.ok = true;
    kit_discarded++;
    for (uint32_t done = 0; done < pages; done += request.segments, kit_discard.parts++) {
        request.first = first + done;
        request.segments = pages - done < SIM_DISK_SEGMENTS ? pages - done : SIM_DISK_SEGMENTS;
        CHECK(sim_disk_submit(kit_disk[device], &request));
    }
    return true;
}

/* A request of a disk, or a part of one, has ended. */
static inline void kit_end_request(const struct sim_disk_done *done)
{
    if (done->tag != KIT_DISCARD) {
        vm_io_done(kit_vm(), (uint32_t)done->tag, done->ok);
        return;
    }
    kit_discard.ok &= done->ok;
    if (--kit_discard.parts > 0)
        return;
    kit_discard.pages = 0;
    vm_discard_done(kit_vm(), kit_discard.ok);
}

/* Adds files to the initrd of machines that begin from now on; or NULL. */
static void (*kit_add_files)(void);

/* Machines begin with this. */
static inline void kit_begin(uint32_t frames)
{
    static struct frame records[FRAMES_MAX];
    const frame_t first = {0x80400};

    CHECK(frames <= FRAMES_MAX);
    kit_frame_count = frames;
    slow_init(&slow, frames);
    if (kit_add_files)
        kit_add_files();
    fake_start(&slow.fake);
    slow.fake.submit = kit_submit;
    slow.fake.discard = kit_submit_discard;
    memset(&kit_discard, 0, sizeof kit_discard);
    kit_is_idle = false;
    kit_discarded = 0;
    frame_table_init(&kit_frames, records, first, frames,
                     (uint64_t)(uintptr_t)slow.fake.memory - frame_address(first).value);
    memset(kit_submitted, 0, sizeof kit_submitted);
    memset(kit_gone, 0, sizeof kit_gone);
    memset(kit_bad, 0, sizeof kit_bad);
}

/* Makes disk `number` of so many pages; chance: as of sim_disk_config, or NULL. */
static inline void kit_make_disk(uint32_t number, uint64_t pages, bool reorders,
                                 const uint32_t *chance, uint64_t seed)
{
    struct sim_disk_config config = {
        .frames = &kit_frames, .pages = pages, .delay = DELAY, .reorders = reorders, .seed = seed};

    if (chance)
        memcpy(config.chance, chance, sizeof config.chance);
    kit_disk[number] = sim_disk_create(&config);
}

static inline void kit_sound(void)
{
    const char *broken = slow_check(&slow);

    CHECK_STRING(broken ? broken : "", "");
    broken = frame_table_check(&kit_frames);
    CHECK_STRING(broken ? broken : "", "");
    for (uint32_t i = 0; i < DISKS; i++) {
        broken = kit_disk[i] ? sim_disk_check(kit_disk[i]) : NULL;
        CHECK_STRING(broken ? broken : "", "");
    }
}

/* The checker names this invariant while a field has another value. */
#define BREAKS(field, value, number)            \
    do {                                        \
        __typeof__(field) kept = (field);       \
        const char *told;                       \
        (field) = (value);                      \
        told = vm_check(kit_vm());              \
        (field) = kept;                         \
        CHECK_STRING(told ? told : "", number); \
    } while (0)

/* Swaps on disk `number`, whose header lists no bad page.  discards: SWAP_DISCARD_*. */
static inline uint32_t kit_swap_on_discarding(uint32_t number, uint64_t pages, int32_t priority,
                                              uint32_t discards)
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, (uint32_t)pages - 1, 0};
    struct swap_device device = {.header = header,
                                 .pages = pages,
                                 .device = number,
                                 .priority = priority,
                                 .discards = discards,
                                 .discard_pages = KIT_DISCARD_PAGES};
    uint32_t area = SWAP_AREAS;

    memcpy(header + 1024, words, sizeof words);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
    CHECK_EQ(vm_swap_on(kit_vm(), &device, &area), SWAP_OK);
    kit_sound();
    return area;
}

static inline uint32_t kit_swap_on(uint32_t number, uint64_t pages, int32_t priority)
{
    return kit_swap_on_discarding(number, pages, priority, 0);
}

/* A machine with one reliable disk of so many pages. */
static inline void kit_begin_swap(uint32_t frames, uint64_t pages)
{
    kit_begin(frames);
    kit_make_disk(0, pages, false, NULL, 1);
    kit_swap_on(0, pages, 0);
}

/* Time passes, as the driver of the pager sees it. */
static inline void kit_pass(uint64_t microseconds)
{
    kit_now += microseconds;
    while (window_due(kit_vm()) <= kit_now && window_step(kit_vm(), kit_now))
        continue;
}

/* What the driver does after each message. */
static inline void kit_serve(void)
{
    uint32_t turns = 0;
    bool more;

    do {
        more = vm_reclaim_step(kit_vm());
        more |= load_step(kit_vm());
        slow_serve(&slow);
        CHECK(turns++ < 10000);
    } while (more);
    while (kit_is_idle && vm_discard_step(kit_vm()))
        CHECK(turns++ < 10000);
    kit_sound();
}

/* Ticks pass; requests that are done are told, and what became ready goes on.  Returns how many were. */
static inline uint32_t kit_poll(uint32_t ticks)
{
    struct sim_disk_done done;
    uint32_t told = 0;

    for (uint32_t i = 0; i < DISKS; i++)
        while (kit_disk[i] && sim_disk_next(kit_disk[i], ticks, &done)) {
            kit_end_request(&done);
            told++;
            kit_serve();
        }
    kit_serve();
    return told;
}

static inline uint32_t kit_queued(void)
{
    uint32_t queued = 0;

    for (uint32_t i = 0; i < DISKS; i++)
        queued += kit_disk[i] ? sim_disk_queued(kit_disk[i]) : 0;
    return queued;
}

/* Lets all requests end. */
static inline void kit_settle(void)
{
    for (uint32_t turn = 0; kit_queued() > 0; turn++) {
        CHECK(turn < 1000);
        kit_poll(DELAY);
    }
}

/* The law of all tests here: when spaces and requests are gone, every frame, slot, pin and token is back. */
static inline void kit_end(void)
{
    kit_sound();
    kit_is_idle = false;
    slow_end(&slow);
    fake_unlimit(&slow.fake);
    kit_settle();
    for (uint32_t area = 0; area < SWAP_AREAS; area++) {
        if (kit_vm()->swap.area[area].state == SWAP_UNUSED)
            continue;
        CHECK_EQ(vm_swap_off(kit_vm(), area), 0);
        CHECK_EQ(vm_swap_off_step(kit_vm()), 0);
    }
    CHECK_EQ(tier_set(kit_vm(), 0), 0);
    kit_sound();
    CHECK_EQ(kit_vm()->swap.used, 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_PACKED], 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], slow.fake.free_pages);
    CHECK_EQ(kit_vm()->waits.active, 0);
    CHECK_EQ(kit_frames.pins, 0);
    for (uint32_t i = 0; i < DISKS; i++) {
        if (kit_disk[i])
            sim_disk_destroy(kit_disk[i]);
        kit_disk[i] = NULL;
    }
    fake_free(&slow.fake);
}

static inline struct space *kit_space(uint64_t pid)
{
    struct space *space = space_create(kit_vm(), pid);

    CHECK(space);
    return space;
}

static inline void kit_map(struct space *space, uint64_t address, uint64_t pages, uint32_t flags)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_ANONYMOUS | flags};
    uint64_t at;

    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    kit_sound();
}

/* An access, repeated while it waits. */
static inline enum fake_outcome kit_touch(struct space *space, uint64_t address, uint32_t access,
                                          uint8_t *byte)
{
    for (uint32_t turn = 0; turn < 1000; turn++) {
        enum fake_outcome outcome = fake_touch(&slow.fake, space, address, access, byte);

        kit_serve();
        if (outcome != FAKE_WAITS)
            return outcome;
        kit_poll(DELAY);
    }
    CHECK(!"an access that waits for ever");
    return FAKE_WAITS;
}

static inline uint8_t kit_read(struct space *space, uint64_t address)
{
    uint8_t byte = 0x77;

    CHECK_EQ(kit_touch(space, address, FL_ACCESS_READ, &byte), FAKE_DONE);
    return byte;
}

static inline void kit_write(struct space *space, uint64_t address, uint8_t byte)
{
    CHECK_EQ(kit_touch(space, address, FL_ACCESS_WRITE, &byte), FAKE_DONE);
}

/* A fault of a thread of its own.  Returns its state then. */
static inline enum slow_state kit_fault(uint32_t thread, struct space *space, uint64_t address,
                                        uint32_t access)
{
    slow_fault(&slow, &slow.thread[thread], space, address, access);
    kit_serve();
    return slow.thread[thread].state;
}

/* The program was stopped with SIGBUS; it goes on as if it had a handler. */
static inline void kit_check_bus_error(uint32_t thread, struct space *space)
{
    CHECK_EQ(slow.thread[thread].state, SLOW_STOPPED);
    CHECK_EQ(space->event.kind, PAGER_EVENT_UNREADABLE);
    CHECK_EQ(space->event.signal, 7);
    CHECK(space_next_event(kit_vm()) == space);
    space->stopped = false;
    slow.thread[thread].state = SLOW_IDLE;
}

/* Reads the page of a program that shows page `index` of the slow file, which is fetched if it is not there. */
static inline void kit_read_slow(struct space *space, uint64_t address, uint64_t index)
{
    struct slow_thread *thread = &slow.thread[0];
    uint8_t byte;

    slow_fault(&slow, thread, space, address, FL_ACCESS_READ);
    if (thread->state == SLOW_WAITS)
        slow_end_fetch(&slow, slow_find_fetch(&slow, index), true);
    CHECK_EQ(thread->state, SLOW_SERVED);
    CHECK_EQ(fake_touch(&slow.fake, space, address, FL_ACCESS_READ, &byte), FAKE_DONE);
    CHECK_EQ(byte, slow_byte(index));
    kit_serve();
}

/* What page `page` of a program holds at three places; writes differ by `salt`. */
static inline uint8_t kit_byte(uint64_t page, uint32_t salt)
{
    return (uint8_t)(1 + (page * 7 + salt * 31) % 255);
}

static inline void kit_write_page(struct space *space, uint64_t address, uint32_t salt)
{
    uint8_t byte = kit_byte(address / PAGE, salt);

    kit_write(space, address, byte);
    kit_write(space, address + 2047, (uint8_t)(byte ^ 0x55));
    kit_write(space, address + PAGE - 1, (uint8_t)~byte);
}

static inline void kit_read_page(struct space *space, uint64_t address, uint32_t salt)
{
    uint8_t byte = kit_byte(address / PAGE, salt);

    CHECK_EQ(kit_read(space, address), byte);
    CHECK_EQ(kit_read(space, address + 2047), (uint8_t)(byte ^ 0x55));
    CHECK_EQ(kit_read(space, address + PAGE - 1), (uint8_t)~byte);
}

/* Pages first to end, without it, of what is mapped at AT. */
static inline void kit_write_pages(struct space *space, uint64_t first, uint64_t end, uint32_t salt)
{
    for (uint64_t i = first; i < end; i++)
        kit_write_page(space, AT + i * PAGE, salt);
}

static inline void kit_read_pages(struct space *space, uint64_t first, uint64_t end, uint32_t salt)
{
    for (uint64_t i = first; i < end; i++)
        kit_read_page(space, AT + i * PAGE, salt);
}

/* The page that a program has at page `index` behind AT. */
static inline uint32_t kit_page_at(const struct space *space, uint64_t index)
{
    return rmap_find_page(entry_find(&space->map, AT + index * PAGE), AT + index * PAGE);
}

/* A machine with one disk for swap, and a program that has written so many pages at AT. */
static inline struct space *kit_begin_written(uint32_t frames, uint64_t slots, uint64_t pages)
{
    struct space *space;

    kit_begin_swap(frames, slots);
    space = kit_space(1);
    kit_map(space, AT, pages, MAP_PRIVATE);
    kit_write_pages(space, 0, pages, 0);
    return space;
}

/* Pages of an object leave by advice. */
static inline void kit_advise_out(struct object *object, uint64_t first, uint64_t count)
{
    struct reclaim_advice advice = {.out = true, .windows = RECLAIM_ADVISED};

    reclaim_advise(kit_vm(), object, first, count, &advice);
}

/* Nothing came in lately, nor was given to a fault. */
static inline void kit_forget_given(void)
{
    for (uint32_t page = 0; page < kit_vm()->table.count; page++)
        kit_vm()->table.pages[page].given = 0;
}

/* Puts out one victim and what leaves with it, as if memory were short of every frame. */
static inline void kit_put_one_out(void)
{
    uint32_t target = kit_vm()->reclaim.target;

    kit_vm()->reclaim.target = UINT32_MAX;
    kit_vm()->reclaim.resting = 0;
    CHECK(vm_reclaim_step(kit_vm()));
    kit_vm()->reclaim.target = target;
    kit_settle();
}

/* Puts out all that may leave, as if memory were short of every frame. */
static inline void kit_press(void)
{
    struct reclaim levels = kit_vm()->reclaim;

    for (uint32_t turn = 0; turn < 6; turn++) {
        kit_vm()->reclaim.target = UINT32_MAX;
        kit_vm()->reclaim.resting = 0;
        while (vm_reclaim_step(kit_vm()))
            ;
        kit_vm()->reclaim.target = levels.target;
        kit_settle();
    }
    kit_sound();
}

/* The same, and nothing came in lately. */
static inline void kit_put_all_out(void)
{
    kit_forget_given();
    kit_press();
}

#endif
