/* Calls on threads. */
#include <string.h>

#include "arch.h"
#include "calls.h"
#include "ipc.h"
#include "memory.h"
#include "panic.h"
#include "sched.h"

/* A stopped thread to be configured.  BUSY while it is not stopped. */
static struct lookup stopped_thread(uint64_t slot, struct tcb **thread)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return found;
    *thread = found.cap->object;
    if ((*thread)->state != THREAD_STOPPED)
        return (struct lookup){NULL, FL_STATUS(FL_BUSY, 1)};
    return found;
}

struct outcome call_tcb_set_cspace(uint64_t slot, uint64_t cnode_slot)
{
    struct tcb *thread = NULL;
    struct lookup found = stopped_thread(slot, &thread);
    struct lookup cspace =
        cap_lookup(hart_self()->current, cnode_slot, FL_OBJECT_CNODE, FL_RIGHT_READ, 2);

    if (found.cap == NULL || cspace.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : cspace.status, 0};
    struct cnode *cnode = cspace.cap->object;
    if (cnode->header.threads == UINT16_MAX || !cap_can_count(cspace.cap))
        return outcome_error(FL_OVERFLOW, 2);
    enum fl_error error = cap_hold(&thread->held_cspace, cspace.cap);
    KERNEL_ASSERT(error == FL_OK); /* a CNode that nobody names any more ends later */
    cnode->header.threads++;
    thread->cspace = cnode;
    thread->cspace_slots = (uint64_t)cnode->header.frames * FL_CNODE_SLOTS;
    return outcome_ok(0);
}

/* The capability that takes a thread's faults: an Endpoint to send to, or System. */
static struct lookup decode_handler(const struct tcb *self, uint64_t slot)
{
    struct lookup system = cap_lookup(self, slot, FL_OBJECT_SYSTEM, 0, 3);

    if (system.cap != NULL)
        return system;
    struct lookup handler = cap_lookup(self, slot, FL_OBJECT_ENDPOINT, FL_RIGHT_SEND, 3);
    if (handler.cap != NULL && !cap_can_count(handler.cap))
        return (struct lookup){NULL, FL_STATUS(FL_OVERFLOW, 3)};
    return handler;
}

/* Gives a stopped thread its space and handler, after what it had is gone.  OK or MORE. */
static enum fl_error set_space(struct tcb *thread, struct cap *space, struct cap *handler)
{
    struct vspace_object *object = space->object;

    if (cap_delete_forced(&thread->handler) != FL_OK ||
        cap_hold(&thread->held_space, space) != FL_OK)
        return FL_MORE;
    thread->space = object;
    thread->space_next = object->first_thread;
    if (object->first_thread != NULL)
        object->first_thread->space_prev = thread;
    object->first_thread = thread;
    object->space.threads++;
    return handler != NULL ? cap_hold(&thread->handler, handler) : FL_OK;
}

struct outcome call_tcb_set_space(uint64_t slot, uint64_t space_slot, uint64_t handler_slot)
{
    const struct tcb *self = hart_self()->current;
    struct tcb *thread = NULL;
    struct lookup found = stopped_thread(slot, &thread);
    struct lookup space = cap_lookup(self, space_slot, FL_OBJECT_VSPACE, FL_RIGHT_MAP, 2);
    struct lookup handler = {NULL, FL_OK};

    if (found.cap == NULL || space.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : space.status, 0};
    if (handler_slot != 0)
        handler = decode_handler(self, handler_slot);
    if (handler.status != FL_OK)
        return (struct outcome){handler.status, 0};
    struct vspace_object *object = space.cap->object;
    if (object->space.pool == NULL || object->ending)
        return outcome_error(FL_NOT_READY, 2);
    if (!cap_can_count(space.cap))
        return outcome_error(FL_OVERFLOW, 2);
    return outcome_error(set_space(thread, space.cap, handler.cap), 0);
}

