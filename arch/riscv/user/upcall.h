/* The user side of upcalls: a C function that runs in the midst of whatever the thread did.
 *
 * A thread gets upcalls after tcb_set_upcall(thread, upcall_entry); gp and tp must be set by then.
 * upcall_entry (upcall_entry.S) and the kernel share the save area, struct fl_upcall at FL_BUFFER +
 * 8 * FL_UPCALL_WORD, by this protocol:
 *
 *  1. The kernel fills the area, sets `busy` and runs the thread at upcall_entry: a0 = label, a1..a3 =
 *     words; ra, sp, gp, tp and s0..s11 are as they were, all other registers 0.
 *  2. While `busy` is set no further upcall comes: tcb_upcall and the answer UPCALL to a fault are
 *     refused with BUSY.  upcall_entry copies the area and what else a C function may change to the
 *     stack below sp.  These accesses may take page faults like any other (FL_ACCESS_UPCALL is set in
 *     their messages); one that cannot be served cannot be told to the program either.
 *  3. upcall_entry clears `busy`.  From here on upcalls nest: all that is needed to go back lies on
 *     the stack.
 *  4. upcall_main runs.  It gets the copy on the stack and may change pc, sp, a[] and t[] in it: the
 *     thread goes on with these.  It may also leave by longjmp: nothing is held.
 *  5. upcall_leave..upcall_leave_end copies pc, sp, a0..a7, t0..t6 back to the area and calls
 *     thread_resume_upcall, which loads them.  An upcall in between overwrites the area.  That does no
 *     harm, because the sequence needs nothing but sp and can be run again: step 2 of the upcall that
 *     interrupts it finds a pc in that range and makes it upcall_leave.
 *
 * The kernel neither clears `busy` nor asks for it in thread_resume_upcall.  The area belongs to the
 * quarter of the frame that is at FL_BUFFER: one thread of a space can use this entry. */
#ifndef UPCALL_H
#define UPCALL_H

#include "abi.h"

/* To be given to tcb_set_upcall. */
void upcall_entry(void);
/* Where a nested upcall starts its predecessor's way back anew; for tests. */
extern const char upcall_leave[], upcall_leave_end[];

/* The program's: called by upcall_entry with the state of the thread, on its stack. */
void upcall_main(struct fl_upcall *upcall);

#endif
