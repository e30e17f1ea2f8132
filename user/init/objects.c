/* Owns nothing: makes the stock of kernel objects, see objects.h. */
#include "objects.h"

#include "fl_calls.h"
#include "frames.h"
#include "log.h"
#include "slots.h"

static void objects_mint_wake(uint64_t slot, uint64_t bit)
{
    uint64_t status =
        flr_cnode_copy(FL_BOOT_CNODE, slot, FL_BOOT_CNODE, SLOT_NOTIFICATIONS, FL_RIGHT_SEND, bit)
            .status;

    if (status != FL_OK)
        log_stop("our notification with bit 0x%lx: status 0x%lx", bit, status);
}

void objects_make(void)
{
    frames_make_objects(FL_OBJECT_ENDPOINT, SLOT_ENDPOINTS_END - SLOT_ENDPOINTS, SLOT_ENDPOINTS);
    frames_make_objects(FL_OBJECT_TCB, SLOT_SERVER_VSPACES - SLOT_SERVER_TCBS, SLOT_SERVER_TCBS);
    frames_make_objects(FL_OBJECT_VSPACE, SLOT_SERVER_VSPACES_END - SLOT_SERVER_VSPACES,
                        SLOT_SERVER_VSPACES);
    frames_make_objects(FL_OBJECT_REPLY, STOCK_OBJECTS, SLOT_REPLIES);
    frames_make_objects(FL_OBJECT_NOTIFICATION, STOCK_OBJECTS, SLOT_NOTIFICATIONS);
    frames_make_objects(FL_OBJECT_TIMER, STOCK_OBJECTS, SLOT_TIMERS);
    objects_mint_wake(SLOT_WAKE_PAGER, EVENT_PAGER);
    objects_mint_wake(SLOT_WAKE_TIMER, EVENT_TIMER);
    objects_mint_wake(SLOT_WAKE_CONSOLE, EVENT_CONSOLE);
    objects_mint_wake(SLOT_WAKE_WATCH, EVENT_WATCH);
}
