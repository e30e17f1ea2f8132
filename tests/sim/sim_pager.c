/* The pager's loop: see sim_pager.h.  Start, end and the root task are in sim_root.c. */
#include "sim_pager.h"

#include <errno.h>

#include "protocol.h"
#include "sim_access.h"
#include "sim_call.h"
#include "sim_compare.h"
#include "sim_swap.h"
#include "sim_walk.h"

/* That requests may be started again at a time: often, and as all of memory leaves twice before a swapoff is given
 * up, twice before a program is ended, and twice before that is waited for. */
#define SIM_TURNS       200u
#define SIM_LEAVES      7u
#define SIM_FAULT_TAKES 4u /* frames: an index, and the page */

enum { SIM_SIGBUS = 7, SIM_SIGKILL = 9, SIM_SIGSEGV = 11 };

/* ---- messages ---- */

static void sim_pager_send(const struct sim_message *message)
{
    SIM_EXPECT(sim.queued < SIM_QUEUE, "the queue is full");
    sim.queue[(sim.first + sim.queued++) % SIM_QUEUE] = *message;
}

static struct sim_message sim_message_of(uint32_t thread)
{
    const struct sim_process *process = &sim.model.process[sim.thread[thread].process];

    sim.thread[thread].state = SIM_SENT;
    return (struct sim_message){
        .thread = thread, .space = process->space->id, .generation = process->space->generation};
}

void sim_pager_send_fault(uint32_t thread)
{
    struct sim_message message = sim_message_of(thread);

    message.fault = true;
    message.access = sim.thread[thread].access;
    sim_pager_send(&message);
}

void sim_pager_send_call(uint32_t thread, const struct sim_step *step)
{
    struct sim_message message = sim_message_of(thread);

    message.step = *step;
    sim_pager_send(&message);
}

/* ---- faults ---- */

static struct sim_process *sim_message_process(const struct sim_message *message)
{
    const struct space *space = space_find(sim_vm(), message->space, message->generation);

    return space ? sim_process_of(space) : NULL;
}

/* True if a fault may want frames in vain: page tables took the rest. */
static bool sim_fault_is_short(void)
{
    return sim_free_frames() <= SIM_FAULT_TAKES + sim_vm()->table.reserved;
}

/* True if a stop has a reason, beside what the program did. */
static bool sim_fault_may_stop(const struct sim_message *message, const struct sim_page *page,
                               const struct space_event *event)
{
    const struct sim_need need = {.frames = 0};
    const struct sim_process *process = &sim.model.process[message->thread / SIM_THREADS_EACH];
    bool fetched = page->segment && page->segment->kind == SIM_DISK;

    if (event->kind == PAGER_EVENT_UNREADABLE &&
        sim_swap_may_be_lost(process, message->access.page))
        return event->signal == SIM_SIGBUS;
    if (event->kind == PAGER_EVENT_UNREADABLE)
        return fetched && message->fetched && sim.config.disk_fails && event->signal == SIM_SIGBUS;
    if (event->kind != PAGER_EVENT_NO_MEMORY)
        return false;
    if (event->signal == SIM_SIGBUS)
        return sim.config.strict && page->segment && page->segment->kind == SIM_FILE;
    return event->signal == SIM_SIGKILL && (sim_fault_is_short() || sim_call_may_fail(&need));
}

static void sim_fault_stopped(const struct sim_message *message, struct sim_process *process,
                              uint32_t signal, bool was_stopped)
{
    const struct space_event *event = &process->space->event;

    sim.thread[message->thread].state = SIM_STOPPED;
    sim_call_observe(process, message->access.page, message->access.access);
    if (was_stopped)
        return;
    if (signal == SIM_SIGSEGV)
        SIM_EXPECT(event->signal == signal, "signal %u, not %u", event->signal, signal);
    else if (event->signal != signal || event->kind == PAGER_EVENT_NO_MEMORY)
        SIM_EXPECT(sim_fault_may_stop(message, &process->page[message->access.page], event),
                   "stopped by event %u, signal %u, with %u frames free", event->kind,
                   event->signal, sim_free_frames());
    sim.counts.refused += event->kind == PAGER_EVENT_NO_MEMORY;
}

/* Notes which page a fault just made, so that stores to it can be told from others. */
static void sim_fault_note(const struct sim_page *page, const struct vm_mapping *mapping)
{
    struct sim_value *value = sim_page_value(page);
    uint32_t range = mapping->slot - SIM_SLOT_RAM;

    if (!value || value->page != SIM_NO_PAGE || sim_swap_is_shared(mapping))
        return;
    SIM_EXPECT(range < sim_vm()->table.range_count, "a page is mapped from slot %u", mapping->slot);
    sim_note_page(value, sim_vm()->table.range[range].base + (uint32_t)mapping->page);
}

/* The reply; its thread goes on unless memory for tables is short for good. */
static void sim_fault_reply(const struct sim_message *message, struct sim_process *process,
                            const struct vm_answer *answer)
{
    const struct sim_need need = {.frames = 0};
    enum fl_error error = sim_kernel_reply(&sim.kernel, process->space, answer);
    struct sim_thread *thread = &sim.thread[message->thread];

    thread->state = error == FL_OK || error == FL_MORE ? SIM_RUNS : SIM_STOPPED;
    SIM_EXPECT(error == FL_OK || sim_call_may_fail(&need), "the reply is refused: %u",
               (unsigned)error);
}

