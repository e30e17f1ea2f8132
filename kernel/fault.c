/* The kernel's half of the fault protocol.
 *
 * An answer is decoded whole (each item's capability, range, rights and frame), then the tables
 * that all items need are compared with the pool, and only then anything is mapped: all or nothing.
 */
#include "fault.h"

#include "arch.h"
#include "cap.h"
#include "ipc.h"
#include "log.h"
#include "memory.h"
#include "panic.h"
#include "sched.h"
#include "upcall.h"

/* Nobody takes the fault: the thread stops, or the system when it cannot do without the thread. */
static __attribute__((noinline)) void fault_unhandled(struct tcb *thread, uint64_t cause,
                                                      uint64_t value)
{
    if (thread->handler.type == FL_OBJECT_SYSTEM)
        panic_thread(thread, cause, value);
    log_write_line("a thread without a fault handler stopped: %s, value %lx, pc %lx",
                   trap_cause_text(cause), value, thread->regs[REG_PC]);
    thread->state = THREAD_STOPPED;
    sched_run(hart_self());
}

void fault_send(struct tcb *thread, enum fl_label label, uint64_t value, uint64_t pc,
                uint64_t detail, uint64_t cause)
{
    thread->fault_number = ++kernel.faults;
    thread->fault = 1;
    thread->fault_label = (uint8_t)label;
    if (thread->handler.type != FL_OBJECT_ENDPOINT) {
        fault_unhandled(thread, cause, value);
        return;
    }
    struct message message = {
        FL_INFO(label, 4), {value, pc, detail, thread->regs[REG_SP]}, thread->handler.badge};
    ipc_send_and_wait(thread, thread->handler.object, &message);
}

/* Decodes one map item.  Returns an error and does nothing else. */
static inline enum fl_error item_decode(const struct tcb *handler, const struct fl_item *item,
                                        struct vspace_run *run)
{
    uint64_t slot = (uint32_t)item->source;
    uint64_t pages = item->source >> 32;
    uint64_t address = item->address & ~(uint64_t)(FL_PAGE_BYTES - 1);
    uint32_t rights = (uint32_t)(item->address - address);

    if (pages == 0 || pages > FL_ITEM_PAGES)
        return FL_OUT_OF_RANGE;
    if (address < FL_USER_BASE || address >= FL_USER_END - (pages - 1) * FL_PAGE_BYTES)
        return FL_OUT_OF_RANGE;
    struct lookup found = cap_lookup(handler, slot, FL_OBJECT_MEMORY, FL_RIGHT_MAP, 0);
    if (found.cap == NULL)
        return (enum fl_error)FL_STATUS_CODE(found.status);
    return memory_decode_run(found.cap, item->page, pages, address, rights, run);
}

static bool runs_overlap(const struct vspace_run *a, const struct vspace_run *b)
{
    return a->address.value < b->address.value + b->pages * PAGE_BYTES &&
           b->address.value < a->address.value + a->pages * PAGE_BYTES;
}

/* Reads item `index` of an answer, once, out of registers (item 0) or the handler's buffer. */
static struct fl_item item_read(const struct tcb *handler, const struct message *message,
                                unsigned index)
{
    if (index == 0)
        return (struct fl_item){message->word[0], message->word[1], message->word[2]};
    const volatile uint64_t *words = &handler->buffer[4 + 3 * (index - 1)];
    return (struct fl_item){words[0], words[1], words[2]};
}

/* Decodes and reserves all items.  Blames argument 3 (word 0 on: item 0) or 2 (a later item). */
static uint64_t items_check(const struct tcb *handler, const struct vspace *space,
                            const struct message *message, struct vspace_run *runs, unsigned count)
{
    uint64_t pages = 0, tables = 0;

    for (unsigned i = 0; i < count; i++) {
        struct fl_item item = item_read(handler, message, i);
        enum fl_error error = item_decode(handler, &item, &runs[i]);

        for (unsigned j = 0; j < i && error == FL_OK; j++) {
            if (runs_overlap(&runs[i], &runs[j]))
                error = FL_OCCUPIED;
        }
        if (error == FL_OK)
            error = vspace_check_run(space, &runs[i], &tables);
        if (error != FL_OK)
            return FL_STATUS(error, i == 0 ? 3 : 2);
        pages += runs[i].pages;
    }
    if (pages > FL_ITEM_PAGES)
        return FL_STATUS(FL_OUT_OF_RANGE, 2);
    return tables > space->pool->spare ? FL_STATUS(FL_NO_TABLE, 0) : FL_OK;
}

/* Several items: all are checked, then all are mapped. */
static __attribute__((noinline)) uint64_t answer_items(const struct tcb *handler,
                                                       struct vspace *space,
                                                       const struct message *message,
                                                       unsigned count)
{
    struct vspace_run runs[FL_ITEMS];

    if (count > FL_ITEMS)
        return FL_STATUS(FL_OUT_OF_RANGE, 2);
    if (count > 1 && handler->buffer == NULL)
        return FL_STATUS(FL_NO_BUFFER, 2);
    uint64_t status = items_check(handler, space, message, runs, count);
    if (status != FL_OK)
        return status;
    for (unsigned i = 0; i < count; i++)
        vspace_commit_run(space, &runs[i]);
    return FL_OK;
}

/* The usual answer, one page: checked and mapped in one walk. */
static inline uint64_t answer_page(const struct tcb *handler, struct vspace *space,
                                   const struct message *message)
{
    struct fl_item item = {message->word[0], message->word[1], message->word[2]};
    struct vspace_run run;
    enum fl_error error = item_decode(handler, &item, &run);

    if (error == FL_OK)
        error = vspace_map_page(space, &run);
    return error == FL_OK ? FL_OK : FL_STATUS(error, error == FL_NO_TABLE ? 0 : 3);
}

/* The program shall hear of its fault itself. */
static __attribute__((noinline)) uint64_t answer_upcall(struct tcb *thread,
                                                        const struct message *message)
{
    enum fl_error error = upcall_check(thread);

    if (error != FL_OK)
        return FL_STATUS(error, 2);
    upcall_post(thread, thread->fault_label, message->word);
    return FL_OK;
}

uint64_t fault_answer(struct tcb *handler, struct tcb *thread, const struct message *message)
{
    struct vspace *space = &thread->space->space;
    uint64_t info = message->info;
    unsigned count = FL_INFO_ITEM_COUNT(info);
    uint32_t label = FL_INFO_LABEL(info);

    if (FL_INFO_RESERVED(info) != 0)
        return FL_STATUS(FL_RESERVED, 2);
    if (label == FL_LABEL_RESUME && count == 1 && message->word[1] >> 32 == 1)
        return answer_page(handler, space, message);
    if (label == FL_LABEL_RESUME && count > 0)
        return answer_items(handler, space, message, count);
    if ((label == FL_LABEL_RESUME || label == FL_LABEL_STOP) && info >> 32 == 0)
        return FL_OK;
    if (label == FL_LABEL_UPCALL && info >> 32 <= 3)
        return answer_upcall(thread, message);
    return FL_STATUS(FL_RESERVED, 2);
}
