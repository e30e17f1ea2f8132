/* The sorted set of entries: see entry.h. */
#include "entry.h"

static uint64_t entry_gap(const struct entry *entry)
{
    return entry->start - (entry->previous ? entry->previous->end : 0);
}

static int entry_height(const struct entry *entry)
{
    return entry ? entry->height : 0;
}

static uint64_t entry_gap_below(const struct entry *entry)
{
    return entry ? entry->gap_max : 0;
}

/* Recomputes what a node knows about its subtree. */
static void entry_update(struct entry *entry)
{
    int left = entry_height(entry->left), right = entry_height(entry->right);
    uint64_t gap = entry_gap(entry);

    if (entry_gap_below(entry->left) > gap)
        gap = entry_gap_below(entry->left);
    if (entry_gap_below(entry->right) > gap)
        gap = entry_gap_below(entry->right);
    entry->gap_max = gap;
    entry->height = (uint8_t)(1 + (left > right ? left : right));
}

/* Puts `entry` (may be NULL) where `old` hangs. */
static void entry_replace_child(struct entry_map *map, struct entry *parent, struct entry *old,
                                struct entry *entry)
{
    if (!parent)
        map->root = entry;
    else if (parent->left == old)
        parent->left = entry;
    else
        parent->right = entry;
    if (entry)
        entry->parent = parent;
}

/* The right child takes the place of `entry`, which becomes its left child.  Returns the child. */
static struct entry *entry_rotate_left(struct entry_map *map, struct entry *entry)
{
    struct entry *child = entry->right;

    entry_replace_child(map, entry->parent, entry, child);
    entry->right = child->left;
    if (entry->right)
        entry->right->parent = entry;
    child->left = entry;
    entry->parent = child;
    entry_update(entry);
    entry_update(child);
    return child;
}

static struct entry *entry_rotate_right(struct entry_map *map, struct entry *entry)
{
    struct entry *child = entry->left;

    entry_replace_child(map, entry->parent, entry, child);
    entry->left = child->right;
    if (entry->left)
        entry->left->parent = entry;
    child->right = entry;
    entry->parent = child;
    entry_update(entry);
    entry_update(child);
    return child;
}

/* Restores T2 at one node whose children are right.  Returns the node in its place. */
static struct entry *entry_balance(struct entry_map *map, struct entry *entry)
{
    int lean = entry_height(entry->left) - entry_height(entry->right);

    if (lean > 1) {
        if (entry_height(entry->left->left) < entry_height(entry->left->right))
            entry_rotate_left(map, entry->left);
        return entry_rotate_right(map, entry);
    }
    if (lean < -1) {
        if (entry_height(entry->right->right) < entry_height(entry->right->left))
            entry_rotate_right(map, entry->right);
        return entry_rotate_left(map, entry);
    }
    entry_update(entry);
    return entry;
}

/* Restores T2 and T3 from `entry` up to the root. */
static void entry_repair(struct entry_map *map, struct entry *entry)
{
    while (entry)
        entry = entry_balance(map, entry)->parent;
}

struct entry *entry_find_from(const struct entry_map *map, uint64_t address)
{
    struct entry *entry = map->root, *best = NULL;

    while (entry) {
        if (entry->end > address) {
            best = entry;
            entry = entry->left;
        } else {
            entry = entry->right;
        }
    }
    return best;
}

static void entry_list_add(struct entry_map *map, struct entry *entry, struct entry *next)
{
    entry->next = next;
    entry->previous = next ? next->previous : map->last;
    if (entry->previous)
        entry->previous->next = entry;
    else
        map->first = entry;
    if (next)
        next->previous = entry;
    else
        map->last = entry;
}

void entry_insert(struct entry_map *map, struct entry *entry)
{
    struct entry *parent = NULL, **link = &map->root, *next = NULL;

    while (*link) {
        parent = *link;
        if (entry->start < parent->start) {
            next = parent;
            link = &parent->left;
        } else {
            link = &parent->right;
        }
    }
    *link = entry;
    entry->left = entry->right = NULL;
    entry->parent = parent;
    entry_list_add(map, entry, next);
    map->count++;
    entry_repair(map, entry); /* the next one, whose gap shrank, is above the new leaf */
}

/* Takes `entry`, which has two children, out of the tree by putting its successor in its place.
 * Returns the lowest node whose subtree changed. */
