/* Resource limits of a space: RLIMIT_AS, DATA, STACK and MEMLOCK.
 *
 *   AS       bytes mapped, guards not counted
 *   DATA     bytes of private writable mappings, the stack not counted
 *   STACK    bytes that the stack may grow to: its entry is as large as the limit
 *   MEMLOCK  bytes wired by mlock, mlockall and MAP_LOCKED
 *
 * What is used is summed up over the entries when a limit that is not infinite is about to be
 * passed: a program without limits pays nothing.  A fork's child has its parent's limits. */
#ifndef PAGER_LIMIT_H
#define PAGER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;
struct entry;

enum limit_kind { LIMIT_AS, LIMIT_DATA, LIMIT_STACK, LIMIT_MEMLOCK, LIMITS };

#define LIMIT_INFINITY UINT64_MAX

/* In bytes; LIMIT_INFINITY: none. */
struct limit {
    uint64_t soft;
    uint64_t hard;
};

/* The limits of a new space: STACK and MEMLOCK only. */
void limit_init(struct space *space);

/* Gives a fork's child the limits of its parent. */
void limit_inherit(struct space *child, const struct space *parent);

/* Bytes of a space that count for a limit, without those in [start, end). */
uint64_t limit_use(const struct space *space, enum limit_kind kind, uint64_t start, uint64_t end);

/* True if a limit leaves room for `more` bytes beside what is used outside of [start, end). */
bool limit_has_room(const struct space *space, enum limit_kind kind, uint64_t more, uint64_t start,
                    uint64_t end);

/* Whether an area like this may be added.  `replaces`: what lies in its range goes.  0; ENOMEM (AS,
 * DATA); EAGAIN (MEMLOCK). */
int limit_check(const struct space *space, const struct entry *like, bool replaces);

#endif
