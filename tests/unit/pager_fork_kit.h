/* What the tests of fork share: a machine, programs that fork, and the law that when they are gone
 * every frame is back. */
#ifndef PAGER_FORK_KIT_H
#define PAGER_FORK_KIT_H

#include "harness.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES 512u
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define RW     (PROT_READ | PROT_WRITE)

static struct fake fake;

static inline void fork_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

static inline struct space *fork_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_start(&fake);
    return space_create(&fake.vm, 1);
}

/* The law of all tests here: when its spaces are gone, every frame is back. */
static inline void fork_end(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    fork_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.entries, 0);
    fake_free(&fake);
}

static inline struct space *fork_child(struct space *parent)
{
    struct space *child = space_create(&fake.vm, 2);

    CHECK(child);
    CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
    fork_sound();
    return child;
}

static inline void fork_exit(struct space *space)
{
    fake_destroy_space(&fake, space);
    fork_sound();
}

static inline uint64_t fork_map(struct space *space, uint64_t pages, uint32_t protection,
                                uint32_t type)
{
    struct vm_map_request request = {
        .bytes = pages * PAGE, .protection = protection, .flags = type | MAP_ANONYMOUS};
    uint64_t at = 0;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    fork_sound();
    return at;
}

static inline uint8_t fork_access(struct space *space, uint64_t address, uint32_t access,
                                  uint8_t byte)
{
    CHECK_EQ(fake_touch(&fake, space, address, access, &byte), FAKE_DONE);
    fork_sound();
    return byte;
}

static inline uint8_t fork_read(struct space *space, uint64_t address)
{
    return fork_access(space, address, FL_ACCESS_READ, 0x77);
}

static inline void fork_write(struct space *space, uint64_t address, uint8_t byte)
{
    fork_access(space, address, FL_ACCESS_WRITE, byte);
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
