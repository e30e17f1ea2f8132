/* Checks that a refused call changed nothing.
 *
 * Compared before and after: the counters of frames by type, objects, capabilities, mappings and
 * pins, and the frames and entries that the test watches. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "fl_calls.h"
#include "harness.h"
#include "kit.h"

/* kit_begin, and nothing is watched. */
void refusal_begin(void);
/* Watches a page of RAM 0, an entry of a space: at most 8 of each. */
void refusal_watch_frame(uint64_t page);
void refusal_watch_entry(uint64_t space, uint64_t address);

void refusal_before(void);
void refusal_check(const char *file, int line, const char *text, uint64_t status,
                   uint64_t expected);

/* The name of the first broken invariant of the kernel as a number, 0 when all hold.  It is told at
 * once: with a broken kernel the kit may not get much further. */
uint64_t refusal_broken_invariant(void);

/* `call` returns a structure with a status: exactly this code, blaming this argument (0 = none). */
#define CHECK_REFUSED(call, code, argument) \
    (refusal_before(),                      \
     refusal_check(__FILE__, __LINE__, #call, (call).status, FL_STATUS(FL_##code, argument)))
#define CHECK_DONE(call) CHECK_EQ((call).status, FL_OK)

#endif
