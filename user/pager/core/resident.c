/* What is in memory: mincore; and msync, which has nothing to write as long as no mapping has a
 * disk behind it.
 *
 * A page of a program that was read and never written shows the zero page: it counts as absent,
 * because it holds no memory. */
#include <errno.h>

#include "memory_values.h"
#include "vm.h"

bool vm_is_resident(const struct entry *entry, uint64_t address)
{
    return entry->object && object_has_page(entry->object, entry_index(entry, address));
}

/* Whether the program may write all of its vector, whose pages are there then: 0; EFAULT; EINPROGRESS. */
static int resident_check_vector(struct vm *vm, struct space *space, uint64_t vector,
                                 uint64_t bytes)
{
    uint64_t end = vector + bytes;
    uint8_t *byte;

    for (; vector < end; vector = (vector / FL_PAGE_BYTES + 1) * FL_PAGE_BYTES) {
        int error = vm_find_to_write(vm, space, vector, &byte);

        if (error)
            return error == EINPROGRESS ? error : EFAULT;
    }
    return 0;
}

/* Writes the vector for mapped pages, a part at a time. */
static int resident_write(struct vm *vm, struct space *space, uint64_t address, uint64_t pages,
                          uint64_t vector)
{
    uint8_t part[256];
    const struct entry *entry = entry_find(&space->map, address);

    for (uint64_t done = 0; done < pages;) {
        uint32_t count = 0;
        int error;

        for (; count < sizeof(part) && done + count < pages; count++) {
            if (address >= entry->end)
                entry = entry->next;
            part[count] = vm_is_resident(entry, address);
            address += FL_PAGE_BYTES;
        }
        error = vm_write(vm, space, vector + done, part, count);
        if (error)
            return error == EINPROGRESS ? error : EFAULT;
        done += count;
    }
    return 0;
}

int vm_resident(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
                uint64_t vector, uint64_t *pages)
{
    uint64_t length = area_round(bytes);
    int error;

    *pages = 0;
    if (!area_aligned(address))
        return EINVAL;
    if (address > FL_USER_END || bytes > FL_USER_END - address)
        return ENOMEM;
    if (length > VM_RESIDENT_PAGES * FL_PAGE_BYTES)
        length = VM_RESIDENT_PAGES * FL_PAGE_BYTES;
    if (vector > FL_USER_END || length / FL_PAGE_BYTES > FL_USER_END - vector)
        return EFAULT;
    if (length == 0)
        return 0;
    if (!area_is_mapped(space, address, address + length))
        return ENOMEM;
    error = resident_check_vector(vm, space, vector, length / FL_PAGE_BYTES);
    if (error)
        return error;
    *pages = length / FL_PAGE_BYTES;
    return resident_write(vm, space, address, *pages, vector);
}

int vm_sync(const struct space *space, uint64_t address, uint64_t bytes, uint64_t flags)
{
    uint64_t end;

    if ((flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || !area_aligned(address) ||
        ((flags & MS_ASYNC) && (flags & MS_SYNC)))
        return EINVAL;
    if (!area_find_end(address, bytes, &end))
        return ENOMEM;
    if (end == address)
        return 0;
    for (const struct entry *entry = entry_find_from(&space->map, address);
         entry && entry->start < end; entry = entry->next)
        if ((flags & MS_INVALIDATE) && entry->wired)
            return EBUSY;
    for (const struct entry *entry = entry_find_from(&space->map, address);
         (flags & MS_SYNC) && entry && entry->start < end; entry = entry->next)
        if (entry->object && object_is_device(entry->object))
            return EINVAL;
    return area_is_mapped(space, address, end) ? 0 : ENOMEM;
}
