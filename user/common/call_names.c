/* See call_names.h. */
#include "call_names.h"

#include <stddef.h>

static const char *const names[FL_CALL_COUNT] = {
#define FL_CALL(number, name, args, doc) [number] = #name,
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
};

static const char *const arguments[FL_CALL_COUNT] = {
#define FL_CALL(number, name, args, doc) [number] = #args,
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
};

static const char *const errors[] = {
#define FL_ERROR(number, name, condition) [number] = #name,
#include "errors.def"
#undef FL_ERROR
};

const struct call_failure call_failures[] = {
#define FL_FAILURE(name, code, condition)          {FL_CALL_##name, FL_##code, condition, NULL},
#define FL_UNREACHABLE(name, code, condition, why) {FL_CALL_##name, FL_##code, condition, why},
#include "failures.def"
#undef FL_FAILURE
#undef FL_UNREACHABLE
};
const unsigned call_failure_count = sizeof call_failures / sizeof call_failures[0];

const char *call_name(uint64_t number)
{
    return number < FL_CALL_COUNT ? names[number] : NULL;
}

const char *call_arguments(uint64_t number)
{
    return number < FL_CALL_COUNT ? arguments[number] : NULL;
}

const char *call_error_name(uint64_t code)
{
    return code < sizeof errors / sizeof errors[0] ? errors[code] : NULL;
}

bool call_answer_is_listed(uint64_t number, uint64_t code)
{
    if (call_name(number) == NULL)
        return code == FL_RESERVED_CALL;
    if (code == FL_OK)
        return true;
    for (unsigned i = 0; i < call_failure_count; i++) {
        if (call_failures[i].call == number && call_failures[i].code == code)
            return true;
    }
    return false;
}
