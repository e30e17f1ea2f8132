/* fork: a second space that shows what the first one shows.
 *
 *   entry                                     the child's entry names
 *   ---------------------------------------   ------------------------------------------------------
 *   guard                                     nothing either
 *   MAP_SHARED; a file object (text)          the same object
 *   private, its object holds no page         an object of its own over the same one below
 *   private, its object holds pages           a new object over that one; and so does the parent's
 *
 * Pages that the object of a wired entry holds in its range are not shared: the child's object gets
 * copies at once, and the pages go up into the parent's new one.  The parent may write them again when
 * they are copied, and no fault of it copies one.
 *
 * All records and frames are taken before anything changes.  Then the parent's tables lose the right to
 * write, range by range: who writes now waits for the end of the fork, so that the child sees the memory
 * of one moment, whatever other threads of the parent do meanwhile.  Then wired pages are copied, the
 * parent's entries get their new objects, and the child's entries are made last. */
#include <errno.h>

#include "vm.h"

/* Records made ahead: as many as the fork takes.  Of each object that is copied, `twin` is the child's
 * new object, and that one's `twin` the parent's new one, or NULL. */
struct fork {
    struct vm *vm;
    struct space *parent;
    struct space *child;
    struct entry *entries; /* through `next` */
};

static bool fork_is_copied(const struct entry *entry)
{
    return entry->object && entry->object->owner && entry->inheritance == ENTRY_COPY;
}

static bool fork_is_wired(const struct entry *entry)
{
    return fork_is_copied(entry) && entry->wired;
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

/* A new object that will show what lies under `like`; its entries will hold a reference each.  NULL:
 * no memory. */
static struct object *fork_reserve_object(const struct fork *fork, const struct object *like,
                                          struct space *owner)
{
    struct object *object = object_create_anonymous(fork->vm, owner);

    if (!object)
        return NULL;
    object->references = 0;
    object_copy_source(object, like);
    return object;
}

/* Makes the objects that take the place of one. */
static bool fork_reserve_objects(const struct fork *fork, struct object *object)
{
    struct object *twin = fork_reserve_object(fork, object, fork->child);

    object->twin = twin;
    if (!twin || object_pages(object) == 0)
        return twin;
    twin->twin = fork_reserve_object(fork, object, fork->parent);
    return twin->twin;
}

/* ---- wired pages ---- */

struct fork_copying {
    struct vm *vm;
    struct object *cover; /* the parent's new object: pages will go there */
    struct object *twin;  /* the child's: gets copies */
    bool short_of_memory;
};

/* True if there is nothing to copy yet: the page is out of memory, or on its way. */
static bool fork_is_away(const struct vm *vm, uint64_t leaf)
{
    return !index_leaf_is_frame(leaf) || page_is_busy(&vm->table, index_leaf_page(leaf));
}

static bool fork_reserve_leaf(void *context, uint64_t index, uint64_t leaf)
{
    struct fork_copying *copying = context;
    struct vm *vm = copying->vm;
    struct index_place place;
    uint32_t to;

    if (copying->short_of_memory || fork_is_away(vm, leaf))
        return false;
    copying->short_of_memory = !index_reserve(&copying->cover->index, &vm->nodes, index, &place) ||
                               !index_reserve(&copying->twin->index, &vm->nodes, index, &place);
    if (copying->short_of_memory)
        return false;
    to = page_allocate(&vm->table, PAGE_OBJECT);
    if (to == PAGE_NONE) {
        copying->short_of_memory = true;
        return false;
    }
    object_add_page(vm, copying->twin, &place, index, to);
    return false;
}

/* Takes frames for copies of what a wired entry's object holds in its range, and makes room above it for
 * the pages.  Pages that are away stay below for both. */
static bool fork_reserve_copies(const struct fork *fork, const struct entry *entry)
{
    struct object *object = entry->object;
    struct fork_copying copying = {fork->vm, object->twin->twin, object->twin, false};

    if (object->resident > 0)
        index_remove(&object->index, &fork->vm->nodes, entry->offset, entry_pages(entry),
                     fork_reserve_leaf, &copying);
    return !copying.short_of_memory;
}

/* ---- all that is made ahead ---- */

static void fork_release_object(const struct fork *fork, struct object *object)
{
    if (!object)
        return;
    object_free_pages(fork->vm, object, 0, INDEX_LIMIT); /* and nodes that were reserved */
    object_free(fork->vm, object);
}

static void fork_release(struct fork *fork)
{
    while (fork->entries) {
        struct entry *entry = fork->entries;

        fork->entries = entry->next;
        slab_release(&fork->vm->entries, entry);
    }
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next) {
        struct object *twin = fork_is_first(entry) ? entry->object->twin : NULL;

        if (!twin)
            continue;
        fork_release_object(fork, twin->twin);
        fork_release_object(fork, twin);
        entry->object->twin = NULL;
    }
}

static bool fork_reserve_all(struct fork *fork)
{
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next)
        if (!fork_reserve_entry(fork) ||
            (fork_is_first(entry) && !fork_reserve_objects(fork, entry->object)))
            return false;
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next)
        if (fork_is_wired(entry) && !fork_reserve_copies(fork, entry))
            return false;
    return true;
}

/* ---- the change ---- */

