/* The kernel as the pager sees it: see kernel_fake.h. */
#include "kernel_fake.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail_nth.h"
#include "pager_main_host.h"

#define PAGE  ((uint64_t)FL_PAGE_BYTES)
#define PART  (512 * PAGE) /* of a space, that one table maps */
#define LOCAL 64u          /* tables that one answer may need, at most */

struct kernel_fake kernel_fake;
static uint64_t kernel_buffer[FL_BUFFER_BYTES / sizeof(uint64_t)];

static struct {
    jmp_buf leave; /* out of the pager's loop, which wants the next message */
    bool sending;
    bool answered;
    struct fl_message message;
    uint64_t reply;               /* that holds the thread of the last message */
    uint64_t badge[KERNEL_SLOTS]; /* of the message whose thread a Reply holds */
} loop;

static void kernel_break(const char *rule)
{
    if (!kernel_fake.broken)
        kernel_fake.broken = rule;
}

static struct fl_result kernel_status(uint64_t status)
{
    return (struct fl_result){status, 0};
}

/* ---- frames and tables ---- */

uint32_t kernel_fake_count(enum kernel_use use)
{
    uint32_t count = 0;

    for (uint32_t i = KERNEL_OUTSIDE; i < KERNEL_FRAMES; i++)
        count += kernel_fake.use[i] == use;
    return count;
}

/* Gives the first frame of one use another one.  False: there is none. */
static bool kernel_turn(enum kernel_use from, enum kernel_use to)
{
    for (uint32_t i = KERNEL_OUTSIDE; i < KERNEL_FRAMES; i++)
        if (kernel_fake.use[i] == from) {
            kernel_fake.use[i] = (uint8_t)to;
            return true;
        }
    return false;
}

static bool kernel_has_table(uint64_t vspace, uint64_t address)
{
    for (uint32_t i = 0; i < kernel_fake.entries; i++)
        if (kernel_fake.entry[i].vspace == vspace &&
            kernel_fake.entry[i].address / PART == address / PART)
            return true;
    return false;
}

static struct kernel_entry *kernel_find(uint64_t vspace, uint64_t address)
{
    for (uint32_t i = 0; i < kernel_fake.entries; i++)
        if (kernel_fake.entry[i].vspace == vspace && kernel_fake.entry[i].address == address)
            return &kernel_fake.entry[i];
    return NULL;
}

static void kernel_put(uint64_t vspace, uint64_t address, uint64_t frame, uint32_t rights)
{
    struct kernel_entry *entry = kernel_find(vspace, address);

    if (!entry && !kernel_has_table(vspace, address) && !kernel_turn(KERNEL_SPARE, KERNEL_TABLE))
        kernel_break("a table was taken that is not there");
    if (!entry && kernel_fake.entries == KERNEL_ENTRIES)
        abort();
    if (!entry)
        entry = &kernel_fake.entry[kernel_fake.entries++];
    *entry = (struct kernel_entry){vspace, address, frame, rights};
}

static void kernel_drop(struct kernel_entry *entry)
{
    const struct kernel_entry old = *entry;

    *entry = kernel_fake.entry[--kernel_fake.entries];
    if (!kernel_has_table(old.vspace, old.address))
        (void)kernel_turn(KERNEL_TABLE, KERNEL_SPARE);
}

/* The frame that a Memory capability names there: KERNEL_FRAMES if it is not RAM. */
static uint64_t kernel_frame(uint64_t slot, uint64_t page)
{
    return slot == PAGER_SLOT_RAM && page < KERNEL_FRAMES ? page : KERNEL_FRAMES;
}

/* ---- calls about spaces ---- */

/* The pager's window: it has all its tables. */
static struct fl_result kernel_map_window(const uint64_t a[7])
{
    uint64_t frame = kernel_frame(a[1], a[2]);

    if (frame == KERNEL_FRAMES || a[4] != 1)
        return kernel_status(FL_OUT_OF_RANGE);
    if (kernel_fake.use[frame] == KERNEL_SPARE || kernel_fake.use[frame] == KERNEL_TABLE ||
        kernel_fake.use[frame] == KERNEL_OBJECT)
        return kernel_status(FL_BAD_FRAME);
    kernel_fake.use[frame] = KERNEL_WINDOW;
    return (struct fl_result){FL_OK, 1};
}

