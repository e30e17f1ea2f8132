/* Cloning a range of a space, and harvesting A and D. */
#include <string.h>

#include "arch.h"
#include "calls.h"
#include "memory.h"
#include "space.h"

/* --- clone --------------------------------------------------------------------------------- */

/* The rights and the ceiling of a clone: arguments 5 and 6. */
static uint64_t decode_clone_rights(uint64_t rights, uint64_t ceiling)
{
    const uint64_t ceilings = FL_RIGHT_WRITE | FL_RIGHT_EXEC;

    if ((rights & ~(FL_RIGHT_READ | ceilings | FL_CLONE_PROTECT)) != 0)
        return FL_STATUS(FL_RESERVED, 5);
    if ((ceiling & ~ceilings) != 0)
        return FL_STATUS(FL_RESERVED, 6);
    if (!vspace_rights_name_leaf((uint32_t)rights))
        return FL_STATUS(FL_OUT_OF_RANGE, 5);
    if ((rights & ~ceiling & ceilings) != 0)
        return FL_STATUS(FL_OUT_OF_RANGE, 6);
    return FL_OK;
}

struct outcome call_vspace_clone(uint64_t to_slot, uint64_t from_slot, uint64_t address,
                                 uint64_t pages, uint64_t rights, uint64_t ceiling)
{
    struct space_lookup to = space_decode(to_slot, 1), from = space_decode(from_slot, 2);
    uint64_t done = 0;

    if (to.space == NULL || from.space == NULL)
        return (struct outcome){to.space == NULL ? to.status : from.status, 0};
    if (to.space == from.space)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    uint64_t status = space_decode_range(address, pages, 3);
    if (status == FL_OK)
        status = decode_clone_rights(rights, ceiling);
    if (status != FL_OK)
        return (struct outcome){status, 0};
    const struct vspace_clone clone = {.to = to.space,
                                       .from = from.space,
                                       .address = {address},
                                       .pages = pages,
                                       .rights = (uint32_t)rights,
                                       .ceiling = (uint32_t)ceiling};
    enum fl_error error = vspace_clone(&clone, &done);
    return (struct outcome){FL_STATUS(error, 0), done};
}

/* --- harvest ------------------------------------------------------------------------------- */

_Static_assert(FL_BUFFER_DATA + sizeof(struct fl_harvest) <= FL_BUFFER_BYTES, "fits the buffer");

/* Writes what was found of so many pages into the caller's message buffer. */
static void harvest_deliver(const struct fl_harvest *result, uint64_t done)
{
    char *buffer = (char *)hart_self()->current->buffer;
    struct fl_harvest *delivered = (struct fl_harvest *)(buffer + FL_BUFFER_DATA);

    delivered->absent = result->absent;
    for (uint64_t word = 0; word < FL_HARVEST_WORDS(done - result->absent); word++)
        delivered->bits[word] = result->bits[word];
}

/* What both calls check last: what to clear, argument 4, and where the result goes. */
static uint64_t harvest_refusal(uint64_t clear)
{
    if ((clear & ~(uint64_t)(FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY)) != 0)
        return FL_STATUS(FL_RESERVED, 4);
    return hart_self()->current->buffer == NULL ? FL_STATUS(FL_NO_BUFFER, 0) : FL_OK;
}

struct outcome call_vspace_harvest(uint64_t slot, uint64_t address, uint64_t pages, uint64_t clear)
{
    struct space_lookup found = space_decode(slot, 1);
    struct fl_harvest result;
    uint64_t done = 0;

    if (found.space == NULL)
        return (struct outcome){found.status, 0};
    uint64_t status = space_decode_range(address, pages, 2);
    if (status == FL_OK)
        status = harvest_refusal(clear);
    if (status != FL_OK)
        return (struct outcome){status, 0};
    enum fl_error error =
        vspace_harvest(found.space, (vaddr_t){address}, pages, (uint32_t)clear, &result, &done);
    harvest_deliver(&result, done);
    return (struct outcome){FL_STATUS(error, 0), done};
}

/* The pages that the message buffer lists.  Each number is read once, and all before the harvest is written there. */
static enum fl_error harvest_list(const struct cap *memory, uint64_t pages, uint32_t clear,
                                  struct fl_harvest *result, uint64_t *done)
{
    const char *buffer = (const char *)hart_self()->current->buffer;
    const volatile uint64_t *list = (const volatile uint64_t *)(buffer + FL_BUFFER_DATA);
    struct fl_harvest one;
    uint64_t frames;

    result->absent = result->bits[0] = 0;
    for (; *done < pages; ++*done) {
        uint64_t page = list[*done];

        if (!memory_holds(memory, page, 1))
            return FL_BAD_FRAME;
        enum fl_error error =
            frame_harvest(&kernel.frames, memory_frame(memory, page), 1, clear, &one, &frames);
        if (error != FL_OK)
            return error;
        result->bits[0] |= one.bits[0] << 2 * *done;
    }
    return FL_OK;
}
_Static_assert(FL_HARVEST_WORDS(FL_HARVEST_LIST) == 1, "the bits of a list are one word");

struct outcome call_memory_harvest(uint64_t slot, uint64_t page, uint64_t pages, uint64_t clear)
{
    const unsigned rights = FL_RIGHT_MAP | FL_RIGHT_WRITE;
    struct lookup memory = cap_lookup(hart_self()->current, slot, FL_OBJECT_MEMORY, rights, 1);
    bool listed = (clear & FL_HARVEST_LISTED) != 0;
    uint32_t bits = (uint32_t)(clear & ~(uint64_t)FL_HARVEST_LISTED);
    enum fl_error error;
    struct fl_harvest result;
    uint64_t done = 0;

    if (memory.cap == NULL)
        return (struct outcome){memory.status, 0};
    if (listed ? pages - 1 >= FL_HARVEST_LIST : !memory_holds(memory.cap, page, pages))
        return outcome_error(FL_OUT_OF_RANGE, 2);
    uint64_t status = harvest_refusal(clear & ~(uint64_t)FL_HARVEST_LISTED);
    if (status != FL_OK)
        return (struct outcome){status, 0};
    if (listed) {
        error = harvest_list(memory.cap, pages, bits, &result, &done);
    } else {
        uint64_t step = pages < FL_HARVEST_PAGES ? pages : FL_HARVEST_PAGES;

        error = frame_harvest(&kernel.frames, memory_frame(memory.cap, page), step, bits, &result,
                              &done);
    }
    if (error == FL_OK && done < pages)
        error = FL_MORE;
    if (done > 0)
        harvest_deliver(&result, done);
    return (struct outcome){FL_STATUS(error, error == FL_BAD_FRAME ? 2 : 0), done};
}
