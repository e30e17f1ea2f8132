/* Faults as messages: from the trap to the handler, and the answer's way back. */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "thread.h"

/* Sends a fault of the current thread to its handler.  Without one the thread stops; the root
 * task's fault stops the system.  Sets the badge in *message.  cause, value: scause and stval, for
 * the report. */
void fault_send(struct tcb *thread, struct message *message, uint64_t cause, uint64_t value);

/* Decodes a handler's answer and carries it out: maps the items, all or none.
 * FL_OK, or a status that blames an argument of ipc_reply_recv; then nothing has changed. */
uint64_t fault_answer(struct tcb *handler, struct tcb *thread, const struct message *message);

#endif
