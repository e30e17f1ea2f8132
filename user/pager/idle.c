/* Owns the stack of the idle thread: see idle.h. */
#include "idle.h"

#include "log.h"
#include "pager.h"

#define IDLE_STACK_BYTES 1024u

void server_thread_entry(void);

static void idle_run(uint64_t argument)
{
    const uint64_t call = FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, PAGER_ZERO_AHEAD), 4);

    (void)argument;
    for (;;)
        if (fl_ipc_call(PAGER_SLOT_IDLE_CALL, call, 0, 0, 0, 0).word[1] == 0)
            (void)flr_notification_wait(PAGER_SLOT_IDLE_WAKE);
}

void idle_start(void)
{
    static uint8_t stack[IDLE_STACK_BYTES] __attribute__((aligned(16)));
    static const uint64_t start[2] = {(uint64_t)(uintptr_t)idle_run, 0};
    uint64_t status = flr_cnode_copy(PAGER_SLOT_CNODE, PAGER_SLOT_IDLE_CALL, PAGER_SLOT_CNODE,
                                     PAGER_SLOT_ENDPOINT, FL_RIGHT_SEND | FL_RIGHT_CALL,
                                     PAGER_BADGE(PAGER_BADGE_IDLE, 0, 0))
                          .status;

    if (status == FL_OK)
        status =
            flr_tcb_start(PAGER_SLOT_IDLE_TCB, (uint64_t)(uintptr_t)server_thread_entry,
                          (uint64_t)(uintptr_t)(stack + sizeof stack), (uint64_t)(uintptr_t)start)
                .status;
    if (status != FL_OK)
        log_stop("idle thread: status 0x%lx", status);
}
