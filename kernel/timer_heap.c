/* See timer_heap.h. */
#include "timer_heap.h"

#include <stddef.h>

static struct timer_node *node_at(const struct timer_heap *heap, uint32_t link)
{
    return (struct timer_node *)(heap->base + (uintptr_t)link * TIMER_HEAP_STEP);
}

static uint32_t link_to(const struct timer_heap *heap, const struct timer_node *node)
{
    return (uint32_t)(((uintptr_t)node - heap->base) / TIMER_HEAP_STEP);
}

static uint32_t rank_of(const struct timer_heap *heap, uint32_t link)
{
    return link != 0 ? node_at(heap, link)->rank : 0;
}

/* TH3 of a node whose children changed.  Returns: whether its rank did. */
static bool settle(const struct timer_heap *heap, struct timer_node *node)
{
    uint32_t old = node->rank;
    uint32_t left = rank_of(heap, node->left), right = rank_of(heap, node->right);

    if (left < right) {
        uint32_t link = node->left;

        node->left = node->right;
        node->right = link;
    }
    node->rank = 1 + (left < right ? left : right);
    return node->rank != old;
}

/* Makes one heap below `parent` of two that stand there: their right sides are joined in order of
 * deadline, and then settled from the bottom up.  Returns: its root. */
static uint32_t merge(const struct timer_heap *heap, uint32_t a, uint32_t b, uint32_t parent)
{
    uint32_t first = 0, up = parent;
    uint32_t *place = &first;

    while (a != 0 && b != 0) {
        bool takes_a = node_at(heap, a)->deadline <= node_at(heap, b)->deadline;
        uint32_t taken = takes_a ? a : b, other = takes_a ? b : a;
        struct timer_node *node = node_at(heap, taken);

        *place = taken;
        node->parent = up;
        up = taken;
        place = &node->right;
        a = node->right;
        b = other;
    }
    *place = a != 0 ? a : b;
    if (*place != 0)
        node_at(heap, *place)->parent = up;
    for (; up != parent; up = node_at(heap, up)->parent)
        settle(heap, node_at(heap, up));
    return first;
}

void timer_heap_start(struct timer_heap *heap, uintptr_t base)
{
    *heap = (struct timer_heap){.base = base, .root = 0};
}

struct timer_node *timer_heap_first(const struct timer_heap *heap)
{
    return heap->root != 0 ? node_at(heap, heap->root) : NULL;
}

void timer_heap_insert(struct timer_heap *heap, struct timer_node *node)
{
    node->left = 0;
    node->right = 0;
    node->rank = 1;
    heap->root = merge(heap, heap->root, link_to(heap, node), 0);
}

void timer_heap_remove(struct timer_heap *heap, struct timer_node *node)
{
    uint32_t rest = merge(heap, node->left, node->right, node->parent);
    uint32_t up = node->parent;

    if (up == 0)
        heap->root = rest;
    else if (node_at(heap, up)->left == link_to(heap, node))
        node_at(heap, up)->left = rest;
    else
        node_at(heap, up)->right = rest;
    while (up != 0 && settle(heap, node_at(heap, up)))
        up = node_at(heap, up)->parent;
    node->parent = node->left = node->right = node->rank = 0;
}

/* A node before its children, the left one first. */
struct timer_node *timer_heap_next(const struct timer_heap *heap, const struct timer_node *node)
{
    if (node->left != 0)
        return node_at(heap, node->left);
    while (node->parent != 0) {
        const struct timer_node *parent = node_at(heap, node->parent);

        if (parent->right != 0 && parent->right != link_to(heap, node))
            return node_at(heap, parent->right);
        node = parent;
    }
    return NULL;
}

static bool is_child(const struct timer_heap *heap, uint32_t link, const struct timer_node *parent)
{
    return link == 0 || (node_at(heap, link)->parent == link_to(heap, parent) &&
                         node_at(heap, link)->deadline >= parent->deadline);
}

bool timer_heap_is_sound(const struct timer_heap *heap, const struct timer_node *node)
{
    uint32_t left = rank_of(heap, node->left), right = rank_of(heap, node->right);

    if (node->parent == 0 && heap->root != link_to(heap, node))
        return false;
    return is_child(heap, node->left, node) && is_child(heap, node->right, node) && left >= right &&
           node->rank == 1 + right;
}