static struct entry *entry_replace_by_successor(struct entry_map *map, struct entry *entry)
{
    struct entry *heir = entry->next; /* leftmost of the right subtree: has no left child */
    struct entry *changed = heir->parent == entry ? heir : heir->parent;

    if (heir->parent != entry) {
        entry_replace_child(map, heir->parent, heir, heir->right);
        heir->right = entry->right;
        heir->right->parent = heir;
    }
    heir->left = entry->left;
    heir->left->parent = heir;
    entry_replace_child(map, entry->parent, entry, heir);
    return changed;
}

void entry_remove(struct entry_map *map, struct entry *entry)
{
    struct entry *changed = entry->parent, *next = entry->next;

    if (entry->left && entry->right)
        changed = entry_replace_by_successor(map, entry);
    else
        entry_replace_child(map, entry->parent, entry, entry->left ? entry->left : entry->right);
    if (entry->previous)
        entry->previous->next = next;
    else
        map->first = next;
    if (next)
        next->previous = entry->previous;
    else
        map->last = entry->previous;
    map->count--;
    entry_repair(map, changed);
    entry_repair(map, next); /* its gap grew */
}

void entry_resize(struct entry_map *map, struct entry *entry, uint64_t start, uint64_t end)
{
    entry->start = start;
    entry->end = end;
    entry_repair(map, entry);
    entry_repair(map, entry->next);
}

/* The lowest start of a fitting gap that lies before an entry of this subtree, or 0.  Only one gap
 * can straddle `low`, so at most one subtree is searched in vain.  Recursion follows the height. */
static uint64_t entry_search_gap(const struct entry *entry, uint64_t low, uint64_t bytes)
{
    uint64_t start, found;

    if (!entry || entry->gap_max < bytes)
        return 0;
    if (entry->start > low) {
        found = entry_search_gap(entry->left, low, bytes);
        if (found)
            return found;
        start = entry->previous ? entry->previous->end : 0;
        if (start < low)
            start = low;
        if (entry->start > start && entry->start - start >= bytes)
            return start;
    }
    return entry_search_gap(entry->right, low, bytes);
}

uint64_t entry_find_gap(const struct entry_map *map, uint64_t low, uint64_t high, uint64_t bytes)
{
    uint64_t found;

    if (low >= high || bytes > high - low)
        return 0;
    found = entry_search_gap(map->root, low, bytes);
    if (!found)
        found = map->last && map->last->end > low ? map->last->end : low;
    return found < high && bytes <= high - found ? found : 0;
}

bool entry_covered(const struct entry_map *map, uint64_t start, uint64_t end)
{
    const struct entry *entry = entry_find_from(map, start);

    while (entry && entry->start <= start) {
        if (entry->end >= end)
            return true;
        start = entry->end;
        entry = entry->next;
    }
    return false;
}

/* T2 and T3 of one node, given right children. */
static const char *entry_check_node(const struct entry *entry)
{
    struct entry copy = *entry;
    int lean = entry_height(entry->left) - entry_height(entry->right);

    entry_update(&copy);
    if (lean < -1 || lean > 1 || copy.height != entry->height)
        return "T2";
    return copy.gap_max == entry->gap_max ? NULL : "T3";
}

/* Next node in order, by the tree alone. */
static const struct entry *entry_tree_next(const struct entry *entry)
{
    if (entry->right) {
        entry = entry->right;
        while (entry->left)
            entry = entry->left;
        return entry;
    }
    while (entry->parent && entry->parent->right == entry)
        entry = entry->parent;
    return entry->parent;
}

const char *entry_check(const struct entry_map *map)
{
    const struct entry *entry = map->root, *previous = NULL;
    uint32_t count = 0;

    while (entry && entry->left)
        entry = entry->left;
    for (const struct entry *listed = map->first; listed; listed = listed->next) {
        const char *broken;

        if (listed != entry || listed->previous != previous)
            return "T4";
        if (listed->start >= listed->end || (listed->start | listed->end) % FL_PAGE_BYTES != 0 ||
            (previous && listed->start < previous->end))
            return "T1";
        broken = entry_check_node(listed);
        if (broken)
            return broken;
        entry = entry_tree_next(entry);
        previous = listed;
        count++;
    }
    return entry == NULL && previous == map->last && count == map->count ? NULL : "T4";
}
