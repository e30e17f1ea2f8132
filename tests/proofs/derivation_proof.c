/* The derivation tree: each operation on every tree of five capabilities.
 *
 * All ordered trees arise: a capability goes in as the first child of one that is there, which any order of
 * children can be made by.  A model keeps the parents; the order of siblings is that of the walk before.
 *
 * Each of these must be found:
 *   bug: a first child goes without a word to its parent: kernel/derivation.c: `cap_of(tree, before->next)->child = cap->next;` => ``
 *   bug: the last of a ring goes, the one before is not the last: kernel/derivation.c: `before->last = cap->last;` => ``
 *   bug: the children that take a place forget the way on: kernel/derivation.c: `    last->next = cap->next;` => ``
 *   bug: the ring's first keeps its way back: kernel/derivation.c: `    after->prev = number_of(tree, last);` => ``
 *   bug: a moved capability's children name the place before: kernel/derivation.c: `cap_of(tree, first->prev)->next = number_of(tree, to);` => `(void)first;`
 *   bug: a new first child breaks the ring: kernel/derivation.c: `        first->prev = number;` => ``
 */
#include "kernel/derivation.c"
#include "proof.h"

#define CAPS 5u

/* One more than are in the tree, for the moves; number 0 is none. */
static struct cap caps[1 + CAPS + 1];
static unsigned parent_of[1 + CAPS + 1]; /* the model: 0 of the root, and of what is in no tree */
static struct derivation tree;

bool derivation_is_cap(const struct cap *cap)
{
    return cap >= &caps[1] && cap <= &caps[CAPS + 1] && cap->type != 0;
}

static unsigned number(const struct cap *cap)
{
    return cap == NULL ? 0 : (unsigned)(cap - caps);
}

/* Any tree of `count` capabilities, numbers 1 on. */
static void any_tree(unsigned count)
{
    caps[1].type = 1;
    derivation_start(&tree, (uintptr_t)caps, &caps[1]);
    for (unsigned i = 2; i <= count; i++) {
        unsigned parent = 1 + (unsigned)proof_below("parent", i - 1);
        caps[i].type = 1;
        derivation_insert(&tree, &caps[parent], &caps[i]);
        parent_of[i] = parent;
    }
}

static unsigned any_but_root(unsigned count)
{
    return 2 + (unsigned)proof_below("cap", count - 1);
}

/* The walk: numbers in order, 0 at the end. */
static void walk(unsigned order[CAPS + 2])
{
    const struct cap *cap = &caps[1];
    unsigned n = 0;
    for (; cap != NULL && n <= CAPS; cap = derivation_walk(&tree, cap))
        order[n++] = number(cap);
    order[n] = 0;
}

/* D1 and D2 around each capability; D3; each stands below the parent that the model names. */
static void check_tree(unsigned count)
{
    unsigned order[CAPS + 2], children = 0, seen = 0;
    for (unsigned i = 1; i <= CAPS + 1; i++) {
        if (caps[i].type == 0)
            continue;
        proof_claim(derivation_check(&tree, &caps[i]) == NULL, "D1, D2");
        const struct cap *child = derivation_child(&tree, &caps[i]);
        for (; child != NULL && children <= CAPS; child = derivation_sibling(&tree, child)) {
            proof_claim(parent_of[number(child)] == i, "below its parent");
            children++;
        }
    }
    proof_claim(children == count - 1, "each has one place");
    walk(order);
    unsigned n = 0;
    for (; order[n] != 0; n++) {
        proof_claim((seen >> order[n] & 1) == 0, "D3: once");
        seen |= 1u << order[n];
    }
    proof_claim(n == count, "D3: all");
}

PROOF(insert, "insert keeps D1 to D3 in every tree of up to five capabilities")
{
    any_tree(CAPS);
    check_tree(CAPS);
}

PROOF(remove,
      "what is removed leaves its children to its parent, in its place, in every tree of five")
{
    unsigned order[CAPS + 2], now[CAPS + 2];
    any_tree(CAPS);
    unsigned gone = any_but_root(CAPS);
    walk(order);
    derivation_remove(&tree, &caps[gone]);
    caps[gone].type = 0;
    for (unsigned i = 1; i <= CAPS; i++) {
        if (parent_of[i] == gone)
            parent_of[i] = parent_of[gone];
    }
    check_tree(CAPS - 1);
    walk(now);
    for (unsigned i = 0, n = 0; order[i] != 0; i++) {
        if (order[i] != gone)
            proof_claim(now[n++] == order[i], "the order stays, so each subtree lies together");
    }
}

PROOF(move, "what is moved takes its place and its children along, in every tree of five")
{
    unsigned order[CAPS + 2], now[CAPS + 2];
    any_tree(CAPS);
    unsigned from = any_but_root(CAPS), to = CAPS + 1;
    walk(order);
    caps[to].type = 1;
    derivation_move(&tree, &caps[to], &caps[from]);
    caps[from].type = 0;
    parent_of[to] = parent_of[from];
    for (unsigned i = 1; i <= CAPS; i++) {
        if (parent_of[i] == from)
            parent_of[i] = to;
    }
    check_tree(CAPS);
    walk(now);
    for (unsigned i = 0; order[i] != 0; i++)
        proof_claim(now[i] == (order[i] == from ? to : order[i]), "the same place");
}
