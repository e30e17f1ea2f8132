/* A storm: threads without any right but a sandbox's make calls with arbitrary arguments, while
 * others rewrite their message buffer, answer them, call them and fault.
 *
 *  W1  a call that returned is counted once, by call and status code;
 *  W2  whoever waits is woken: a caller that made no progress is suspended and resumed, which
 *      cancels its wait; one that cannot go on (another made it run elsewhere) is started anew and
 *      the call it was in is counted as lost;
 *  W3  a round is named by its seed and repeats exactly where instructions are counted;
 *  W4  whatever the root task does with a caller that is stopped it does while no call begins, and none of them runs: they
 *      have each other's TCB. */
#ifndef STORM_H
#define STORM_H

#include "plausible.h"
#include "sandbox.h"

#define STORM_CODES   32u
#define STORM_CALLERS 2u

struct storm_counts {
    uint64_t of[FL_CALL_COUNT][STORM_CODES];
    uint64_t made;
};

/* How often each answer of each call is wanted: what came less often is sought.  0 until it is set. */
void storm_want(unsigned least);
unsigned storm_least(void);

/* Sums over all rounds since storm_forget. */
uint64_t storm_count(uint64_t number, uint64_t code);
uint64_t storm_made(void);
uint64_t storm_lost(void);
void storm_forget(void);
/* Counts an answer to a call that was made outside of rounds. */
void storm_note(uint64_t number, uint64_t code);

/* One round of about `calls` calls in a new world, which is checked and ended.  privileged: only
 * calls that need System.  Returns NULL or what is wrong. */
const char *storm_round(uint64_t seed, uint64_t calls, bool privileged);

/* Is there a call of such storms with an answer that came less often than it is wanted? */
bool storm_seeks(bool privileged);

/* A call as the callers of a storm choose it.  Returns its number. */
uint64_t storm_choose_call(struct random *random, bool privileged, uint64_t arguments[7]);

#endif
