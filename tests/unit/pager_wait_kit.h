/* What the tests of waiting share: a machine with a slow file, requests, and what must hold after each
 * step and at the end. */
#ifndef PAGER_WAIT_KIT_H
#define PAGER_WAIT_KIT_H

#include "harness.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"

#define FRAMES 256u
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define AT     0x10000000ull /* where files are mapped */
#define HEAP   0x20000000ull /* and anonymous memory */
#define RW     (PROT_READ | PROT_WRITE)

static struct slow slow;

static inline struct space *wait_begin(void)
{
    struct space *space;

    slow_begin(&slow, FRAMES);
    space = space_create(&slow.fake.vm, 1);
    CHECK(space);
    return space;
}

static inline void wait_sound(void)
{
    const char *broken = slow_check(&slow);

    CHECK_STRING(broken ? broken : "", "");
}

/* The law of all tests here: when spaces and fetches are gone, every frame is back. */
static inline void wait_end(void)
{
    wait_sound();
    slow_end(&slow);
    fake_unlimit(&slow.fake);
    wait_sound();
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages);
    CHECK_EQ(slow.fake.vm.waits.active, 0);
    fake_free(&slow.fake);
}

static inline enum slow_state wait_fault(uint32_t thread, struct space *space, uint64_t address,
                                         uint32_t access)
{
    enum slow_state state = slow_fault(&slow, &slow.thread[thread], space, address, access);

    wait_sound();
    return state;
}

static inline enum slow_state wait_write(uint32_t thread, struct space *space, uint64_t address)
{
    enum slow_state state = slow_write(&slow, &slow.thread[thread], space, address, 0x99);

    wait_sound();
    return state;
}

static inline void wait_finish(uint32_t page, bool ok)
{
    slow_end_fetch(&slow, page, ok);
    wait_sound();
}

/* What a program reads; it may not have to wait. */
static inline int wait_read(struct space *space, uint64_t address)
{
    uint8_t byte = 0;

    return fake_touch(&slow.fake, space, address, FL_ACCESS_READ, &byte) == FAKE_DONE ? byte : -1;
}

static inline uint64_t wait_map_heap(struct space *space, uint64_t pages)
{
    struct vm_map_request request = {.address = HEAP,
                                     .bytes = pages * PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at = 0;

    CHECK_EQ(vm_map(&slow.fake.vm, space, &request, &at), 0);
    return at;
}

static inline void wait_stopped(uint32_t thread, const struct space *space, uint32_t kind,
                                uint32_t signal)
{
    CHECK_EQ(slow.thread[thread].state, SLOW_STOPPED);
    CHECK_EQ(space->event.kind, kind);
    CHECK_EQ(space->event.signal, signal);
}

#endif
