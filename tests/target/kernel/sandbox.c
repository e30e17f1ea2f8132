/* See sandbox.h. */
#include "sandbox.h"

#include <stddef.h>

#include "fl_calls.h"
#include "harness.h"

#define RAM        FL_BOOT_RAM
#define CNODE      FL_BOOT_CNODE
#define ALL        FL_RIGHTS_ALL
#define READ_WRITE (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define POOL_PAGES (FL_WITHDRAW_STEP + 48u) /* a withdrawal does not look at all of them */

/* Words of QEMU's goldfish clock. */
enum { CLOCK_ALARM_LOW = 2, CLOCK_ALARM_HIGH, CLOCK_IRQ_ENABLED, CLOCK_CLEAR_INTERRUPT = 7 };

static void expect(struct fl_result result, const char *what)
{
    if (result.status == FL_OK)
        return;
    harness_note("sandbox: %s: status 0x%lx", what, result.status);
    CHECK_EQ(result.status, FL_OK);
}

static uint64_t make_cnode(void)
{
    uint64_t slot = kit_slots(1), frames = SANDBOX_SLOTS / FL_CNODE_SLOTS;

    expect(flr_memory_retype(RAM, kit_frames(frames), FL_OBJECT_CNODE, frames, CNODE, slot),
           "CNode");
    return slot;
}

/* `count` objects of one type, each in a frame of its own, into consecutive slots. */
static void make_objects(const struct sandbox *box, enum fl_object type, uint64_t slot,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        expect(flr_memory_retype(RAM, kit_frames(1), type, 1, box->cnode, slot + i), "object");
}

/* A copy inside the CSpace. */
static void make_copy(const struct sandbox *box, uint64_t to, uint64_t from, uint64_t rights,
                      uint64_t badge)
{
    expect(flr_cnode_copy(box->cnode, to, box->cnode, from, rights, badge), "copy");
}

/* The root task's copy of what a slot of the CSpace holds: calls index its own CSpace. */
static uint64_t borrow(const struct sandbox *box, uint64_t slot)
{
    uint64_t own = kit_slots(1);

    expect(flr_cnode_copy(CNODE, own, box->cnode, slot, ALL, 0), "borrow");
    return own;
}

static void give_back(uint64_t own)
{
    CHECK_EQ(kit_delete(own), FL_OK);
}

static void make_cnodes(struct sandbox *box)
{
    box->cnode = make_cnode();
    box->inner = make_cnode();
    expect(flr_cnode_copy(box->cnode, BOX_CNODE, CNODE, box->cnode, ALL, 0), "CNode");
    expect(flr_cnode_copy(box->cnode, BOX_INNER, CNODE, box->inner, ALL, 0), "CNode");
    make_copy(box, BOX_CNODE_READ, BOX_INNER, FL_RIGHT_READ, 0);
    make_copy(box, BOX_CNODE_NONE, BOX_INNER, 0, 0);
}

static void make_messages(struct sandbox *box)
{
    make_objects(box, FL_OBJECT_ENDPOINT, BOX_ENDPOINT_SERVED, 3);
    make_copy(box, BOX_ENDPOINT_SEND, BOX_ENDPOINT_SERVED, FL_RIGHT_SEND, 5);
    make_copy(box, BOX_ENDPOINT_CALL, BOX_ENDPOINT_SERVED, FL_RIGHT_CALL, 6);
    make_copy(box, BOX_ENDPOINT_NONE, BOX_ENDPOINT_SERVED, 0, 0);
    make_objects(box, FL_OBJECT_NOTIFICATION, BOX_NOTIFICATION, 4);
    make_copy(box, BOX_NOTIFICATION_BADGED, BOX_NOTIFICATION, ALL, 6);
    make_copy(box, BOX_NOTIFICATION_SEND, BOX_NOTIFICATION, FL_RIGHT_SEND, 0);
    make_copy(box, BOX_NOTIFICATION_NONE, BOX_NOTIFICATION, 0, 0);
    make_objects(box, FL_OBJECT_REPLY, BOX_REPLY, 6);
    make_objects(box, FL_OBJECT_TIMER, BOX_TIMER, 4);
    box->served = borrow(box, BOX_ENDPOINT_SERVED);
    box->source = borrow(box, BOX_ENDPOINT_SOURCE);
    box->lonely = borrow(box, BOX_ENDPOINT_LONELY);
}

