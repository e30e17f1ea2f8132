/* The bytes of a space, as its program would see and change them, for calls: see vm.h. */
#include <errno.h>
#include <string.h>

#include "vm.h"

int vm_find_to_read(struct vm *vm, struct space *space, uint64_t address, const uint8_t **byte)
{
    return vm_find_byte(vm, space, address, FL_ACCESS_READ, byte);
}

int vm_find_to_write(struct vm *vm, struct space *space, uint64_t address, uint8_t **byte)
{
    const uint8_t *found;
    int error = vm_find_byte(vm, space, address, FL_ACCESS_WRITE, &found);

    if (error)
        return error;
    *byte = vm->table.window + (found - vm->table.window);
    paging_note_write(vm, page_of_contents(&vm->table, found));
    return 0;
}

int vm_write(struct vm *vm, struct space *space, uint64_t address, const void *bytes,
             uint64_t count)
{
    const uint8_t *from = bytes;

    while (count > 0) {
        uint64_t rest = FL_PAGE_BYTES - address % FL_PAGE_BYTES;
        uint64_t part = rest < count ? rest : count;
        uint8_t *to;
        int error = vm_find_to_write(vm, space, address, &to);

        if (error == EINPROGRESS && vm->waits.wanted == PAGE_NONE)
            return ENOMEM; /* the root task never waits for memory */
        if (error)
            return error;
        memcpy(to, from, part);
        address += part;
        from += part;
        count -= part;
    }
    return 0;
}

int vm_write_start(struct vm *vm, struct space *space, uint64_t address, const void *bytes,
                   uint64_t count)
{
    uint32_t reserved = vm->table.reserved;
    int error;

    vm->table.reserved = 0;
    error = vm_write(vm, space, address, bytes, count);
    vm->table.reserved = reserved;
    return error;
}
