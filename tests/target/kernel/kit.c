/* See kit.h. */
#include "kit.h"

#include <stddef.h>

#include "fl_calls.h"

#define FIRST_SLOT   64u
#define THREADS      64u
#define STACKS       0x3000000000ull
#define STACK_PAGES  2u
#define WINDOW       KIT_WINDOWS
#define WINDOW_PAGES 64u
#define PATIENCE     20u /* seconds of the guest's clock */
#define READ_WRITE   (FL_RIGHT_READ | FL_RIGHT_WRITE)

extern char __text_end[], __rodata_end[], __bss_end[];
void server_thread_entry(void);

static uint64_t next_slot = FIRST_SLOT;
static uint64_t next_frame;
static uint64_t windows;
static uint64_t doorbell, silence, alarm;
static struct kit_thread threads[THREADS];
static unsigned thread_count;

_Noreturn static void give_up(const char *what, uint64_t status)
{
    volatile char *data = (volatile char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
    uint64_t n = 0;

    for (; what[n] != '\0'; n++)
        data[n] = what[n];
    data[n++] = (char)('A' + status % 26);
    data[n++] = '\n';
    flr_system_console_write(FL_BOOT_SYSTEM, n);
    flr_system_reset(FL_BOOT_SYSTEM, 1);
    for (;;)
        ;
}

static void expect(struct fl_result result, const char *what)
{
    if (result.status != FL_OK)
        give_up(what, FL_STATUS_CODE(result.status));
}

uint64_t kit_delete(uint64_t slot)
{
    struct fl_result result;

    do {
        result = flr_cnode_delete(FL_BOOT_CNODE, slot);
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return result.status;
}

/* Empties all slots that were taken, last one first; what is BUSY (a space made after its thread)
 * waits for another round. */
static void delete_slots(void)
{
    uint64_t busy = 0, before;

    do {
        before = busy;
        busy = 0;
        for (uint64_t slot = next_slot; slot-- > FIRST_SLOT;)
            busy += kit_delete(slot) != FL_OK;
    } while (busy > 0 && busy != before);
    if (busy > 0)
        give_up("kit: objects that could not be deleted: ", busy);
}

void kit_end(void)
{
    while (windows > 0)
        flr_vspace_unmap(FL_BOOT_VSPACE, WINDOW + --windows * FL_PAGE_BYTES, 1);
    for (unsigned i = 0; i < thread_count; i++)
        flr_tcb_suspend(threads[i].tcb);
    delete_slots();
    next_slot = FIRST_SLOT;
    next_frame = kit_boot_info()->ram[0].first_free;
    thread_count = 0;
}

void kit_begin(void)
{
    kit_end();
    doorbell = kit_object(FL_OBJECT_NOTIFICATION);
    silence = kit_object(FL_OBJECT_NOTIFICATION);
    alarm = kit_object(FL_OBJECT_TIMER);
    expect(flr_timer_bind(alarm, doorbell), "kit: timer: ");
}

uint64_t kit_slots(uint64_t count)
{
    uint64_t slot = next_slot;

    next_slot += count;
    return slot;
}

uint64_t kit_frames(uint64_t count)
{
    uint64_t page = next_frame;

    next_frame += count;
    return page;
}

uint64_t kit_object(enum fl_object type)
{
    uint64_t slot = kit_slots(1);

    expect(flr_memory_retype(FL_BOOT_RAM, kit_frames(1), type, 1, FL_BOOT_CNODE, slot),
           "kit: retype: ");
    return slot;
}

uint64_t kit_copy(uint64_t from, uint64_t rights, uint64_t badge)
{
    uint64_t slot = kit_slots(1);

    expect(flr_cnode_copy(FL_BOOT_CNODE, slot, FL_BOOT_CNODE, from, rights, badge), "kit: copy: ");
    return slot;
}

uint64_t kit_pool(uint64_t frames)
{
    uint64_t pool = kit_object(FL_OBJECT_TABLE_POOL);

    while (frames > 0) {
        struct fl_result result = flr_pool_donate(pool, FL_BOOT_RAM, kit_frames(0), frames);

        kit_frames(result.value);
        frames -= result.value;
        if (FL_STATUS_CODE(result.status) != FL_MORE)
            expect(result, "kit: donate: ");
    }
    return pool;
}

static void map(uint64_t space, uint64_t page, uint64_t address, uint64_t pages, uint64_t rights)
{
    while (pages > 0) {
        struct fl_result result = flr_vspace_map(space, FL_BOOT_RAM, page, address, pages, rights);

        if (FL_STATUS_CODE(result.status) != FL_MORE)
            expect(result, "kit: map: ");
        page += result.value;
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    }
}

uint64_t kit_space(uint64_t pool)
{
    uint64_t space = kit_object(FL_OBJECT_VSPACE);

    kit_fill_space(space, pool);
    return space;
}

void kit_fill_space(uint64_t space, uint64_t pool)
{
    uint64_t page = kit_boot_info()->image_page;
    uint64_t text = ((uint64_t)(uintptr_t)__text_end - KIT_IMAGE) / FL_PAGE_BYTES;
    uint64_t rodata = (uint64_t)(__rodata_end - __text_end) / FL_PAGE_BYTES;
    uint64_t data = (uint64_t)(__bss_end - __rodata_end) / FL_PAGE_BYTES;

    expect(flr_vspace_set_pool(space, pool), "kit: set pool: ");
    map(space, page, KIT_IMAGE, text, FL_RIGHT_READ | FL_RIGHT_EXEC);
    map(space, page + text, (uint64_t)(uintptr_t)__text_end, rodata, FL_RIGHT_READ);
    map(space, page + text + rodata, (uint64_t)(uintptr_t)__rodata_end, data, READ_WRITE);
}

uint64_t kit_bare_space(uint64_t pool)
{
    uint64_t space = kit_object(FL_OBJECT_VSPACE);

    expect(flr_vspace_set_pool(space, pool), "kit: set pool: ");
    return space;
}

struct kit_thread *kit_thread_without_buffer(uint64_t space, uint64_t handler, unsigned priority,
                                             void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = &threads[thread_count];
    uint64_t stack = STACKS + thread_count * 0x10000ull;

    thread_count++;
    thread->space = space;
    thread->start[0] = (uint64_t)(uintptr_t)function;
    thread->start[1] = argument;
    thread->tcb = kit_object(FL_OBJECT_TCB);
    map(space, kit_frames(STACK_PAGES), stack, STACK_PAGES, READ_WRITE);
    thread->handler = handler;
    thread->priority = priority;
    thread->buffer_page = 0;
    kit_equip(thread);
    return thread;
}

void kit_equip(struct kit_thread *thread)
{
    if (thread->buffer_page != 0)
        expect(flr_tcb_set_buffer(thread->tcb, FL_BOOT_RAM, thread->buffer_page, 0),
               "kit: buffer: ");
    expect(flr_tcb_set_cspace(thread->tcb, FL_BOOT_CNODE), "kit: cspace: ");
    expect(flr_tcb_set_space(thread->tcb, thread->space, thread->handler), "kit: space: ");
    expect(flr_tcb_set_priority(thread->tcb, FL_BOOT_SCHED, thread->priority), "kit: priority: ");
}

struct kit_thread *kit_thread(uint64_t space, uint64_t handler, unsigned priority,
                              void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread =
        kit_thread_without_buffer(space, handler, priority, function, argument);

    thread->buffer_page = kit_frames(1);
    flr_vspace_map(space, FL_BOOT_RAM, thread->buffer_page, FL_BUFFER, 1, READ_WRITE);
    expect(flr_tcb_set_buffer(thread->tcb, FL_BOOT_RAM, thread->buffer_page, 0), "kit: buffer: ");
    return thread;
}

void kit_start(struct kit_thread *thread)
{
    uint64_t index = (uint64_t)(thread - threads);
    uint64_t stack_end = STACKS + index * 0x10000ull + STACK_PAGES * FL_PAGE_BYTES;

    expect(flr_tcb_start(thread->tcb, (uint64_t)(uintptr_t)server_thread_entry, stack_end,
                         (uint64_t)(uintptr_t)thread->start),
           "kit: start: ");
}

struct kit_thread *kit_run(uint64_t space, uint64_t handler, void (*function)(uint64_t),
                           uint64_t argument)
{
    struct kit_thread *thread = kit_thread(space, handler, KIT_PRIORITY, function, argument);

    kit_start(thread);
    return thread;
}

void kit_sleep(void)
{
    for (;;)
        flr_notification_wait(silence);
}

void kit_signal(void)
{
    flr_notification_signal(doorbell);
}

uint64_t kit_wait(void)
{
    return flr_notification_wait(doorbell).value;
}

uint64_t kit_deadline(void)
{
    return fl_rdtime() + PATIENCE * kit_boot_info()->timebase_hz;
}

void kit_settle(void)
{
    uint64_t idle = kit_counter(FL_COUNTER_IDLE_CYCLES), end = kit_deadline();

    while (kit_counter(FL_COUNTER_IDLE_CYCLES) == idle) {
        if (fl_rdtime() > end)
            give_up("kit: some thread never sleeps: ", 0);
        kit_nap();
    }
}

void kit_nap_ticks(uint64_t ticks)
{
    flr_timer_set(alarm, fl_rdtime() + ticks);
    kit_wait();
}

void kit_nap(void)
{
    kit_nap_ticks(kit_boot_info()->timebase_hz / 1000);
}

static void *window_of(uint64_t memory, uint64_t page)
{
    uint64_t address = WINDOW + windows * FL_PAGE_BYTES;

    if (windows == WINDOW_PAGES)
        return NULL;
    expect(flr_vspace_map(FL_BOOT_VSPACE, memory, page, address, 1, READ_WRITE), "kit: window: ");
    windows++;
    return (void *)(uintptr_t)address;
}

void *kit_window(uint64_t page)
{
    return window_of(FL_BOOT_RAM, page);
}

static bool texts_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct fl_boot_device *kit_find_device(const char *compatible)
{
    const struct fl_boot_device *devices =
        (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO;

    for (uint64_t i = 0; i < kit_boot_info()->device_count; i++) {
        if (texts_equal(devices[i].compatible, compatible))
            return &devices[i];
    }
    return NULL;
}

uint64_t kit_device_slot(const struct fl_boot_device *device)
{
    return FL_BOOT_DEVICES +
           (uint64_t)(device - (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO);
}

void *kit_device_window(const struct fl_boot_device *device)
{
    char *page = window_of(kit_device_slot(device), 0);

    return page == NULL ? NULL : page + device->physical % FL_PAGE_BYTES;
}

uint64_t kit_counter(enum fl_counter which)
{
    return flr_system_counter(FL_BOOT_SYSTEM, which).value;
}

bool kit_alone(void)
{
    return kit_counter(FL_COUNTER_HARTS) == 1;
}
