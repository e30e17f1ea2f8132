/* Calls on Timers and the System capability. */
#include "arch.h"
#include "calls.h"
#include "invariants.h"
#include "sv39.h"
#include "timer.h"

struct outcome call_timer_bind(uint64_t slot, uint64_t notification_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_TIMER, 0, 1);
    struct lookup target =
        cap_lookup(self, notification_slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_SEND, 2);

    if (found.cap == NULL || target.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : target.status, 0};
    if (!cap_can_count(target.cap))
        return outcome_error(FL_OVERFLOW, 2);
    struct timer *timer = found.cap->object;
    timer_arm(timer, 0);
    return outcome_error(cap_hold(&timer->target, target.cap), 0);
}

struct outcome call_timer_set(uint64_t slot, uint64_t deadline)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TIMER, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    struct timer *timer = found.cap->object;
    if (timer->target.type == FL_OBJECT_NONE)
        return outcome_error(FL_NOT_READY, 1);
    timer_arm(timer, deadline);
    return outcome_ok(0);
}

struct outcome call_system_console_write(uint64_t slot, uint64_t bytes)
{
    struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_SYSTEM, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (self->buffer == NULL)
        return outcome_error(FL_NO_BUFFER, 0);
    if (bytes > FL_BUFFER_BYTES - FL_BUFFER_DATA)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    const volatile char *data = (const volatile char *)self->buffer + FL_BUFFER_DATA;
    for (uint64_t i = 0; i < bytes; i++)
        arch_console_put(data[i]);
    return outcome_ok(bytes);
}

struct outcome call_system_console_read(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_SYSTEM, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    int c = arch_console_get();
    return outcome_ok(c < 0 ? FL_CONSOLE_EMPTY : (uint64_t)(uint8_t)c);
}

struct outcome call_system_reset(uint64_t slot, uint64_t failure)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_SYSTEM, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (failure > 1)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    arch_power_off(failure != 0);
}

/* The harts' stacks are alike: the one that was used most. */
static uint64_t deepest_stack(void)
{
    uint64_t deepest = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        uint64_t bytes = arch_stack_used_bytes(&kernel.harts[i]);

        deepest = bytes > deepest ? bytes : deepest;
    }
    return deepest;
}

static uint64_t sum_of_harts(enum fl_counter which)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++)
        sum += kernel.harts[i].counter[which];
    return sum;
}

/* Harts that came out of user mode while another one held the kernel's lock. */
static uint64_t parallel_harts(void)
{
    uint64_t harts = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++)
        harts += kernel.harts[i].counter[FL_COUNTER_LOCK_WAITS] != 0;
    return harts;
}

static uint64_t counter_read(enum fl_counter which)
{
    switch (which) {
    case FL_COUNTER_FRAMES_FREE:
        return kernel.frames.totals[FRAME_FREE];
    case FL_COUNTER_FRAMES_USER:
        return kernel.frames.totals[FRAME_USER];
    case FL_COUNTER_FRAMES_TABLE:
        return kernel.frames.totals[FRAME_TABLE];
    case FL_COUNTER_FRAMES_OBJECT:
        return kernel.frames.totals[FRAME_OBJECT];
    case FL_COUNTER_FRAMES_FIRMWARE:
        return kernel.frames.totals[FRAME_FIRMWARE];
    case FL_COUNTER_OBJECTS:
        return kernel.objects;
    case FL_COUNTER_CAPABILITIES:
        return kernel.caps;
    case FL_COUNTER_MAPPINGS:
        return kernel.frames.mappings;
    case FL_COUNTER_PINS:
        return kernel.frames.pins;
    case FL_COUNTER_PAGE_FAULTS:
        return kernel.faults - kernel.other_faults;
    case FL_COUNTER_BOOT_INSTRUCTIONS:
        return kernel.boot_instructions;
    case FL_COUNTER_STACK_BYTES:
        return deepest_stack();
    case FL_COUNTER_HARTS:
        return kernel.hart_count;
    case FL_COUNTER_PARALLEL_HARTS:
        return parallel_harts();
    case FL_COUNTER_IDLE_CYCLES:
        return kernel.idle_cycles;
    case FL_COUNTER_FENCES:
    case FL_COUNTER_SPURIOUS_FAULTS:
    case FL_COUNTER_AD_FAULTS:
    case FL_COUNTER_SWITCHES:
    case FL_COUNTER_INTERRUPTS:
    case FL_COUNTER_LOCK_WAITS:
    case FL_COUNTER_IDLE_BESIDE_WORK:
    case FL_COUNTER_COUNT:
        break;
    }
    return sum_of_harts(which);
}

struct outcome call_system_counter(uint64_t slot, uint64_t which)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_SYSTEM, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (which >= FL_COUNTER_COUNT)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    return outcome_ok(counter_read((enum fl_counter)which));
}

struct outcome call_system_entry(uint64_t slot, uint64_t address)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_SYSTEM, 0, 1);
    unsigned level;

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (address < 0 - FL_USER_END)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (address % FL_PAGE_BYTES != 0)
        return outcome_error(FL_UNALIGNED, 2);
    pte_t entry = arch_kernel_entry((vaddr_t){address}, &level);
    return outcome_ok(sv39_entry_value(entry) | (entry.bits & PTE_U ? FL_ENTRY_USER : 0) |
                      (uint64_t)level << FL_ENTRY_LEVEL_SHIFT);
}

struct outcome call_system_check(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_SYSTEM, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    const char *broken = invariants_check();
    uint64_t name = 0;
    for (unsigned i = 0; broken != NULL && broken[i] != '\0'; i++)
        name |= (uint64_t)(uint8_t)broken[i] << 8 * i;
    return outcome_ok(name);
}
