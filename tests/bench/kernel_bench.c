/* Costs of the kernel's own operations, in instructions: boot it with -icount shift=0,sleep=off,
 * where `cycle` counts instructions exactly.  Lines "RES <tab> operation <tab> median <tab>
 * iterations <tab> fences per operation <tab> note"; the empty measurement is subtracted. */
#include <stdio.h>
#include <stdlib.h>

#include "fl_calls.h"
#include "kit.h"

#define SAMPLES     1000u
#define FAULT_PAGES 512u
#define AREAS       16u
#define READ_WRITE  (FL_RIGHT_READ | FL_RIGHT_WRITE)

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

static void bench_fault(void)
{
    kit_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    uint64_t space = kit_space(kit_pool(24));
    struct kit_thread *thread = kit_thread(space, endpoint, 20, touch, 0);
    uint64_t each = FAULT_PAGES / AREAS;
    for (unsigned i = 0; i < AREAS; i++) {
        uint64_t start = KIT_AREA + i * each * FL_PAGE_BYTES;

        areas[i] = (struct area){start, start + each * FL_PAGE_BYTES, kit_frames(each), READ_WRITE};
    }
    uint64_t fences = kit_counter(FL_COUNTER_FENCES);
    kit_start(thread);
    serve_faults();
    fences = kit_counter(FL_COUNTER_FENCES) - fences;
    report("fault -> handler maps ready frame -> resumed", FAULT_PAGES, fences,
           "handler looks the address up among 16 areas");
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
    bench_fault();
    flr_system_reset(FL_BOOT_SYSTEM, 0);
    return 0;
}
