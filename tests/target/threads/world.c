/* Owns the spaces under test and the second thread of the root task.  See world.h. */
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../user/init/console.h"
#include "../../../user/init/frames.h"
#include "../../../user/init/initrd.h"
#include "../../../user/init/objects.h"
#include "../../../user/init/pager_start.h"
#include "../../../user/init/slots.h"
#include "../../../user/init/watch.h"
#include "memory_values.h"

#define WINDOW_TABLES    4u
#define STACK_STEP       0x10000u
#define CALLER_STACK     0x2800010000ull /* end of the second thread's stack */
#define PRIORITY_STRIKER 45u             /* above the pager */
#define PRIORITY_EAGER   42u             /* too, but below the striker */
#define INTERRUPT_TICKS  100u
#define WORLD_RUNS       4096u

/* Slots of a space, from SLOT_PROCESSES + its slots on. */
enum { OF_CNODE, OF_VSPACE, OF_HANDLER, OF_PROGRAM, OF_TCBS, OF_SLOTS = OF_TCBS + WORLD_THREADS };

/* The world's own objects: of the stock that a process server needs and the world does not. */
enum {
    SLOT_BELL = SLOT_NOTIFICATIONS + 1,
    SLOT_ALARM = SLOT_TIMERS + 1,
    SLOT_CALL = SLOT_NOTIFICATIONS + 2, /* the second thread waits for it */
    SLOT_CALLER_TCB = SLOT_WATCH_TCB
};

void server_thread_entry(void);

static struct {
    bool started;
    uint64_t timebase_hz;
    struct world_space spaces[WORLD_SPACES];
    struct pager_frames taken[WORLD_RUNS]; /* from the pager, to leave it little */
    unsigned runs;
    uint32_t pids;
    /* The call that the second thread makes. */
    volatile uint64_t parent;
    volatile int error;
    volatile uint64_t space, tcb_slot;
    volatile uint64_t answered; /* when */
    volatile bool busy;
} world;

/* The watch of the system's root task is not here. */
void watch_begin_call(void)
{
}

void watch_end_call(void)
{
}

static void world_expect(uint64_t status, const char *what)
{
    if (status == FL_OK)
        return;
    printf("Bail out! %s: status 0x%" PRIx64 "\n", what, status);
    exit(1);
}

/* ---- the start ---- */

/* The second thread: asks the pager for forks. */
static void world_call_forks(uint64_t argument)
{
    (void)argument;
    for (;;) {
        struct fl_message answer;

        (void)flr_notification_wait(SLOT_CALL);
        answer = fl_ipc_call(SLOT_PAGER_ROOT,
                             FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, PAGER_SPACE_FORK), 4),
                             world.parent, ++world.pids, 0, 0);
        world.answered = fl_rdtime();
        world.error = (int)answer.word[0];
        world.space = answer.word[1];
        world.tcb_slot = answer.word[2];
        world.busy = false;
        (void)flr_notification_signal(SLOT_BELL);
    }
}

static void world_start_caller(void)
{
    static const uint64_t start[2] = {(uint64_t)(uintptr_t)world_call_forks, 0};
    struct frames_run stack = frames_take(1, "the caller's stack");

    frames_map(FL_BOOT_VSPACE, FL_BOOT_RAM + stack.range, stack.page, CALLER_STACK - FL_PAGE_BYTES,
               1, FL_RIGHT_READ | FL_RIGHT_WRITE);
    world_expect(flr_tcb_set_cspace(SLOT_CALLER_TCB, FL_BOOT_CNODE).status, "caller's CSpace");
    world_expect(flr_tcb_set_space(SLOT_CALLER_TCB, FL_BOOT_VSPACE, FL_BOOT_SYSTEM).status,
                 "caller's space");
    world_expect(flr_tcb_set_priority(SLOT_CALLER_TCB, FL_BOOT_SCHED, PRIORITY_INIT).status,
                 "caller's priority");
    world_expect(flr_tcb_start(SLOT_CALLER_TCB, (uint64_t)(uintptr_t)server_thread_entry,
                               CALLER_STACK, (uint64_t)(uintptr_t)start)
                     .status,
                 "caller");
}

void world_start(void)
{
    const struct fl_boot_info *info = (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
    const struct device_grants no_devices = {0};
    const struct blk_disks no_disks = {0};
    struct boot_arguments no_words;

    if (world.started)
        return;
    world.started = true;
    world.timebase_hz = info->timebase_hz;
    console_init("");
    frames_init(info);
    frames_donate(FL_BOOT_POOL, initrd_tables(info) + WINDOW_TABLES);
    initrd_open(info);
    (void)flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_INIT);
    objects_make();
    world_expect(flr_timer_bind(SLOT_ALARM, SLOT_BELL).status, "alarm");
    world_start_caller();
    boot_arguments_parse("", &no_words);
    pager_start(info, &no_words, false, &no_devices, &no_disks);
}

uint64_t world_harts(void)
{
    return ((const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO)->harts;
}

uint64_t world_argument(const char *name, uint64_t otherwise)
{
    const struct fl_boot_info *info = (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
    const char *found = strstr(info->bootargs, name);

    return found ? strtoul(found + strlen(name), NULL, 10) : otherwise;
}

uint64_t world_statistic(unsigned which)
{
    uint64_t value;

    world_start();
    world_expect((uint64_t)pager_read_statistic(which, &value), "statistic");
    return value;
}

void world_wait(uint64_t ticks)
{
    world_expect(flr_timer_set(SLOT_ALARM, fl_rdtime() + ticks).status, "alarm");
    (void)flr_notification_wait(SLOT_BELL);
}

/* ---- spaces ---- */

static uint64_t world_slot(const struct world_space *space, unsigned which)
{
    return space->slots + which;
}

static struct world_space *world_claim(unsigned threads)
{
    struct world_space *space = world.spaces;

    while (space < world.spaces + WORLD_SPACES && space->threads > 0)
        space++;
    if (space == world.spaces + WORLD_SPACES || threads > WORLD_THREADS)
        world_expect(1, "a record for a space");
    for (unsigned i = 0; i < WORLD_FRAMES; i++)
        world_expect((uint64_t)pager_take_frames(1, &space->frames[i]), "a frame");
    space->threads = threads;
    space->slots = SLOT_PROCESSES + OF_SLOTS * (uint64_t)(space - world.spaces);
    return space;
}

static void world_give_frames(const struct world_space *space)
{
    for (unsigned i = 0; i < WORLD_FRAMES; i++)
        world_expect((uint64_t)pager_give_frames(&space->frames[i]), "give a frame back");
}

static uint64_t world_badge(const struct world_space *space, enum pager_badge kind)
{
    return PAGER_BADGE(kind, space->name, space->name >> 32);
}

static void world_make(const struct world_space *space, enum fl_object type, uint64_t frame,
                       uint64_t count, uint64_t slot)
{
    const struct pager_frames *at = &space->frames[frame];

    world_expect(
        flr_memory_retype(FL_BOOT_RAM + at->range, at->page, type, count, FL_BOOT_CNODE, slot)
            .status,
        "retype");
}

static void world_make_cspace(const struct world_space *space)
{
    uint64_t cnode = world_slot(space, OF_CNODE);

    world_make(space, FL_OBJECT_CNODE, 0, 1, cnode);
    world_expect(flr_cnode_copy(cnode, PROGRAM_SLOT_PAGER, FL_BOOT_CNODE, SLOT_PAGER, FL_RIGHT_CALL,
                                world_badge(space, PAGER_BADGE_PROGRAM))
                     .status,
                 "the pager's endpoint");
}

/* What the threads but the first are bound with; the pager binds the first. */
static void world_copy_capabilities(const struct world_space *space, uint64_t tcb_slot)
{
    world_expect(flr_cnode_copy(FL_BOOT_CNODE, world_slot(space, OF_VSPACE), SLOT_PAGER_CNODE,
                                tcb_slot - 1, FL_RIGHTS_ALL, 0)
                     .status,
                 "the space");
    world_expect(flr_cnode_copy(FL_BOOT_CNODE, world_slot(space, OF_HANDLER), FL_BOOT_CNODE,
                                SLOT_PAGER, FL_RIGHT_SEND | FL_RIGHT_CALL,
                                world_badge(space, PAGER_BADGE_FAULT))
                     .status,
                 "the handler");
    world_expect(flr_cnode_copy(FL_BOOT_CNODE, world_slot(space, OF_PROGRAM), FL_BOOT_CNODE,
                                SLOT_PAGER, FL_RIGHT_CALL, world_badge(space, PAGER_BADGE_PROGRAM))
                     .status,
                 "the program's endpoint");
}

static void world_bind(const struct world_space *space, unsigned thread, uint64_t tcb_slot)
{
    uint64_t tcb = world_slot(space, OF_TCBS + thread);

    world_expect(flr_tcb_set_cspace(tcb, world_slot(space, OF_CNODE)).status, "CSpace");
    world_expect(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, PRIORITY_PROGRAM).status, "priority");
    world_expect(flr_tcb_set_quantum(tcb, FL_BOOT_SCHED, 1000).status, "quantum");
    if (thread > 0) {
        world_expect(
            flr_tcb_set_space(tcb, world_slot(space, OF_VSPACE), world_slot(space, OF_HANDLER))
                .status,
            "space");
        return;
    }
    world_expect(
        flr_cnode_copy(SLOT_PAGER_CNODE, tcb_slot, FL_BOOT_CNODE, tcb, FL_RIGHTS_ALL, 0).status,
        "TCB for the pager");
    world_expect((uint64_t)pager_attach_space(space->name), "attach");
}

/* Gives a space that the pager made its threads. */
static void world_equip(struct world_space *space, uint64_t tcb_slot)
{
    world_make_cspace(space);
    world_copy_capabilities(space, tcb_slot);
    world_make(space, FL_OBJECT_TCB, 1, space->threads, world_slot(space, OF_TCBS));
    for (unsigned thread = 0; thread < space->threads; thread++)
        world_bind(space, thread, tcb_slot);
}

struct world_space *world_create(unsigned threads)
{
    struct world_space *space;
    struct pager_program program;
    uint64_t tcb_slot;

    world_start();
    space = world_claim(threads);
    world_expect((uint64_t)pager_create_space(++world.pids, PROCESS_ROOT, &space->name, &tcb_slot),
                 "create");
    world_expect((uint64_t)pager_load_program(space->name, "worker", &program), "load");
    world_equip(space, tcb_slot);
    return space;
}

void world_run(const struct world_space *space, unsigned thread, enum worker_role role)
{
    uint64_t tcb = world_slot(space, OF_TCBS + thread);

    world_expect(
        flr_tcb_start(tcb, WORKER_ENTRY, PROGRAM_STACK_END - thread * STACK_STEP, role).status,
        "start");
}

enum worker_verdict world_hear(const struct world_space *space)
{
    struct pager_event event;
    int error;

    while ((error = pager_next_event(&event)) == EAGAIN)
        world_wait(world.timebase_hz / 10000);
    if (error || event.space != space->name)
        world_expect(event.space, "an event of another space");
    return (enum worker_verdict)event.address;
}

struct world_space *world_poll(enum worker_verdict *verdict)
{
    struct world_space *space = world.spaces;
    struct pager_event event;
    int error = pager_next_event(&event);

    if (error == EAGAIN)
        return NULL;
    while (space < world.spaces + WORLD_SPACES &&
           (space->threads == 0 || space->name != event.space))
        space++;
    if (error || space == world.spaces + WORLD_SPACES)
        world_expect(event.space, "an event of no space");
    *verdict =
        event.kind == PAGER_EVENT_NO_MEMORY ? WORKER_STARVED : (enum worker_verdict)event.address;
    return space;
}

/* Takes `pages` frames from the pager, in runs as long as there are. */
static void world_take(uint64_t pages)
{
    for (uint64_t run = pages; pages > 0; run = run < pages ? run : pages) {
        struct pager_frames *taken = &world.taken[world.runs];

        if (world.runs < WORLD_RUNS && pager_take_frames(run, taken) == 0) {
            world.runs++;
            pages -= run;
        } else {
            run /= 2;
            world_expect(run == 0, "frames in no more runs");
        }
    }
}

/* The runs that were taken last go back first: those are short. */
void world_limit(uint64_t left)
{
    while (world.runs > 0 && (left == 0 || world_statistic(PAGER_STAT_FREE_FRAMES) < left))
        world_expect((uint64_t)pager_give_frames(&world.taken[--world.runs]), "give frames back");
    if (left > 0)
        world_take(world_statistic(PAGER_STAT_FREE_FRAMES) - left);
}

void world_wire(const struct world_space *space)
{
    struct fl_message answer = fl_ipc_call(
        world_slot(space, OF_PROGRAM), FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, PAGER_MLOCKALL), 4),
        MCL_CURRENT, 0, 0, 0);

    world_expect(answer.status == FL_OK ? answer.word[0] : answer.status, "mlockall");
}

static void world_delete(uint64_t cnode, uint64_t slot)
{
    struct fl_result result;

    do
        result = flr_cnode_delete(cnode, slot);
    while (FL_STATUS_CODE(result.status) == FL_MORE);
    world_expect(result.status, "delete");
}

void world_kill_threads(struct world_space *space)
{
    for (unsigned thread = 0; thread < space->threads; thread++)
        world_delete(FL_BOOT_CNODE, world_slot(space, OF_TCBS + thread));
    space->threads = 0;
}

void world_destroy(struct world_space *space)
{
    struct posix_usage usage;

    world_kill_threads(space);
    world_delete(FL_BOOT_CNODE, world_slot(space, OF_VSPACE));
    world_delete(FL_BOOT_CNODE, world_slot(space, OF_HANDLER));
    world_delete(FL_BOOT_CNODE, world_slot(space, OF_PROGRAM));
    world_delete(FL_BOOT_CNODE, world_slot(space, OF_CNODE));
    world_expect((uint64_t)pager_destroy_space(space->name, &usage), "destroy");
    world_give_frames(space);
}

/* ---- forks ---- */

/* The second thread's call is over: the child, with its threads, or NULL. */
static struct world_space *world_take_child(struct world_space *child)
{
    if (world.error == 0) {
        child->name = world.space;
        world_equip(child, world.tcb_slot);
        return child;
    }
    if (world.error != ENOMEM)
        world_expect((uint64_t)world.error, "fork");
    world_give_frames(child);
    child->threads = 0;
    return NULL;
}

static void world_begin_fork(const struct world_space *parent)
{
    world.parent = parent->name;
    world.busy = true;
    (void)flr_notification_signal(SLOT_CALL);
}

static void world_end_fork(void)
{
    while (world.busy)
        (void)flr_notification_wait(SLOT_BELL);
    (void)flr_notification_poll(SLOT_BELL);
}

struct world_space *world_fork(const struct world_space *parent, unsigned threads)
{
    struct world_space *child = world_claim(threads);

    world_begin_fork(parent);
    world_end_fork();
    return world_take_child(child);
}

static void world_set_priority(const struct world_space *space, uint64_t priority)
{
    for (unsigned thread = 0; thread < space->threads; thread++)
        world_expect(
            flr_tcb_set_priority(world_slot(space, OF_TCBS + thread), FL_BOOT_SCHED, priority)
                .status,
            "priority");
}

static void world_strike(struct world_space *parent, enum world_blow blow)
{
    if (blow == WORLD_KILL) {
        world_kill_threads(parent);
        return;
    }
    world_set_priority(parent, PRIORITY_EAGER);
    world_wait(INTERRUPT_TICKS);
    world_set_priority(parent, PRIORITY_PROGRAM);
}

struct world_space *world_fork_under(struct world_space *parent, enum world_blow blow,
                                     uint64_t ticks, uint64_t *took)
{
    struct world_space *child = world_claim(1);
    uint64_t begin;

    world_expect(flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_STRIKER).status,
                 "the striker's priority");
    world_begin_fork(parent);
    begin = fl_rdtime();
    if (ticks > 0)
        world_wait(ticks);
    world_strike(parent, blow);
    world_end_fork();
    world_expect(flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_INIT).status,
                 "our priority");
    *took = world.answered - begin;
    return world_take_child(child);
}
