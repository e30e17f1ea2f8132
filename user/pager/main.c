/* The pager's loop: receive, decide, answer and receive again in one kernel entry.
 *
 * A fault is answered with map items, one unless neighbours of a file's page go along, or with STOP
 * when the program did wrong or no frame is left; then the root task is told.  An answer that the
 * kernel refuses maps nothing and leaves us with the Reply.
 *
 * What has to wait is parked with its Reply, and the loop goes on with another one (request.h).  While
 * something is parked a message is answered first, then all that came to be ready is started again,
 * and only then the next message is received. */
#include <errno.h>

#include "clock.h"
#include "disks.h"
#include "frames.h"
#include "log.h"
#include "request.h"

/* Signals as Linux numbers them. */
enum { MAIN_SIGILL = 4, MAIN_SIGTRAP = 5, MAIN_SIGBUS = 7, MAIN_SIGSYS = 31 };

/* RISC-V exception causes (Privileged 1.12, table 3.6). */
enum {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_BREAKPOINT = 3, /* a label of its own, which init tells as this cause */
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_STORE_MISALIGNED = 6
};

static struct pager pager;
static struct vm_answer main_mappings; /* of the fault that is answered */

static const char *main_access(uint32_t access)
{
    if (access & FL_ACCESS_WRITE)
        return "write";
    return access & FL_ACCESS_EXEC ? "execute" : "read";
}

/* Prints what the event ring holds, one line each. */
static void main_print_trace(struct trace *trace)
{
    struct trace_record record;

    while (trace_take(trace, &record))
        log_line("fault %lu: space %u %s 0x%lx pc 0x%lx: %s", record.sequence,
                 (unsigned)record.space, main_access(record.access), record.address, record.pc,
                 trace_action_name(record.action));
}

/* A fault that is not resumed with a page.  One that can't be parked is made again by its thread. */
static void main_hold_back(struct space *space, enum vm_verdict verdict, struct fl_message *message)
{
    if (verdict == VM_STOPPED) {
        pager.attention |= pager.vm.paging.mishaps > 0;
        flr_notification_signal(PAGER_SLOT_EVENTS);
        request_answer_stop(message);
    } else if (!request_park(&pager, space, message)) {
        message->info = FL_INFO(FL_LABEL_RESUME, 0);
    }
}

/* A fault that waited says how the pool was when it came. */
static bool main_pool_is_low(const struct vm_fault *fault)
{
    return (fault->access & FL_ACCESS_POOL_LOW) &&
           flr_pool_spare(PAGER_SLOT_POOL).value < FL_POOL_LOW;
}

static void main_page_fault(struct space *space, struct fl_message *message)
{
    struct vm_fault fault = {message->word[0], message->word[1], (uint32_t)message->word[2]};
    const struct vm_mapping *mapping = &main_mappings.mapping[0];
    enum vm_verdict verdict;

    if (main_pool_is_low(&fault))
        frames_refill_tables(&pager);
    verdict = vm_handle_fault(&pager.vm, space, &fault, &main_mappings);
    if (verdict != VM_RESUME) {
        main_hold_back(space, verdict, message);
        return;
    }
    message->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, main_mappings.count);
    message->word[0] = FL_ITEM_ADDRESS(mapping->address, mapping->rights);
    message->word[1] = FL_ITEM_SOURCE(mapping->slot, mapping->pages);
    message->word[2] = mapping->page;
}

/* Each item counts the tables that it lacks for itself (docs/fault-protocol.md), two at most: more than the
 * spare frames of which a fault warns need a look at the pool. */
static void main_provide_tables(uint32_t items)
{
    uint32_t tables = 2 * items;

    if (tables > FL_POOL_LOW && flr_pool_spare(PAGER_SLOT_POOL).value < tables)
        (void)frames_refill_tables(&pager);
}

/* Puts the items behind the first one into the message buffer; nothing may be logged after it.  Apart: most
 * answers have one item, and what is inlined for the others costs each of them registers. */
static __attribute__((noinline)) void main_write_items(void)
{
    struct fl_item *item = fl_buffer_data();

    main_provide_tables(main_mappings.count);
    for (uint32_t i = 1; i < main_mappings.count; i++) {
        const struct vm_mapping *mapping = &main_mappings.mapping[i];

        *item++ = (struct fl_item){FL_ITEM_ADDRESS(mapping->address, mapping->rights),
                                   FL_ITEM_SOURCE(mapping->slot, mapping->pages), mapping->page};
    }
}

static uint16_t main_exception_signal(uint64_t cause)
{
    switch (cause) {
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED:
        return MAIN_SIGBUS;
    default:
        return MAIN_SIGILL;
    }
}

/* Anything that a thread's handler gets and that is no page fault: the program ends. */
static void main_other_fault(struct space *space, struct fl_message *message)
{
    struct space_event event = {.address = message->word[0], .pc = message->word[1]};

    if (FL_INFO_LABEL(message->info) == FL_LABEL_UNKNOWN_SYSCALL) {
        event.kind = PAGER_EVENT_SYSCALL;
        event.signal = MAIN_SIGSYS;
    } else if (FL_INFO_LABEL(message->info) == FL_LABEL_BREAKPOINT) {
        event.kind = PAGER_EVENT_EXCEPTION;
        event.access = CAUSE_BREAKPOINT;
        event.signal = MAIN_SIGTRAP;
    } else {
        event.kind = PAGER_EVENT_EXCEPTION;
        event.access = (uint32_t)message->word[2];
        event.signal = main_exception_signal(message->word[2]);
    }
    request_stop(&pager, space, &event, message);
}

static void main_fault(struct fl_message *message)
{
    struct space *space = request_space(&pager, message->badge);

    if (!space) {
        log_line("fault of no space: badge 0x%lx, label %u", message->badge,
                 FL_INFO_LABEL(message->info));
        request_answer_stop(message);
    } else if (FL_INFO_LABEL(message->info) == FL_LABEL_PAGE_FAULT) {
        main_page_fault(space, message);
    } else {
        main_other_fault(space, message);
    }
}

/* A disk signals, or the timer: there is nothing to answer, but ends of requests to take, or something is due. */
static void main_notified(void)
{
    pager.running = WAIT_NONE;
    pager.attention = true;
    (void)disks_look(&pager);
}

static inline void main_handle(struct fl_message *message)
{
    if (message->badge >> 60 == PAGER_BADGE_FAULT)
        main_fault(message);
    else if (message->badge == 0 && FL_INFO_LABEL(message->info) == FL_LABEL_NOTIFICATION)
        main_notified();
    else
        pager_call(&pager, message);
}

/* Answers the request that was handled.  One that was parked gives its token back. */
static void main_answer(struct fl_message *answer)
{
    uint32_t token = pager.running;
    bool parked = pager.vm.waits.record[token].state == WAIT_RUNNING;

    if (FL_INFO_ITEM_COUNT(answer->info) > 0 && parked) {
        vm_end_wait(&pager.vm, token, &main_mappings);
        answer->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, main_mappings.count);
    }
    if (FL_INFO_ITEM_COUNT(answer->info) > 1)
        main_write_items();
    request_answer(&pager, answer);
    if (parked)
        wait_release(&pager.vm, token);
}

/* A turn of reclaim.  Its cycles, and those of turns before that found nothing, are shared by the pages that
 * left: the part of those that are being written counts. */
static void main_reclaim_turn(bool fault)
{
    const uint32_t *counts = pager.vm.table.counts;
    uint32_t left = counts[PAGE_OBJECT], written = counts[PAGE_WRITING];
    uint64_t begun = fl_rdcycle();

    vm_reclaim(&pager.vm, fault);
    pager.step_cycles += fl_rdcycle() - begun;
    left -= counts[PAGE_OBJECT];
    written = counts[PAGE_WRITING] - written;
    if (left > 0) {
        pager.out_cycles += pager.step_cycles * written / left;
        pager.step_cycles = 0;
    }
}

/* What reclaim can do now.  True: pages of suspended programs are left to put out after the next message. */
static bool main_reclaim(bool fault)
{
    main_reclaim_turn(fault);
    request_tell_ended(&pager);
    return load_step(&pager.vm);
}

/* After a message while there is more to do than to answer it.  True: *message is one that was parked
 * and comes next.  False: the next one is to be received.  Apart, as main_write_items. */
static __attribute__((noinline)) bool main_attend(struct fl_message *message)
{
    bool fault = message->badge >> 60 == PAGER_BADGE_FAULT, late, left;

    if (FL_INFO_ITEM_COUNT(message->info) > 0)
        reclaim_note_given(&pager.vm, main_mappings.mapping[0].slot, main_mappings.mapping[0].page);
    if (pager.running != WAIT_NONE)
        main_answer(message);
    if (pager.vm.trace.records)
        main_print_trace(&pager.vm.trace);
    disks_tell_mishaps(&pager);
    if (message->badge >> 60 == PAGER_BADGE_IDLE)
        clock_note_idle(&pager);
    do {
        late = clock_attend(&pager);
        left = main_reclaim(fault);
        pager.attention |= left;
        clock_tell_load(&pager);
        pager.running = wait_next(&pager.vm);
        if (pager.running != WAIT_NONE) {
            *message = pager.parked[pager.running];
            return true;
        }
    } while (disks_look(&pager));
    pager.attention =
        late || left || pager.vm.trace.records || pager.vm.waits.active > 0 || pager.disks_pending;
    pager.running = wait_find_free(&pager.vm);
    return false;
}

/* Answers a message and receives the next one, in one kernel entry.  False: the kernel took the answer otherwise,
 * and nothing was received. */
static inline bool main_turn(struct fl_message *message)
{
    struct fl_message next;

    if (FL_INFO_ITEM_COUNT(message->info) > 1)
        main_write_items();
    fl_ipc(FL_CALL_ipc_reply_recv, PAGER_SLOT_ENDPOINT, message->info, message->word,
           request_reply(pager.running), &next);
    if (next.status == FL_OK) {
        *message = next;
        return true;
    }
    request_refused(&pager, next.status, message);
    return false;
}

int main(void)
{
    struct fl_message message; /* as it came; then the answer to it */

    pager_start(&pager);
    fl_ipc_recv(PAGER_SLOT_ENDPOINT, request_reply(pager.running), &message);
    for (;;) {
        if (message.status != FL_OK)
            log_stop("receive: status 0x%lx", message.status);
        main_handle(&message);
        if (pager.attention || vm_is_low(&pager.vm) ? main_attend(&message) : main_turn(&message))
            continue;
        fl_ipc_recv(PAGER_SLOT_ENDPOINT, request_reply(pager.running), &message);
    }
}
