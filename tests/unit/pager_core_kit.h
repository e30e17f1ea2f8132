/* What the tests of the core share: a machine, programs that touch their memory, and the law that when they
 * are gone every frame is back.  Each step checks all invariants. */
#ifndef PAGER_CORE_KIT_H
#define PAGER_CORE_KIT_H

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES  512u
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static struct fake fake;

/* The law of all tests here: when its spaces are gone, every frame is back. */
static inline void core_end(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.entries, 0);
    fake_free(&fake);
}

static inline struct space *core_begin(void)
{
    struct space *space;

    fake_init(&fake, FRAMES);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK(space);
    return space;
}

static inline void core_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

static inline int core_map(struct space *space, uint64_t address, uint64_t pages,
                           uint32_t protection, uint32_t flags, uint64_t *at)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = protection,
                                     .flags = flags | PRIVATE};
    int error = vm_map(&fake.vm, space, &request, at);

    core_sound();
    return error;
}

static inline uint64_t core_map_anywhere(struct space *space, uint64_t pages, uint32_t protection)
{
    uint64_t at = 0;

    CHECK_EQ(core_map(space, 0, pages, protection, 0, &at), 0);
    return at;
}

/* An access that is served.  Returns what was read, or `byte`. */
static inline uint8_t core_access(struct space *space, uint64_t address, uint32_t access,
                                  uint8_t byte)
{
    CHECK_EQ(fake_touch(&fake, space, address, access, &byte), FAKE_DONE);
    core_sound();
    return byte;
}

static inline uint8_t core_read(struct space *space, uint64_t address)
{
    return core_access(space, address, FL_ACCESS_READ, 0x77);
}

static inline void core_write(struct space *space, uint64_t address, uint8_t byte)
{
    core_access(space, address, FL_ACCESS_WRITE, byte);
}

static inline void core_stops(struct space *space, uint64_t address, uint32_t access, uint32_t kind)
{
    uint8_t byte = 1;

    CHECK_EQ(fake_touch(&fake, space, address, access, &byte), FAKE_STOPPED);
    CHECK_EQ(fake_last_event.kind, kind);
    CHECK_EQ(fake_last_event.address, address);
    CHECK_EQ(fake_last_event.signal, kind == PAGER_EVENT_NO_MEMORY ? 9 : 11);
    core_sound();
}

#endif
