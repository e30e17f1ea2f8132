/* Owns the table of processes and what each of them holds.  Life cycle and P1 to P4: process.h. */
#include "process.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "slots.h"
#include "watch.h"

#define PROCESS_PID_MAX     0x7fffffffu
#define PROCESS_BADGE_SHIFT 8u           /* pid above, place in the table below */
#define PROCESS_STRINGS_MAX (256u << 10) /* bytes of all arguments */

_Static_assert(PROCESSES_MAX <= 1u << PROCESS_BADGE_SHIFT, "a place fits in a badge");

static const char process_environment[] = "HOME=/\0PATH=/\0TERM=vt100";

static struct {
    struct process table[PROCESSES_MAX];
    uint32_t last_pid;
    uint64_t timebase_hz;
    uint64_t random; /* state of the generator behind AT_RANDOM */
} processes;

/* --- slots -------------------------------------------------------------------------------------
 */

unsigned process_index(const struct process *process)
{
    return (unsigned)(process - processes.table);
}

const struct process *process_at(unsigned index)
{
    return &processes.table[index];
}

uint64_t process_tcb_slot(const struct process *process)
{
    return SLOT_PROCESSES + 2 * process_index(process);
}

static uint64_t process_cnode_slot(const struct process *process)
{
    return process_tcb_slot(process) + 1;
}

static uint64_t process_notification_slot(const struct process *process)
{
    return SLOT_NOTIFICATIONS + 1 + process_index(process);
}

static uint64_t process_timer_slot(const struct process *process)
{
    return SLOT_TIMERS + 1 + process_index(process);
}

void process_init(uint64_t timebase_hz)
{
    processes.last_pid = PROCESS_ROOT;
    processes.timebase_hz = timebase_hz;
    processes.random = fl_rdtime() ^ fl_rdcycle() << 32;
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        const struct process *process = &processes.table[i];
        uint64_t status =
            flr_timer_bind(process_timer_slot(process), process_notification_slot(process)).status;

        if (status != FL_OK)
            log_stop("timer %u does not bind: status 0x%lx", i, status);
    }
}

/* --- finding -----------------------------------------------------------------------------------
 */

uint64_t process_badge(const struct process *process)
{
    return (uint64_t)process->pid << PROCESS_BADGE_SHIFT | process_index(process);
}

struct process *process_by_badge(uint64_t badge)
{
    uint64_t index = badge & ((1u << PROCESS_BADGE_SHIFT) - 1);
    struct process *process = index < PROCESSES_MAX ? &processes.table[index] : NULL;

    if (!process || process->state != PROCESS_RUNNING || process_badge(process) != badge)
        return NULL;
    return process;
}

struct process *process_by_space(uint64_t space)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        if (processes.table[i].state == PROCESS_RUNNING && processes.table[i].space == space)
            return &processes.table[i];
    return NULL;
}

struct process *process_by_pid(uint32_t pid)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        if (processes.table[i].state == PROCESS_RUNNING && processes.table[i].pid == pid)
            return &processes.table[i];
    return NULL;
}

struct process *process_find_child(uint32_t parent, uint32_t pid)
{
    struct process *found = NULL;

    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        struct process *process = &processes.table[i];

        if (process->state == PROCESS_FREE || process->parent != parent)
            continue;
        if (pid != 0 && process->pid != pid)
            continue;
        if (process->state == PROCESS_ENDED)
            return process;
        if (!found)
            found = process;
    }
    return found;
}

static struct process *process_find_free(void)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        if (processes.table[i].state == PROCESS_FREE)
            return &processes.table[i];
    return NULL;
}

static bool process_pid_in_use(uint32_t pid)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        if (processes.table[i].state != PROCESS_FREE && processes.table[i].pid == pid)
            return true;
    return false;
}

static uint32_t process_next_pid(void)
{
    do
        processes.last_pid =
            processes.last_pid < PROCESS_PID_MAX ? processes.last_pid + 1 : PROCESS_ROOT + 1;
    while (process_pid_in_use(processes.last_pid));
    return processes.last_pid;
}

