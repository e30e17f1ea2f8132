/* IrqHandlers: the calls on them, and what an interrupt does.  Keeps I1 of object.h.
 *
 * A source is enabled from irq_bind on until its handler ends, or an interrupt of it finds no
 * notification.  Between claim and irq_ack the PLIC holds the source back: that is the mask. */
#include "irq.h"

#include "arch.h"
#include "calls.h"
#include "ipc.h"
#include "kernel.h"

#define CLAIM_STEP 8u /* interrupts that one kernel entry takes */

/* Opens the source again in the context that claimed it, where it is still enabled: the PLIC ignores
 * a completion otherwise. */
static void complete(struct irq_handler *handler)
{
    plic_complete(&kernel.plic, handler->claimed - 1, handler->source);
    handler->claimed = 0;
}

static void deliver(struct hart *hart, uint32_t source)
{
    struct irq_handler *handler = source <= kernel.plic.sources ? kernel.irqs[source] : NULL;

    hart->counter[FL_COUNTER_INTERRUPTS]++;
    if (handler == NULL || handler->target.type == FL_OBJECT_NONE) {
        plic_complete(&kernel.plic, hart->plic_context, source);
        plic_disable(&kernel.plic, hart->plic_context, source);
        return;
    }
    handler->claimed = hart->plic_context + 1;
    notification_set(handler->target.object,
                     handler->target.badge != 0 ? handler->target.badge : 1);
}

void irq_interrupt(struct hart *hart)
{
    for (unsigned i = 0; i < CLAIM_STEP; i++) {
        uint32_t source = plic_claim(&kernel.plic, hart->plic_context);

        if (source == 0)
            break;
        deliver(hart, source);
    }
}

void irq_end(struct irq_handler *handler)
{
    if (handler->source == 0)
        return;
    if (handler->claimed != 0)
        complete(handler);
    plic_disable(&kernel.plic, kernel.harts[0].plic_context, handler->source);
    kernel.irqs[handler->source] = NULL;
}

struct outcome call_system_irq(uint64_t slot, uint64_t source, uint64_t irq_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup system = cap_lookup(self, slot, FL_OBJECT_SYSTEM, 0, 1);
    struct lookup found = cap_lookup(self, irq_slot, FL_OBJECT_IRQ_HANDLER, 0, 3);

    if (system.cap == NULL || found.cap == NULL)
        return (struct outcome){system.cap == NULL ? system.status : found.status, 0};
    struct irq_handler *handler = found.cap->object;
    if (source == 0 || source > kernel.plic.sources)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (kernel.irqs[source] != NULL)
        return outcome_error(FL_BUSY, 2);
    if (handler->source != 0)
        return outcome_error(FL_BUSY, 3);
    handler->source = (uint32_t)source;
    kernel.irqs[source] = handler;
    return outcome_ok(0);
}

struct outcome call_irq_bind(uint64_t slot, uint64_t notification_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_IRQ_HANDLER, 0, 1);
    struct lookup target =
        cap_lookup(self, notification_slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_SEND, 2);

    if (found.cap == NULL || target.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : target.status, 0};
    struct irq_handler *handler = found.cap->object;
    if (handler->source == 0)
        return outcome_error(FL_NOT_READY, 1);
    if (!cap_can_count(target.cap))
        return outcome_error(FL_OVERFLOW, 2);
    if (cap_hold(&handler->target, target.cap) != FL_OK)
        return outcome_error(FL_MORE, 0);
    plic_enable(&kernel.plic, kernel.harts[0].plic_context, handler->source);
    return outcome_ok(0);
}

struct outcome call_irq_ack(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_IRQ_HANDLER, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    struct irq_handler *handler = found.cap->object;
    if (handler->claimed == 0)
        return outcome_error(FL_NOT_READY, 1);
    complete(handler);
    return outcome_ok(0);
}
