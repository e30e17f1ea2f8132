/* The lists of kernel calls, status codes and failures as tables and text: for traces, and for tests
 * that go through all of them.  Generated from kernel/abi/calls.def, errors.def and failures.def. */
#ifndef CALL_NAMES_H
#define CALL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

/* The name of a call; NULL when the number is reserved or none. */
const char *call_name(uint64_t number);
/* Its arguments, "(endpoint, info)"; NULL as above. */
const char *call_arguments(uint64_t number);
/* The name of a status code, "BAD_SLOT"; NULL when it is none. */
const char *call_error_name(uint64_t code);

/* One line of failures.def. */
struct call_failure {
    uint8_t call; /* enum fl_call_number */
    uint8_t code; /* enum fl_error */
    const char *condition;
    const char *unreachable; /* why no test makes it so; NULL: tests do */
};
extern const struct call_failure call_failures[];
extern const unsigned call_failure_count;

/* May the call answer so?  OK counts as listed; a call that is none answers RESERVED_CALL. */
bool call_answer_is_listed(uint64_t number, uint64_t code);

#endif