/* --- steps of a start, and their undoing -------------------------------------------------------
 */

/* What becomes the process: a program with arguments, or a copy of a process. */
struct process_source {
    const struct startup_strings *arguments; /* NULL: a copy */
    uint64_t space;                          /* of the original */
};

/* What can't fail unless a count of ours is wrong. */
static void process_expect(const struct process *process, const char *what, uint64_t status)
{
    if (status != FL_OK)
        log_line("%s[%u]: %s: status 0x%lx", process->name, process->pid, what, status);
}

static void process_delete_slot(const struct process *process, uint64_t cnode, uint64_t slot)
{
    uint64_t status;

    do
        status = flr_cnode_delete(cnode, slot).status;
    while (status == FL_MORE);
    process_expect(process, "delete a capability", status);
}

/* One by one: however memory is cut up, single frames are found. */
static int process_take_frames(struct process *process, const struct process_source *source)
{
    int error = 0;

    (void)source;
    for (size_t i = 0; i < PROCESS_FRAMES && !error; i++)
        error = pager_take_frames(1, &process->frames[i]);
    return error;
}

static void process_drop_frames(struct process *process)
{
    for (size_t i = 0; i < PROCESS_FRAMES; i++) {
        struct pager_frames *frame = &process->frames[i];

        if (frame->pages > 0)
            process_expect(process, "give a frame back", (uint64_t)pager_give_frames(frame));
        frame->pages = 0;
    }
}

static int process_take_space(struct process *process, const struct process_source *source)
{
    int error =
        pager_create_space(process->pid, process->parent, &process->space, &process->pager_slot);

    (void)source;
    process->has_space = !error;
    return error;
}

static int process_copy_space(struct process *process, const struct process_source *source)
{
    int error =
        pager_fork_space(source->space, process->pid, &process->space, &process->pager_slot);

    process->has_space = !error;
    return error;
}

static void process_drop_space(struct process *process)
{
    if (process->has_space)
        process_expect(process, "destroy its space",
                       (uint64_t)pager_destroy_space(process->space, &process->usage));
    process->has_space = false;
}

static uint64_t process_make_object(const struct process *process, enum fl_object type,
                                    enum process_frame use, uint64_t slot)
{
    const struct pager_frames *frame = &process->frames[use];

    return flr_memory_retype(FL_BOOT_RAM + frame->range, frame->page, type, 1, FL_BOOT_CNODE, slot)
        .status;
}

/* The program's CSpace: enum program_slot. */
static uint64_t process_fill_cspace(const struct process *process)
{
    const uint32_t call = FL_RIGHT_CALL; /* never SEND: who asks must wait for the answer */
    const struct {
        uint64_t to, from;
        uint32_t rights;
        uint64_t badge;
    } slots[] = {
        {PROGRAM_SLOT_PAGER, SLOT_PAGER, call,
         PAGER_BADGE(PAGER_BADGE_PROGRAM, process->space, process->space >> 32)},
        {PROGRAM_SLOT_POSIX, SLOT_POSIX, call, process_badge(process)},
        {PROGRAM_SLOT_NOTIFICATION, process_notification_slot(process),
         FL_RIGHT_SEND | FL_RIGHT_RECV, 0},
        {PROGRAM_SLOT_TIMER, process_timer_slot(process), 0, 0},
    };
    uint64_t status = FL_OK;

    for (unsigned i = 0; i < sizeof slots / sizeof slots[0] && status == FL_OK; i++)
        status = flr_cnode_copy(process_cnode_slot(process), slots[i].to, FL_BOOT_CNODE,
                                slots[i].from, slots[i].rights, slots[i].badge)
                     .status;
    return status;
}

static int process_make_cspace(struct process *process, const struct process_source *source)
{
    uint64_t status = process_make_object(process, FL_OBJECT_CNODE, PROCESS_FRAME_CNODE,
                                          process_cnode_slot(process));

    (void)source;
    if (status == FL_OK)
        status = process_fill_cspace(process);
    process_expect(process, "make its CSpace", status);
    return status == FL_OK ? 0 : ENOMEM;
}

/* Silences notification and timer too: their next owner starts afresh (P4). */
static void process_delete_cspace(struct process *process)
{
    process_delete_slot(process, FL_BOOT_CNODE, process_cnode_slot(process));
    process_expect(process, "disarm its timer",
                   flr_timer_set(process_timer_slot(process), 0).status);
    process_expect(process, "clear its notification",
                   flr_notification_poll(process_notification_slot(process)).status);
}

static int process_make_thread(struct process *process, const struct process_source *source)
{
    uint64_t tcb = process_tcb_slot(process);
    uint64_t status = process_make_object(process, FL_OBJECT_TCB, PROCESS_FRAME_TCB, tcb);

    (void)source;
    if (status == FL_OK)
        status = flr_tcb_set_cspace(tcb, process_cnode_slot(process)).status;
    if (status == FL_OK)
        status = flr_tcb_set_priority(tcb, FL_BOOT_SCHED, PRIORITY_PROGRAM).status;
    if (status == FL_OK)
        status = flr_cnode_copy(SLOT_PAGER_CNODE, process->pager_slot, FL_BOOT_CNODE, tcb,
                                FL_RIGHTS_ALL, 0)
                     .status;
    process_expect(process, "make its thread", status);
    return status == FL_OK ? pager_attach_space(process->space) : ENOMEM;
}

static void process_delete_thread(struct process *process)
{
    process_delete_slot(process, SLOT_PAGER_CNODE, process->pager_slot);
    process_delete_slot(process, FL_BOOT_CNODE, process_tcb_slot(process));
}

static int process_load(struct process *process, const struct process_source *source)
{
    struct pager_program program = {0};
    int error = pager_load_program(process->space, source->arguments->text, &program);

    if (error == ENOEXEC)
        log_line("%s: not a program: %s", process->name, program.reason);
    process->entry = program.entry;
    process->stack_end = program.stack_end;
    return error;
}

/* SplitMix64: numbers that differ from start to start, no secret. */
static uint64_t process_random(void)
{
    uint64_t value = processes.random += 0x9e3779b97f4a7c15ull;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

static int process_write_piece(void *context, uint64_t address, const void *bytes, size_t count)
{
    const struct process *process = context;

    return pager_write_space(process->space, address, bytes, count);
}

static int process_write_stack(struct process *process, const struct process_source *source)
{
    struct startup_stack stack = {
        .end = process->stack_end,
        .arguments = *source->arguments,
        .environment = {process_environment, sizeof process_environment, 3},
        .auxiliary = {{STARTUP_AT_PAGESZ, FL_PAGE_BYTES},
                      {STARTUP_AT_ENTRY, process->entry},
                      {PROGRAM_AT_TIMEBASE, processes.timebase_hz},
                      {PROGRAM_AT_PID, process->pid}},
        .auxiliary_count = 4,
    };
    const struct startup_sink sink = {process_write_piece, process};
    const uint64_t random[2] = {process_random(), process_random()};

    _Static_assert(sizeof random == STARTUP_RANDOM_BYTES, "AT_RANDOM");
    memcpy(stack.random, random, sizeof random);
    process->stack_pointer = startup_stack_pointer(&stack);
    return startup_stack_write(&stack, &sink);
}

static int process_run(struct process *process, const struct process_source *source)
{
    uint64_t argument = source->arguments ? 0 : process->pid;
    uint64_t status =
        flr_tcb_start(process_tcb_slot(process), process->entry, process->stack_pointer, argument)
            .status;

    process_expect(process, "start its thread", status);
    return status == FL_OK ? 0 : ENOMEM;
}

static void process_stop(struct process *process)
{
    process_expect(process, "stop its thread", flr_tcb_suspend(process_tcb_slot(process)).status);
}

typedef int process_take(struct process *process, const struct process_source *source);

/* In this order; `undo` also cleans up after its own step that failed half-way. */
static const struct process_step {
    process_take *start; /* of a program */
    process_take *copy;  /* of a process; NULL: its memory has it already */
    void (*undo)(struct process *process);
} process_steps[] = {
    {process_take_frames, process_take_frames, process_drop_frames},
    {process_take_space, process_copy_space, process_drop_space},
    {process_make_cspace, process_make_cspace, process_delete_cspace},
    {process_make_thread, process_make_thread, process_delete_thread},
    {process_load, NULL, NULL},
    {process_write_stack, NULL, NULL},
    {process_run, process_run, process_stop},
};
#define PROCESS_STEPS (sizeof process_steps / sizeof process_steps[0])

/* Undoes the first `steps` steps, last first. */
static void process_undo(struct process *process, size_t steps)
{
    while (steps-- > 0)
        if (process_steps[steps].undo)
            process_steps[steps].undo(process);
}

/* --- life --------------------------------------------------------------------------------------
 */

/* What stands behind the last '/' of the program's name. */
static void process_set_name(struct process *process, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t bytes = strlen(name);

    if (bytes >= PROCESS_NAME_BYTES)
        bytes = PROCESS_NAME_BYTES - 1;
    memcpy(process->name, name, bytes);
    process->name[bytes] = '\0';
}

/* Takes all steps for a record that has its pid, parent and name. */
static int process_make(struct process *process, const struct process_source *source)
{
    for (size_t i = 0; i < PROCESS_STEPS; i++) {
        process_take *take = source->arguments ? process_steps[i].start : process_steps[i].copy;
        int error = take ? take(process, source) : 0;

        if (error) {
            process_undo(process, i + 1);
            return error;
        }
    }
    process->state = PROCESS_RUNNING;
    watch_begin_work();
    return 0;
}

int process_start(const struct startup_strings *arguments, uint32_t parent,
                  struct process **process)
{
    const struct process_source source = {.arguments = arguments};
    struct process *fresh = process_find_free();

    if (arguments->bytes > PROCESS_STRINGS_MAX)
        return E2BIG;
    if (!fresh)
        return EAGAIN;
    *fresh = (struct process){.pid = process_next_pid(), .parent = parent, .started = fl_rdtime()};
    process_set_name(fresh, arguments->text);
    *process = fresh;
    return process_make(fresh, &source);
}

int process_fork(const struct process *parent, uint64_t pc, uint64_t stack_pointer,
                 struct process **process)
{
    const struct process_source source = {.space = parent->space};
    struct process *fresh = process_find_free();

    if (!fresh)
        return EAGAIN;
    *fresh = (struct process){.pid = process_next_pid(),
                              .parent = parent->pid,
                              .started = fl_rdtime(),
                              .entry = pc,
                              .stack_end = parent->stack_end,
                              .stack_pointer = stack_pointer};
    memcpy(fresh->name, parent->name, sizeof fresh->name);
    *process = fresh;
    return process_make(fresh, &source);
}

/* Adds what others used. */
static void process_add_usage(struct posix_usage *usage, const struct posix_usage *more)
{
    usage->minor_faults += more->minor_faults;
    usage->major_faults += more->major_faults;
    usage->ticks += more->ticks;
    if (usage->peak_pages < more->peak_pages)
        usage->peak_pages = more->peak_pages;
}

static void process_disown_children(uint32_t parent)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        struct process *child = &processes.table[i];

        if (child->state == PROCESS_FREE || child->parent != parent)
            continue;
        child->parent = PROCESS_ROOT;
        if (child->state == PROCESS_ENDED)
            process_collect(child);
    }
}

void process_end(struct process *process, uint32_t status)
{
    process_undo(process, PROCESS_STEPS);
    process->state = PROCESS_ENDED;
    process->usage.ticks = fl_rdtime() - process->started;
    watch_end_work();
    process->status = status;
    process_disown_children(process->pid);
    if (process->parent == PROCESS_ROOT)
        process_collect(process);
}

void process_collect(struct process *process)
{
    process->state = PROCESS_FREE;
}

void process_inherit_usage(struct process *parent, const struct process *child,
                           struct posix_usage *usage)
{
    *usage = child->usage;
    process_add_usage(usage, &child->children);
    process_add_usage(&parent->children, usage);
}
