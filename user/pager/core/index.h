/* Index of a memory object: page index -> tagged leaf, a radix tree of 64-way nodes.
 *
 *  X1  no node is without a used slot, except on the path of a reserved place;
 *  X2  `used` of a node is the number of its slots that are not 0;
 *  X3  a leaf is 0 or carries a tag of enum index_tag;
 *  X4  a node knows what names it: its parent, or the index whose root it is.
 *
 * A tree of height h holds indexes below 64^h; an empty one has height 0 and no node. */
#ifndef PAGER_INDEX_H
#define PAGER_INDEX_H

#include "slab.h"

#define INDEX_SHIFT 6u
#define INDEX_SLOTS 64u
#define INDEX_LIMIT (1ull << 30) /* indexes are below: five levels */

/* Bits 0..2 of a leaf; the rest is the tag's own. */
enum index_tag {
    INDEX_EMPTY,      /* the whole word is 0 */
    INDEX_FRAME,      /* a page number */
    INDEX_ZERO,       /* a page of zeros that has no frame */
    INDEX_SWAP,       /* a swap slot (swap.h) */
    INDEX_COMPRESSED, /* a handle of the store of compressed pages (compress.h) */
    INDEX_MERGED,     /* a page number, of a page that other leaves name too (samepage.h) */
    INDEX_TAGS
};
#define INDEX_TAG_BITS    3u
#define INDEX_STAMP_SHIFT 56u /* above it: the window of a page that is out */
#define INDEX_TAG(leaf)   ((leaf) & ((1u << INDEX_TAG_BITS) - 1))

struct index_node {
    uint64_t slot[INDEX_SLOTS]; /* leaves, or addresses of nodes (which carry no tag) */
    uint64_t used;
    struct index_node *parent;
    struct index *index; /* where there is no parent */
};

struct index {
    struct index_node *root;
    uint32_t height;
};

/* A leaf that exists: filling it cannot fail. */
struct index_place {
    struct index_node *node;
    uint32_t slot;
};

static inline uint64_t index_leaf_frame(uint32_t page)
{
    return (uint64_t)page << INDEX_TAG_BITS | INDEX_FRAME;
}

#define INDEX_LEAF_ZERO ((uint64_t)INDEX_ZERO)

static inline bool index_leaf_is_frame(uint64_t leaf)
{
    return INDEX_TAG(leaf) == INDEX_FRAME;
}

static inline uint64_t index_leaf_swap(uint32_t slot)
{
    return (uint64_t)slot << INDEX_TAG_BITS | INDEX_SWAP;
}

static inline bool index_leaf_is_swap(uint64_t leaf)
{
    return INDEX_TAG(leaf) == INDEX_SWAP;
}

static inline uint64_t index_leaf_merged(uint32_t page)
{
    return (uint64_t)page << INDEX_TAG_BITS | INDEX_MERGED;
}

static inline bool index_leaf_is_merged(uint64_t leaf)
{
    return INDEX_TAG(leaf) == INDEX_MERGED;
}

static inline uint32_t index_leaf_slot(uint64_t leaf)
{
    return (uint32_t)(leaf >> INDEX_TAG_BITS);
}

static inline uint64_t index_leaf_compressed(uint64_t handle)
{
    return handle << INDEX_TAG_BITS | INDEX_COMPRESSED;
}

static inline bool index_leaf_is_compressed(uint64_t leaf)
{
    return INDEX_TAG(leaf) == INDEX_COMPRESSED;
}

/* The page's bytes lie on a disk or in the store. */
static inline bool index_leaf_is_stored(uint64_t leaf)
{
    return index_leaf_is_swap(leaf) || index_leaf_is_compressed(leaf);
}

static inline uint64_t index_leaf_handle(uint64_t leaf)
{
    return (leaf & ((1ull << INDEX_STAMP_SHIFT) - 1)) >> INDEX_TAG_BITS;
}

/* The window (window.h) in which the page was used last is kept with a slot or a handle. */
static inline uint64_t index_leaf_stamp(uint64_t leaf, uint8_t window)
{
    return leaf | (uint64_t)window << INDEX_STAMP_SHIFT;
}

static inline uint8_t index_leaf_window(uint64_t leaf)
{
    return (uint8_t)(leaf >> INDEX_STAMP_SHIFT);
}

/* Of a frame's leaf, or a merged page's. */
static inline uint32_t index_leaf_page(uint64_t leaf)
{
    return (uint32_t)(leaf >> INDEX_TAG_BITS);
}

/* Moves a node to another place; for slab_compact, while no place is reserved. */
void index_move_node(void *from, void *to);

/* Finds the place of `key`, with node NULL if the way to it must be made first.  Returns the leaf, 0
 * if there is none. */
static inline uint64_t index_find(const struct index *index, uint64_t key,
                                  struct index_place *place)
{
    struct index_node *node = index->root;
    uint32_t shift = INDEX_SHIFT * index->height;

    if (key >> shift != 0)
        node = NULL;
    while (node && shift > INDEX_SHIFT) {
        shift -= INDEX_SHIFT;
        node = (struct index_node *)(uintptr_t)node->slot[key >> shift & (INDEX_SLOTS - 1)];
    }
    place->node = node;
    place->slot = (uint32_t)key & (INDEX_SLOTS - 1);
    return node ? node->slot[place->slot] : 0;
}

/* The leaf at `key`, 0 if there is none. */
static inline uint64_t index_lookup(const struct index *index, uint64_t key)
{
    struct index_place place;

    return index_find(index, key, &place);
}

/* The first key of [first, end) that has a leaf, or `end`. */
uint64_t index_next(const struct index *index, uint64_t first, uint64_t end);

/* Makes the nodes on the way to `key` (< INDEX_LIMIT).  False: no memory, nothing changed. */
bool index_make_path(struct index *index, struct slab_kind *nodes, uint64_t key,
                     struct index_place *place);

/* The same as index_make_path; nearly always the nodes are there. */
static inline bool index_reserve(struct index *index, struct slab_kind *nodes, uint64_t key,
                                 struct index_place *place)
{
    index_find(index, key, place);
    return place->node || index_make_path(index, nodes, key, place);
}

static inline uint64_t index_read(const struct index_place *place)
{
    return place->node->slot[place->slot];
}

/* Sets an empty reserved leaf. */
static inline void index_fill(const struct index_place *place, uint64_t leaf)
{
    place->node->used++;
    place->node->slot[place->slot] = leaf;
}

/* Gives a leaf that is there another value, not 0. */
static inline void index_replace(const struct index_place *place, uint64_t leaf)
{
    place->node->slot[place->slot] = leaf;
}

/* Called with each leaf of a range.  True: the leaf goes.  May not change this index itself. */
typedef bool index_visit(void *context, uint64_t key, uint64_t leaf);

/* Shows every leaf of [first, first + count) to `visit` and takes out those that it says; nodes left
 * empty are freed (also those of a reserved place that was not filled). */
void index_remove(struct index *index, struct slab_kind *nodes, uint64_t first, uint64_t count,
                  index_visit *visit, void *context);

#endif
