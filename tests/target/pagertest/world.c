/* See world.h. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fl_calls.h"
#include "program.h"

#define PAGER_PRIORITY  20u
#define CLIENT_PRIORITY 10u
#define REPLIES         8u
#define CLIENT_TABLES   40u
#define CLIENTS_MAX     16u
#define SLICES_PER_MS   4u

static struct {
    uint64_t bell, alarm; /* the alarm rings the bell */
    uint64_t crashes, crash_reply;
    uint64_t endpoint, notification;
    uint64_t pager_space, pager_cnode, pager_tcb;
    uint64_t client_pool, space_a, space_b;
    bool crashed, endless, held;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
} world;

static const struct pager_region regions[] = {
    {BADGE_A, DATA, DATA_END, FL_RIGHT_READ | FL_RIGHT_WRITE},
    {BADGE_A, CONST, CONST_END, FL_RIGHT_READ},
    {BADGE_B, DATA, DATA_END, FL_RIGHT_READ | FL_RIGHT_WRITE},
    {BADGE_A, TEXT, CODE, FL_RIGHT_READ | FL_RIGHT_EXEC},
    {BADGE_A, CODE, CODE_END, FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC},
    {BADGE_B, B_ONLY, B_ONLY + SMALL *PAGE, FL_RIGHT_READ | FL_RIGHT_WRITE},
    {BADGE_A, WIDE, WIDE + WIDE_STEPS *WIDE_STEP, FL_RIGHT_READ | FL_RIGHT_WRITE},
    {BADGE_A, LOWEST, LOWEST + PAGE, FL_RIGHT_READ | FL_RIGHT_WRITE},
    {BADGE_A, HIGHEST, HIGHEST + PAGE, FL_RIGHT_READ | FL_RIGHT_WRITE},
};
#define REGIONS (sizeof regions / sizeof regions[0])
_Static_assert(REGIONS <= PAGER_START_REGIONS, "they fit the start page");

static void expect(struct fl_result result, const char *what)
{
    if (result.status == FL_OK)
        return;
    printf("Bail out! %s: status 0x%" PRIx64 "\n", what, result.status);
    exit(1);
}

/* --- watching ----------------------------------------------------------------------------------
 */

static void look_for_crash(void)
{
    struct fl_message fault;

    if (world.crashed || world.held)
        return;
    fl_ipc_poll(world.crashes, world.crash_reply, &fault);
    if (fault.status != FL_OK)
        return;
    world.crashed = true;
    harness_note("the pager faulted: label %u, address or value 0x%" PRIx64 ", pc 0x%" PRIx64,
                 FL_INFO_LABEL(fault.info), fault.word[0], fault.word[1]);
}

/* Lets the others run for a part of a millisecond. */
static void wait_slice(void)
{
    uint64_t ticks = kit_boot_info()->timebase_hz / 1000 / SLICES_PER_MS;

    flr_timer_set(world.alarm, fl_rdtime() + ticks);
    flr_notification_wait(world.bell);
}

static void settle_within(unsigned milliseconds)
{
    uint64_t idle = kit_counter(FL_COUNTER_IDLE_CYCLES);

    world.endless = true;
    for (unsigned n = 0; n < milliseconds * SLICES_PER_MS && world.endless; n++) {
        wait_slice();
        world.endless = kit_counter(FL_COUNTER_IDLE_CYCLES) == idle;
    }
    look_for_crash();
}

void world_settle(void)
{
    settle_within(PAGER_PATIENCE_MS);
}

void world_check(const char *file, int line, const char *text, enum deed got, enum deed wanted,
                 enum rule_verdict verdict)
{
    static const char *const names[] = {
        [DEED_SERVED] = "it was served",
        [DEED_STOPPED] = "the pager answered STOP",
        [DEED_NOTHING] = "nobody answered, and nobody works on it",
        [DEED_ENDLESS] = "it had not come to an end when the pager's time was over",
        [DEED_CRASHED] = "the pager had faulted",
    };

    if (got != wanted)
        harness_note("%s", names[got]);
    rule_check(file, line, text, got == wanted, verdict);
}

/* --- the pager --------------------------------------------------------------------------------
 */

static void make_objects(void)
{
    world.bell = kit_object(FL_OBJECT_NOTIFICATION);
    world.alarm = kit_object(FL_OBJECT_TIMER);
    expect(flr_timer_bind(world.alarm, world.bell), "the alarm");
    world.crashes = kit_object(FL_OBJECT_ENDPOINT);
    world.crash_reply = kit_object(FL_OBJECT_REPLY);
    world.endpoint = kit_object(FL_OBJECT_ENDPOINT);
    world.notification = kit_object(FL_OBJECT_NOTIFICATION);
    world.pager_cnode = kit_object(FL_OBJECT_CNODE);
    world.pager_tcb = kit_object(FL_OBJECT_TCB);
    world.client_pool = kit_pool(CLIENT_TABLES);
}

