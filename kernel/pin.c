/* Pins: frames that stay where they are, for as long as somebody holds the capability.  A Pin is deleted
 * by its holder alone, since a device may be using the frames: so it stands below the kernel's root in
 * the derivation tree, where no revoke meets it. */
#include "arch.h"
#include "calls.h"
#include "memory.h"

/* Whether each frame of a run can be pinned once more.  FL_OK, BAD_FRAME or OVERFLOW. */
static enum fl_error check_frames(frame_t first, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        enum fl_error error = frame_can_pin(&kernel.frames, frame_plus(first, i));

        if (error != FL_OK)
            return error;
    }
    return FL_OK;
}

struct outcome call_memory_pin(uint64_t slot, uint64_t page, uint64_t pages, uint64_t cnode,
                               uint64_t to_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup memory = cap_lookup(self, slot, FL_OBJECT_MEMORY, FL_RIGHT_PIN, 1);

    if (memory.cap == NULL)
        return (struct outcome){memory.status, 0};
    if (!memory_holds(memory.cap, page, 1))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (pages > FL_PIN_PAGES || !memory_holds(memory.cap, page, pages))
        return outcome_error(FL_OUT_OF_RANGE, 3);
    struct lookup to = cap_lookup_in(self, cnode, to_slot, FL_RIGHT_WRITE, 4);
    if (to.cap == NULL)
        return (struct outcome){to.status, 0};
    if (to.cap->type != FL_OBJECT_NONE)
        return outcome_error(FL_OCCUPIED, 5);
    frame_t first = memory_frame(memory.cap, page);
    enum fl_error error = check_frames(first, pages);
    if (error != FL_OK)
        return outcome_error(error, 2);
    for (uint64_t i = 0; i < pages; i++)
        frame_pin(&kernel.frames, frame_plus(first, i));
    struct cap pin = {
        .type = FL_OBJECT_PIN, .rights = FL_RIGHTS_ALL, .first_frame = first.value, .pages = pages};
    cap_fill(to.cap, &pin, kernel.derivation.root);
    return outcome_ok(frame_address(first).value);
}

struct outcome call_pin_address(uint64_t slot)
{
    struct lookup found = cap_lookup(hart_self()->current, slot, FL_OBJECT_PIN, 0, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    return outcome_ok(frame_address((frame_t){found.cap->first_frame}).value);
}
