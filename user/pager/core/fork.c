/* fork: a second space that shows what the first one shows.
 *
 *   entry                                     the child's entry names
 *   ---------------------------------------   ------------------------------------------------------
 *   guard                                     nothing either
 *   MAP_SHARED; a file object (text)          the same object
 *   private, its object holds no page         an object of its own over the same one below
 *   private, its object holds pages           a new object over that one; and so does the parent's
 *
 * All records are made before anything changes.  Then the parent's tables lose the right to write,
 * range by range, then its entries get their new objects, and the child's entries are made last. */
#include <errno.h>

#include "vm.h"

/* Records made ahead: as many as the fork takes. */
struct fork {
    struct vm *vm;
    struct space *parent;
    struct space *child;
    struct entry *entries;  /* through `next` */
    struct object *objects; /* through `next_above` */
};

static bool fork_is_copied(const struct entry *entry)
{
    return entry->object && entry->object->owner && entry->inheritance == ENTRY_COPY;
}

/* An object's turn comes with the entry that its list starts with. */
static bool fork_is_first(const struct entry *entry)
{
    return fork_is_copied(entry) && entry->object->entries == entry;
}

static bool fork_reserve_entry(struct fork *fork)
{
    struct entry *entry = slab_allocate(&fork->vm->entries);

    if (!entry)
        return false;
    entry->next = fork->entries;
    fork->entries = entry;
    return true;
}

static bool fork_reserve_object(struct fork *fork, struct space *owner)
{
    struct object *object = object_create_anonymous(fork->vm, owner);

    if (!object)
        return false;
    object->next_above = fork->objects;
    fork->objects = object;
    return true;
}

static void fork_release(struct fork *fork)
{
    while (fork->entries) {
        struct entry *entry = fork->entries;

        fork->entries = entry->next;
        slab_release(&fork->vm->entries, entry);
    }
    while (fork->objects) {
        struct object *object = fork->objects;

        fork->objects = object->next_above;
        object_free(fork->vm, object);
    }
}

static bool fork_reserve(struct fork *fork)
{
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next) {
        bool first = fork_is_first(entry);

        if (!fork_reserve_entry(fork) || (first && !fork_reserve_object(fork, fork->child)) ||
            (first && entry->object->resident > 0 && !fork_reserve_object(fork, fork->parent))) {
            fork_release(fork);
            return false;
        }
    }
    return true;
}

/* A reserved object that shows what lies under `like`, and holds nothing yet. */
static struct object *fork_take_object(struct fork *fork, const struct object *like,
                                       struct space *owner)
{
    struct object *object = fork->objects;

    fork->objects = object->next_above;
    object->next_above = NULL;
    object->owner = owner;
    object->references = 0; /* its entries hold one each */
    object_copy_source(object, like);
    return object;
}

/* The parent's entries of `object` name a new one over it from now on. */
static struct object *fork_cover(struct fork *fork, struct object *object)
{
    struct object *cover = fork_take_object(fork, object, fork->parent);

    cover->entries = object->entries;
    object->entries = NULL;
    for (struct entry *entry = cover->entries; entry; entry = entry->object_next) {
        entry->object = cover;
        cover->references++;
        object->references--;
    }
    shadow_put_above(cover, object);
    fork->vm->counts.shadows++;
    return cover;
}

/* Makes the child's object for one of the parent's. */
static void fork_split(struct fork *fork, struct object *object)
{
    struct object *twin = fork_take_object(fork, object, fork->child);

    if (object->resident == 0) {
        object->twin = twin;
        twin->holes = object->holes;
        if (object->below)
            shadow_put_above(twin, object->below);
        return;
    }
    fork_cover(fork, object)->twin = twin;
    shadow_put_above(twin, object);
    fork->vm->counts.shadows++;
}

/* Only pages of the entry's own object can be mapped writable. */
static void fork_protect_parent(const struct fork *fork)
{
    const struct vm_port *port = &fork->vm->port;

    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next)
        if (fork_is_copied(entry) && entry->object->resident > 0 &&
            (entry->protection & FL_RIGHT_WRITE))
            port->make_read_only(port->context, fork->parent->id, entry->start, entry_pages(entry));
}

static void fork_copy_entry(struct fork *fork, const struct entry *from)
{
    struct entry *entry = fork->entries;

    fork->entries = entry->next;
    entry_copy_attributes(entry, from);
    if (fork_is_copied(from))
        entry->object = from->object->twin;
    entry->start = from->start;
    entry->end = from->end;
    entry->wired = false;
    if (entry->object)
        entry->object->references++;
    vm_enter_entry(fork->child, entry);
}

int vm_fork(struct vm *vm, struct space *parent, struct space *child)
{
    struct fork fork = {.vm = vm, .parent = parent, .child = child};

    if (!commit_take_copy(vm, parent))
        return ENOMEM;
    if (!fork_reserve(&fork)) {
        commit_give(vm, commit_of_space(parent));
        return ENOMEM;
    }
    fork_protect_parent(&fork);
    for (struct entry *entry = parent->map.first; entry; entry = entry->next)
        if (fork_is_first(entry))
            fork_split(&fork, entry->object);
    for (const struct entry *entry = parent->map.first; entry; entry = entry->next)
        fork_copy_entry(&fork, entry);
    child->heap_start = parent->heap_start;
    child->heap_end = parent->heap_end;
    limit_inherit(child, parent);
    handle_inherit(child, parent);
    return 0;
}