static void give(enum pager_start_slot slot, uint64_t from, uint64_t rights)
{
    expect(flr_cnode_copy(world.pager_cnode, slot, FL_BOOT_CNODE, from, rights, 0),
           "a slot of the pager");
}

static void fill_cspace(uint64_t frames, uint64_t own_pool)
{
    const uint64_t rights =
        FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC | FL_RIGHT_MAP | FL_RIGHT_DONATE;

    give(PAGER_START_ENDPOINT, world.endpoint, FL_RIGHT_RECV);
    give(PAGER_START_NOTIFICATION, world.notification, FL_RIGHT_RECV);
    give(PAGER_START_SPACE, world.pager_space, FL_RIGHT_MAP);
    give(PAGER_START_POOL, own_pool, FL_RIGHTS_ALL);
    give(PAGER_START_CLIENT_POOL, world.client_pool, FL_RIGHTS_ALL);
    expect(flr_memory_derive(FL_BOOT_RAM, program_filled_frames(frames, WORLD_FOREIGN), frames,
                             rights, world.pager_cnode, PAGER_START_FRAMES),
           "the pager's frames");
    expect(flr_memory_retype(FL_BOOT_RAM, kit_frames(1), FL_OBJECT_REPLY, REPLIES,
                             world.pager_cnode, PAGER_START_REPLIES),
           "the pager's Replies");
}

static void map_start_page(uint64_t frames)
{
    struct pager_start start = {PAGER_CONTRACT_VERSION, frames, REPLIES, REGIONS, {{0, 0, 0, 0}}};
    uint64_t page = program_filled_frames(1, 0);

    memcpy(start.region, regions, sizeof regions);
    program_fill_frame(page, &start, sizeof start);
    program_map(world.pager_space, page, PAGER_START, 1, FL_RIGHT_READ);
}

static void configure_thread(void)
{
    const uint64_t read_write = FL_RIGHT_READ | FL_RIGHT_WRITE;
    uint64_t buffer = program_filled_frames(1, 0);
    uint64_t handler = kit_copy(world.crashes, FL_RIGHT_SEND, 0);

    program_map(world.pager_space, program_filled_frames(FL_BOOT_STACK_PAGES, 0),
                FL_BOOT_STACK - FL_BOOT_STACK_PAGES * PAGE, FL_BOOT_STACK_PAGES, read_write);
    program_map(world.pager_space, buffer, FL_BUFFER, 1, read_write);
    expect(flr_tcb_set_buffer(world.pager_tcb, FL_BOOT_RAM, buffer, 0), "the pager's buffer");
    expect(flr_tcb_set_cspace(world.pager_tcb, world.pager_cnode), "the pager's CSpace");
    expect(flr_tcb_set_space(world.pager_tcb, world.pager_space, handler), "the pager's space");
    expect(flr_tcb_set_priority(world.pager_tcb, FL_BOOT_SCHED, PAGER_PRIORITY),
           "the pager's priority");
    expect(flr_tcb_bind_notification(world.pager_tcb, world.notification),
           "the pager's notification");
}

void world_start(uint64_t frames)
{
    kit_begin();
    memset(&world, 0, sizeof world);
    make_objects();
    /* Two more than a window anywhere needs, and those of image, stack, buffer and start page. */
    uint64_t own_pool = kit_pool(frames / 512 + 24);
    world.pager_space = kit_bare_space(own_pool);
    fill_cspace(frames, own_pool);
    map_start_page(frames);
    configure_thread();
    world.space_a = kit_space(world.client_pool);
    world.space_b = kit_space(world.client_pool);
    expect(flr_tcb_start(world.pager_tcb, program_load(world.pager_space), FL_BOOT_STACK, 0),
           "the pager's start");
    settle_within(PAGER_STARTUP_MS);
}

void world_set_tables(uint64_t spare)
{
    while (flr_pool_withdraw(world.client_pool, FL_BOOT_RAM).status == FL_OK)
        ;
    while (spare-- > 0)
        expect(flr_pool_donate(world.client_pool, FL_BOOT_RAM, kit_frames(1), 1), "a table");
}

uint64_t world_endpoint(uint64_t badge)
{
    return kit_copy(world.endpoint, FL_RIGHT_SEND | FL_RIGHT_CALL, badge);
}

uint64_t world_notification(void)
{
    return world.notification;
}

/* --- clients -----------------------------------------------------------------------------------
 */

