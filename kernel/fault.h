/* Faults as messages: from the trap to the handler, and the answer's way back. */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "thread.h"

/* Sends a fault of the current thread to its handler, or who runs then: the thread has no turn
 * afterwards.  Without a handler the thread stops; the root task's fault stops the system.  The words of
 * the message are value, pc, detail and the thread's sp; cause (scause) is for the report. */
void fault_send(struct tcb *thread, enum fl_label label, uint64_t value, uint64_t pc,
                uint64_t detail, uint64_t cause);

/* Decodes a handler's answer and carries it out: maps the items, all or none.
 * FL_OK, or a status that blames an argument of ipc_reply_recv; then nothing has changed. */
uint64_t fault_answer(struct tcb *handler, struct tcb *thread, const struct message *message);

#endif