static struct fl_result kernel_map(const uint64_t a[7])
{
    if (a[0] == PAGER_SLOT_VSPACE)
        return kernel_map_window(a);
    if (kernel_fake.cap[a[0]] != KERNEL_VSPACE || !kernel_fake.has_root[a[0]] || a[4] != 1)
        kernel_break("a map into what is no space");
    if (fail_nth_now(FAIL_TABLE) ||
        (!kernel_has_table(a[0], a[3]) && kernel_fake_count(KERNEL_SPARE) == 0))
        return kernel_status(FL_NO_TABLE);
    if (kernel_find(a[0], a[3]) && !(a[5] & FL_MAP_REPLACE))
        return kernel_status(FL_OCCUPIED);
    kernel_put(a[0], a[3], kernel_frame(a[1], a[2]), (uint32_t)a[5]);
    return (struct fl_result){FL_OK, 1};
}

static struct fl_result kernel_unmap(const uint64_t a[7])
{
    if (a[0] == PAGER_SLOT_VSPACE) {
        uint64_t first = (a[1] - (uint64_t)(uintptr_t)kernel_fake.pager->vm.table.window) / PAGE;

        for (uint64_t i = first; i < first + a[2]; i++)
            if (kernel_fake.use[i] != KERNEL_WINDOW)
                kernel_break("a page leaves the window twice");
            else
                kernel_fake.use[i] = KERNEL_CLOSED;
        return (struct fl_result){FL_OK, a[2]};
    }
    for (uint32_t i = kernel_fake.entries; i-- > 0;)
        if (kernel_fake.entry[i].vspace == a[0] &&
            kernel_fake.entry[i].address - a[1] < a[2] * PAGE)
            kernel_drop(&kernel_fake.entry[i]);
    return (struct fl_result){FL_OK, a[2]};
}

static struct fl_result kernel_protect(const uint64_t a[7])
{
    for (uint32_t i = 0; i < kernel_fake.entries; i++)
        if (kernel_fake.entry[i].vspace == a[0] &&
            kernel_fake.entry[i].address - a[1] < a[2] * PAGE)
            kernel_fake.entry[i].rights &= (uint32_t)a[3];
    return (struct fl_result){FL_OK, a[2]};
}

/* Whatever was mapped may have been read and written. */
static struct fl_result kernel_harvest(uint64_t pages)
{
    struct fl_harvest *harvest = fl_buffer_data();

    if (pages > sizeof harvest->bits * 4)
        pages = sizeof harvest->bits * 4;
    memset(harvest, 0, sizeof *harvest);
    for (uint64_t i = 0; i < pages; i++)
        harvest->bits[i / 32] |= (uint64_t)(FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY) << 2 * (i % 32);
    return (struct fl_result){FL_OK, pages};
}

static struct fl_result kernel_set_pool(const uint64_t a[7])
{
    if (kernel_fake.cap[a[0]] != KERNEL_VSPACE || kernel_fake.has_root[a[0]])
        kernel_break("a pool for what is no new space");
    if (fail_nth_now(FAIL_TABLE) || !kernel_turn(KERNEL_SPARE, KERNEL_TABLE))
        return kernel_status(FL_NO_TABLE);
    kernel_fake.has_root[a[0]] = true;
    return kernel_status(FL_OK);
}

/* ---- calls about frames, slots and threads ---- */

static struct fl_result kernel_retype(const uint64_t a[7])
{
    uint64_t frame = kernel_frame(a[0], a[1]);

    if (frame == KERNEL_FRAMES || kernel_fake.use[frame] != KERNEL_CLOSED)
        kernel_break("an object is made of a frame in use");
    if (kernel_fake.cap[a[5]] != KERNEL_EMPTY)
        kernel_break("a slot is filled twice");
    if (fail_nth_now(FAIL_CALL))
        return kernel_status(FL_BAD_FRAME);
    kernel_fake.use[frame] = KERNEL_OBJECT;
    kernel_fake.cap[a[5]] = KERNEL_VSPACE;
    kernel_fake.object[a[5]] = frame;
    kernel_fake.has_root[a[5]] = false;
    return kernel_status(FL_OK);
}

/* The root task deleted the thread of a program before its space: whatever holds it is idle. */
static void kernel_end_threads(uint64_t id)
{
    for (uint64_t reply = 0; reply < KERNEL_SLOTS; reply++)
        if (kernel_fake.holds[reply] && loop.badge[reply] >> 60 <= PAGER_BADGE_PROGRAM &&
            (uint32_t)loop.badge[reply] == id)
            kernel_fake.holds[reply] = false;
}

