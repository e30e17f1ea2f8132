/* Every call with garbage in each place, one at a time: the other arguments are plausible.
 *
 * Whatever is asked, the answer is on the list of kernel/abi/failures.def, and a refusal changes
 * nothing: neither what the kernel keeps nor the caller's registers.  The storms
 * (tests/target/storm) make the same calls at random and at the same time.
 *
 * Boot argument GARBAGE=n: only every n-th piece in each place, beginning with another one in each. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "call_names.h"
#include "lockstep.h"
#include "plausible.h"
#include "refusal.h"

#define COMPLAINTS_TOLD 2u /* of each call */
#define UNSEEN_MAX      32u

/* A call that was refused since the sandbox was last looked at. */
struct refused {
    uint64_t number, a[7], status;
};

static struct lockstep lockstep;
static uint64_t digest;
static struct refused unseen[UNSEEN_MAX];
static unsigned unseen_count;
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

/* True if the sandbox is as it was, which is then so after each of the refused calls too. */
static bool is_unchanged(void)
{
    if (sandbox_digest(&lockstep.box) != digest)
        return false;
    unseen_count = 0;
    return true;
}

static void call_again(const struct refused *refused)
{
    uint64_t status, value;

    lockstep_call(&lockstep, refused->number, refused->a, &status, &value);
}

/* Which of the refused calls changed something: each in a sandbox of its own. */
static void find_guilty(void)
{
    unsigned before = complaints;

    for (unsigned i = 0; i < unseen_count; i++) {
        const struct refused *refused = &unseen[i];

        start_over();
        call_again(refused);
        if (sandbox_digest(&lockstep.box) != digest)
            complain(refused->number, refused->a, refused->status,
                     "a refused call changed something");
    }
    if (complaints == before)
        complain(unseen[0].number, unseen[0].a, unseen[0].status,
                 "this refused call and those after it changed something");
    start_over();
}

/* The sandbox is made anew, since a call changed it that was not refused.  Whether only that one did the refused calls
 * before it show when they are made again. */
static void settle(void)
{
    start_over();
    for (unsigned i = 0; i < unseen_count; i++)
        call_again(&unseen[i]);
    if (!is_unchanged())
        find_guilty();
    unseen_count = 0;
}

static void note_refused(uint64_t number, const uint64_t a[7], uint64_t status)
{
    struct refused *refused = &unseen[unseen_count++];

    refused->number = number;
    refused->status = status;
    for (unsigned i = 0; i < 7; i++)
        refused->a[i] = a[i];
    if (unseen_count == UNSEEN_MAX && !is_unchanged()) {
        find_guilty();
        unseen_count = 0;
    }
}

/* One call.  Refused ones, which change nothing, are looked at together: the digest takes ten times as long as a call.
 * After a success, or what the kernel may have done in part, the sandbox is made anew if anything changed. */
static void try_call(uint64_t number, const uint64_t a[7])
{
    uint64_t status, value;
    const char *complaint;

    if (is_forbidden(number, a))
        return;
    if (!lockstep_call(&lockstep, number, a, &status, &value)) {
        settle();
        return;
    }
    complaint = lockstep_register_complaint();
    if (!call_answer_is_listed(number, FL_STATUS_CODE(status)))
        complaint = "the answer is not on the list";
    if (FL_STATUS_ARG(status) > plausible_arity(number))
        complaint = "the argument to blame is none of the call's";
    if (complaint != NULL)
        complain(number, a, status, complaint);
    if (lockstep_is_refusal(number, status, value))
        note_refused(number, a, status);
    else if (!is_unchanged())
        settle();
}

static unsigned step(void)
{
    const char *found = strstr(kit_boot_info()->bootargs, "GARBAGE=");
    unsigned long n = found != NULL ? strtoul(found + strlen("GARBAGE="), NULL, 10) : 1;

    return n > 0 ? (unsigned)n : 1;
}

static void try_position(uint64_t number, unsigned argument)
{
    uint64_t a[7] = {0};
    unsigned first = (unsigned)((number + argument) % step());

    for (unsigned i = first; i < plausible_garbage_count(number, argument); i += step()) {
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
        if (unseen_count > 0 && !is_unchanged())
            find_guilty();
        unseen_count = 0;
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
