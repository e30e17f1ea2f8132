/* See upcall_world.h. */
#include "upcall_world.h"

#include <string.h>

struct upcall_world uw;

struct kit_thread *upcall_thread(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = fault_thread(function, argument);

    uint64_t *window = kit_window(thread->buffer_page);
    uw.area = (volatile struct fl_upcall *)(window + FL_UPCALL_WORD);
    memset((struct fl_upcall *)uw.area, 0, sizeof *uw.area);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, UPCALL_PROBE));
    return thread;
}

struct kit_thread *upcall_run(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = upcall_thread(function, argument);

    kit_start(thread);
    return thread;
}

uint64_t upcall_state(const struct kit_thread *thread)
{
    return flr_tcb_state(thread->tcb).value & UINT32_MAX;
}

void upcall_nap(void)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + kit_boot_info()->timebase_hz / 1000));
    flr_notification_wait(bell);
}

void upcall_fill_registers(void)
{
    memset(uw.registers, 0, sizeof uw.registers);
    for (unsigned n = 1; n < 32; n++)
        uw.registers[n] = UPCALL_PATTERN + n;
    uw.registers[SP] = (uint64_t)(uintptr_t)uw.registers;
}

void upcall_with_registers(uint64_t function)
{
    ((void (*)(uint64_t *))(uintptr_t)function)(uw.registers);
    fw.progress++;
    kit_sleep();
}

void upcall_fill_to_spin(void)
{
    upcall_fill_registers();
    uw.flag = 0;
    uw.registers[T1] = (uint64_t)(uintptr_t)&uw.flag;
}

/* A spinning thread's registers after all: as before but for the uw.flag that ended it. */
void upcall_check_spun(void)
{
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(uw.registers[32 + n], n == T0 ? 1 : uw.registers[n]);
}

struct fl_result upcall_answer(uint64_t info)
{
    return (struct fl_result){fl_ipc_reply(fw.reply, info, UPCALL_WORDS, 0), 0};
}

void upcall_take_fault(void)
{
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
}
