/* What the tests of fork share beyond those of the core: programs that fork. */
#ifndef PAGER_FORK_KIT_H
#define PAGER_FORK_KIT_H

#include "pager_core_kit.h"

static inline struct space *fork_child(struct space *parent)
{
    struct space *child = space_create(&fake.vm, 2);

    CHECK(child);
    CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
    core_sound();
    return child;
}

static inline void fork_exit(struct space *space)
{
    fake_destroy_space(&fake, space);
    core_sound();
}

static inline uint64_t fork_map(struct space *space, uint64_t pages, uint32_t protection,
                                uint32_t type)
{
    struct vm_map_request request = {
        .bytes = pages * PAGE, .protection = protection, .flags = type | MAP_ANONYMOUS};
    uint64_t at = 0;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    core_sound();
    return at;
}

static inline uint32_t fork_pages(void)
{
    return fake.vm.table.counts[PAGE_OBJECT];
}

static inline uint32_t fork_depth(const struct space *space, uint64_t address)
{
    const struct object *object = entry_find(&space->map, address)->object;
    uint32_t depth = 0;

    for (; object; object = object->below)
        depth++;
    return depth;
}

#endif
