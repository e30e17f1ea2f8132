/* Errors that random calls meet too seldom: somebody makes the situation, a thread in a sandbox makes the
 * call, whose other arguments are as random as a storm's.  What it answers is counted with the storm's. */
#ifndef SITUATIONS_H
#define SITUATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Each makes its situation and the call until `code` came `times` times.  False: it does not come. */
/* A frame with as many pins as its count holds: memory_pin and tcb_set_buffer say OVERFLOW. */
bool situation_pins(uint64_t seed, unsigned times);
/* A thread that holds the last capability of an endpoint with many receivers: tcb_set_space says MORE. */
bool situation_last_handler(uint64_t seed, unsigned times);
/* A timer or IrqHandler that holds the last capability of a notification with many waiters: timer_bind and
 * irq_bind say MORE. */
bool situation_last_notification(uint64_t seed, unsigned times);

#endif