static void bind_timers(const struct sandbox *box)
{
    uint64_t notification = borrow(box, BOX_NOTIFICATION + 3);

    for (uint64_t slot = BOX_TIMER; slot < BOX_TIMER + 2; slot++) {
        uint64_t timer = borrow(box, slot);

        expect(flr_timer_bind(timer, notification), "timer");
        give_back(timer);
    }
    give_back(notification);
}

/* A pool of the CSpace that a space of it uses. */
static void set_pool(const struct sandbox *box, uint64_t space_slot, uint64_t pool_slot)
{
    uint64_t space = borrow(box, space_slot), pool = borrow(box, pool_slot);

    expect(flr_vspace_set_pool(space, pool), "set pool");
    give_back(pool);
    give_back(space);
}

static void donate(const struct sandbox *box, uint64_t pool_slot, uint64_t frames)
{
    uint64_t pool = borrow(box, pool_slot), page = kit_frames(frames);
    struct fl_result result;

    do {
        result = flr_pool_donate(pool, RAM, page, frames);
        page += result.value;
        frames -= result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    expect(result, "donate");
    give_back(pool);
}

/* One page, through the capability in a slot of the root task's. */
static void map(const struct sandbox *box, uint64_t space_slot, uint64_t memory, uint64_t page,
                uint64_t address)
{
    uint64_t space = borrow(box, space_slot);

    expect(flr_vspace_map(space, memory, page, address, 1, FL_RIGHT_READ), "map");
    give_back(space);
}

/* A page, and behind it a leaf table that is full: the end of the space takes two calls. */
static void fill_victim(const struct sandbox *box, uint64_t slot)
{
    uint64_t space = borrow(box, slot), leaf_table = FL_PAGE_BYTES * 512;

    map(box, slot, RAM, box->memory, BOX_AREA);
    expect(flr_vspace_map(space, RAM, box->large, BOX_AREA + leaf_table, 512, FL_RIGHT_READ),
           "map");
    give_back(space);
}

static void make_spaces(const struct sandbox *box)
{
    make_objects(box, FL_OBJECT_TABLE_POOL, BOX_POOL, 3);
    donate(box, BOX_POOL, POOL_PAGES);
    donate(box, BOX_POOL_TINY, 1);
    make_objects(box, FL_OBJECT_VSPACE, BOX_VSPACE, 3);
    make_objects(box, FL_OBJECT_VSPACE, BOX_VSPACE_BARE, BOX_VSPACE_END - BOX_VSPACE_BARE);
    set_pool(box, BOX_VSPACE, BOX_POOL);
    set_pool(box, BOX_VSPACE + 1, BOX_POOL);
    set_pool(box, BOX_VSPACE_TINY, BOX_POOL_TINY);
    make_objects(box, FL_OBJECT_VSPACE, BOX_VSPACE_EMPTY, 1);
    set_pool(box, BOX_VSPACE_EMPTY, BOX_POOL);
    make_copy(box, BOX_VSPACE_NONE, BOX_VSPACE, 0, 0);
    make_objects(box, FL_OBJECT_VSPACE, BOX_VICTIM, BOX_VICTIM_END - BOX_VICTIM);
    for (uint64_t slot = BOX_VICTIM; slot < BOX_VICTIM_END; slot++) {
        set_pool(box, slot, BOX_POOL);
        fill_victim(box, slot);
    }
    uint64_t read_only = borrow(box, BOX_MEMORY_READ);
    for (uint64_t i = 0; i < BOX_MAP_PAGES; i += 8) {
        map(box, BOX_VSPACE, RAM, box->memory + i, BOX_AREA + i * FL_PAGE_BYTES);
        map(box, BOX_VSPACE + i / 8 % 2, read_only, i + 4, BOX_AREA + (i + 4) * FL_PAGE_BYTES);
    }
    give_back(read_only);
}

/* Pins, and tables of the tiny pool: what revoking BOX_MEMORY and BOX_MEMORY_LARGE meets. */
static void use_memory(const struct sandbox *box)
{
    uint64_t pool = borrow(box, BOX_POOL_TINY);

    expect(flr_memory_pin(RAM, box->memory + BOX_PINNED_PAGE, 2, box->cnode, BOX_PIN), "pin");
    expect(flr_memory_pin(RAM, box->large, 1, box->cnode, BOX_PIN + 1), "pin");
    expect(flr_pool_donate(pool, RAM, box->memory + BOX_TABLE_PAGE, 3), "donate");
    give_back(pool);
    map(box, BOX_VSPACE_TINY, RAM, kit_frames(1), BOX_FAR_AREA);
    map(box, BOX_VSPACE_TINY, RAM, kit_frames(1), BOX_FAR_AREA + 800 * FL_PAGE_BYTES);
}

static void make_memory(struct sandbox *box)
{
    const uint64_t map_only = READ_WRITE | FL_RIGHT_EXEC | FL_RIGHT_MAP;

    box->memory = kit_frames(BOX_PAGES);
    expect(flr_memory_derive(RAM, box->memory, BOX_PAGES, ALL & ~0x380u, box->cnode, BOX_MEMORY),
           "memory");
    expect(flr_memory_derive(RAM, box->memory, BOX_PAGES, FL_RIGHT_READ | FL_RIGHT_MAP, box->cnode,
                             BOX_MEMORY_READ),
           "memory");
    expect(flr_memory_derive(RAM, box->memory, BOX_PAGES, 0, box->cnode, BOX_MEMORY_NONE),
           "memory");
    box->large = kit_frames(BOX_LARGE_PAGES);
    expect(
        flr_memory_derive(RAM, box->large, BOX_LARGE_PAGES, map_only, box->cnode, BOX_MEMORY_LARGE),
        "memory");
    const struct fl_boot_device *device = kit_find_device("virtio,mmio");
    if (device == NULL)
        device = kit_find_device("sifive,pwm0");
    if (device == NULL)
        SKIP("this machine has neither virtio,mmio nor sifive,pwm0");
    expect(flr_cnode_copy(box->cnode, BOX_MEMORY_DEVICE, CNODE, kit_device_slot(device), ALL, 0),
           "device");
}

/* The clock's alarm is on and never taken back: it interrupts as long as a handler acknowledges.
 * Without a clock both sources are silent. */
static void ring_clock(bool on)
{
    const struct fl_boot_device *clock = kit_find_device("google,goldfish-rtc");
    volatile uint32_t *registers = clock != NULL ? kit_device_window(clock) : NULL;

    if (registers == NULL)
        return;
    registers[CLOCK_IRQ_ENABLED] = on;
    registers[CLOCK_CLEAR_INTERRUPT] = 1;
    if (on) {
        registers[CLOCK_ALARM_HIGH] = 0;
        registers[CLOCK_ALARM_LOW] = 1; /* is past */
    }
}

static void make_interrupts(const struct sandbox *box)
{
    const struct fl_boot_device *clock = kit_find_device("google,goldfish-rtc");
    uint64_t sources[2] = {clock != NULL ? clock->interrupt : BOX_IRQ_SOURCE + 1, BOX_IRQ_SOURCE};
    uint64_t notification = borrow(box, BOX_NOTIFICATION + 3);

    make_objects(box, FL_OBJECT_IRQ_HANDLER, BOX_IRQ, 2);
    make_objects(box, FL_OBJECT_IRQ_HANDLER, BOX_IRQ_BARE, BOX_SYSTEM - BOX_IRQ_BARE);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t irq = borrow(box, BOX_IRQ + i);

        expect(flr_system_irq(FL_BOOT_SYSTEM, sources[i], irq), "interrupt");
        expect(flr_irq_bind(irq, notification), "interrupt");
        give_back(irq);
    }
    give_back(notification);
    ring_clock(true);
}

