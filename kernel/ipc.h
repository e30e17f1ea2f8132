/* Endpoints, Replies and notifications: who waits for whom, and the switch from one to the other.
 */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include "thread.h"

/* Sends a message for a thread that will wait for the answer, from its call or its fault: delivers
 * it to a waiting receiver and switches there, or queues the thread.  The thread is the current
 * one. */
void ipc_send_and_wait(struct tcb *sender, struct endpoint *endpoint,
                       const struct message *message);

/* Sets bits of a notification and wakes whom they reach. */
void notification_set(struct notification *notification, uint64_t bits);

/* Takes a thread out of whatever queue or Reply it waits in.  A call returns CANCELLED and the
 * thread is READY; a faulted thread is STOPPED. */
void ipc_cancel(struct tcb *thread);
/* The same without making it READY: the caller sets the state. */
void ipc_detach(struct tcb *thread);

#endif
