/* Deadlines in order: a leftist heap of nodes that their owners hold.
 *
 * A node's rank is the number of nodes on the way down to the right, itself included, and the left
 * side always has as much rank as the right one:
 *
 *            3 (1)               deadline (rank)
 *           /     \
 *        5 (2)   9 (1)           so here 3 has rank 2, and of n nodes none has more than log2(n + 1)
 *        /   \
 *     8 (1) 6 (1)
 *
 * Work is done on right sides only, and upwards while ranks change, so insertion and removal visit at
 * most 4 log2(n + 1) nodes, whatever the deadlines and the places of the nodes: who arms timers cannot
 * choose a worse order.  The way down to the left may be as long as there are nodes; nothing walks it.
 *
 *  TH1  a node's deadline is not before its parent's;
 *  TH2  parent and child name each other, the root has no parent;
 *  TH3  rank is 1 + the rank on the right, and the rank on the left is no smaller.
 *
 * Nodes with the same deadline come out in no order that was promised.
 * Links are numbers of TIMER_HEAP_STEP bytes from `base` on.  Pure: the host builds it too. */
#ifndef KERNEL_TIMER_HEAP_H
#define KERNEL_TIMER_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_HEAP_STEP 64u

struct timer_node {
    uint64_t deadline;
    uint32_t parent, left, right; /* 0 = none */
    uint32_t rank;
};

struct timer_heap {
    uintptr_t base; /* nodes lie whole steps above it, none of them there */
    uint32_t root;
};

/* Makes an empty heap. */
void timer_heap_start(struct timer_heap *heap, uintptr_t base);
/* The node with the earliest deadline, NULL when there is none. */
struct timer_node *timer_heap_first(const struct timer_heap *heap);
/* Puts a node, whose deadline is set, into the heap.  It is in none. */
void timer_heap_insert(struct timer_heap *heap, struct timer_node *node);
/* Takes a node out that is in the heap. */
void timer_heap_remove(struct timer_heap *heap, struct timer_node *node);

/* For checkers: the node after this one in a walk from the first over all, NULL when it was the last;
 * and whether TH1 to TH3 hold between a node, its parent and its children. */
struct timer_node *timer_heap_next(const struct timer_heap *heap, const struct timer_node *node);
bool timer_heap_is_sound(const struct timer_heap *heap, const struct timer_node *node);

#endif