static void complete_thread(const struct sandbox *box, uint64_t slot, uint64_t space_slot)
{
    uint64_t tcb = borrow(box, slot), space = borrow(box, space_slot);

    expect(flr_tcb_set_cspace(tcb, box->cnode), "CSpace");
    expect(flr_tcb_set_space(tcb, space, box->source), "space");
    give_back(space);
    give_back(tcb);
}

static void make_threads(const struct sandbox *box, const uint64_t callers[2])
{
    make_objects(box, FL_OBJECT_TCB, BOX_TCB, BOX_CALLERS - BOX_TCB);
    complete_thread(box, BOX_TCB + 2, BOX_VSPACE);
    complete_thread(box, BOX_TCB + 3, BOX_VSPACE);
    complete_thread(box, BOX_TCB + 4, BOX_VSPACE_TINY);
    complete_thread(box, BOX_TCB + 5, BOX_VSPACE_TINY);
    for (unsigned i = 0; i < 2; i++) {
        if (callers[i] != 0)
            expect(flr_cnode_copy(box->cnode, BOX_CALLERS + i, CNODE, callers[i], ALL, 0),
                   "caller");
    }
    expect(flr_cnode_copy(box->cnode, BOX_SCHED, CNODE, FL_BOOT_SCHED, ALL, BOX_PRIORITY), "Sched");
    make_copy(box, BOX_SCHED_LOW, BOX_SCHED, ALL, 3);
}

