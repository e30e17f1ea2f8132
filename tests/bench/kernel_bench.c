/* Costs of the kernel's own operations, in instructions: boot it with -icount shift=0,sleep=off,
 * where `cycle` counts instructions exactly.  Lines "RES <tab> operation <tab> median <tab>
 * iterations <tab> fences per operation <tab> note"; the empty measurement is subtracted. */
#include <stdio.h>
#include <stdlib.h>

#include "fl_calls.h"
#include "kit.h"

#define SAMPLES       1000u
#define FAULT_PAGES   512u
#define AREAS         16u
#define SPACE_PAGES   4096u
#define RANGE_SAMPLES 64u
#define SPACE_SAMPLES 4u
#define READ_WRITE    (FL_RIGHT_READ | FL_RIGHT_WRITE)

static uint64_t samples[SAMPLES];
static uint64_t overhead;
static uint64_t endpoint, reply;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void report(const char *operation, unsigned count, uint64_t fences, const char *note)
{
    qsort(samples, count, sizeof *samples, compare);
    uint64_t hundredths = fences * 100 / count;
    printf("RES\t%s\t%lu\t%u\t%lu.%02lu\t%s\n", operation, samples[count / 2] - overhead, count,
           hundredths / 100, hundredths % 100, note);
}

static void calibrate(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = fl_rdcycle();
        samples[i] = fl_rdcycle() - start;
    }
    qsort(samples, SAMPLES, sizeof *samples, compare);
    overhead = samples[SAMPLES / 2];
}

static void bench_null(void)
{
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = fl_rdcycle();
        flr_notification_signal(0);
        samples[i] = fl_rdcycle() - start;
    }
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report("null call", SAMPLES, fences, "notification_signal on an empty slot");
}

static void echo(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    for (;;)
        fl_ipc_reply_recv(endpoint, reply, &message);
}

static void sample_ipc(uint64_t words)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = fl_rdcycle();
        fl_ipc_call(endpoint, FL_INFO(1, words), 1, 2, 3, 4);
        samples[i] = fl_rdcycle() - start;
    }
}

static void bench_ipc(unsigned words, const char *name)
{
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);

    sample_ipc(words);
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report(name, SAMPLES, fences, "call and reply_recv, client and server in two spaces");
}

static void bench_ipc_all(void)
{
    kit_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    uint64_t space = kit_space(kit_pool(16));
    kit_start(kit_thread(space, 0, 31, echo, 0));
    bench_ipc(0, "IPC round trip, 0 words, across spaces");
    bench_ipc(4, "IPC round trip, 4 words, across spaces");
    bench_ipc(10, "IPC round trip, 10 words, across spaces");
    kit_end();
}

static void client(uint64_t words)
{
    sample_ipc(words);
    kit_signal();
    kit_sleep();
}

/* Client and server in one space: what the switches of space cost is the difference. */
static void bench_ipc_within(void)
{
    kit_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    uint64_t space = kit_space(kit_pool(16));
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);
    kit_start(kit_thread(space, 0, 31, echo, 0));
    kit_run(space, 0, client, 4);
    kit_wait();
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report("IPC round trip, 4 words, within one space", SAMPLES, fences,
           "call and reply_recv, two threads of one space");
    kit_end();
}

/* The smallest pager that still looks an address up: sorted areas, frames that are ready. */
struct area {
    uint64_t start;
    uint64_t end;
    uint64_t page;
    uint64_t rights;
};
static struct area areas[AREAS];

static const struct area *area_find(uint64_t address)
{
    unsigned low = 0, high = AREAS;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (address >= areas[middle].end)
            low = middle + 1;
        else
            high = middle;
    }
    return low < AREAS && address >= areas[low].start ? &areas[low] : NULL;
}

static void serve_faults(void)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message);
    while (FL_INFO_LABEL(message.info) == FL_LABEL_PAGE_FAULT) {
        uint64_t address = message.word[0] & ~(uint64_t)(FL_PAGE_BYTES - 1);
        const struct area *area = area_find(address);

        if (area == NULL)
            return;
        message.info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
        message.word[0] = FL_ITEM_ADDRESS(address, area->rights | FL_MAP_ACCESSED | FL_MAP_DIRTY);
        message.word[1] = FL_ITEM_SOURCE(FL_BOOT_RAM, 1);
        message.word[2] = area->page + (address - area->start) / FL_PAGE_BYTES;
        fl_ipc_reply_recv(endpoint, reply, &message);
    }
}