static struct fl_result kernel_delete(const uint64_t a[7])
{
    uint64_t slot = a[1];

    if (kernel_fake.cap[slot] == KERNEL_VSPACE) {
        for (uint32_t i = kernel_fake.entries; i-- > 0;)
            if (kernel_fake.entry[i].vspace == slot)
                kernel_drop(&kernel_fake.entry[i]);
        if (kernel_fake.has_root[slot])
            (void)kernel_turn(KERNEL_TABLE, KERNEL_SPARE);
        kernel_fake.has_root[slot] = false;
        kernel_fake.use[kernel_fake.object[slot]] = KERNEL_CLOSED;
        kernel_end_threads((slot - PAGER_SLOT_SPACES) / 2);
    }
    kernel_fake.cap[slot] = KERNEL_EMPTY;
    return kernel_status(FL_OK);
}

static struct fl_result kernel_copy(const uint64_t a[7])
{
    if (kernel_fake.cap[a[1]] != KERNEL_EMPTY)
        return kernel_status(FL_OCCUPIED);
    if (fail_nth_now(FAIL_CALL))
        return kernel_status(FL_NO_RIGHT);
    kernel_fake.cap[a[1]] = KERNEL_HANDLER;
    return kernel_status(FL_OK);
}

static struct fl_result kernel_set_space(const uint64_t a[7])
{
    if (kernel_fake.cap[a[2]] != KERNEL_HANDLER || kernel_fake.cap[a[1]] != KERNEL_VSPACE)
        kernel_break("a thread gets a handler or a space that is none");
    if (kernel_fake.cap[a[0]] != KERNEL_TCB)
        return kernel_status(FL_BAD_SLOT);
    return kernel_status(fail_nth_now(FAIL_CALL) ? FL_BUSY : FL_OK);
}

static struct fl_result kernel_donate(const uint64_t a[7])
{
    uint64_t frame = kernel_frame(a[1], a[2]);

    if (frame == KERNEL_FRAMES || kernel_fake.use[frame] != KERNEL_CLOSED)
        return kernel_status(FL_BAD_FRAME);
    kernel_fake.use[frame] = KERNEL_SPARE;
    return (struct fl_result){FL_OK, 1};
}

static struct fl_result kernel_withdraw(void)
{
    for (uint64_t i = KERNEL_OUTSIDE; i < KERNEL_FRAMES; i++)
        if (kernel_fake.use[i] == KERNEL_SPARE && !fail_nth_now(FAIL_CALL)) {
            kernel_fake.use[i] = KERNEL_CLOSED;
            return (struct fl_result){FL_OK, i};
        }
    return kernel_status(FL_NO_TABLE);
}

/* ---- answers ---- */

/* The items of an answer: the first is in the words, others lie in the message buffer. */
static struct fl_item kernel_item(const uint64_t a[7], uint32_t i)
{
    const struct fl_item *more = (const struct fl_item *)fl_buffer_data();

    return i == 0 ? (struct fl_item){a[2], a[3], a[4]} : more[i - 1];
}

static void kernel_map_item(uint64_t vspace, const struct fl_item *item)
{
    uint64_t pages = item->source >> 32, slot = (uint32_t)item->source;

    for (uint64_t i = 0; i < pages; i++)
        kernel_put(vspace, (item->address & ~(PAGE - 1)) + i * PAGE,
                   kernel_frame(slot, item->page + i), (uint32_t)(item->address & (PAGE - 1)));
}

/* All items or none. */
static uint64_t kernel_take_items(const uint64_t a[7])
{
    uint64_t vspace = pager_slot_vspace((uint32_t)loop.badge[a[0]]), part[LOCAL];
    uint32_t count = FL_INFO_ITEM_COUNT(a[1]), needed = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t address = kernel_item(a, i).address / PART;
        uint32_t seen = 0;

        while (seen < needed && part[seen] != address)
            seen++;
        if (seen == needed && !kernel_has_table(vspace, address * PART))
            part[needed++] = address;
    }
    if (count > 0 && (fail_nth_now(FAIL_REPLY) || needed > kernel_fake_count(KERNEL_SPARE)))
        return FL_NO_TABLE;
    for (uint32_t i = 0; i < count; i++) {
        struct fl_item item = kernel_item(a, i);

        kernel_map_item(vspace, &item);
    }
    return FL_OK;
}

