/* The radix tree of a memory object: see index.h. */
#include "index.h"

#include <stddef.h>

/* Number of keys below one slot of a node at `level` (0 = leaves). */
static uint64_t index_span(uint32_t level)
{
    return 1ull << (INDEX_SHIFT * level);
}

static struct index_node *index_child(uint64_t slot)
{
    return (struct index_node *)(uintptr_t)slot;
}

static uint32_t index_slot(uint64_t key, uint32_t level)
{
    return (uint32_t)(key >> (INDEX_SHIFT * level)) & (INDEX_SLOTS - 1);
}

/* The key that the first used slot below `node` at or behind that of `key` begins with; *slot: which it
 * is, INDEX_SLOTS if there is none.  Keys below a later slot begin with its first one. */
static uint64_t index_skip(const struct index_node *node, uint32_t level, uint64_t key,
                           uint32_t *slot)
{
    uint64_t span = index_span(level);
    uint32_t first = index_slot(key, level);

    for (*slot = first; *slot < INDEX_SLOTS && !node->slot[*slot];)
        ++*slot;
    return *slot == first ? key : (key & ~(span - 1)) + (*slot - first) * span;
}

uint64_t index_next(const struct index *index, uint64_t first, uint64_t end)
{
    while (first < end && index->root && first >> (INDEX_SHIFT * index->height) == 0) {
        const struct index_node *node = index->root;
        uint32_t level = index->height, slot;

        do {
            first = index_skip(node, --level, first, &slot);
            if (slot == INDEX_SLOTS)
                break;
            node = index_child(node->slot[slot]);
        } while (level > 0);
        if (slot < INDEX_SLOTS)
            return first < end ? first : end;
    }
    return end;
}

static void index_add_node(struct index_node *parent, uint32_t slot, struct index_node *child)
{
    parent->slot[slot] = (uintptr_t)child;
    parent->used++;
    child->parent = parent;
}

/* Adds levels on top until `key` fits.  What it made before it failed is of use to nobody but holds
 * the old root: no empty node stays. */
static bool index_grow(struct index *index, struct slab_kind *nodes, uint64_t key)
{
    while (!index->root || key >> (INDEX_SHIFT * index->height) != 0) {
        struct index_node *node = slab_allocate(nodes);

        if (!node)
            return false;
        if (index->root)
            index_add_node(node, 0, index->root);
        else
            while (key >> (INDEX_SHIFT * (index->height + 1)) != 0)
                index->height++; /* the first node is made at full height */
        node->index = index;
        index->root = node;
        index->height++;
    }
    return true;
}

static bool index_descend(struct index *index, struct slab_kind *nodes, uint64_t key,
                          struct index_place *place)
{
    struct index_node *node = index->root;

    for (uint32_t level = index->height; level-- > 1;) {
        struct index_node *child = index_child(node->slot[index_slot(key, level)]);

        if (!child) {
            child = slab_allocate(nodes);
            if (!child)
                return false;
            index_add_node(node, index_slot(key, level), child);
        }
        node = child;
    }
    place->node = node;
    place->slot = (uint32_t)key & (INDEX_SLOTS - 1);
    return true;
}

bool index_make_path(struct index *index, struct slab_kind *nodes, uint64_t key,
                     struct index_place *place)
{
    if ((!index->root || key >> (INDEX_SHIFT * index->height) != 0) &&
        !index_grow(index, nodes, key))
        return false;
    if (index_descend(index, nodes, key, place))
        return true;
    index_remove(index, nodes, key, 1, NULL, NULL);
    return false;
}

void index_move_node(void *from, void *to)
{
    struct index_node *node = to;

    *node = *(struct index_node *)from;
    for (uint32_t i = 0; i < INDEX_SLOTS; i++) {
        if (node->slot[i] && INDEX_TAG(node->slot[i]) == INDEX_EMPTY)
            index_child(node->slot[i])->parent = node;
        if (node->parent && node->parent->slot[i] == (uintptr_t)from)
            node->parent->slot[i] = (uintptr_t)node;
    }
    if (!node->parent)
        node->index->root = node;
}

struct index_removal {
    struct slab_kind *nodes;
    uint64_t first;
    uint64_t last; /* inclusive */
    index_visit *visit;
    void *context;
};

/* Recursion is at most five deep.  `base`: first key below the node. */
static void index_remove_below(struct index_node *node, uint32_t level, uint64_t base,
                               const struct index_removal *removal)
{
    uint64_t span = index_span(level);
    uint64_t low = removal->first > base ? (removal->first - base) / span : 0;
    uint64_t high = (removal->last - base) / span;

    for (uint64_t i = low; i <= high && i < INDEX_SLOTS; i++) {
        uint64_t value = node->slot[i];

        if (!value)
            continue;
        if (level > 0) {
            index_remove_below(index_child(value), level - 1, base + i * span, removal);
            if (index_child(value)->used > 0)
                continue;
            slab_release(removal->nodes, index_child(value));
        } else if (!removal->visit(removal->context, base + i, value)) {
            continue;
        }
        node->slot[i] = 0;
        node->used--;
    }
}

void index_remove(struct index *index, struct slab_kind *nodes, uint64_t first, uint64_t count,
                  index_visit *visit, void *context)
{
    struct index_removal removal = {nodes, first, first + count - 1, visit, context};

    if (!index->root || count == 0)
        return;
    if (first >> (INDEX_SHIFT * index->height) == 0)
        index_remove_below(index->root, index->height - 1, 0, &removal);
    if (index->root->used > 0)
        return;
    slab_release(nodes, index->root);
    *index = (struct index){0};
}
