/* Copy-on-write between anonymous objects: what fork leaves shared, until it is written or only one
 * still wants it.
 *
 *        before fork        after it               the child wrote page 2      the child ended
 *
 *        entry              parent    child        parent    child             parent
 *          |                  |         |            |         |                 |
 *          A {1,2,3}        P {}      C {}         P {}      C {2'}              A {1,2,3}
 *                              \       /              \       /
 *                              A {1,2,3}              A {1,2,3}
 *
 * Objects that fork split form a tree.  The ones on top are named by entries; below them lie those
 * that they shared.  A space has at most one top of each tree.  A write of P or C copies a page up;
 * when nobody else sees the page, it is moved up instead.
 *
 * The tree is put in order at once whenever an object or a part of it goes:
 *   - pages that nobody sees any more are freed (the *sweep*);
 *   - an object with one object above is *merged* with it: the pages of the smaller one move, so a
 *     child that wrote little costs little, and a page can only move into an object of twice the
 *     size;
 *   - an object that became empty is *bypassed*: those above see what lies below it.
 *
 *  H1  an object that something is above of has no entries, holds at least one page, and has two or
 *      more objects above; only one if it is lonely, which needs a shortage of memory in a merge;
 *  H2  an object with nothing above has an entry (or is about to get its first);
 *  H3  objects above and below each other have the same source, at the same place; page i of the one
 *      is page i of the other;
 *  H4  an object that has one below is named by entries of one space only.
 *
 * By H1 and H2 a tree has fewer inner objects than tops: a chain is never deeper than the number of
 * live spaces that share the memory, however many there have been. */
#ifndef PAGER_SHADOW_H
#define PAGER_SHADOW_H

#include "object.h"

/* Puts `object`, which has nothing below yet, over `below`, which gets one reference more. */
void shadow_put_above(struct object *object, struct object *below);

/* True if page `index` of an object below others is seen by some entry, not counting those of the
 * top object `except` (or NULL). */
bool shadow_is_shown(const struct object *object, uint64_t index, const struct object *except);

/* Shows every entry that sees page `index` of an object, whether it is a top or below others.  False:
 * `visit` said so. */
bool shadow_visit_entries(const struct object *object, uint64_t index, object_visit *visit,
                          void *context);

/* How many entries see page `index` of an object, whether it is a top or below others.  *visits counts
 * the objects that were looked at. */
uint32_t shadow_count_entries(const struct object *object, uint64_t index, uint32_t *visits);

/* True if no object below `object` holds a page of [first, first + count). */
bool shadow_is_clear(struct vm *vm, struct object *object, uint64_t first, uint64_t count);

/* Moves page `index` of `holder`, which only the top `object` sees, into its reserved place there.
 * `holder` wants shadow_settle() afterwards. */
void shadow_take_page(struct vm *vm, struct object *holder, uint64_t index, struct object *object,
                      const struct index_place *place);

/* Moves the pages [first, first + count) of `object` to the top `above` it, which has the nodes for
 * them; the same page is to be seen by nobody else.  `object` wants shadow_settle() afterwards if it
 * became empty. */
void shadow_raise_range(struct vm *vm, struct object *object, struct object *above, uint64_t first,
                        uint64_t count);

/* The top `object` shows [first, first + count) no more: frees what only it saw below. */
void shadow_forget_range(struct vm *vm, struct object *object, uint64_t first, uint64_t count);

/* Takes a top that has no entries any more off its tree. */
void shadow_leave(struct vm *vm, struct object *object);

/* Takes an object out of its tree if it is below others and lost its last page.  Only it may be
 * freed. */
void shadow_drop_empty(struct vm *vm, struct object *object);

/* Merges or bypasses an object below others if H1 asks for it; objects at both ends of a merge may
 * be freed. */
void shadow_settle(struct vm *vm, struct object *object);

#endif
