/* Arguments for calls from inside a sandbox: plausible ones, wrong ones of each kind, any.
 *
 *  L1  there is a line for each call of kernel/abi/calls.def with a kind for each argument (the
 *      compiler checks it);
 *  L2  no value lies in the test's own image, stacks or buffers: a page mapped or a thread started
 *      there would be the test's fault, not the kernel's. */
#ifndef PLAUSIBLE_H
#define PLAUSIBLE_H

#include <stdint.h>

#include "abi.h"
#include "random.h"

#define PLAUSIBLE_ARGUMENTS 7u

/* How many arguments a call has, how often a storm makes it (0: it needs System). */
unsigned plausible_arity(uint64_t number);
unsigned plausible_weight(uint64_t number);

/* A value with which the call can succeed as far as this argument goes; one with which it should
 * not.  argument: 0 = first. */
uint64_t plausible_good(struct random *random, uint64_t number, unsigned argument);
uint64_t plausible_bad(struct random *random, uint64_t number, unsigned argument);
/* Any value: the constants that kernels stumble over, small numbers, random bits. */
uint64_t plausible_any(struct random *random);

/* The values of plausible_bad, the constants, and slots in use or small numbers one by one, 0 .. plausible_garbage_count() - 1. */
unsigned plausible_garbage_count(uint64_t number, unsigned argument);
uint64_t plausible_garbage(uint64_t number, unsigned argument, unsigned index);
/* The first value of plausible_good. */
uint64_t plausible_first(uint64_t number, unsigned argument);

#endif