static void sim_fault_resumed(const struct sim_message *message, struct sim_process *process,
                              struct vm_answer *answer, uint32_t token)
{
    struct sim_page *page = &process->page[message->access.page];

    sim_access_note_fault(page);
    sim_page_touch(&sim.model, page, message->access.access);
    sim_call_observe(process, message->access.page, message->access.access);
    sim_fault_note(page, &answer->mapping[0]);
    if (sim_vm()->waits.record[token].state == WAIT_RUNNING)
        vm_end_wait(sim_vm(), token, answer);
    process->minor_faults += !message->fetched;
    process->major_faults += message->fetched;
    if (vm_is_low(sim_vm()))
        reclaim_note_given(sim_vm(), answer->mapping[0].slot, answer->mapping[0].page);
    sim_fault_reply(message, process, answer);
}

/* Parks what the pager works on.  False: no token is left. */
static bool sim_pager_park(struct sim_message *message, struct sim_process *process, uint32_t token)
{
    if (!wait_park(sim_vm(), process->space, token))
        return false;
    message->fetched = message->fetched || sim_vm()->waits.record[token].state == WAIT_PAGE;
    sim.parked[token] = *message;
    sim.thread[message->thread].state = SIM_PARKED;
    sim.counts.parked++;
    return true;
}

static void sim_fault_waits(struct sim_message *message, struct sim_process *process,
                            uint32_t token)
{
    const struct sim_need need = {.frames = 0};

    sim_call_observe(process, message->access.page, message->access.access);
    SIM_EXPECT(sim_call_is_missing(process, message->access.page) ||
                   process->space->load.suspended || sim_fault_is_short() ||
                   sim_call_may_fail(&need),
               "a fault waits, for nothing");
    if (!sim_pager_park(message, process, token))
        sim.thread[message->thread].state = SIM_RUNS;
}

static void sim_pager_handle_fault(struct sim_message *message, struct sim_process *process,
                                   uint32_t token)
{
    const struct sim_access *access = &message->access;
    struct vm_fault fault = {.address = sim_page_address(access->page) + access->offset,
                             .pc = SIM_PAGE_BYTES,
                             .access = access->access};
    uint32_t signal = sim_page_signal(&process->page[access->page], access->access);
    bool was_stopped = process->space->stopped;
    struct vm_answer answer;

    switch (sim_kernel_fault(&sim.kernel, process->space, &fault, &answer)) {
    case VM_STOPPED:
        sim_fault_stopped(message, process, signal, was_stopped);
        break;
    case VM_WAIT:
        SIM_EXPECT(signal != SIM_SIGSEGV || process->space->load.suspended,
                   "a fault waits that ends in signal %u", signal);
        sim_fault_waits(message, process, token);
        break;
    case VM_RESUME:
        SIM_EXPECT(signal == 0, "a fault is resumed that ends in signal %u", signal);
        sim_fault_resumed(message, process, &answer, token);
        break;
    }
}

/* ---- calls ---- */

static void sim_pager_handle_call(struct sim_message *message, struct sim_process *process,
                                  uint32_t token)
{
    int error = sim_call_make(process, &message->step);

    if (error == EINPROGRESS && sim_pager_park(message, process, token))
        return;
    if (sim.thread[message->thread].state == SIM_SENT)
        sim.thread[message->thread].state = SIM_RUNS;
}

/* ---- the loop ---- */

/* A message whose process is gone is answered to nobody. */
static void sim_pager_handle(struct sim_message *message, uint32_t token)
{
    struct sim_process *process = sim_message_process(message);

    if (!process)
        return;
    if (!sim.compared)
        sim_compare_programs();
    sim.compared = false;
    sim.counts.messages++;
    sim.thread[message->thread].state = SIM_SENT;
    sim_access_begin_call();
    sim.fetched = message->fetched;
    if (message->fault)
        sim_pager_handle_fault(message, process, token);
    else
        sim_pager_handle_call(message, process, token);
    sim_access_end_call();
}

/* The next request to start again, after what can leave memory has. */
static uint32_t sim_pager_next(bool fault)
{
    if (sim.config.swap)
        sim_swap_reclaim(fault);
    return sim_vm()->waits.active > 0 ? wait_next(sim_vm()) : WAIT_NONE;
}

/* fault: the last message was one. */
static void sim_pager_go_on(bool fault)
{
    struct vm *vm = sim_vm();
    uint32_t token, turns = 0;

    while ((token = sim_pager_next(fault)) != WAIT_NONE) {
        struct sim_message message = sim.parked[token];

        SIM_EXPECT(turns++ < SIM_TURNS + SIM_LEAVES * vm->table.count,
                   "requests are started again for ever");
        sim_pager_handle(&message, token);
        fault = message.fault;
        if (vm->waits.record[token].state == WAIT_RUNNING)
            wait_release(vm, token);
    }
}

void sim_pager_serve(void)
{
    struct sim_message message;

    if (sim.queued == 0)
        return;
    message = sim.queue[sim.first];
    sim.first = (sim.first + 1) % SIM_QUEUE;
    sim.queued--;
    sim_pager_handle(&message, wait_find_free(sim_vm()));
    sim_pager_go_on(message.fault);
}

void sim_pager_attend(void)
{
    sim_pager_go_on(false);
}
