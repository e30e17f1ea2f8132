/* The tree of objects that copy-on-write makes: see shadow.h. */
#include "shadow.h"

#include "vm.h"

/* ---- links ---- */

static void shadow_link(struct object *object, struct object *below)
{
    object->below = below;
    object->previous_above = NULL;
    object->next_above = below ? below->above : NULL;
    if (object->next_above)
        object->next_above->previous_above = object;
    if (below)
        below->above = object;
}

static void shadow_unlink(struct object *object)
{
    if (object->previous_above)
        object->previous_above->next_above = object->next_above;
    else
        object->below->above = object->next_above;
    if (object->next_above)
        object->next_above->previous_above = object->previous_above;
}

void shadow_put_above(struct object *object, struct object *below)
{
    shadow_link(object, below);
    below->references++;
}

/* ---- who sees a page ---- */

/* Visits the objects above in order: an object, those above it, the next one beside it.  NULL: all
 * are visited. */
static const struct object *shadow_next(const struct object *root, const struct object *object,
                                        bool deeper)
{
    if (deeper && object->above)
        return object->above;
    while (object != root && !object->next_above)
        object = object->below;
    return object == root ? NULL : object->next_above;
}

bool shadow_is_shown(const struct object *root, uint64_t index, const struct object *except)
{
    const struct object *object = root->above;

    while (object) {
        bool through = object != except && index_lookup(&object->index, index) == 0;

        if (through && object_is_named(object, index))
            return true;
        object = shadow_next(root, object, through);
    }
    return false;
}

uint32_t shadow_count_entries(const struct object *root, uint64_t index, uint32_t *visits)
{
    uint32_t count = object_count_named(root, index, visits);
    const struct object *object = root->above;

    while (object) {
        bool through = index_lookup(&object->index, index) == 0;

        if (through)
            count += object_count_named(object, index, visits);
        ++*visits;
        object = shadow_next(root, object, through);
    }
    return count;
}

bool shadow_visit_entries(const struct object *root, uint64_t index, object_visit *visit,
                          void *context)
{
    const struct object *object = root->above;
    bool goes_on = object_visit_named(root, index, visit, context);

    while (object && goes_on) {
        bool through = index_lookup(&object->index, index) == 0;

        if (through)
            goes_on = object_visit_named(object, index, visit, context);
        object = shadow_next(root, object, through);
    }
    return goes_on;
}

static bool shadow_note_leaf(void *context, uint64_t index, uint64_t leaf)
{
    (void)index;
    (void)leaf;
    *(bool *)context = true;
    return false;
}

bool shadow_is_clear(struct vm *vm, struct object *object, uint64_t first, uint64_t count)
{
    bool found = false;

    for (object = object->below; object && !found; object = object->below)
        index_remove(&object->index, &vm->nodes, first, count, shadow_note_leaf, &found);
    return !found;
}

/* ---- moving pages ---- */

struct shadow_move {
    struct vm *vm;
    struct object *from;
    struct object *to;
    bool stuck; /* for want of an index node */
};

/* A page that is out of memory moves as its leaf, and is not read. */
static bool shadow_move_leaf(void *context, uint64_t index, uint64_t leaf)
{
    struct shadow_move *move = context;
    struct index_place place;

    if (!index_reserve(&move->to->index, &move->vm->nodes, index, &place)) {
        move->stuck = true;
        return false;
    }
    object_discount_leaf(move->from, leaf);
    object_add_leaf(move->vm, move->to, &place, index, leaf);
    return true;
}

/* Moves all pages.  False: not all, there is no memory for the index. */
static bool shadow_move_pages(struct vm *vm, struct object *from, struct object *to)
{
    struct shadow_move move = {vm, from, to, false};

    index_remove(&from->index, &vm->nodes, 0, INDEX_LIMIT, shadow_move_leaf, &move);
    return !move.stuck;
}

static bool shadow_take_leaf(void *context, uint64_t index, uint64_t leaf)
{
    (void)index;
    *(uint64_t *)context = leaf;
    return true;
}

/* Not inlined, as shadow_settle: most faults would save registers for nothing. */
__attribute__((noinline)) void shadow_take_page(struct vm *vm, struct object *holder,
                                                uint64_t index, struct object *object,
                                                const struct index_place *place)
{
    uint64_t leaf = 0;

    index_remove(&holder->index, &vm->nodes, index, 1, shadow_take_leaf, &leaf);
    object_discount_leaf(holder, leaf);
    object_add_leaf(vm, object, place, index, leaf);
}

/* What is not in memory stays. */
static bool shadow_raise_leaf(void *context, uint64_t index, uint64_t leaf)
{
    const struct shadow_move *move = context;

    return index_leaf_is_frame(leaf) && !page_is_busy(&move->vm->table, index_leaf_page(leaf)) &&
           shadow_move_leaf(context, index, leaf);
}

void shadow_raise_range(struct vm *vm, struct object *object, struct object *above, uint64_t first,
                        uint64_t count)
{
    struct shadow_move move = {vm, object, above, false};

    index_remove(&object->index, &vm->nodes, first, count, shadow_raise_leaf, &move);
}

/* ---- bypass and merge ---- */

