/* Every call with garbage in each place, one at a time: the other arguments are plausible.
 *
 * Whatever is asked, the answer is on the list of kernel/abi/failures.def, and a refusal changes
 * nothing: neither what the kernel keeps nor the caller's registers.  The storms
 * (tests/target/storm) make the same calls at random and at the same time. */
#include <stddef.h>

#include "call_names.h"
#include "lockstep.h"
#include "plausible.h"
#include "refusal.h"

#define COMPLAINTS_TOLD 2u /* of each call */

static struct lockstep lockstep;
static uint64_t digest;
static uint8_t told[FL_CALL_COUNT];
static unsigned complaints; /* told and counted: the test goes on, so that the sandbox is emptied */

static void start_over(void)
{
    lockstep_end(&lockstep);
    lockstep_begin(&lockstep, true);
    digest = sandbox_digest(&lockstep.box);
}

/* What a holder of System may do on purpose, but not here: end the system, at once or with the next
 * fault of a thread whose handler is System. */
static bool is_forbidden(uint64_t number, const uint64_t a[7])
{
    if (number == FL_CALL_tcb_set_space)
        return a[2] == BOX_SYSTEM;
    if (number == FL_CALL_system_console_write)
        return a[1] > 0 && a[1] <= FL_BUFFER_BYTES;
    return number == FL_CALL_system_reset && a[0] == BOX_SYSTEM && a[1] <= 1;
}

static void complain(uint64_t number, const uint64_t a[7], uint64_t status, const char *text)
{
    const char *code = call_error_name(FL_STATUS_CODE(status));

    complaints++;
    if (told[number] == COMPLAINTS_TOLD)
        return;
    told[number]++;
    harness_note("%s(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx): %s, argument %lu: %s",
                 call_name(number), a[0], a[1], a[2], a[3], a[4], a[5], a[6],
                 code != NULL ? code : "?", FL_STATUS_ARG(status), text);
}

/* One call.  After a success, or what the kernel may have done in part, the sandbox is made anew
 * if anything changed. */
static void try_call(uint64_t number, const uint64_t a[7])
{
    uint64_t status, value;

    if (is_forbidden(number, a))
        return;
    if (!lockstep_call(&lockstep, number, a, &status, &value)) {
        start_over();
        return;
    }
    uint64_t code = FL_STATUS_CODE(status), after = sandbox_digest(&lockstep.box);
    const char *complaint = lockstep_register_complaint();
    if (!call_answer_is_listed(number, code))
        complaint = "the answer is not on the list";
    if (lockstep_is_refusal(number, status, value) && after != digest)
        complaint = "a refused call changed something";
    if (FL_STATUS_ARG(status) > plausible_arity(number))
        complaint = "the argument to blame is none of the call's";
    if (complaint != NULL)
        complain(number, a, status, complaint);
    if (after != digest)
        start_over();
}

static void try_position(uint64_t number, unsigned argument)
{
    uint64_t a[7] = {0};

    for (unsigned i = 0; i < plausible_garbage_count(number, argument); i++) {
        for (unsigned j = 0; j < plausible_arity(number); j++)
            a[j] = plausible_first(number, j);
        a[argument] = plausible_garbage(number, argument, i);
        try_call(number, a);
    }
}

TEST("each call with garbage in each place answers what is listed, and a refusal changes nothing")
{
    lockstep_begin(&lockstep, true);
    digest = sandbox_digest(&lockstep.box);
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        for (unsigned i = 0; call_name(number) != NULL && i < plausible_arity(number); i++)
            try_position(number, i);
        CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
    }
    lockstep_end(&lockstep);
    CHECK_EQ(complaints, 0);
}

TEST("a number that is no call's answers RESERVED_CALL, with any arguments")
{
    const uint64_t a[7] = {BOX_MEMORY, 0, 1, 2, 3, 4, UINT64_MAX};
    uint64_t status, value;

    lockstep_begin(&lockstep, true);
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        if (call_name(number) != NULL)
            continue;
        CHECK(lockstep_call(&lockstep, number, a, &status, &value));
        CHECK_EQ(status, FL_RESERVED_CALL);
        CHECK(lockstep_register_complaint() == NULL);
    }
    lockstep_end(&lockstep);
}
