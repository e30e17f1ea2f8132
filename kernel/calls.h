/* The functions behind kernel/abi/calls.def, declared from it.
 *
 * A plain call returns its results; a switching call puts them into the registers of whichever
 * threads it concerns.  Both run on the current thread of the hart and decode their arguments
 * first. */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include "arguments.h"
#include "cap.h"

#define FL_CALL(number, name, args, doc)           struct outcome call_##name(FL_PARAMETERS args);
#define FL_SWITCHING_CALL(number, name, args, doc) void call_##name(FL_PARAMETERS args);
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED

#endif
