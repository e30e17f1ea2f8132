/* The kernel's lock: whoever runs kernel code holds it, from entry to exit (trap.S).
 *
 *  L1  a hart is in user mode, waits for the lock, sleeps in arch_wait_for_interrupt, or holds the lock;
 *  L2  who holds it may ask another hart for something (arch_request), and the asked one, in whichever of
 *      the other states it is, does it without the lock: an interrupt takes it out of the first and third.
 * So nobody waits for a hart that waits for him.  A thread whose call waits here can be taken from the hart: all
 * its registers are saved by then, its pc is at the call, and when it runs again it makes the call again. */
#ifndef ARCH_LOCK_H
#define ARCH_LOCK_H

#include "hart.h"

/* NULL: free.  Else the hart that asked for it last, holder or not. */
extern struct hart *kernel_lock;
/* Who has stopped the system, and so owns the frame and the stack of the panic. */
extern struct hart *lock_stopper;

/* Takes the lock.  Meanwhile this hart does what others ask of it: `current` may be NULL afterwards. */
void lock_take(struct hart *hart);
/* The same, for an entry from user mode. */
void lock_take_from_user(struct hart *hart);
void lock_drop(void);

/* Waits a little, in a loop that has gone round `rounds` times. */
void lock_pause(const struct hart *hart, uint32_t rounds);

/* For a hart that shall not run: answers REQUEST_ANSWER, after which its struct hart may be another's. */
_Noreturn void lock_stay_out(struct hart *hart);

/* Stops the system: every other hart stops, wherever it is.  Does not return when another hart did so before. */
void lock_stop_others(struct hart *hart);
/* Does not return when the system has stopped. */
void lock_look_for_stop(const struct hart *hart);

#endif