/* a: Reply, info, four words. */
static uint64_t kernel_reply(const uint64_t a[7])
{
    uint64_t status;

    if (!kernel_fake.holds[a[0]])
        return FL_GONE;
    status = kernel_take_items(a);
    if (status != FL_OK) {
        kernel_fake.refused++;
        return status;
    }
    kernel_fake.holds[a[0]] = false;
    kernel_fake.stops +=
        FL_INFO_LABEL(a[1]) == FL_LABEL_STOP && loop.badge[a[0]] >> 60 == PAGER_BADGE_FAULT;
    if (a[0] != loop.reply) {
        kernel_fake.late++;
        kernel_fake.late_answer =
            (struct fl_message){.info = a[1], .word = {a[2], a[3], a[4], a[5]}};
        return FL_OK;
    }
    kernel_fake.answer = (struct fl_message){.info = a[1], .word = {a[2], a[3], a[4], a[5]}};
    loop.answered = true;
    return FL_OK;
}

static struct fl_result kernel_call(uint64_t number, const uint64_t a[7])
{
    switch (number) {
    case FL_CALL_vspace_map:
        return kernel_map(a);
    case FL_CALL_vspace_unmap:
        return kernel_unmap(a);
    case FL_CALL_vspace_protect:
        return kernel_protect(a);
    case FL_CALL_vspace_harvest:
    case FL_CALL_memory_harvest:
        return kernel_harvest(a[2]);
    case FL_CALL_vspace_set_pool:
        return kernel_set_pool(a);
    case FL_CALL_memory_retype:
        return kernel_retype(a);
    case FL_CALL_cnode_delete:
        return kernel_delete(a);
    case FL_CALL_cnode_copy:
        return kernel_copy(a);
    case FL_CALL_tcb_set_space:
        return kernel_set_space(a);
    case FL_CALL_tcb_set_buffer:
        return kernel_status(fail_nth_now(FAIL_CALL) ? FL_OVERFLOW : FL_OK);
    case FL_CALL_pool_donate:
        return kernel_donate(a);
    case FL_CALL_pool_withdraw:
        return kernel_withdraw();
    case FL_CALL_pool_spare:
        return (struct fl_result){FL_OK, kernel_fake_count(KERNEL_SPARE)};
    case FL_CALL_notification_signal:
        kernel_fake.signals += a[0] == PAGER_SLOT_EVENTS;
        return kernel_status(FL_OK);
    case FL_CALL_ipc_reply:
        return kernel_status(kernel_reply(a));
    default:
        kernel_break("a call that this kernel does not have");
        return kernel_status(FL_RESERVED_CALL);
    }
}

struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                          uint64_t r4, uint64_t r5, uint64_t r6)
{
    return kernel_call(number, (const uint64_t[7]){r0, r1, r2, r3, r4, r5, r6});
}

/* ---- messages ---- */

void *fl_buffer_data(void)
{
    return (char *)kernel_buffer + FL_BUFFER_DATA;
}

uint64_t fl_rdcycle(void)
{
    static uint64_t calls;

    return ++calls;
}

uint64_t fl_rdtime(void)
{
    return fl_rdcycle();
}

static void kernel_receive(uint64_t reply, struct fl_message *message)
{
    if (!loop.sending)
        longjmp(loop.leave, 1);
    if (kernel_fake.holds[reply])
        kernel_break("a message is received with a Reply that holds a thread");
    loop.sending = false;
    loop.reply = reply;
    kernel_fake.holds[reply] = FL_INFO_LABEL(loop.message.info) != FL_LABEL_NOTIFICATION;
    loop.badge[reply] = loop.message.badge;
    *message = loop.message;
}

void fl_ipc(uint64_t number, uint64_t r0, uint64_t info, const uint64_t word[4], uint64_t r6,
            struct fl_message *out)
{
    const uint64_t a[7] = {r6, info, word[0], word[1], word[2], word[3], 0};

    if (number == FL_CALL_ipc_call && r0 == PAGER_SLOT_BLK && kernel_fake.driver) {
        kernel_fake.driver(word, out);
        return;
    }
    if (number == FL_CALL_ipc_recv) { /* of the only endpoint */
        kernel_receive(info, out);
        return;
    }
    if (number != FL_CALL_ipc_reply_recv)
        kernel_break("a message call that this kernel does not have");
    out->status = kernel_reply(a);
    if (out->status == FL_OK)
        kernel_receive(r6, out);
}

