/* Device objects: the registers of a device, as a Memory capability shows them.  See object.h.
 *
 * Its pages are no frames of ours: they are not copied, not read, not written and not counted.  Only
 * shared mappings show them, never executable, and never beyond the device. */
#include "object.h"

#include "vm.h"

static bool object_device_find(const struct vm *vm, const struct object *object, uint64_t index,
                               struct object_page *found)
{
    (void)vm;
    if (index * FL_PAGE_BYTES >= object->bytes)
        return false;
    *found = (struct object_page){.slot = object->slot, .page = index};
    return true;
}

static enum object_supply object_device_supply(struct vm *vm, struct object *object, uint64_t index,
                                               struct object_page *found)
{
    return object_device_find(vm, object, index, found) ? OBJECT_SUPPLIED : OBJECT_BEYOND_END;
}

static const struct object_ops object_device_ops = {.name = "device",
                                                    .supply = object_device_supply,
                                                    .find = object_device_find,
                                                    .destroy = object_leave_files};

bool object_is_device(const struct object *object)
{
    return object->ops == &object_device_ops;
}

/* Behind the numbers of the initrd; vm->file_number begins behind these. */
uint64_t object_number_of_device(const struct vm *vm, uint32_t device)
{
    return vm->archive_bytes + 1 + device;
}

struct object *object_open_device(struct vm *vm, uint32_t device)
{
    uint32_t slot = vm->devices.first_slot + device;
    struct object *object;

    for (object = vm->files; object; object = object->next_file)
        if (object_is_device(object) && object->slot == slot) {
            object->references++;
            return object;
        }
    object = slab_allocate(&vm->objects);
    if (!object)
        return NULL;
    object->ops = &object_device_ops;
    object->references = 1;
    object->number = object_number_of_device(vm, device);
    object->slot = slot;
    object->bytes = devices_bytes(&vm->devices, device);
    object_enter_files(vm, object);
    return object;
}
