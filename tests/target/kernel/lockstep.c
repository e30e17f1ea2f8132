/* See lockstep.h. */
#include "lockstep.h"

#include <stddef.h>

#include "fl_calls.h"
#include "harness.h"

#define PRIORITY 20u /* above what the Sched of a sandbox allows */
#define PATTERN  0x5eed000000000000ull
#define NAPS     1000u /* of 1 ms, for a thread that another hart runs when it gets round to it */

enum { X_A0 = 10, X_A7 = 17 };

/* registers_call: x1..x31 from words 1.., after the call to words 33.. (registers of the harness'
 * own in word 0). */
void registers_call(uint64_t *registers);

static volatile uint64_t registers[64];
static volatile bool returned;

static void make_call(uint64_t unused)
{
    (void)unused;
    registers_call((uint64_t *)(uintptr_t)registers);
    returned = true;
    for (;;)
        fl_ecall(FL_CALL_COUNT, 0, 0, 0, 0, 0, 0, 0);
}

void lockstep_begin(struct lockstep *lockstep, bool with_system)
{
    uint64_t callers[2] = {0, 0};

    kit_begin();
    lockstep->ended = kit_object(FL_OBJECT_ENDPOINT);
    lockstep->reply = kit_object(FL_OBJECT_REPLY);
    lockstep->woken = kit_object(FL_OBJECT_NOTIFICATION);
    lockstep->alarm = kit_object(FL_OBJECT_TIMER);
    uint64_t space = kit_space(kit_pool(8));
    lockstep->thread = kit_thread(space, lockstep->ended, PRIORITY, make_call, 0);
    callers[0] = lockstep->thread->tcb;
    sandbox_begin(&lockstep->box, callers, with_system);
    CHECK_EQ(flr_tcb_set_cspace(lockstep->thread->tcb, lockstep->box.cnode).status, FL_OK);
    CHECK_EQ(flr_timer_bind(lockstep->alarm, lockstep->woken).status, FL_OK);
    CHECK_EQ(flr_tcb_bind_notification(FL_BOOT_TCB, lockstep->woken).status, FL_OK);
}

void lockstep_end(struct lockstep *lockstep)
{
    flr_tcb_suspend(lockstep->thread->tcb);
    flr_tcb_bind_notification(FL_BOOT_TCB, 0);
    sandbox_empty(&lockstep->box);
    kit_end();
}

static bool runs(const struct lockstep *lockstep)
{
    return FL_STATE(flr_tcb_state(lockstep->thread->tcb).value) == FL_STATE_READY;
}

/* Waits until the thread has faulted, or nothing goes on any more.  False: the latter. */
static bool wait_for_end(struct lockstep *lockstep)
{
    struct fl_message message = {.info = FL_INFO(FL_LABEL_NOTIFICATION, 0)};

    for (unsigned nap = 0; nap < NAPS && FL_INFO_LABEL(message.info) == FL_LABEL_NOTIFICATION;
         nap++) {
        if (nap > 0 && !runs(lockstep))
            break;
        flr_timer_set(lockstep->alarm, fl_rdtime() + kit_boot_info()->timebase_hz / 1000);
        fl_ipc_recv(lockstep->ended, lockstep->reply, &message);
        flr_timer_set(lockstep->alarm, 0);
        flr_notification_poll(lockstep->woken);
    }
    return FL_INFO_LABEL(message.info) != FL_LABEL_NOTIFICATION;
}

bool lockstep_call(struct lockstep *lockstep, uint64_t number, const uint64_t arguments[7],
                   uint64_t *status, uint64_t *value)
{
    for (unsigned i = 0; i < 32; i++)
        registers[i] = PATTERN + i;
    for (unsigned i = 0; i < 7; i++)
        registers[X_A0 + i] = arguments[i];
    registers[X_A7] = number;
    returned = false;
    kit_start(lockstep->thread);
    if (!wait_for_end(lockstep)) {
        flr_tcb_suspend(lockstep->thread->tcb);
        flr_tcb_resume(lockstep->thread->tcb);
        wait_for_end(lockstep);
    }
    flr_tcb_suspend(lockstep->thread->tcb);
    kit_settle();
    *status = registers[32 + X_A0];
    *value = registers[32 + X_A0 + 1];
    return returned;
}

bool lockstep_is_refusal(uint64_t number, uint64_t status, uint64_t value)
{
    uint64_t code = FL_STATUS_CODE(status);

    if (code == FL_OK || code == FL_MORE || code == FL_CANCELLED || value != 0)
        return false;
    return number != FL_CALL_cnode_revoke || code != FL_BUSY;
}

const char *lockstep_register_complaint(void)
{
    static const uint8_t kept[] = {1, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    static const uint8_t cleared[] = {5, 6, 7, 17, 28, 29, 30, 31};

    for (unsigned i = 0; i < sizeof kept; i++) {
        if (registers[32 + kept[i]] != PATTERN + kept[i])
            return "a register that calls preserve has changed";
    }
    for (unsigned i = 0; i < sizeof cleared; i++) {
        if (registers[32 + cleared[i]] != 0)
            return "a register that calls do not preserve is not zero";
    }
    return NULL;
}