static void touch(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < FAULT_PAGES; i++) {
        volatile uint64_t *page = (volatile uint64_t *)(uintptr_t)(KIT_AREA + i * FL_PAGE_BYTES);
        uint64_t start = fl_rdcycle();
        *page = i;
        samples[i] = fl_rdcycle() - start;
    }
    fl_ipc_call(endpoint, FL_INFO(99, 0), 0, 0, 0, 0);
    kit_sleep();
}

/* What the area holds before it is touched: nothing, its frames to be read, or one frame for all. */
enum before { BEFORE_NOTHING, BEFORE_SAME_FRAMES, BEFORE_ONE_FRAME };

static void map_before(uint64_t space, enum before before, uint64_t page)
{
    uint64_t shared = before == BEFORE_ONE_FRAME ? kit_frames(1) : 0;

    if (before == BEFORE_SAME_FRAMES)
        flr_vspace_map(space, FL_BOOT_RAM, page, KIT_AREA, FAULT_PAGES, FL_RIGHT_READ);
    for (uint64_t i = 0; before == BEFORE_ONE_FRAME && i < FAULT_PAGES; i++)
        flr_vspace_map(space, FL_BOOT_RAM, shared, KIT_AREA + i * FL_PAGE_BYTES, 1, FL_RIGHT_READ);
}

static void bench_fault(enum before before, const char *operation)
{
    kit_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    uint64_t space = kit_space(kit_pool(24));
    struct kit_thread *thread = kit_thread(space, endpoint, 20, touch, 0);
    uint64_t each = FAULT_PAGES / AREAS, frames = kit_frames(FAULT_PAGES);
    uint64_t rights = READ_WRITE | (before == BEFORE_ONE_FRAME ? FL_MAP_REPLACE : 0);
    for (unsigned i = 0; i < AREAS; i++) {
        uint64_t start = KIT_AREA + i * each * FL_PAGE_BYTES;

        areas[i] = (struct area){start, start + each * FL_PAGE_BYTES, frames + i * each, rights};
    }
    map_before(space, before, frames);
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);
    kit_start(thread);
    serve_faults();
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report(operation, FAULT_PAGES, fences, "handler looks the address up among 16 areas");
    kit_end();
}

/* --- calls on ranges ------------------------------------------------------------------------- */

static void expect(struct fl_result result, const char *operation)
{
    if (result.status != FL_OK)
        printf("FAIL\t%s\tstatus %lx\n", operation, result.status);
}

#define RANGE_AREA_END (KIT_AREA + FAULT_PAGES * FL_PAGE_BYTES)
static uint64_t space_a, space_b, range_page;

static struct fl_result range_map(uint64_t pages)
{
    return flr_vspace_map(space_a, FL_BOOT_RAM, range_page, KIT_AREA, pages, READ_WRITE);
}

static struct fl_result range_protect(uint64_t pages)
{
    return flr_vspace_protect(space_a, KIT_AREA, pages, FL_RIGHT_READ);
}

static struct fl_result range_unmap(uint64_t pages)
{
    return flr_vspace_unmap(space_a, KIT_AREA, pages);
}

static struct fl_result range_clone(uint64_t pages)
{
    return flr_vspace_clone(space_b, space_a, KIT_AREA, pages, FL_RIGHT_READ, FL_RIGHT_WRITE);
}

static struct fl_result range_clone_protect(uint64_t pages)
{
    return flr_vspace_clone(space_b, space_a, KIT_AREA, pages, FL_RIGHT_READ | FL_CLONE_PROTECT,
                            FL_RIGHT_WRITE);
}

/* One call on pages that are mapped in space A, unless it maps them.  A page behind the range keeps
 * the leaf table of A; B has none. */