bool kernel_fake_send(uint64_t badge, uint64_t info, const uint64_t word[4])
{
    loop.message = (struct fl_message){.status = FL_OK,
                                       .info = info,
                                       .word = {word[0], word[1], word[2], word[3]},
                                       .badge = badge};
    loop.sending = true;
    loop.answered = false;
    if (setjmp(loop.leave) == 0)
        pager_main();
    return loop.answered;
}

bool kernel_fake_touch(const struct space *space, uint64_t address, uint32_t access, uint32_t turns)
{
    uint64_t vspace = pager_slot_vspace(space->id);

    for (uint32_t turn = 0; turn < turns; turn++) {
        const struct kernel_entry *entry = kernel_find(vspace, address & ~(PAGE - 1));
        uint32_t low = kernel_fake_count(KERNEL_SPARE) < FL_POOL_LOW ? FL_ACCESS_POOL_LOW : 0;
        uint32_t stops = kernel_fake.stops;

        if (entry && (entry->rights & access) == access)
            return true;
        if (!kernel_fake_send(PAGER_BADGE(PAGER_BADGE_FAULT, space->id, space->generation),
                              FL_INFO(FL_LABEL_PAGE_FAULT, 4),
                              (const uint64_t[4]){address, 0x1000, access | low, 0}) ||
            kernel_fake.stops != stops)
            return false;
    }
    return kernel_find(vspace, address & ~(PAGE - 1)) != NULL;
}

void kernel_fake_put_tcb(uint64_t slot)
{
    kernel_fake.cap[slot] = KERNEL_TCB;
}

/* ---- the checks ---- */

/* True if the page that an entry maps is another one than the object holds there. */
static bool kernel_is_stale(const struct vm *vm, const struct kernel_entry *entry)
{
    const struct space *space = vm->spaces[(entry->vspace - PAGER_SLOT_SPACES) / 2];
    const struct entry *area = space ? entry_find(&space->map, entry->address) : NULL;
    uint64_t leaf = area && area->object
                        ? index_lookup(&area->object->index, entry_index(area, entry->address))
                        : 0;

    return leaf && index_leaf_page(leaf) != entry->frame;
}

/* W1, and that no frame is mapped that is free, or that its address does not show. */
static const char *kernel_check_frames(const struct vm *vm)
{
    for (uint32_t i = KERNEL_OUTSIDE; i < KERNEL_FRAMES; i++) {
        bool lent = vm->table.pages[i].state == PAGE_LENT;

        if ((kernel_fake.use[i] == KERNEL_WINDOW) == lent)
            return "W1";
    }
    for (uint32_t i = 0; i < kernel_fake.entries; i++) {
        uint64_t frame = kernel_fake.entry[i].frame;

        if (frame != KERNEL_FRAMES && vm->table.pages[frame].state != PAGE_OBJECT &&
            vm->table.pages[frame].state != PAGE_BUFFER && frame != vm->zero_page)
            return "a frame that is free or in other use is still mapped";
        if (kernel_is_stale(vm, &kernel_fake.entry[i]))
            return "a page is mapped that its area does not show";
    }
    return NULL;
}

const char *kernel_fake_check(void)
{
    const struct vm *vm = &kernel_fake.pager->vm;
    const char *broken = kernel_fake.broken ? kernel_fake.broken : kernel_check_frames(vm);

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if ((kernel_fake.cap[pager_slot_vspace(id)] == KERNEL_VSPACE) != (vm->spaces[id] != NULL))
            return "a space without a VSpace, or one that nobody names";
    if (kernel_fake.cap[PAGER_SLOT_SCRATCH] != KERNEL_EMPTY)
        return "the slot for a moment is not empty";
    for (uint32_t token = 0; token < WAIT_RECORDS; token++)
        if (kernel_fake.holds[request_reply(token)] != (vm->waits.record[token].state != WAIT_FREE))
            return "R1";
    return broken ? broken : vm_check(vm);
}

void kernel_fake_start(uint8_t *archive, uint64_t archive_bytes)
{
    static uint8_t memory[KERNEL_FRAMES * FL_PAGE_BYTES] __attribute__((aligned(FL_PAGE_BYTES)));

    memset(&kernel_fake, 0, sizeof kernel_fake);
    memset(memory, 0xee, sizeof memory);
    pager_main_host_start(memory, archive, archive_bytes);
}