/* Takes an empty object out from under those above it. */
static void shadow_bypass(struct vm *vm, struct object *object)
{
    struct object *below = object->below, *above = object->above;

    if (below) {
        shadow_unlink(object);
        below->references--;
    }
    while (above) {
        struct object *next = above->next_above;

        above->holes = above->holes || object->holes;
        shadow_link(above, below);
        if (below)
            below->references++;
        above = next;
    }
    object_free(vm, object);
}

/* `object` becomes what the only one above it is, an empty one that goes. */
static void shadow_replace_above(struct vm *vm, struct object *object)
{
    struct object *above = object->above;

    object->entries = above->entries;
    for (struct entry *entry = object->entries; entry; entry = entry->object_next)
        entry->object = object;
    object->above = above->above;
    for (struct object *higher = object->above; higher; higher = higher->next_above)
        higher->below = object;
    object->references = above->references;
    object->holes = object->holes || above->holes;
    object->lonely = above->lonely;
    object->shifted = above->shifted;
    object_free(vm, above);
}

void shadow_drop_empty(struct vm *vm, struct object *object)
{
    if (object->above && object_pages(object) == 0)
        shadow_bypass(vm, object);
}

static void shadow_merge(struct vm *vm, struct object *object)
{
    struct object *above = object->above;
    bool upwards = object_pages(object) <= object_pages(above);
    struct object *from = upwards ? object : above;

    object_set_owner(object, above->owner);
    object->lonely = !shadow_move_pages(vm, from, upwards ? above : object);
    if (object->lonely)
        return;
    if (upwards)
        shadow_bypass(vm, object);
    else
        shadow_replace_above(vm, object);
    vm->counts.merges++;
}

__attribute__((noinline)) void shadow_settle(struct vm *vm, struct object *object)
{
    if (!object->above->next_above)
        shadow_merge(vm, object);
    else if (object_pages(object) == 0)
        shadow_bypass(vm, object);
}

/* ---- sweep ---- */

struct shadow_sweep {
    struct vm *vm;
    struct object *object; /* whose pages are looked at; the highest one that may hold them */
    const struct object *forgetful; /* the top that shows them no more */
};

/* A page that nobody sees goes. */
static bool shadow_sweep_leaf(void *context, uint64_t index, uint64_t leaf)
{
    const struct shadow_sweep *sweep = context;

    if (shadow_is_shown(sweep->object, index, sweep->forgetful))
        return false;
    object_drop_leaf(sweep->vm, leaf);
    object_discount_leaf(sweep->object, leaf);
    return true;
}

/* The page that a page of a witness hides goes if nobody sees it. */
static bool shadow_sweep_hidden(void *context, uint64_t index, uint64_t leaf)
{
    const struct shadow_sweep *sweep = context;

    (void)leaf;
    for (struct object *object = sweep->object; object; object = object->below) {
        if (index_lookup(&object->index, index) == 0)
            continue;
        if (!shadow_is_shown(object, index, sweep->forgetful))
            object_free_pages(sweep->vm, object, index, 1);
        break;
    }
    return false;
}

/* A top beside `object`, or above one beside, that shows everything of what `object` showed, save
 * what it and those between hide with pages of their own.  NULL: there is none to be found quickly. */
static struct object *shadow_find_witness(const struct object *object)
{
    for (struct object *beside = object->below->above; beside; beside = beside->next_above) {
        struct object *witness = beside;

        while (!witness->holes && witness->above)
            witness = witness->above;
        if (beside != object && !witness->holes)
            return witness;
    }
    return NULL;
}

/* Frees what nobody sees of [first, first + count) below `object`. */
static void shadow_sweep_range(struct vm *vm, struct object *object, uint64_t first, uint64_t count)
{
    struct shadow_sweep sweep = {vm, object->below, object};
    struct object *witness = shadow_find_witness(object);

    if (witness) {
        for (; witness != object->below; witness = witness->below)
            index_remove(&witness->index, &vm->nodes, first, count, shadow_sweep_hidden, &sweep);
        return;
    }
    for (; sweep.object; sweep.object = sweep.object->below)
        index_remove(&sweep.object->index, &vm->nodes, first, count, shadow_sweep_leaf, &sweep);
}

void shadow_forget_range(struct vm *vm, struct object *object, uint64_t first, uint64_t count)
{
    struct object *below = object->below;

    shadow_sweep_range(vm, object, first, count);
    object->holes = true;
    while (below) {
        struct object *next = below->below;

        if (object_pages(below) == 0)
            shadow_bypass(vm, below);
        below = next;
    }
}

/* Charges an object below others to somebody who still sees it. */
static void shadow_find_heir(struct object *object)
{
    const struct object *top = object->above;

    while (top->above)
        top = top->above;
    object_set_owner(object, top->entries->space);
}

/* A lonely object whose last one above left. */
static void shadow_free_last(struct vm *vm, struct object *object)
{
    if (object->below) {
        shadow_unlink(object);
        object->below->references--;
    }
    object_free(vm, object);
}

void shadow_leave(struct vm *vm, struct object *object)
{
    struct object *below = object->below;

    shadow_unlink(object);
    below->references--;
    while (below) {
        struct object *next = below->below;

        if (below->references == 0) {
            shadow_free_last(vm, below);
        } else {
            if (below->owner == object->owner)
                shadow_find_heir(below);
            shadow_settle(vm, below);
        }
        below = next;
    }
}