static void bench_range(const char *operation, struct fl_result (*call)(uint64_t), uint64_t pages)
{
    kit_begin();
    uint64_t pool = kit_pool(24), fences = 0;
    space_a = kit_space(pool);
    space_b = kit_bare_space(pool);
    range_page = kit_frames(FAULT_PAGES);
    flr_vspace_map(space_a, FL_BOOT_RAM, kit_frames(1), RANGE_AREA_END, 1, FL_RIGHT_READ);
    for (unsigned i = 0; i < RANGE_SAMPLES; i++) {
        if (call != range_map)
            range_map(pages);
        fences -= kit_counter(FL_COUNTER_FENCES);
        uint64_t start = fl_rdcycle();
        struct fl_result result = call(pages);
        samples[i] = fl_rdcycle() - start;
        fences += kit_counter(FL_COUNTER_FENCES);
        expect(result, operation);
        range_unmap(pages);
        flr_vspace_unmap(space_b, KIT_AREA, pages);
    }
    report(operation, RANGE_SAMPLES, fences, "one call on pages of one leaf table");
    kit_end();
}

/* --- objects --------------------------------------------------------------------------------- */

/* Makes an object in a frame of its own, and deletes it; a VSpace gets a root table in between. */
static void bench_object(const char *operation, enum fl_object type)
{
    kit_begin();
    uint64_t pool = kit_pool(4), slot = kit_slots(1), page = kit_frames(1);
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);
    for (unsigned i = 0; i < RANGE_SAMPLES; i++) {
        uint64_t start = fl_rdcycle();
        flr_memory_retype(FL_BOOT_RAM, page, type, 1, FL_BOOT_CNODE, slot);
        if (type == FL_OBJECT_VSPACE)
            flr_vspace_set_pool(slot, pool);
        kit_delete(slot);
        samples[i] = fl_rdcycle() - start;
    }
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report(operation, RANGE_SAMPLES, fences, "memory_retype and cnode_delete");
    kit_end();
}

/* The end of a space: all its calls of cnode_delete. */
static void bench_space_end(void)
{
    kit_begin();
    uint64_t pool = kit_pool(24), page = kit_frames(SPACE_PAGES), fences = 0;
    uint64_t slot = kit_slots(1), object = kit_frames(1);
    for (unsigned i = 0; i < SPACE_SAMPLES; i++) {
        flr_memory_retype(FL_BOOT_RAM, object, FL_OBJECT_VSPACE, 1, FL_BOOT_CNODE, slot);
        flr_vspace_set_pool(slot, pool);
        for (uint64_t done = 0; done < SPACE_PAGES; done += FAULT_PAGES)
            expect(flr_vspace_map(slot, FL_BOOT_RAM, page + done, KIT_AREA + done * FL_PAGE_BYTES,
                                  FAULT_PAGES, READ_WRITE),
                   "map");
        fences -= kit_counter(FL_COUNTER_FENCES);
        uint64_t start = fl_rdcycle();
        kit_delete(slot);
        samples[i] = fl_rdcycle() - start;
        fences += kit_counter(FL_COUNTER_FENCES);
    }
    report("end of a space with 4,096 pages", SPACE_SAMPLES, fences, "cnode_delete until it is OK");
    kit_end();
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    calibrate();
    printf("RES\tkernel entry to first user instruction\t%lu\t1\t0\tmemory %lu KiB\n",
           kit_counter(FL_COUNTER_BOOT_INSTRUCTIONS), kit_boot_info()->ram[0].pages * 4);
    bench_null();
    bench_ipc_all();
    bench_ipc_within();
    bench_fault(BEFORE_NOTHING, "fault -> handler maps ready frame -> resumed");
    bench_fault(BEFORE_SAME_FRAMES, "fault -> handler raises the frame's rights -> resumed");
    bench_fault(BEFORE_ONE_FRAME, "fault -> handler maps another frame -> resumed");
    bench_range("map 256 pages", range_map, 256);
    bench_range("protect 256 pages, to read-only", range_protect, 256);
    bench_range("unmap 256 pages", range_unmap, 256);
    bench_range("clone 512 pages", range_clone, 512);
    bench_range("clone 512 pages, source to read-only", range_clone_protect, 512);
    bench_object("make and end a TCB", FL_OBJECT_TCB);
    bench_object("make and end a CNode", FL_OBJECT_CNODE);
    bench_object("make and end a Reply", FL_OBJECT_REPLY);
    bench_object("make and end a VSpace", FL_OBJECT_VSPACE);
    bench_space_end();
    flr_system_reset(FL_BOOT_SYSTEM, 0);
    return 0;
}
