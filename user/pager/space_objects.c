/* Kernel objects of spaces: see space_objects.h.
 *
 * A VSpace takes a frame of its own for as long as the program lives: a frame shared by many could
 * only come back when the last of them is gone, and a stock of empty VSpaces would keep a root
 * table each. */
#include "space_objects.h"

#include <errno.h>

#include "frames.h"
#include "log.h"

static uint64_t space_objects_delete_slot(uint64_t slot)
{
    uint64_t status;

    do
        status = flr_cnode_delete(PAGER_SLOT_CNODE, slot).status;
    while (FL_STATUS_CODE(status) == FL_MORE);
    return FL_STATUS_CODE(status);
}

static uint64_t space_objects_set_pool(struct pager *pager, uint64_t vspace)
{
    uint64_t status = flr_vspace_set_pool(vspace, PAGER_SLOT_POOL).status;

    if (FL_STATUS_CODE(status) == FL_NO_TABLE && frames_refill_tables(pager))
        status = flr_vspace_set_pool(vspace, PAGER_SLOT_POOL).status;
    return FL_STATUS_CODE(status);
}

/* Makes the VSpace in its slot out of one frame. */
static bool space_objects_make_vspace(struct pager *pager, uint32_t id)
{
    uint32_t page = frames_lend(pager, 1);
    struct object_page at;
    uint64_t status;

    if (page == PAGE_NONE)
        return false;
    vm_page_locate(&pager->vm, page, &at);
    status = flr_memory_retype(at.slot, at.page, FL_OBJECT_VSPACE, 1, PAGER_SLOT_CNODE,
                               pager_slot_vspace(id))
                 .status;
    if (status == FL_OK) {
        pager->object_page[id] = page;
        status = space_objects_set_pool(pager, pager_slot_vspace(id));
        if (status == FL_OK)
            return true;
        space_objects_delete_slot(pager_slot_vspace(id));
    }
    if (status != FL_NO_TABLE)
        log_line("space %u: no VSpace: status 0x%lx", (unsigned)id, status);
    frames_return(pager, page, 1);
    return false;
}

int space_objects_create(struct pager *pager, uint64_t pid, struct space **space)
{
    *space = space_create(&pager->vm, pid);
    if (!*space)
        return ENOMEM;
    if (space_objects_make_vspace(pager, (*space)->id))
        return 0;
    space_destroy(&pager->vm, *space);
    return ENOMEM;
}

/* The child's message buffer: a page of its own with what the parent's holds. */
static bool space_objects_copy_buffer(struct pager *pager, const struct space *parent,
                                      struct space *child)
{
    const struct page_table *table = &pager->vm.table;

    if (parent->buffer == PAGE_NONE)
        return true;
    if (space_take_buffer(&pager->vm, child) == PAGE_NONE)
        return false;
    page_copy(page_contents(table, child->buffer), page_contents(table, parent->buffer));
    return true;
}

int space_objects_fork(struct pager *pager, struct space *parent, uint64_t pid,
                       struct space **space)
{
    int error = space_objects_create(pager, pid, space);

    if (error)
        return error;
    if (space_objects_copy_buffer(pager, parent, *space) &&
        vm_fork(&pager->vm, parent, *space) == 0)
        return 0;
    space_objects_destroy(pager, *space);
    return ENOMEM;
}

/* The endpoint that the thread's faults go to, with the badge that says whose they are. */
static uint64_t space_objects_bind(const struct space *space)
{
    uint64_t badge = PAGER_BADGE(PAGER_BADGE_FAULT, space->id, space->generation);
    uint64_t status = flr_cnode_copy(PAGER_SLOT_CNODE, PAGER_SLOT_SCRATCH, PAGER_SLOT_CNODE,
                                     PAGER_SLOT_ENDPOINT, FL_RIGHT_SEND | FL_RIGHT_CALL, badge)
                          .status;

    if (status != FL_OK)
        return status;
    status = flr_tcb_set_space(pager_slot_tcb(space->id), pager_slot_vspace(space->id),
                               PAGER_SLOT_SCRATCH)
                 .status;
    space_objects_delete_slot(PAGER_SLOT_SCRATCH);
    return status;
}

static uint64_t space_objects_give_buffer(struct pager *pager, const struct space *space)
{
    struct object_page at;
    struct vm_mapping mapping = {
        .address = FL_BUFFER, .pages = 1, .rights = FL_RIGHT_READ | FL_RIGHT_WRITE};
    const struct vm_port *port = &pager->vm.port;

    vm_page_locate(&pager->vm, space->buffer, &at);
    mapping.slot = at.slot;
    mapping.page = at.page;
    if (!port->map(port->context, space->id, &mapping))
        return FL_NO_TABLE;
    return flr_tcb_set_buffer(pager_slot_tcb(space->id), at.slot, at.page, 0).status;
}

int space_objects_attach(struct pager *pager, struct space *space)
{
    uint64_t status;

    if (space->attached)
        return EINVAL;
    if (space->buffer == PAGE_NONE && space_take_buffer(&pager->vm, space) == PAGE_NONE)
        return ENOMEM;
    space->attached = true;
    status = space_objects_bind(space);
    if (status == FL_OK)
        status = space_objects_give_buffer(pager, space);
    space_objects_delete_slot(pager_slot_tcb(space->id));
    if (status == FL_OK)
        return 0;
    if (FL_STATUS_CODE(status) == FL_NO_TABLE)
        return ENOMEM;
    log_line("space %u: attach: status 0x%lx", (unsigned)space->id, status);
    return EINVAL;
}

int space_objects_destroy(struct pager *pager, struct space *space)
{
    uint32_t page = pager->object_page[space->id];
    uint64_t status = space_objects_delete_slot(pager_slot_vspace(space->id));

    if (status == FL_BUSY)
        return EBUSY;
    if (status != FL_OK)
        log_stop("space %u: delete: status 0x%lx", (unsigned)space->id, status);
    space_objects_delete_slot(pager_slot_tcb(space->id));
    space_destroy(&pager->vm, space);
    status = frames_return(pager, page, 1);
    if (status != FL_OK)
        log_line("page %u does not come back: status 0x%lx", (unsigned)page, status);
    frames_settle_tables(pager);
    return 0;
}
