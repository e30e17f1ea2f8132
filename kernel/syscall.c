/* The call table that trap.S jumps through: a0..a6 are the arguments, the number was in range. */
#include "calls.h"

#include "arch.h"
#include "sched.h"

typedef void (*syscall_entry)(void);

/* Reports a plain call's results to the caller, unless the call ended it. */
static inline void finish(struct tcb *caller, struct outcome outcome)
{
    struct hart *hart = hart_self();

    if (hart->current == caller)
        thread_set_result(caller, outcome.status, outcome.value);
    sched_if_asked(hart);
}

static void enter_reserved(void)
{
    finish(hart_self()->current, outcome_error(FL_RESERVED_CALL, 0));
}

#define FL_CALL(number, name, args, doc)           \
    static void enter_##name(FL_PARAMETERS args)   \
    {                                              \
        struct tcb *caller = hart_self()->current; \
        finish(caller, call_##name args);          \
    }
#define FL_SWITCHING_CALL(number, name, args, doc)
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED

extern const syscall_entry syscall_table[FL_CALL_COUNT];

#define FL_CALL(number, name, args, doc)           [number] = (syscall_entry)(void *)enter_##name,
#define FL_SWITCHING_CALL(number, name, args, doc) [number] = (syscall_entry)(void *)call_##name,
#define FL_RESERVED(number, name)                  [number] = enter_reserved,
/* Numbers without a name, between those of the calls, answer as reserved ones do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const syscall_entry syscall_table[FL_CALL_COUNT] = {
    [0 ... FL_CALL_COUNT - 1] = enter_reserved,
#include "calls.def"
};
#pragma GCC diagnostic pop
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED
