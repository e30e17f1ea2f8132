/* See pager_world.h. */
#include "pager_world.h"

#include <string.h>

#include "arch.h"
#include "harness.h"
#include "kernel_host.h"
#include "protocol.h"

#define MUST           KERNEL_HOST_MUST
#define ALL            FL_RIGHTS_ALL
#define ROOT           FL_BOOT_CNODE
#define RAM            FL_BOOT_RAM
#define TABLES         24u
#define REPLIES        ((uint64_t)PAGER_SLOT_REPLIES_END - PAGER_SLOT_REPLIES)
#define PAGER_PRIORITY 40u
#define PRIORITY       10u
#define YIELDS         8u

struct world {
    struct tcb *pager;
    struct tcb *client[PAGER_WORLD_CLIENTS]; /* NULL: ended */
};
static struct world world, saved_world;
static struct kernel_host_state saved;

static void make(enum fl_object type, uint64_t count, uint64_t slot)
{
    MUST(memory_retype, RAM, kernel_host_find_free(1), type, count, WORLD_CNODE, slot);
}

static void lend(uint64_t own, uint64_t slot)
{
    MUST(cnode_copy, ROOT, own, WORLD_CNODE, slot, ALL, 0);
}

static void make_pager_objects(void)
{
    make(FL_OBJECT_ENDPOINT, 1, PAGER_SLOT_ENDPOINT);
    make(FL_OBJECT_NOTIFICATION, 1, PAGER_SLOT_EVENTS);
    make(FL_OBJECT_VSPACE, 1, PAGER_SLOT_VSPACE);
    make(FL_OBJECT_TABLE_POOL, 1, PAGER_SLOT_POOL);
    make(FL_OBJECT_NOTIFICATION, 1, PAGER_SLOT_IDLE_WAKE);
    make(FL_OBJECT_REPLY, REPLIES, PAGER_SLOT_REPLIES);
    MUST(cnode_copy, WORLD_CNODE, PAGER_SLOT_CNODE, ROOT, WORLD_CNODE, ALL, 0);
    MUST(cnode_copy, WORLD_CNODE, PAGER_SLOT_SYSTEM, ROOT, FL_BOOT_SYSTEM, ALL, 0);
    MUST(cnode_copy, WORLD_CNODE, PAGER_SLOT_RAM, ROOT, RAM, ALL, 0);
    lend(WORLD_ENDPOINT, PAGER_SLOT_ENDPOINT);
    lend(WORLD_SPACE, PAGER_SLOT_VSPACE);
    lend(WORLD_LOAN, PAGER_SLOT_POOL);
    MUST(pool_donate, WORLD_LOAN, RAM, kernel_host_find_free(TABLES), TABLES);
    MUST(vspace_set_pool, WORLD_SPACE, WORLD_LOAN);
    MUST(cnode_delete, ROOT, WORLD_LOAN);
}

static void make_badges(void)
{
    MUST(cnode_copy, ROOT, WORLD_CALL, ROOT, WORLD_ENDPOINT, ALL,
         PAGER_BADGE(PAGER_BADGE_ROOT, 0, 0));
    MUST(cnode_copy, ROOT, WORLD_IDLE, ROOT, WORLD_ENDPOINT, ALL,
         PAGER_BADGE(PAGER_BADGE_IDLE, 0, 0));
    for (uint64_t kind = 0; kind < 16; kind++)
        if (kind != PAGER_BADGE_FAULT)
            MUST(cnode_copy, ROOT, WORLD_STRANGE + kind, ROOT, WORLD_ENDPOINT, ALL,
                 PAGER_BADGE(kind, 70, 5));
}

static void make_programs(void)
{
    MUST(memory_retype, RAM, kernel_host_find_free(1), FL_OBJECT_TCB, PAGER_WORLD_PROGRAMS, ROOT,
         WORLD_PROGRAM);
    for (uint64_t i = 0; i < PAGER_WORLD_PROGRAMS; i++) {
        MUST(memory_retype, RAM, kernel_host_find_free(1), FL_OBJECT_CNODE, 1, ROOT,
             WORLD_PROGRAM_CNODE + i);
        MUST(tcb_set_cspace, WORLD_PROGRAM + i, WORLD_PROGRAM_CNODE + i);
        MUST(tcb_set_priority, WORLD_PROGRAM + i, FL_BOOT_SCHED, PRIORITY);
        world.client[1 + i] = kernel.harts[0].current->cspace->slots[WORLD_PROGRAM + i].object;
    }
}

