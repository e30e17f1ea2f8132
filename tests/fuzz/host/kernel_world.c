/* See kernel_world.h. */
#include "kernel_world.h"

#include "harness.h"

#define MUST     KERNEL_HOST_MUST
#define ALL      FL_RIGHTS_ALL
#define MEMORY   (ALL & ~(FL_RIGHT_SEND | FL_RIGHT_RECV | FL_RIGHT_CALL))
#define ROOT     FL_BOOT_CNODE
#define RAM      FL_BOOT_RAM
#define BOX      80u /* slots of the root task's: the CSpace, what it names */
#define INNER    81u
#define LOAN     82u /* for a capability of the CSpace, from here on */
#define PRIORITY 10u

static void make(enum fl_object type, uint64_t count, uint64_t slot)
{
    MUST(memory_retype, RAM, kernel_host_find_free(1), type, count, BOX, slot);
}

static void copy(uint64_t to, uint64_t from, uint64_t rights, uint64_t badge)
{
    MUST(cnode_copy, BOX, to, BOX, from, rights, badge);
}

/* The root task's copy of a capability of the CSpace, until give_back. */
static uint64_t borrow(uint64_t slot)
{
    MUST(cnode_copy, ROOT, LOAN + slot, BOX, slot, ALL, 0);
    return LOAN + slot;
}

static void give_back(uint64_t slot)
{
    MUST(cnode_delete, ROOT, LOAN + slot);
}

static void make_messages(void)
{
    make(FL_OBJECT_ENDPOINT, 3, WORLD_ENDPOINT);
    copy(WORLD_ENDPOINT_SEND, WORLD_ENDPOINT, FL_RIGHT_SEND, 5);
    copy(WORLD_ENDPOINT_CALL, WORLD_ENDPOINT, FL_RIGHT_CALL, 6);
    make(FL_OBJECT_NOTIFICATION, 3, WORLD_NOTIFICATION);
    copy(WORLD_NOTIFICATION_BADGED, WORLD_NOTIFICATION, ALL, 6);
    copy(WORLD_NOTIFICATION_NONE, WORLD_NOTIFICATION, 0, 0);
    make(FL_OBJECT_REPLY, 4, WORLD_REPLY);
    make(FL_OBJECT_TIMER, 3, WORLD_TIMER);
    make(FL_OBJECT_IRQ_HANDLER, 1, WORLD_IRQ);
    for (uint64_t i = 0; i < 2; i++) {
        MUST(timer_bind, borrow(WORLD_TIMER + i), borrow(WORLD_NOTIFICATION + i));
        give_back(WORLD_TIMER + i);
        give_back(WORLD_NOTIFICATION + i);
    }
}

static void make_memory(void)
{
    uint64_t page = kernel_host_find_free(WORLD_PAGES);

    MUST(memory_derive, RAM, page, WORLD_PAGES, MEMORY, BOX, WORLD_MEMORY);
    MUST(memory_derive, RAM, page, WORLD_PAGES, FL_RIGHT_READ | FL_RIGHT_MAP, BOX,
         WORLD_MEMORY_READ);
    MUST(memory_derive, RAM, page, WORLD_PAGES, 0, BOX, WORLD_MEMORY_NONE);
    MUST(cnode_copy, BOX, WORLD_DEVICE, ROOT, FL_BOOT_DEVICES, ALL, 0);
    MUST(memory_pin, borrow(WORLD_MEMORY), WORLD_PAGE_PINNED, 2, BOX, WORLD_PIN);
    give_back(WORLD_MEMORY);
}

static void donate(uint64_t pool, uint64_t frames)
{
    MUST(pool_donate, borrow(pool), RAM, kernel_host_find_free(frames), frames);
    give_back(pool);
}

static void make_space(uint64_t slot, uint64_t pool)
{
    MUST(vspace_set_pool, borrow(slot), borrow(pool));
    give_back(slot);
    give_back(pool);
}

static void make_spaces(void)
{
    make(FL_OBJECT_TABLE_POOL, 2, WORLD_POOL);
    donate(WORLD_POOL, 12);
    donate(WORLD_POOL + 1, 2);
    make(FL_OBJECT_VSPACE, 5, WORLD_SPACE);
    MUST(cnode_delete, BOX, WORLD_SPACE_NONE);
    make_space(WORLD_SPACE, WORLD_POOL);
    make_space(WORLD_SPACE + 1, WORLD_POOL);
    make_space(WORLD_SPACE_TINY, WORLD_POOL + 1);
    copy(WORLD_SPACE_NONE, WORLD_SPACE, 0, 0);
}

static void map_pages(void)
{
    MUST(vspace_map, borrow(WORLD_SPACE + 1), borrow(WORLD_MEMORY), WORLD_PAGE_MAPPED, WORLD_AREA,
         4, FL_RIGHT_READ | FL_RIGHT_WRITE);
    give_back(WORLD_SPACE + 1);
    give_back(WORLD_MEMORY);
}

static void make_threads(void)
{
    uint64_t buffers;

    make(FL_OBJECT_TCB, WORLD_THREADS, WORLD_TCB);
    buffers = kernel_host_find_free(1);
    for (uint64_t i = 0; i < WORLD_THREADS; i++) {
        uint64_t tcb = borrow(WORLD_TCB + i);
        uint64_t space = borrow(WORLD_SPACE + i / 2);
        bool last = i + 1 == WORLD_THREADS;

        MUST(tcb_set_cspace, tcb, BOX);
        MUST(tcb_set_space, tcb, space, last ? 0 : borrow(WORLD_ENDPOINT + i % 2));
        if (!last) {
            MUST(tcb_set_buffer, tcb, RAM, buffers, i);
            MUST(tcb_set_upcall, tcb, 0x10000);
            give_back(WORLD_ENDPOINT + i % 2);
        }
        MUST(tcb_set_priority, tcb, FL_BOOT_SCHED, PRIORITY + i % 2);
        MUST(tcb_start, tcb, 0x10000, 0x20000, i);
        give_back(WORLD_TCB + i);
        give_back(WORLD_SPACE + i / 2);
    }
}

void kernel_world_start(void)
{
    kernel_host_boot();
    MUST(memory_retype, RAM, kernel_host_find_free(1), FL_OBJECT_CNODE, 1, ROOT, BOX);
    MUST(memory_retype, RAM, kernel_host_find_free(1), FL_OBJECT_CNODE, 1, ROOT, INNER);
    MUST(cnode_copy, BOX, WORLD_CNODE, ROOT, BOX, ALL, 0);
    MUST(cnode_copy, BOX, WORLD_INNER, ROOT, INNER, ALL, 0);
    copy(WORLD_INNER_READ, WORLD_INNER, FL_RIGHT_READ, 0);
    MUST(cnode_copy, BOX, WORLD_SCHED, ROOT, FL_BOOT_SCHED, ALL, PRIORITY + 2);
    MUST(cnode_copy, BOX, WORLD_SYSTEM, ROOT, FL_BOOT_SYSTEM, ALL, 0);
    make_messages();
    make_spaces();
    make_threads();
    make_memory();
    map_pages();
    CHECK_EQ(kernel_host_call(FL_CALL_tcb_suspend, (const uint64_t[7]){FL_BOOT_TCB}),
             KERNEL_HOST_RUNS);
}
