/* External interrupts: from the PLIC to notifications. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "hart.h"

/* An external interrupt is pending: takes a bounded number; what is left interrupts again. */
void irq_interrupt(struct hart *hart);
/* The end of a handler: its source is disabled and nobody's. */
void irq_end(struct irq_handler *handler);

#endif
