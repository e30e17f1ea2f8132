/* See derivation.h. */
#include "derivation.h"

static struct cap *cap_of(const struct derivation *tree, uint32_t number)
{
    return number == 0 ? NULL : (struct cap *)(tree->base + (uintptr_t)number * sizeof(struct cap));
}

static uint32_t number_of(const struct derivation *tree, const struct cap *cap)
{
    return cap == NULL ? 0 : (uint32_t)(((uintptr_t)cap - tree->base) / sizeof(struct cap));
}

void derivation_start(struct derivation *tree, uintptr_t base, struct cap *root)
{
    *tree = (struct derivation){base, root};
    root->last = 1;
    root->next = 0;
    root->prev = number_of(tree, root);
}

struct cap *derivation_child(const struct derivation *tree, const struct cap *cap)
{
    return cap_of(tree, cap->child);
}

struct cap *derivation_sibling(const struct derivation *tree, const struct cap *cap)
{
    return cap->last ? NULL : cap_of(tree, cap->next);
}

struct cap *derivation_walk(const struct derivation *tree, const struct cap *cap)
{
    if (cap->child != 0)
        return cap_of(tree, cap->child);
    while (cap != NULL && cap->last)
        cap = cap_of(tree, cap->next);
    return cap == NULL ? NULL : cap_of(tree, cap->next);
}

void derivation_insert(const struct derivation *tree, struct cap *parent, struct cap *cap)
{
    uint32_t number = number_of(tree, cap);
    struct cap *first = cap_of(tree, parent->child);

    cap->child = 0;
    if (first == NULL) {
        cap->last = 1;
        cap->next = number_of(tree, parent);
        cap->prev = number;
    } else {
        cap->last = 0;
        cap->next = parent->child;
        cap->prev = first->prev;
        first->prev = number;
    }
    parent->child = number;
}

/* Joins the ring around `cap`, which goes, with `first` .. `last`, which take its place. */
static void ring_replace(const struct derivation *tree, const struct cap *cap, struct cap *first,
                         struct cap *last)
{
    struct cap *before = cap_of(tree, cap->prev), *after = cap_of(tree, cap->next);
    struct cap *parent = before->last ? cap_of(tree, before->next) : NULL; /* cap is the first */

    last->last = cap->last;
    last->next = cap->next;
    first->prev = cap->prev;
    if (parent != NULL)
        parent->child = number_of(tree, first);
    else
        before->next = number_of(tree, first);
    if (cap->last)
        after = cap_of(tree, after->child); /* the ring's first */
    after->prev = number_of(tree, last);
}

/* Joins the ring around `cap`, which goes and has no children. */
static void ring_close(const struct derivation *tree, const struct cap *cap)
{
    struct cap *before = cap_of(tree, cap->prev), *after = cap_of(tree, cap->next);

    if (before == cap) { /* the only one */
        after->child = 0;
    } else if (before->last) { /* the first */
        cap_of(tree, before->next)->child = cap->next;
        after->prev = cap->prev;
    } else {
        before->next = cap->next;
        before->last = cap->last;
        if (cap->last)
            after = cap_of(tree, after->child);
        after->prev = cap->prev;
    }
}

void derivation_remove(const struct derivation *tree, struct cap *cap)
{
    struct cap *first = cap_of(tree, cap->child);

    if (first == NULL)
        ring_close(tree, cap);
    else
        ring_replace(tree, cap, first, cap_of(tree, first->prev));
    cap->child = cap->next = cap->prev = 0;
    cap->last = 0;
}

void derivation_move(const struct derivation *tree, struct cap *to, struct cap *from)
{
    struct cap *first = cap_of(tree, from->child);

    to->child = from->child;
    if (first != NULL)
        cap_of(tree, first->prev)->next = number_of(tree, to);
    to->prev = from->prev;
    ring_replace(tree, from, to, to);
    from->child = from->next = from->prev = 0;
    from->last = 0;
}

const char *derivation_check(const struct derivation *tree, const struct cap *cap)
{
    const struct cap *next = cap_of(tree, cap->next), *prev = cap_of(tree, cap->prev);
    const struct cap *child = cap_of(tree, cap->child);

    if (prev == NULL || !derivation_is_cap(prev) || (next == NULL) != (cap == tree->root))
        return "D2";
    if (next != NULL && !derivation_is_cap(next))
        return "D2";
    if (!cap->last && cap_of(tree, next->prev) != cap)
        return "D2";
    if (!prev->last && cap_of(tree, prev->next) != cap)
        return "D2";
    if (child == NULL)
        return NULL;
    if (!derivation_is_cap(child) || !derivation_is_cap(cap_of(tree, child->prev)))
        return "D1";
    const struct cap *last = cap_of(tree, child->prev);
    return last->last && cap_of(tree, last->next) == cap ? NULL : "D1";
}