void sandbox_begin(struct sandbox *box, const uint64_t callers[2], bool with_system)
{
    uint64_t first = kit_frames(1);

    make_cnodes(box);
    make_messages(box);
    bind_timers(box);
    uint64_t objects = kit_frames(1) - first;
    expect(flr_memory_derive(RAM, first, objects, ALL & ~0x380u, box->cnode, BOX_MEMORY_OBJECTS),
           "memory of objects");
    make_memory(box);
    make_spaces(box);
    use_memory(box);
    make_interrupts(box);
    make_threads(box, callers);
    box->space = borrow(box, BOX_VSPACE);
    box->empty = kit_slots(1);
    if (with_system)
        expect(flr_cnode_copy(box->cnode, BOX_SYSTEM, CNODE, FL_BOOT_SYSTEM, ALL, 0), "System");
}

/* What is BUSY waits for another round: what uses it may be in a later slot. */
static bool empty_cnode(uint64_t cnode)
{
    bool all = true;

    for (uint64_t slot = SANDBOX_SLOTS; slot-- > 1;) {
        uint64_t code;

        do
            code = FL_STATUS_CODE(flr_cnode_delete(cnode, slot).status);
        while (code == FL_MORE);
        all = all && code == FL_OK;
    }
    return all;
}

void sandbox_empty(const struct sandbox *box)
{
    ring_clock(false);
    for (unsigned round = 0; round < 4; round++) {
        bool inner = empty_cnode(box->inner);

        if (empty_cnode(box->cnode) && inner)
            return;
    }
}

/* --- the digest ---------------------------------------------------------------------------- */

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * 0x100000001b3ull ^ digest >> 29;
}

/* What a slot of the sandbox holds, without changing it: copy is refused for the slot's sake
 * (empty, a Reply with a fault) before the rights are looked at, which are no rights. */
static uint64_t probe_slot(const struct sandbox *box, uint64_t slot)
{
    return flr_cnode_copy(CNODE, box->empty, box->cnode, slot, UINT64_MAX, 0).status;
}

uint64_t sandbox_digest(const struct sandbox *box)
{
    uint64_t digest = 1;

    for (unsigned i = 0; i <= FL_COUNTER_PINS; i++)
        digest = mix(digest, kit_counter((enum fl_counter)i));
    for (uint64_t page = 0; page < BOX_PAGES; page += page < 16 ? 1 : 3)
        digest = mix(digest, flr_memory_frame_state(RAM, box->memory + page).value);
    for (uint64_t i = 0; i < BOX_MAP_PAGES; i += 3)
        digest = mix(digest, flr_vspace_entry(box->space, BOX_AREA + i * FL_PAGE_BYTES).value);
    for (uint64_t slot = 1; slot < BOX_USED; slot++)
        digest = mix(digest, probe_slot(box, slot));
    for (uint64_t slot = BOX_SCRATCH; slot < BOX_SCRATCH + 32; slot++)
        digest = mix(digest, probe_slot(box, slot));
    return digest;
}
