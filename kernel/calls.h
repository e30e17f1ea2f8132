/* The functions behind kernel/abi/calls.def, declared from it.
 *
 * A plain call returns its results, which syscall_finish reports; a switching call puts them into the
 * registers of whichever threads it concerns.  Both run on the current thread of the hart and decode their
 * arguments first. */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include "arguments.h"
#include "cap.h"

/* Added to the address of a plain call in syscall_table; a jump ignores it. */
#define SYSCALL_PLAIN 1

#define FL_CALL(number, name, args, doc) \
    __attribute__((aligned(2))) struct outcome call_##name(FL_PARAMETERS args);
#define FL_SWITCHING_CALL(number, name, args, doc) \
    __attribute__((aligned(2))) void call_##name(FL_PARAMETERS args);
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED

/* Reports a plain call's results to the caller, unless the call ended it, and lets others run. */
void syscall_finish(uint64_t status, uint64_t value);

#endif
