/* The pager's loop: receive, decide, answer and receive again in one kernel entry.
 *
 * A fault is answered with map items, one unless neighbours of a file's page go along, or with STOP
 * when the program did wrong or no frame is left; then the root task is told.  An answer that the kernel refuses maps nothing and leaves us
 * with the Reply. */
#include <errno.h>

#include "frames.h"
#include "log.h"
#include "pager.h"

/* Signals as Linux numbers them. */
enum { MAIN_SIGILL = 4, MAIN_SIGTRAP = 5, MAIN_SIGBUS = 7, MAIN_SIGKILL = 9, MAIN_SIGSYS = 31 };

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

static void main_answer_stop(struct fl_message *message)
{
    message->info = FL_INFO(FL_LABEL_STOP, 0);
    message->word[0] = message->word[1] = message->word[2] = message->word[3] = 0;
}

static void main_stop(struct space *space, const struct space_event *event,
                      struct fl_message *message)
{
    vm_stop_space(&pager.vm, space, event);
    flr_notification_signal(PAGER_SLOT_EVENTS);
    main_answer_stop(message);
}

static void main_page_fault(struct space *space, struct fl_message *message)
{
    struct vm_fault fault = {message->word[0], message->word[1], (uint32_t)message->word[2]};
    const struct vm_mapping *mapping = &main_mappings.mapping[0];

    if (fault.access & FL_ACCESS_POOL_LOW)
        frames_refill_tables(&pager);
    if (vm_handle_fault(&pager.vm, space, &fault, &main_mappings) == VM_STOPPED) {
        flr_notification_signal(PAGER_SLOT_EVENTS);
        main_answer_stop(message);
        return;
    }
    message->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, main_mappings.count);
    message->word[0] = FL_ITEM_ADDRESS(mapping->address, mapping->rights);
    message->word[1] = FL_ITEM_SOURCE(mapping->slot, mapping->pages);
    message->word[2] = mapping->page;
}

/* Puts the items behind the first one into the message buffer; nothing may be logged after it. */
static void main_write_items(void)
{
    struct fl_item *item = (struct fl_item *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

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
    main_stop(space, &event, message);
}

static void main_fault(struct fl_message *message)
{
    uint64_t badge = message->badge;
    struct space *space =
        space_find(&pager.vm, (uint32_t)badge, (uint32_t)(badge >> 32) & SPACE_GENERATION_MASK);

    if (!space) {
        log_line("fault of no space: badge 0x%lx, label %u", badge, FL_INFO_LABEL(message->info));
        main_answer_stop(message);
    } else if (FL_INFO_LABEL(message->info) == FL_LABEL_PAGE_FAULT) {
        main_page_fault(space, message);
    } else {
        main_other_fault(space, message);
    }
}

static inline void main_handle(struct fl_message *message)
{
    if (message->badge >> 60 == PAGER_BADGE_FAULT)
        main_fault(message);
    else
        pager_call(&pager, message);
}

/* The kernel refused to map what we answered to a fault: the program can't go on. */
static void main_refused_fault(uint64_t status, uint64_t badge, struct fl_message *answer)
{
    struct space *space =
        space_find(&pager.vm, (uint32_t)badge, (uint32_t)(badge >> 32) & SPACE_GENERATION_MASK);
    struct space_event event = {.address = answer->word[0] & ~(uint64_t)(FL_PAGE_BYTES - 1),
                                .kind = PAGER_EVENT_NO_MEMORY,
                                .signal = MAIN_SIGKILL};

    if (FL_STATUS_CODE(status) != FL_NO_TABLE)
        log_line("answer refused: status 0x%lx, item 0x%lx 0x%lx 0x%lx", status, answer->word[0],
                 answer->word[1], answer->word[2]);
    if (space)
        main_stop(space, &event, answer);
    else
        main_answer_stop(answer);
}

/* The answer to a fault did not replace what its address shows, which may be a page that the core
 * took back meanwhile. */
static void main_forget_mapping(uint64_t badge, const struct fl_message *answer)
{
    const struct vm_port *port = &pager.vm.port;
    struct space *space =
        space_find(&pager.vm, (uint32_t)badge, (uint32_t)(badge >> 32) & SPACE_GENERATION_MASK);

    if (space)
        port->unmap(port->context, space->id, answer->word[0] & ~(uint64_t)(FL_PAGE_BYTES - 1), 1);
}

/* Leaves one item, for the page that was touched: neighbours are not asked for twice. */
static void main_drop_neighbours(struct fl_message *answer)
{
    if (FL_INFO_ITEM_COUNT(answer->info) > 1)
        answer->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
}

/* An answer was refused with `status`.  Afterwards the Reply is free. */
static void main_refused(uint64_t status, uint64_t badge, struct fl_message *answer)
{
    if (badge >> 60 == PAGER_BADGE_FAULT && FL_INFO_LABEL(answer->info) == FL_LABEL_RESUME)
        main_forget_mapping(badge, answer);
    while (FL_STATUS_CODE(status) != FL_OK && FL_STATUS_CODE(status) != FL_GONE) {
        bool fault = badge >> 60 == PAGER_BADGE_FAULT;
        bool stopping = FL_INFO_LABEL(answer->info) == FL_LABEL_STOP;

        if (!fault || stopping)
            log_stop("answer refused: status 0x%lx, info 0x%lx, badge 0x%lx", status, answer->info,
                     badge);
        main_drop_neighbours(answer);
        if (FL_STATUS_CODE(status) != FL_NO_TABLE || !frames_refill_tables(&pager))
            main_refused_fault(status, badge, answer);
        status = flr_ipc_reply(PAGER_SLOT_REPLY, answer->info, answer->word[0], answer->word[1],
                               answer->word[2], answer->word[3])
                     .status;
    }
}

int main(void)
{
    struct fl_message message;

    pager_start(&pager);
    fl_ipc_recv(PAGER_SLOT_ENDPOINT, PAGER_SLOT_REPLY, &message);
    for (;;) {
        struct fl_message answer = message;

        if (message.status != FL_OK)
            log_stop("receive: status 0x%lx", message.status);
        main_handle(&answer);
        if (pager.vm.trace.records)
            main_print_trace(&pager.vm.trace);
        if (FL_INFO_ITEM_COUNT(answer.info) > 1)
            main_write_items();
        fl_ipc(FL_CALL_ipc_reply_recv, PAGER_SLOT_ENDPOINT, answer.info, answer.word,
               PAGER_SLOT_REPLY, &message);
        if (message.status == FL_OK)
            continue;
        main_refused(message.status, answer.badge, &answer);
        fl_ipc_recv(PAGER_SLOT_ENDPOINT, PAGER_SLOT_REPLY, &message);
    }
}
