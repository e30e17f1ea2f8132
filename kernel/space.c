/* Calls on VSpaces and TablePools. */
#include "arch.h"
#include "calls.h"
#include "memory.h"
#include "space.h"
#include "sv39.h"

struct space_lookup space_decode(uint64_t slot, unsigned argument)
{
    struct lookup found =
        cap_lookup(hart_self()->current, slot, FL_OBJECT_VSPACE, FL_RIGHT_MAP, argument);

    if (found.cap == NULL)
        return (struct space_lookup){NULL, found.status};
    struct vspace_object *object = found.cap->object;
    if (object->space.pool == NULL || object->ending)
        return (struct space_lookup){NULL, FL_STATUS(FL_NOT_READY, argument)};
    return (struct space_lookup){&object->space, FL_OK};
}

uint64_t space_decode_range(uint64_t address, uint64_t pages, unsigned argument)
{
    if (address % FL_PAGE_BYTES != 0)
        return FL_STATUS(FL_UNALIGNED, argument);
    if (address < FL_USER_BASE || address >= FL_USER_END)
        return FL_STATUS(FL_OUT_OF_RANGE, argument);
    if (pages == 0 || pages > FL_RANGE_PAGES || pages > (FL_USER_END - address) / FL_PAGE_BYTES)
        return FL_STATUS(FL_OUT_OF_RANGE, argument + 1);
    return FL_OK;
}

/* Both, for a call whose first argument is the space. */
static struct space_lookup decode_range(uint64_t slot, uint64_t address, uint64_t pages,
                                        unsigned argument)
{
    struct space_lookup found = space_decode(slot, 1);
    uint64_t status = space_decode_range(address, pages, argument);

    if (found.space == NULL || status == FL_OK)
        return found;
    return (struct space_lookup){NULL, status};
}

struct outcome call_vspace_set_pool(uint64_t slot, uint64_t pool_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup space = cap_lookup(self, slot, FL_OBJECT_VSPACE, FL_RIGHT_MAP, 1);
    struct lookup pool = cap_lookup(self, pool_slot, FL_OBJECT_TABLE_POOL, 0, 2);

    if (space.cap == NULL || pool.cap == NULL)
        return (struct outcome){space.cap == NULL ? space.status : pool.status, 0};
    struct vspace_object *object = space.cap->object;
    struct pool_object *tables = pool.cap->object;
    if (object->pool.type != FL_OBJECT_NONE)
        return outcome_error(FL_BUSY, 1);
    if (!cap_can_count(pool.cap))
        return outcome_error(FL_OVERFLOW, 2);
    enum fl_error error = vspace_init(&object->space, &tables->pool, kernel.root_table);
    if (error != FL_OK)
        return outcome_error(error, 2);
    tables->spaces++;
    cap_hold(&object->pool, pool.cap); /* cannot fail: nothing was held */
    return outcome_ok(0);
}

struct outcome call_vspace_map(uint64_t slot, uint64_t memory_slot, uint64_t page, uint64_t address,
                               uint64_t pages, uint64_t rights)
{
    struct space_lookup range = decode_range(slot, address, pages, 4);
    struct lookup memory =
        cap_lookup(hart_self()->current, memory_slot, FL_OBJECT_MEMORY, FL_RIGHT_MAP, 2);
    struct vspace_run run;
    uint64_t done = 0;

    if (range.space == NULL || memory.cap == NULL)
        return (struct outcome){range.space == NULL ? range.status : memory.status, 0};
    if (rights > UINT32_MAX)
        return outcome_error(FL_RESERVED, 6);
    enum fl_error error =
        memory_decode_run(memory.cap, page, pages, address, (uint32_t)rights, &run);
    if (error != FL_OK) {
        bool bad_range = error == FL_OUT_OF_RANGE && !memory_holds(memory.cap, page, pages);
        return outcome_error(error, bad_range ? 3 : 6);
    }
    error = vspace_map(range.space, &run, &done);
    return (struct outcome){FL_STATUS(error, 0), done};
}

struct outcome call_vspace_unmap(uint64_t slot, uint64_t address, uint64_t pages)
{
    struct space_lookup range = decode_range(slot, address, pages, 2);
    uint64_t done = 0;

    if (range.space == NULL)
        return (struct outcome){range.status, 0};
    enum fl_error error = vspace_unmap(range.space, (vaddr_t){address}, pages, &done);
    return (struct outcome){FL_STATUS(error, 0), done};
}

struct outcome call_vspace_protect(uint64_t slot, uint64_t address, uint64_t pages, uint64_t rights)
{
    const uint64_t all = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC;
    struct space_lookup range = decode_range(slot, address, pages, 2);
    uint64_t done = 0;

    if (range.space == NULL)
        return (struct outcome){range.status, 0};
    if ((rights & ~all) != 0)
        return outcome_error(FL_RESERVED, 4);
    if (rights == 0 || (rights & (FL_RIGHT_READ | FL_RIGHT_WRITE)) == FL_RIGHT_WRITE)
        return outcome_error(FL_OUT_OF_RANGE, 4);
    enum fl_error error =
        vspace_protect(range.space, (vaddr_t){address}, pages, (uint32_t)rights, &done);
    return (struct outcome){FL_STATUS(error, error == FL_CEILING ? 4 : 0), done};
}

struct outcome call_vspace_entry(uint64_t slot, uint64_t address)
{
    struct space_lookup range = decode_range(slot, address, 1, 2);

    if (range.space == NULL)
        return (struct outcome){range.status, 0};
    return outcome_ok(sv39_entry_value(vspace_entry(range.space, (vaddr_t){address})));
}

#define DONATE_STEP 32u /* frames zeroed in one kernel entry */

struct outcome call_pool_donate(uint64_t slot, uint64_t memory_slot, uint64_t page, uint64_t pages)
{
    const struct tcb *self = hart_self()->current;
    struct lookup pool = cap_lookup(self, slot, FL_OBJECT_TABLE_POOL, 0, 1);
    struct lookup memory = cap_lookup(self, memory_slot, FL_OBJECT_MEMORY, FL_RIGHT_DONATE, 2);

    if (pool.cap == NULL || memory.cap == NULL)
        return (struct outcome){pool.cap == NULL ? pool.status : memory.status, 0};
    if (!memory_holds(memory.cap, page, pages))
        return outcome_error(FL_OUT_OF_RANGE, 3);
    struct pool_object *object = pool.cap->object;
    uint64_t done = 0;
    for (; done < pages && done < DONATE_STEP; done++) {
        frame_t frame = memory_frame(memory.cap, page + done);

        if (table_pool_donate(&object->pool, frame) != FL_OK)
            return (struct outcome){FL_STATUS(FL_BAD_FRAME, 3), done};
    }
    return (struct outcome){done < pages ? FL_MORE : FL_OK, done};
}

struct outcome call_pool_withdraw(uint64_t slot, uint64_t memory_slot)
{
    const struct tcb *self = hart_self()->current;
    struct lookup pool = cap_lookup(self, slot, FL_OBJECT_TABLE_POOL, 0, 1);
    struct lookup memory = cap_lookup(self, memory_slot, FL_OBJECT_MEMORY, FL_RIGHT_DONATE, 2);
    frame_t frame;

    if (pool.cap == NULL || memory.cap == NULL)
        return (struct outcome){pool.cap == NULL ? pool.status : memory.status, 0};
    struct pool_object *object = pool.cap->object;
    enum fl_error error = table_pool_withdraw_from(&object->pool, memory_frame(memory.cap, 0),
                                                   memory.cap->pages, &frame);
    if (error == FL_MORE)
        return (struct outcome){FL_STATUS(FL_MORE, 0), object->pool.spare};
    if (error != FL_OK)
        return outcome_error(error, 1);
    return outcome_ok(frame.value - memory.cap->first_frame);
}

struct outcome call_pool_spare(uint64_t slot)
{
    struct lookup pool = cap_lookup(hart_self()->current, slot, FL_OBJECT_TABLE_POOL, 0, 1);

    if (pool.cap == NULL)
        return (struct outcome){pool.status, 0};
    const struct pool_object *object = pool.cap->object;
    return outcome_ok(object->pool.spare);
}