/* Nobody else gets these frames: the root task shows them. */
static void make_initrd(struct pager_world *made)
{
    made->initrd_page = kernel_host_find_free(PAGER_WORLD_INITRD_PAGES);
    MUST(memory_derive, RAM, made->initrd_page, PAGER_WORLD_INITRD_PAGES,
         FL_RIGHT_READ | FL_RIGHT_EXEC | FL_RIGHT_MAP, WORLD_CNODE, PAGER_SLOT_INITRD);
    MUST(vspace_map, FL_BOOT_VSPACE, RAM, made->initrd_page, 0x40000000, PAGER_WORLD_INITRD_PAGES,
         FL_RIGHT_READ);
    memset(made->window + made->initrd_page * FL_PAGE_BYTES, 0,
           PAGER_WORLD_INITRD_PAGES * FL_PAGE_BYTES);
}

struct pager_world pager_world_boot(void)
{
    struct pager_world made;
    const struct cap *slots;

    memset(&world, 0, sizeof(world));
    kernel_host_boot();
    world.client[0] = kernel.harts[0].current;
    slots = world.client[0]->cspace->slots;
    made.window = frame_contents(&kernel.frames, (frame_t){slots[RAM].first_frame});
    made.pages = slots[RAM].pages;
    MUST(tcb_set_priority, FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY);
    MUST(memory_retype, RAM, kernel_host_find_free(2), FL_OBJECT_CNODE, 2, ROOT, WORLD_CNODE);
    MUST(memory_retype, RAM, kernel_host_find_free(1), FL_OBJECT_TCB, 1, ROOT, WORLD_TCB);
    make_pager_objects();
    make_badges();
    make_programs();
    make_initrd(&made);
    MUST(tcb_set_cspace, WORLD_TCB, WORLD_CNODE);
    MUST(tcb_set_space, WORLD_TCB, WORLD_SPACE, FL_BOOT_SYSTEM);
    MUST(tcb_set_buffer, WORLD_TCB, RAM, kernel_host_find_free(1), 0);
    MUST(tcb_set_priority, WORLD_TCB, FL_BOOT_SCHED, PAGER_PRIORITY);
    world.pager = slots[WORLD_TCB].object;
    made.first_free = kernel_host_find_free(1);
    MUST(tcb_start, WORLD_TCB, 0x10000, 0x20000, 0);
    CHECK_EQ(kernel.harts[0].current, world.pager);
    return made;
}

bool pager_world_call(uint64_t number, const uint64_t argument[7])
{
    return kernel_host_call(number, argument) == KERNEL_HOST_RUNS;
}

bool pager_world_trap(uint64_t cause, uint64_t value)
{
    return kernel_host_trap(cause, value) == KERNEL_HOST_RUNS;
}

bool pager_world_fault(uint32_t label, uint64_t value, uint64_t detail)
{
    return kernel_host_fault(label, value, detail) == KERNEL_HOST_RUNS;
}

uint64_t *pager_world_registers(void)
{
    return &kernel.harts[0].current->regs[REG_A0];
}

uint64_t *pager_world_buffer(void)
{
    return kernel.harts[0].current->buffer;
}

unsigned pager_world_current(void)
{
    unsigned i = 0;

    while (i < PAGER_WORLD_CLIENTS && world.client[i] != kernel.harts[0].current)
        i++;
    return i;
}

bool pager_world_switch(unsigned client)
{
    const uint64_t zero[7] = {0};

    for (unsigned i = 0; i < YIELDS && kernel.harts[0].current != world.client[client]; i++)
        if (!pager_world_call(FL_CALL_thread_yield, zero))
            return false;
    return kernel.harts[0].current == world.client[client];
}

bool pager_world_end(unsigned program)
{
    const uint64_t argument[7] = {ROOT, WORLD_PROGRAM + program};

    world.client[1 + program] = NULL;
    return pager_world_call(FL_CALL_cnode_delete, argument);
}

const char *pager_world_line(void)
{
    return kernel_host_line;
}

void *pager_world_pager_buffer(void)
{
    return world.pager->buffer;
}

const uint64_t *pager_world_pager_registers(void)
{
    return &world.pager->regs[REG_A0];
}

bool pager_world_reply_holds(uint64_t slot)
{
    const struct reply *reply = world.pager->cspace->slots[slot].object;

    return reply->state == REPLY_CALL || reply->state == REPLY_FAULT;
}

bool pager_world_forgot(void)
{
    for (unsigned i = 0; i < PAGER_WORLD_CLIENTS; i++)
        if (world.client[i] != NULL && world.client[i]->state == THREAD_AWAIT_REPLY &&
            world.client[i]->reply == NULL)
            return true;
    return false;
}

void pager_world_save(void)
{
    kernel_host_save(&saved);
    saved_world = world;
}

void pager_world_restore(void)
{
    kernel_host_load(&saved);
    world = saved_world;
}
