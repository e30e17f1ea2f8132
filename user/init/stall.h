/* Whether the pager has stopped answering: a judgement from looks at the system, some seconds apart.
 *
 *  J1  a verdict needs STALL_LOOKS looks in a row that all found the same fault, or the same call of
 *      ours, the oldest that waits, and nothing answered between them.
 *
 * So a pager that is slow is let alone as long as it answers anything between three looks; and a clock
 * that leaps gives it the time between two looks all the same, since looks are counted and not hours.
 *
 * Pure: watch.c makes the looks. */
#ifndef INIT_STALL_H
#define INIT_STALL_H

#include <stdbool.h>
#include <stdint.h>

#define STALL_LOOKS 3u

/* What one look finds. */
struct stall_look {
    uint32_t waiting;     /* threads whose fault is outstanding */
    uint32_t oldest;      /* waiting > 0: the lowest number among their faults */
    uint64_t faults_sent; /* by all threads since boot */
    uint64_t calls_begun; /* of ours to the pager */
    uint64_t calls_ended;
    bool excused; /* the pager itself waits for a server below it */
};

/* The looks so far; all zero at first. */
struct stall {
    struct stall_look last;
    unsigned looks; /* in a row that found the same, J1 */
};

/* Adds an outstanding fault to a look.  Numbers count up and may wrap. */
void stall_add_fault(struct stall_look *look, uint32_t number);

/* Takes a look into account.  Returns: whether the pager has stopped answering. */
bool stall_judge(struct stall *stall, const struct stall_look *look);

#endif
