/* What a debugger or watcher sees of a thread: its registers, what it does.
 *
 * Registers can be read and written while the thread is STOPPED or waits for the answer to a fault:
 * then they are all in its TCB, but for floating-point registers that are still in the hart. */
#include "arch.h"
#include "calls.h"
#include "upcall.h"

#define FIRST_WORD (FL_BUFFER_DATA / 8)
#define FCSR_MASK  0xffu /* flags and rounding mode.  Spec: RISC-V Unprivileged 2.2, 11.2 */

enum { SET_INTEGER, SET_FLOAT, SETS };
enum { INTEGER_WORDS = 32, FLOAT_WORDS = 33 };
_Static_assert(sizeof((struct tcb *)0)->regs == INTEGER_WORDS * 8, "set 0");
_Static_assert(sizeof((struct tcb *)0)->fp == FLOAT_WORDS * 8, "set 1");
_Static_assert(FIRST_WORD + FLOAT_WORDS <= FL_UPCALL_WORD, "a set fits below the save area");

/* The thread whose registers a call may touch, and the caller's buffer to do it with. */
static uint64_t registers_decode(uint64_t slot, uint64_t set, struct tcb **thread,
                                 volatile uint64_t **words)
{
    const struct hart *hart = hart_self();
    struct lookup found = cap_lookup(hart->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return found.status;
    if (set >= SETS || (set == SET_FLOAT && !hart->has_fpu))
        return FL_STATUS(FL_OUT_OF_RANGE, 2);
    if (hart->current->buffer == NULL)
        return FL_NO_BUFFER;
    *thread = found.cap->object;
    *words = &hart->current->buffer[FIRST_WORD];
    if ((*thread)->state != THREAD_STOPPED && !thread_awaits_fault(*thread))
        return FL_STATUS(FL_BUSY, 1);
    return FL_OK;
}

struct outcome call_tcb_read_registers(uint64_t slot, uint64_t set)
{
    struct tcb *thread = NULL;
    volatile uint64_t *words = NULL;
    uint64_t status = registers_decode(slot, set, &thread, &words);

    if (status != FL_OK)
        return (struct outcome){status, 0};
    if (set == SET_INTEGER) {
        thread_complete_frame(thread);
        for (unsigned i = 0; i < INTEGER_WORDS; i++)
            words[i] = thread->regs[i];
    } else {
        arch_fpu_store(hart_self(), thread);
        for (unsigned i = 0; i < FLOAT_WORDS; i++)
            words[i] = thread->fp[i];
    }
    return outcome_ok(0);
}

struct outcome call_tcb_write_registers(uint64_t slot, uint64_t set)
{
    struct tcb *thread = NULL;
    volatile uint64_t *words = NULL;
    uint64_t status = registers_decode(slot, set, &thread, &words);

    if (status != FL_OK)
        return (struct outcome){status, 0};
    if (set == SET_INTEGER) {
        for (unsigned i = 0; i < INTEGER_WORDS; i++)
            thread->regs[i] = words[i];
        thread->full_frame |= FRAME_FULL;
    } else {
        arch_fpu_forget(hart_self(), thread);
        for (unsigned i = 0; i < FLOAT_WORDS; i++)
            thread->fp[i] = words[i];
        thread->fp[FLOAT_WORDS - 1] &= FCSR_MASK;
        thread->uses_fp = 1;
    }
    return outcome_ok(0);
}

/* A fault's number in 32 bits, never 0. */
static uint64_t short_number(uint64_t number)
{
    return number == 0 ? 0 : (number - 1) % UINT32_MAX + 1;
}

struct outcome call_tcb_state(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    const struct tcb *thread = found.cap->object;
    uint64_t value = thread->state | short_number(thread->fault_number) << 32;
    bool faulted = thread->state == THREAD_STOPPED && thread->fault != 0;
    if (faulted || thread_awaits_fault(thread))
        value |= FL_STATE_FAULT;
    if (upcall_is_pending(thread))
        value |= FL_STATE_UPCALL;
    return outcome_ok(value);
}