/* The parent's entries of `object` name a new one over it from now on. */
static void fork_cover(const struct fork *fork, struct object *object, struct object *cover)
{
    cover->entries = object->entries;
    cover->shifted = object->shifted;
    object->entries = NULL;
    object->shifted = false;
    for (struct entry *entry = cover->entries; entry; entry = entry->object_next) {
        entry->object = cover;
        cover->references++;
        object->references--;
    }
    shadow_put_above(cover, object);
    fork->vm->counts.shadows++;
}

/* Moves the pages of wired entries up; the nodes for them were made. */
static void fork_raise_wired(const struct fork *fork, struct object *object, struct object *cover)
{
    for (const struct entry *entry = cover->entries; entry; entry = entry->object_next)
        if (entry->wired)
            shadow_raise_range(fork->vm, object, cover, entry->offset, entry_pages(entry));
    if (object_pages(object) == 0)
        shadow_settle(fork->vm, object);
}

/* Puts the new objects in their places.  The child's stays the `twin` of what the parent's entries
 * name. */
static void fork_split(const struct fork *fork, struct object *object)
{
    struct object *twin = object->twin, *cover = twin->twin;

    twin->twin = NULL;
    if (!cover) {
        twin->holes = object->holes;
        if (object->below)
            shadow_put_above(twin, object->below);
        return;
    }
    object->twin = NULL;
    cover->twin = twin;
    fork_cover(fork, object, cover);
    shadow_put_above(twin, object);
    fork->vm->counts.shadows++;
    fork_raise_wired(fork, object, cover);
}

/* Takes the right to write out of the parent's tables; only pages of an entry's own object can be
 * mapped with it. */
static void fork_protect(const struct fork *fork, const struct entry *entry)
{
    const struct vm_port *port = &fork->vm->port;

    if (fork_is_copied(entry) && entry->object->resident > 0 &&
        (entry->protection & FL_RIGHT_WRITE))
        port->make_read_only(port->context, fork->parent->id, entry->start, entry_pages(entry));
}

/* The same, and the child's tables show what the parent's do. */
static void fork_clone(const struct fork *fork, const struct entry *entry)
{
    const struct vm_port *port = &fork->vm->port;
    uint32_t rights = fork_is_copied(entry) ? FL_RIGHT_READ | FL_RIGHT_EXEC
                                            : FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC;

    if (entry->object)
        port->clone(port->context, fork->child->id, fork->parent->id, entry->start,
                    entry_pages(entry), rights);
}

static void fork_set_tables(const struct fork *fork)
{
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next)
        if (fork->vm->fork_clones && !fork_is_wired(entry))
            fork_clone(fork, entry);
        else
            fork_protect(fork, entry);
}

/* The pages of one wired entry. */
struct fork_filling {
    const struct fork *fork;
    const struct entry *entry;
};

/* Copies one page for the child, and lets the parent write its own again; if the map has no table, the
 * write will fault. */
static bool fork_fill_leaf(void *context, uint64_t index, uint64_t leaf)
{
    const struct fork_filling *filling = context;
    const struct entry *entry = filling->entry;
    struct vm *vm = filling->fork->vm;
    uint32_t from = index_leaf_page(leaf);
    uint32_t to = index_leaf_page(index_lookup(&entry->object->twin->index, index));
    struct vm_mapping mapping = {.address = entry->start + (index - entry->offset) * FL_PAGE_BYTES,
                                 .pages = 1,
                                 .rights = entry->protection | FL_MAP_REPLACE | FL_MAP_ACCESSED};
    struct object_page found;

    if (fork_is_away(vm, leaf))
        return false;
    vm->table.pages[from].flags |= PAGE_TAKEN;
    page_copy(page_contents(&vm->table, to), page_contents(&vm->table, from));
    if (!(entry->protection & FL_RIGHT_WRITE))
        return false;
    vm_page_locate(vm, from, &found);
    mapping.page = found.page;
    mapping.slot = found.slot;
    (void)vm->port.map(vm->port.context, filling->fork->parent->id, &mapping);
    return false;
}

static void fork_copy_wired(const struct fork *fork)
{
    for (const struct entry *entry = fork->parent->map.first; entry; entry = entry->next) {
        struct fork_filling filling = {fork, entry};

        if (fork_is_wired(entry) && entry->object->resident > 0)
            index_remove(&entry->object->index, &fork->vm->nodes, entry->offset, entry_pages(entry),
                         fork_fill_leaf, &filling);
    }
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
    if (!fork_reserve_all(&fork)) {
        fork_release(&fork);
        commit_give(vm, commit_of_space(parent));
        return ENOMEM;
    }
    fork_set_tables(&fork);
    fork_copy_wired(&fork);
    for (struct entry *entry = parent->map.first; entry; entry = entry->next)
        if (fork_is_first(entry))
            fork_split(&fork, entry->object);
    for (const struct entry *entry = parent->map.first; entry; entry = entry->next)
        fork_copy_entry(&fork, entry);
    for (const struct entry *entry = parent->map.first; entry; entry = entry->next)
        if (entry->object)
            entry->object->twin = NULL;
    child->parent = parent->pid;
    child->program = parent->program;
    child->heap_start = parent->heap_start;
    child->heap_end = parent->heap_end;
    limit_inherit(child, parent);
    handle_inherit(child, parent);
    return 0;
}