struct outcome call_tcb_set_buffer(uint64_t slot, uint64_t memory_slot, uint64_t page,
                                   uint64_t quarter)
{
    const unsigned rights = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_PIN;
    struct tcb *thread = NULL;
    struct lookup found = stopped_thread(slot, &thread);
    struct lookup memory =
        cap_lookup(hart_self()->current, memory_slot, FL_OBJECT_MEMORY, rights, 2);

    if (found.cap == NULL || memory.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : memory.status, 0};
    if (!memory_holds(memory.cap, page, 1))
        return outcome_error(FL_OUT_OF_RANGE, 3);
    if (quarter >= FL_PAGE_BYTES / FL_BUFFER_BYTES)
        return outcome_error(FL_OUT_OF_RANGE, 4);
    frame_t frame = memory_frame(memory.cap, page);
    enum fl_error error = frame_pin(&kernel.frames, frame);
    if (error != FL_OK)
        return outcome_error(error, 3);
    if (thread->buffer != NULL)
        frame_unpin(&kernel.frames, thread->buffer_frame);
    uint8_t *contents = frame_contents(&kernel.frames, frame);
    thread->buffer = (uint64_t *)(void *)(contents + quarter * FL_BUFFER_BYTES);
    thread->buffer_frame = frame;
    return outcome_ok(0);
}

struct outcome call_tcb_set_priority(uint64_t slot, uint64_t sched_slot, uint64_t priority)
{
    struct hart *hart = hart_self();
    struct lookup found = cap_lookup(hart->current, slot, FL_OBJECT_TCB, 0, 1);
    struct lookup sched = cap_lookup(hart->current, sched_slot, FL_OBJECT_SCHED, 0, 2);

    if (found.cap == NULL || sched.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : sched.status, 0};
    if (priority > sched.cap->badge)
        return outcome_error(FL_OUT_OF_RANGE, 3);
    struct tcb *thread = found.cap->object;
    if (thread->state == THREAD_READY && thread != hart->current) {
        sched_pull(thread);
        sched_remove(thread);
        thread->priority = (uint8_t)priority;
        sched_ready(hart, thread);
    } else {
        thread->priority = (uint8_t)priority;
        hart->reschedule = true;
    }
    return outcome_ok(0);
}

/* Whether a thread has all that running needs (H4). */
static bool is_configured(const struct tcb *thread)
{
    return thread->space != NULL && thread->cspace != NULL && thread->space->space.pool != NULL &&
           !thread->space->ending;
}

struct outcome call_tcb_start(uint64_t slot, uint64_t pc, uint64_t sp, uint64_t argument)
{
    struct hart *hart = hart_self();
    struct tcb *thread = NULL;
    struct lookup found = stopped_thread(slot, &thread);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (!is_configured(thread))
        return outcome_error(FL_NOT_READY, 1);
    arch_fpu_forget(hart, thread);
    memset(thread->regs, 0, sizeof thread->regs);
    memset(thread->fp, 0, sizeof thread->fp);
    thread->uses_fp = 0;
    thread->full_frame = 1;
    thread->fault = 0;
    thread->regs[REG_PC] = pc;
    thread->regs[REG_SP] = sp;
    thread->regs[REG_A0] = argument;
    sched_ready(hart, thread);
    return outcome_ok(0);
}

struct outcome call_tcb_suspend(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    thread_stop(found.cap->object);
    return outcome_ok(0);
}

struct outcome call_tcb_resume(uint64_t slot)
{
    struct tcb *thread = NULL;
    struct lookup found = stopped_thread(slot, &thread);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    if (!is_configured(thread))
        return outcome_error(FL_NOT_READY, 1);
    thread->fault = 0; /* it repeats the instruction */
    sched_ready(hart_self(), thread);
    return outcome_ok(0);
}

struct outcome call_tcb_bind_notification(uint64_t slot, uint64_t notification_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_TCB, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    struct tcb *thread = found.cap->object;
    if (notification_slot == 0) {
        if (thread->bound != NULL)
            thread->bound->bound = NULL;
        thread->bound = NULL;
        return outcome_ok(0);
    }
    struct lookup other =
        cap_lookup(self, notification_slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_RECV, 2);
    if (other.cap == NULL)
        return (struct outcome){other.status, 0};
    struct notification *notification = other.cap->object;
    if (notification->bound != NULL || thread->bound != NULL)
        return outcome_error(FL_BUSY, thread->bound != NULL ? 1 : 2);
    notification->bound = thread;
    thread->bound = notification;
    if (notification->bits != 0)
        notification_set(notification, 0);
    return outcome_ok(0);
}

void call_thread_yield(uint64_t zero)
{
    struct hart *hart = hart_self();

    if (zero == 0 && hart->ready[hart->current->priority].head != NULL)
        sched_quantum_end(hart);
    bool rests = zero == 0 && !hart->reschedule && kernel.hart_count > 1;
    syscall_finish(zero == 0 ? FL_OK : FL_STATUS(FL_RESERVED, 1), 0);
    if (!rests)
        return;
    arch_nap(hart);
    if (hart->current == NULL)
        sched_run(hart);
}
