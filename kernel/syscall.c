/* The call table that trap.S jumps through: a0..a6 are the arguments, the number was in range. */
#include "calls.h"

#include "arch.h"
#include "sched.h"

typedef void (*syscall_entry)(void);

void syscall_finish(uint64_t status, uint64_t value)
{
    struct hart *hart = hart_self();

    if (hart->current != NULL)
        thread_set_result(hart->current, status, value);
    sched_if_asked(hart);
}

static __attribute__((aligned(2))) struct outcome call_reserved(void)
{
    return outcome_error(FL_RESERVED_CALL, 0);
}

#define PLAIN(function)     (syscall_entry)(void *)((char *)(function) + SYSCALL_PLAIN)
#define SWITCHING(function) (syscall_entry)(void *)(function)

extern const syscall_entry syscall_table[FL_CALL_COUNT];

#define FL_CALL(number, name, args, doc)           [number] = PLAIN(call_##name),
#define FL_SWITCHING_CALL(number, name, args, doc) [number] = SWITCHING(call_##name),
#define FL_RESERVED(number, name)                  [number] = PLAIN(call_reserved),
/* Numbers without a name, between those of the calls, answer as reserved ones do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const syscall_entry syscall_table[FL_CALL_COUNT] = {
    [0 ... FL_CALL_COUNT - 1] = PLAIN(call_reserved),
#include "calls.def"
};
#pragma GCC diagnostic pop
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED
