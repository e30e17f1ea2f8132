/* Descriptions and tables of handles: see handle.h. */
#include "handle.h"

#include <errno.h>

#include "vm.h"

int handle_open(struct vm *vm, struct space *space, uint32_t *handle)
{
    struct description *description;

    *handle = 0;
    while (*handle < HANDLES_MAX && space->handles[*handle])
        ++*handle;
    if (*handle == HANDLES_MAX)
        return EMFILE;
    description = slab_allocate(&vm->descriptions);
    if (!description)
        return ENOMEM;
    description->references = 1;
    space->handles[*handle] = description;
    return 0;
}

struct description *handle_find(const struct space *space, uint64_t handle)
{
    return handle < HANDLES_MAX ? space->handles[handle] : NULL;
}

void handle_close(struct vm *vm, struct space *space, uint32_t handle)
{
    struct description *description = space->handles[handle];

    space->handles[handle] = NULL;
    if (--description->references > 0)
        return;
    if (description->file)
        object_release(vm, description->file);
    slab_release(&vm->descriptions, description);
}

void handle_close_all(struct vm *vm, struct space *space)
{
    for (uint32_t handle = 0; handle < HANDLES_MAX; handle++)
        if (space->handles[handle])
            handle_close(vm, space, handle);
}

void handle_inherit(struct space *child, const struct space *parent)
{
    for (uint32_t handle = 0; handle < HANDLES_MAX; handle++) {
        child->handles[handle] = parent->handles[handle];
        if (child->handles[handle])
            child->handles[handle]->references++;
    }
}

/* ---- the checker ---- */

/* The handle after `at` (counted through all spaces) that is open, or one behind the last. */
static uint32_t handle_next(const struct vm *vm, uint32_t at)
{
    while (at < VM_SPACES_MAX * HANDLES_MAX) {
        const struct space *space = vm->spaces[at / HANDLES_MAX];

        if (!space)
            at += HANDLES_MAX - at % HANDLES_MAX;
        else if (space->handles[at % HANDLES_MAX])
            return at;
        else
            at++;
    }
    return at;
}

static const struct description *handle_at(const struct vm *vm, uint32_t at)
{
    return vm->spaces[at / HANDLES_MAX]->handles[at % HANDLES_MAX];
}

/* How many handles name the description of handle `at`; 0 if an earlier one does. */
static uint32_t handle_count_names(const struct vm *vm, uint32_t at)
{
    const struct description *description = handle_at(vm, at);
    uint32_t names = 0;

    for (uint32_t other = handle_next(vm, 0); other < VM_SPACES_MAX * HANDLES_MAX;
         other = handle_next(vm, other + 1)) {
        if (handle_at(vm, other) != description)
            continue;
        if (other < at)
            return 0;
        names++;
    }
    return names;
}

uint32_t handle_count_openings(const struct vm *vm, const struct object *file)
{
    uint32_t openings = 0;

    for (uint32_t at = handle_next(vm, 0); at < VM_SPACES_MAX * HANDLES_MAX;
         at = handle_next(vm, at + 1))
        openings += handle_at(vm, at)->file == file && handle_count_names(vm, at) > 0;
    return openings;
}

const char *handle_check(const struct vm *vm)
{
    uint32_t descriptions = 0;

    for (uint32_t at = handle_next(vm, 0); at < VM_SPACES_MAX * HANDLES_MAX;
         at = handle_next(vm, at + 1)) {
        uint32_t names = handle_count_names(vm, at);

        if (names > 0 && handle_at(vm, at)->references != names)
            return "D1";
        if (names > 0 && (handle_at(vm, at)->file->owner || handle_at(vm, at)->offset > INT64_MAX))
            return "D2";
        descriptions += names > 0;
    }
    return vm->descriptions.used == descriptions ? NULL : "D3";
}
