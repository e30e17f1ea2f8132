/* Parking requests, and answers that the kernel refused: see request.h. */
#include "request.h"

#include "frames.h"
#include "log.h"

enum { REQUEST_SIGKILL = 9 }; /* as Linux numbers it */

bool request_park(struct pager *pager, struct space *space, const struct fl_message *message)
{
    uint32_t token = pager->running;

    if (!wait_park(&pager->vm, space, token))
        return false;
    pager->parked[token] = *message;
    pager->running = WAIT_NONE;
    pager->attention = true;
    return true;
}

/* ---- answers ---- */

void request_answer_stop(struct fl_message *message)
{
    message->info = FL_INFO(FL_LABEL_STOP, 0);
    message->word[0] = message->word[1] = message->word[2] = message->word[3] = 0;
}

void request_stop(struct pager *pager, struct space *space, const struct space_event *event,
                  struct fl_message *message)
{
    vm_stop_space(&pager->vm, space, event);
    flr_notification_signal(PAGER_SLOT_EVENTS);
    request_answer_stop(message);
}

void request_tell_ended(struct pager *pager)
{
    if (pager->ended == pager->vm.reclaim.ended)
        return;
    pager->ended = pager->vm.reclaim.ended;
    flr_notification_signal(PAGER_SLOT_EVENTS);
}

/* The kernel refused to map what we answered to a fault.  For want of a table while frames are on
 * their way the program just faults again: its page is there, and the next fault asks for tables
 * first.  Else it can't go on. */
static void request_refused_fault(struct pager *pager, uint64_t status, struct fl_message *answer)
{
    struct space *space = request_space(pager, answer->badge);
    struct space_event event = {.address = answer->word[0] & ~(uint64_t)(FL_PAGE_BYTES - 1),
                                .kind = PAGER_EVENT_NO_MEMORY,
                                .signal = REQUEST_SIGKILL};

    if (FL_STATUS_CODE(status) != FL_NO_TABLE) {
        log_line("answer refused: status 0x%lx, item 0x%lx 0x%lx 0x%lx", status, answer->word[0],
                 answer->word[1], answer->word[2]);
    } else if (space && reclaim_helps_fault(&pager->vm, space)) {
        request_tell_ended(pager);
        answer->info = FL_INFO(FL_LABEL_RESUME, 0);
        return;
    }
    if (space)
        request_stop(pager, space, &event, answer);
    else
        request_answer_stop(answer);
}

/* The answer to a fault did not replace what its address shows, which may be a page that the core
 * took back meanwhile. */
static void request_forget_mapping(const struct pager *pager, const struct fl_message *answer)
{
    const struct vm_port *port = &pager->vm.port;
    const struct space *space = request_space(pager, answer->badge);

    if (space)
        port->unmap(port->context, space->id, answer->word[0] & ~(uint64_t)(FL_PAGE_BYTES - 1), 1);
}

/* Leaves one item, for the page that was touched: neighbours are not asked for twice. */
static void request_drop_neighbours(struct fl_message *answer)
{
    if (FL_INFO_ITEM_COUNT(answer->info) > 1)
        answer->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
}

static uint64_t request_reply_now(const struct pager *pager, const struct fl_message *answer)
{
    return flr_ipc_reply(request_reply(pager->running), answer->info, answer->word[0],
                         answer->word[1], answer->word[2], answer->word[3])
        .status;
}

void request_refused(struct pager *pager, uint64_t status, struct fl_message *answer)
{
    bool fault = answer->badge >> 60 == PAGER_BADGE_FAULT;

    if (FL_STATUS_CODE(status) != FL_OK && fault && answer->info != FL_INFO(FL_LABEL_RESUME, 0) &&
        FL_INFO_LABEL(answer->info) == FL_LABEL_RESUME)
        request_forget_mapping(pager, answer);
    while (FL_STATUS_CODE(status) != FL_OK && FL_STATUS_CODE(status) != FL_GONE) {
        bool stopping = FL_INFO_LABEL(answer->info) == FL_LABEL_STOP;

        if (!fault || stopping)
            log_stop("answer refused: status 0x%lx, info 0x%lx, badge 0x%lx", status, answer->info,
                     answer->badge);
        request_drop_neighbours(answer);
        if (FL_STATUS_CODE(status) != FL_NO_TABLE || !frames_refill_tables(pager))
            request_refused_fault(pager, status, answer);
        status = request_reply_now(pager, answer);
    }
}

void request_answer(struct pager *pager, struct fl_message *answer)
{
    request_refused(pager, request_reply_now(pager, answer), answer);
}