uint64_t deed_read(uint64_t address, uint64_t unused)
{
    (void)unused;
    return *(volatile uint64_t *)(uintptr_t)address;
}

uint64_t deed_write(uint64_t address, uint64_t value)
{
    *(volatile uint64_t *)(uintptr_t)address = value;
    return value;
}

uint64_t deed_run(uint64_t address, uint64_t value)
{
    return ((uint64_t(*)(uint64_t))(uintptr_t)address)(value);
}

uint64_t deed_jump(uint64_t address, uint64_t unused)
{
    (void)unused;
    ((void (*)(void))(uintptr_t)address)();
    return 0;
}

uint64_t deed_count(uint64_t address, uint64_t unused)
{
    uint64_t count = 0;

    (void)unused;
    for (uint64_t offset = 0; offset < PAGE; offset += sizeof(uint64_t))
        count += deed_read(address + offset, 0) != 0;
    return count;
}

static void client_main(uint64_t argument)
{
    struct client *self = (struct client *)(uintptr_t)argument;
    uint64_t before = fl_rdcycle();

    self->result = self->function(self->address, self->value);
    self->cycles = fl_rdcycle() - before;
    self->done = true;
    kit_sleep();
}

uint64_t world_space(uint64_t badge)
{
    return badge == BADGE_B ? world.space_b : world.space_a;
}

struct client *world_client(uint64_t badge)
{
    struct client *client = &world.clients[world.client_count++];

    if (world.client_count > CLIENTS_MAX)
        harness_fail(__FILE__, __LINE__, "too many clients in one test");
    client->thread = kit_thread(world_space(badge), kit_copy(world.endpoint, FL_RIGHT_SEND, badge),
                                CLIENT_PRIORITY, client_main, (uint64_t)(uintptr_t)client);
    return client;
}

void client_prepare(struct client *client, uint64_t (*function)(uint64_t, uint64_t),
                    uint64_t address, uint64_t value)
{
    flr_tcb_suspend(client->thread->tcb);
    client->function = function;
    client->address = address;
    client->value = value;
    client->done = false;
    kit_start(client->thread);
}

/* A stopped thread could be given another CSpace; any other one is BUSY.  Slot 0 holds none. */
static bool client_is_stopped(const struct client *client)
{
    return FL_STATUS_CODE(flr_tcb_set_cspace(client->thread->tcb, 0).status) != FL_BUSY;
}

enum deed client_deed(struct client *client)
{
    if (world.crashed)
        return DEED_CRASHED;
    if (world.endless)
        return DEED_ENDLESS;
    if (client->done)
        return DEED_SERVED;
    return client_is_stopped(client) ? DEED_STOPPED : DEED_NOTHING;
}

enum deed client_do(struct client *client, uint64_t (*function)(uint64_t, uint64_t),
                    uint64_t address, uint64_t value)
{
    client_prepare(client, function, address, value);
    world_settle();
    return client_deed(client);
}

enum deed client_read(struct client *client, uint64_t address)
{
    return client_do(client, deed_read, address, 0);
}

enum deed client_write(struct client *client, uint64_t address, uint64_t value)
{
    return client_do(client, deed_write, address, value);
}

enum deed client_jump(struct client *client, uint64_t address)
{
    return client_do(client, deed_jump, address, 0);
}

void world_hold(void)
{
    world.held = true;
    program_allow(world.pager_space, false);
}

void world_release(void)
{
    struct fl_message fault;

    world_settle();
    program_allow(world.pager_space, true);
    world.held = false;
    fl_ipc_poll(world.crashes, world.crash_reply, &fault);
    if (fault.status == FL_OK)
        fl_ipc_reply(world.crash_reply, FL_INFO(FL_LABEL_RESUME, 0), 0, 0, 0, 0);
    world_settle();
}

void world_lose(struct client *client)
{
    world_settle();
    flr_tcb_suspend(client->thread->tcb);
}

void world_lose_client(struct client *client, uint64_t address)
{
    world_hold();
    client_prepare(client, deed_read, address, 0);
    world_lose(client);
    world_release();
}

void world_begin(uint64_t frames)
{
    NEEDS(rule_kept(1) > 0);
    world_start(frames);
    NEEDS_SERVE(client_read(world_client(BADGE_B), B_FIRST));
}

/* --- tables ------------------------------------------------------------------------------------
 */

void world_unmap(uint64_t badge, uint64_t address)
{
    expect(flr_vspace_unmap(world_space(badge), address, 1), "unmap");
}

uint64_t world_entry(uint64_t badge, uint64_t address)
{
    return flr_vspace_entry(world_space(badge), address).value;
}
