/* The lists of calls and failures agree with each other. */
/* sources: user/common/call_names.c */
#include "call_names.h"

#include <stddef.h>

#include "harness.h"

static bool has_slot_argument(uint64_t number)
{
    return number != FL_CALL_thread_yield && number != FL_CALL_thread_resume_upcall;
}

TEST("a call has a name and arguments, a number between calls has neither")
{
    CHECK_STRING(call_name(FL_CALL_vspace_map), "vspace_map");
    CHECK_STRING(call_arguments(FL_CALL_ipc_recv), "(endpoint, reply)");
    CHECK(call_name(FL_CALL_memory_revoke) == NULL);
    CHECK(call_arguments(FL_CALL_memory_revoke) == NULL);
    CHECK(call_name(11) == NULL);
    CHECK(call_name(FL_CALL_COUNT) == NULL);
    CHECK(call_name(UINT64_MAX) == NULL);
}

TEST("a status code has a name, other numbers have none")
{
    CHECK_STRING(call_error_name(FL_OK), "OK");
    CHECK_STRING(call_error_name(FL_CEILING), "CEILING");
    CHECK(call_error_name(255) == NULL);
    CHECK(call_error_name(UINT64_MAX) == NULL);
}

TEST("no failure is listed twice, none for a number without a call")
{
    for (unsigned i = 0; i < call_failure_count; i++) {
        CHECK(call_name(call_failures[i].call) != NULL);
        CHECK(call_failures[i].code != FL_OK && call_failures[i].code != FL_RESERVED_CALL);
        for (unsigned j = 0; j < i; j++)
            CHECK(call_failures[i].call != call_failures[j].call ||
                  call_failures[i].code != call_failures[j].code);
    }
}

TEST("each call that names a capability can say BAD_SLOT and BAD_TYPE")
{
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        if (call_name(number) == NULL || !has_slot_argument(number))
            continue;
        CHECK(call_answer_is_listed(number, FL_BAD_SLOT));
        CHECK(call_answer_is_listed(number, FL_BAD_TYPE));
    }
}

TEST("OK is every call's answer, RESERVED_CALL that of all other numbers alone")
{
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        bool is_call = call_name(number) != NULL;

        CHECK(call_answer_is_listed(number, FL_OK) == is_call);
        CHECK(call_answer_is_listed(number, FL_RESERVED_CALL) == !is_call);
    }
    CHECK(!call_answer_is_listed(FL_CALL_thread_yield, FL_BAD_SLOT));
}
