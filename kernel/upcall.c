/* Upcalls and the way back from them: see upcall.h. */
#include "upcall.h"

#include "arch.h"
#include "calls.h"
#include "sched.h"

_Static_assert(FL_UPCALL_WORD * sizeof(uint64_t) + sizeof(struct fl_upcall) == FL_BUFFER_BYTES,
               "the save area ends with the message buffer");
_Static_assert(offsetof(struct fl_upcall, busy) == 0, "upcall_is_busy reads its first word");

static volatile struct fl_upcall *save_area(const struct tcb *thread)
{
    return (volatile struct fl_upcall *)(volatile void *)&thread->buffer[FL_UPCALL_WORD];
}

enum fl_error upcall_check(const struct tcb *thread)
{
    if (thread->upcall_entry == 0 || thread->buffer == NULL)
        return FL_NOT_READY;
    return upcall_is_pending(thread) || upcall_is_busy(thread) ? FL_BUSY : FL_OK;
}

void upcall_post(struct tcb *thread, uint64_t label, const uint64_t word[3])
{
    thread->upcall_label = label;
    for (unsigned i = 0; i < 3; i++)
        thread->upcall_word[i] = word[i];
    thread->full_frame |= FRAME_UPCALL;
}

static void save(const struct tcb *thread)
{
    volatile struct fl_upcall *area = save_area(thread);
    const uint64_t *regs = thread->regs;

    area->busy = 1;
    area->pc = regs[REG_PC];
    area->sp = regs[REG_SP];
    for (unsigned i = 0; i < 8; i++)
        area->a[i] = regs[REG_A0 + i];
    for (unsigned i = 0; i < REG_TEMPORARIES; i++)
        area->t[i] = regs[thread_temporary(i)];
    area->label = thread->upcall_label;
    for (unsigned i = 0; i < 3; i++)
        area->word[i] = thread->upcall_word[i];
    for (unsigned i = 0; i < sizeof area->zero / sizeof area->zero[0]; i++)
        area->zero[i] = 0;
}

void upcall_enter(struct tcb *thread)
{
    uint64_t *regs = thread->regs;

    thread->full_frame &= (uint8_t)~FRAME_UPCALL;
    thread_complete_frame(thread);
    save(thread);
    for (unsigned i = 0; i < REG_TEMPORARIES; i++)
        regs[thread_temporary(i)] = 0;
    for (unsigned i = 4; i < 8; i++)
        regs[REG_A0 + i] = 0;
    regs[REG_PC] = thread->upcall_entry;
    regs[REG_A0] = thread->upcall_label;
    for (unsigned i = 0; i < 3; i++)
        regs[REG_A0 + 1 + i] = thread->upcall_word[i];
}

struct outcome call_tcb_set_upcall(uint64_t slot, uint64_t entry)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (entry != 0 && (entry < FL_USER_BASE || entry >= FL_USER_END))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    struct tcb *thread = found.cap->object;
    thread->upcall_entry = entry;
    if (entry == 0 &&
        upcall_is_pending(thread)) /* then no hart runs it, which would write full_frame */
        thread->full_frame &= (uint8_t)~FRAME_UPCALL;
    return outcome_ok(0);
}

struct outcome call_tcb_upcall(uint64_t slot, uint64_t word0, uint64_t word1, uint64_t word2)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    struct tcb *thread = found.cap->object;
    enum fl_error error = upcall_check(thread);
    if (error == FL_OK && thread_awaits_fault(thread))
        error = FL_BUSY; /* its handler may want the save area for this fault */
    if (error != FL_OK)
        return outcome_error(error, 1);
    if (thread->state == THREAD_READY)
        sched_pull(thread);
    upcall_post(thread, 0, (const uint64_t[3]){word0, word1, word2});
    return outcome_ok(0);
}

void call_thread_resume_upcall(uint64_t zero)
{
    struct tcb *self = hart_self()->current;
    uint64_t *regs = self->regs;

    if (zero != 0 || self->buffer == NULL) {
        syscall_finish(zero != 0 ? FL_STATUS(FL_RESERVED, 1) : FL_NO_BUFFER, 0);
        return;
    }
    const volatile struct fl_upcall *area = save_area(self);
    regs[REG_PC] = area->pc;
    regs[REG_SP] = area->sp;
    for (unsigned i = 0; i < 8; i++)
        regs[REG_A0 + i] = area->a[i];
    for (unsigned i = 0; i < REG_TEMPORARIES; i++)
        regs[thread_temporary(i)] = area->t[i];
    self->full_frame |= FRAME_FULL;
}
