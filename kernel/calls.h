/* The functions behind kernel/abi/calls.def, declared from it.
 *
 * A plain call returns its results; a switching call puts them into the registers of whichever
 * threads it concerns.  Both run on the current thread of the hart and decode their arguments
 * first. */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include "cap.h"

/* (a, b, ...) -> (uint64_t a, uint64_t b, ...) */
#define CALL_CAT(a, b)                           CALL_CAT_(a, b)
#define CALL_CAT_(a, b)                          a##b
#define CALL_ARITY(...)                          CALL_ARITY_(__VA_ARGS__, 7, 6, 5, 4, 3, 2, 1)
#define CALL_ARITY_(a, b, c, d, e, f, g, n, ...) n
#define CALL_PARAMETERS(...)                     CALL_CAT(CALL_PARAMETERS_, CALL_ARITY(__VA_ARGS__))(__VA_ARGS__)
#define CALL_PARAMETERS_1(a)                     uint64_t a
#define CALL_PARAMETERS_2(a, b)                  uint64_t a, uint64_t b
#define CALL_PARAMETERS_3(a, b, c)               CALL_PARAMETERS_2(a, b), uint64_t c
#define CALL_PARAMETERS_4(a, b, c, d)            CALL_PARAMETERS_3(a, b, c), uint64_t d
#define CALL_PARAMETERS_5(a, b, c, d, e)         CALL_PARAMETERS_4(a, b, c, d), uint64_t e
#define CALL_PARAMETERS_6(a, b, c, d, e, f)      CALL_PARAMETERS_5(a, b, c, d, e), uint64_t f
#define CALL_PARAMETERS_7(a, b, c, d, e, f, g)   CALL_PARAMETERS_6(a, b, c, d, e, f), uint64_t g

#define FL_CALL(number, name, args, errors, doc)           struct outcome call_##name(CALL_PARAMETERS args);
#define FL_SWITCHING_CALL(number, name, args, errors, doc) void call_##name(CALL_PARAMETERS args);
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_SWITCHING_CALL
#undef FL_RESERVED

#endif
