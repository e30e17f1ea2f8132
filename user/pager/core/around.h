/* Fault-around: a fault on a page of a file maps pages near it too, where they are in memory.
 *
 *   advice       pages that are looked at
 *   ----------   ------------------------------------------
 *   NORMAL       the 16 of the aligned 64 KiB
 *   RANDOM       none
 *   SEQUENTIAL   those that follow, up to 64 with the first
 *
 * One that waited for a page from swap maps those that were read with it, up to 64 side by side: who
 * reads in order takes no fault for each.
 *
 * Never outside the entry or the 2 MiB of one page table, never over a page that the program has a
 * copy of, and no frame is taken.  Neighbours are mapped as not accessed: what the program does not
 * touch can still be told from what it does. */
#ifndef PAGER_AROUND_H
#define PAGER_AROUND_H

#include <stdint.h>

struct vm;
struct vm_answer;
struct entry;
struct space;

/* Adds neighbours to an answer whose first mapping shows a page of a file, which `entry` names or which
 * is its object's source. */
void around_add(struct vm *vm, const struct entry *entry, struct vm_answer *answer);

/* Adds to the answer of a fault that has waited what was read from swap beside its page, if that lies in the
 * object that the entry there names. */
void around_add_read(struct vm *vm, const struct space *space, struct vm_answer *answer);

#endif
