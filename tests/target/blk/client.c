/* Owns the driver's start and the client's side of its rings, see client.h. */
#include "client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../user/init/blk_start.h"
#include "../../../user/init/console.h"
#include "../../../user/init/frames.h"
#include "../../../user/init/initrd.h"
#include "../../../user/init/objects.h"
#include "../../../user/init/slots.h"
#include "fl_calls.h"
#include "protocol.h"

#define CLIENT_MEMORY 0x2800000000ull
#define CLIENT_PAGES  (CLIENT_PLACES * CLIENT_PLACE_PAGES)
#define CLIENT_TABLES 8u
#define SLOT_DATA_PIN (SLOTS_END - 1)

_Static_assert(CLIENT_PAGES <= FL_PIN_PAGES, "one pin");

static struct {
    uint64_t physical, ticks_per_ms;
    struct blk_disks disks;
    struct client_disk disk[BLK_DISKS];
} client;

static const struct fl_boot_info *boot_info(void)
{
    return (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
}

static void client_expect(uint64_t status, const char *what)
{
    if (status == FL_OK)
        return;
    printf("failed: %s: status 0x%" PRIx64 "\n", what, status);
    exit(1);
}

/* --- the boot command line --------------------------------------------------------------------- */

static const char *client_find_word(const char *start, bool whole)
{
    const size_t bytes = strlen(start);

    for (const char *at = boot_info()->bootargs; *at; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");

        if (strncmp(at, start, bytes) == 0 && (!whole || length == bytes))
            return at + bytes;
        at += length;
    }
    return NULL;
}

bool client_has_word(const char *word)
{
    return client_find_word(word, true) != NULL;
}

uint64_t client_option(const char *name, uint64_t otherwise)
{
    const char *value = client_find_word(name, false);

    return value ? strtoull(value, NULL, 10) : otherwise;
}

/* --- start ------------------------------------------------------------------------------------- */

static void client_make_memory(void)
{
    const struct frames_run run = frames_take(CLIENT_PAGES, "data");
    struct fl_result pin;

    frames_map(FL_BOOT_VSPACE, FL_BOOT_RAM + run.range, run.page, CLIENT_MEMORY, CLIENT_PAGES,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    pin = flr_memory_pin(FL_BOOT_RAM + run.range, run.page, CLIENT_PAGES, FL_BOOT_CNODE,
                         SLOT_DATA_PIN);
    client_expect(pin.status, "pin");
    client.physical = pin.value;
    frames_map(FL_BOOT_VSPACE, FL_BOOT_RAM + client.disks.rings.range, client.disks.rings.page,
               BLK_RINGS, client.disks.count, FL_RIGHT_READ | FL_RIGHT_WRITE);
}

static struct fl_message client_call(enum blk_call call, uint64_t word0, uint64_t word1)
{
    const struct fl_message answer = fl_ipc_call(
        SLOT_BLK_ROOT, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, call), 4), word0, word1, 0, 0);

    client_expect(answer.status, "call");
    return answer;
}

static void client_open_disk(unsigned disk)
{
    struct client_disk *to = &client.disk[disk];
    struct blk_ring *ring = (struct blk_ring *)(uintptr_t)(BLK_RINGS + disk * FL_PAGE_BYTES);

    blk_client_init(&to->ring, ring);
    if (client_call(BLK_INFO, disk, 0).word[0] == 0)
        memcpy(&to->info, fl_buffer_data(), sizeof to->info);
}

void client_start(uint64_t limit_ms)
{
    const struct fl_boot_info *info = boot_info();

    client.ticks_per_ms = info->timebase_hz / 1000;
    console_init("");
    frames_init(info);
    frames_donate(FL_BOOT_POOL, initrd_tables(info) + CLIENT_TABLES);
    initrd_open(info);
    (void)flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_PAGER);
    objects_make();
    blk_start(&client.disks, info, limit_ms * client.ticks_per_ms);
    if (client.disks.count == 0)
        client_expect(1, "no disk");
    client_make_memory();
    for (unsigned i = 0; i < client.disks.count; i++)
        client_open_disk(i);
}

unsigned client_disks(void)
{
    return client.disks.count;
}

struct client_disk *client_disk(unsigned disk)
{
    return &client.disk[disk];
}

uint64_t client_ticks_per_ms(void)
{
    return client.ticks_per_ms;
}

uint64_t *client_place(unsigned place)
{
    return (uint64_t *)(uintptr_t)(CLIENT_MEMORY +
                                   (uint64_t)place * CLIENT_PLACE_PAGES * CLIENT_PAGE_BYTES);
}

/* --- requests ---------------------------------------------------------------------------------- */

bool client_put_raw(unsigned disk, const struct blk_request *request)
{
    return blk_client_submit(&client.disk[disk].ring, request);
}

bool client_put(const struct client_request *request)
{
    const uint64_t at =
        client.physical + (uint64_t)request->place * CLIENT_PLACE_PAGES * CLIENT_PAGE_BYTES;
    const bool moves = request->op == BLK_READ || request->op == BLK_WRITE;
    uint64_t segment[BLK_SEGMENTS];
    const struct blk_request raw = {.op = request->op,
                                    .segments = moves ? request->pages : 0,
                                    .sectors = moves ? 0 : request->pages * CLIENT_PAGE_SECTORS,
                                    .sector = request->page * CLIENT_PAGE_SECTORS,
                                    .tag = request->tag,
                                    .segment = segment};

    for (uint32_t i = 0; moves && i < request->pages; i++)
        segment[i] = BLK_SEGMENT(at + i * CLIENT_PAGE_BYTES, CLIENT_PAGE_SECTORS);
    return client_put_raw(request->disk, &raw);
}

void client_ring(void)
{
    bool asleep = false;

    for (unsigned i = 0; i < client.disks.count; i++)
        asleep |= blk_client_publish(&client.disk[i].ring);
    if (asleep)
        (void)flr_notification_signal(SLOT_BLK_BELL);
}

struct blk_end client_wait(unsigned *disk)
{
    struct blk_end end;

    for (;;) {
        bool nothing = true;

        for (*disk = 0; *disk < client.disks.count; ++*disk)
            if (blk_client_take(&client.disk[*disk].ring, &end))
                return end;
        for (unsigned i = 0; i < client.disks.count; i++)
            nothing &= blk_client_sleep(&client.disk[i].ring);
        if (nothing)
            (void)flr_notification_wait(SLOT_BLK_CLIENT);
        for (unsigned i = 0; i < client.disks.count; i++)
            if (blk_client_is_broken(&client.disk[i].ring) && !client.disk[i].broken) {
                client.disk[i].broken = true;
                return (struct blk_end){.error = -1};
            }
    }
}

int client_do(const struct client_request *request)
{
    unsigned disk;

    if (!client_put(request))
        client_expect(1, "no room for a request");
    client_ring();
    return client_wait(&disk).error;
}

uint64_t client_statistic(unsigned disk, enum blk_statistic which)
{
    return client_call(BLK_STATISTIC, disk, which).word[1];
}
