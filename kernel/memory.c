/* Memory capabilities: ranges of frames, and the objects made from them. */
#include "memory.h"

#include <string.h>

#include "arch.h"
#include "calls.h"

#define ENTRY_RIGHTS (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)

/* Inline: the link puts it into the answer to a fault. */
inline enum fl_error memory_decode_run(const struct cap *memory, uint64_t page, uint64_t pages,
                                       uint64_t address, uint32_t rights, struct vspace_run *run)
{
    uint32_t wanted = rights & ENTRY_RIGHTS;

    if ((rights & ~FL_MAP_RIGHTS_MASK) != 0)
        return FL_RESERVED;
    if ((rights & FL_MAP_DIRTY) != 0 && (wanted & FL_RIGHT_WRITE) == 0)
        return FL_RESERVED;
    if (!memory_holds(memory, page, pages))
        return FL_OUT_OF_RANGE;
    if (!vspace_rights_name_leaf(rights))
        return FL_OUT_OF_RANGE;
    /* An entry's ceiling holds W and X only: what may be mapped at all may be read. */
    if (((wanted | FL_RIGHT_READ) & memory->rights) != (wanted | FL_RIGHT_READ))
        return FL_NO_RIGHT;
    *run = (struct vspace_run){.address = {address},
                               .first = memory_frame(memory, page),
                               .pages = pages,
                               .rights = rights,
                               .ceiling = memory->rights & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)};
    return FL_OK;
}

enum fl_error memory_claim_object_frame(frame_t frame, enum fl_object type, unsigned place)
{
    size_t bytes = type == FL_OBJECT_CNODE ? PAGE_BYTES : (size_t)place * object_bytes[type];
    enum fl_error error =
        frame_claim(&kernel.frames, frame, FRAME_OBJECT, (uint64_t)type | (uint64_t)place << 8);

    if (error == FL_OK)
        memset(frame_contents(&kernel.frames, frame), 0, bytes);
    return error;
}

void *memory_make_object(frame_t frame, unsigned place, enum fl_object type, struct cap *slot,
                         struct cap *parent)
{
    uint8_t *contents = frame_contents(&kernel.frames, frame);
    struct cap cap = {.type = (uint8_t)type, .rights = FL_RIGHTS_ALL};

    cap.object = contents + (size_t)place * object_bytes[type];
    cap_object(&cap)->type = (uint8_t)type;
    if (type == FL_OBJECT_TABLE_POOL)
        table_pool_init(cap.object, &kernel.frames);
    frame_entry(&kernel.frames, frame)->count++;
    kernel.objects++;
    cap_fill(slot, &cap, parent);
    return cap.object;
}

struct cnode *memory_make_cnode(frame_t first, unsigned frames, struct cap *slot,
                                struct cap *parent)
{
    struct cnode *cnode = frame_contents(&kernel.frames, first);
    struct cap cap = {.type = FL_OBJECT_CNODE, .rights = FL_RIGHTS_ALL, .object = cnode};

    cnode->header.frames = (uint8_t)frames;
    cnode->header.object.type = FL_OBJECT_CNODE;
    for (unsigned i = 0; i < frames; i++)
        frame_entry(&kernel.frames, frame_plus(first, i))->count = 1;
    kernel.objects++;
    cap_fill(slot, &cap, parent);
    return cnode;
}

/* Checks that `count` consecutive slots are empty.  Blames argument 5 or 6 of memory_retype. */
static struct lookup retype_slots(const struct tcb *self, uint64_t cnode, uint64_t slot,
                                  uint64_t count)
{
    struct lookup first = cap_lookup_in(self, cnode, slot, FL_RIGHT_WRITE, 5);
    struct lookup last = cap_lookup_in(self, cnode, slot + count - 1, FL_RIGHT_WRITE, 5);

    if (first.cap == NULL)
        return first;
    if (last.cap == NULL)
        return last;
    for (struct cap *cap = first.cap; cap <= last.cap; cap++) {
        if (cap->type != FL_OBJECT_NONE)
            return (struct lookup){NULL, FL_STATUS(FL_OCCUPIED, 6)};
    }
    return first;
}

static struct outcome retype_cnode(struct cap *memory, uint64_t page, uint64_t frames,
                                   struct cap *slot)
{
    frame_t first = memory_frame(memory, page);

    if (frames > FL_CNODE_FRAMES)
        return outcome_error(FL_OUT_OF_RANGE, 4);
    if (!memory_holds(memory, page, frames))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    for (unsigned i = 0; i < frames; i++) {
        if (!frame_known(&kernel.frames, frame_plus(first, i)) ||
            frame_entry(&kernel.frames, frame_plus(first, i))->type != FRAME_FREE)
            return outcome_error(FL_BAD_FRAME, 2);
    }
    for (unsigned i = 0; i < frames; i++)
        memory_claim_object_frame(frame_plus(first, i), FL_OBJECT_CNODE, i);
    memory_make_cnode(first, (unsigned)frames, slot, memory);
    return outcome_ok(0);
}

struct outcome call_memory_retype(uint64_t slot, uint64_t page, uint64_t type, uint64_t count,
                                  uint64_t cnode, uint64_t to_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup memory = cap_lookup(self, slot, FL_OBJECT_MEMORY, FL_RIGHT_RETYPE, 1);

    if (memory.cap == NULL)
        return (struct outcome){memory.status, 0};
    if (!memory_holds(memory.cap, page, 1))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (type >= FL_OBJECT_COUNT || object_bytes[type] == 0)
        return outcome_error(FL_OUT_OF_RANGE, 3);
    bool is_cnode = type == FL_OBJECT_CNODE;
    if (count == 0 || (!is_cnode && count > FL_PAGE_BYTES / object_bytes[type]))
        return outcome_error(FL_OUT_OF_RANGE, 4);
    struct lookup to = retype_slots(self, cnode, to_slot, is_cnode ? 1 : count);
    if (to.cap == NULL)
        return (struct outcome){to.status, 0};
    if (is_cnode)
        return retype_cnode(memory.cap, page, count, to.cap);
    frame_t frame = memory_frame(memory.cap, page);
    if (memory_claim_object_frame(frame, (enum fl_object)type, (unsigned)count) != FL_OK)
        return outcome_error(FL_BAD_FRAME, 2);
    for (unsigned i = 0; i < count; i++)
        memory_make_object(frame, i, (enum fl_object)type, to.cap + i, memory.cap);
    return outcome_ok(0);
}

struct outcome call_memory_derive(uint64_t slot, uint64_t page, uint64_t pages, uint64_t rights,
                                  uint64_t cnode, uint64_t to_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup memory = cap_lookup(self, slot, FL_OBJECT_MEMORY, 0, 1);

    if (memory.cap == NULL)
        return (struct outcome){memory.status, 0};
    if (!memory_holds(memory.cap, page, pages))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if ((rights & ~(uint64_t)FL_RIGHTS_ALL) != 0)
        return outcome_error(FL_RESERVED, 4);
    if ((rights & memory.cap->rights) != rights)
        return outcome_error(FL_NO_RIGHT, 4);
    struct lookup to = cap_lookup_in(self, cnode, to_slot, FL_RIGHT_WRITE, 5);
    if (to.cap == NULL)
        return (struct outcome){to.status, 0};
    if (to.cap->type != FL_OBJECT_NONE)
        return outcome_error(FL_OCCUPIED, 6);
    struct cap part = {.type = FL_OBJECT_MEMORY,
                       .rights = (uint16_t)rights,
                       .first_frame = memory.cap->first_frame + page,
                       .pages = pages};
    cap_fill(to.cap, &part, memory.cap);
    return outcome_ok(0);
}

struct outcome call_memory_frame_state(uint64_t slot, uint64_t page)
{
    const struct tcb *self = hart_self()->current;
    struct lookup memory = cap_lookup(self, slot, FL_OBJECT_MEMORY, 0, 1);

    if (memory.cap == NULL)
        return (struct outcome){memory.status, 0};
    if (!memory_holds(memory.cap, page, 1))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (!frame_known(&kernel.frames, memory_frame(memory.cap, page)))
        return outcome_error(FL_BAD_FRAME, 2);
    const struct frame *frame = frame_entry(&kernel.frames, memory_frame(memory.cap, page));
    uint64_t maps = frame->type == FRAME_USER ? frame->count : 0;
    return outcome_ok((uint64_t)frame->type | (uint64_t)(frame->flags & FRAME_STICKY) << 8 |
                      maps << 16 | (uint64_t)frame->pins << 48);
}
