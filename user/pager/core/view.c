/* Opening a view, and its steps: see view.h. */
#include "view.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "view_kinds.h"

#define VIEW_LINE_BYTES (VIEW_PATH_BYTES + 120u)

static const struct view_kind *const view_kinds[] = {
    &view_maps,    &view_smaps,  &view_status, &view_objects,   &view_uses,
    &view_meminfo, &view_vmstat, &view_swaps,  &view_buddyinfo,
};

/* ---- paths ---- */

/* The text behind `prefix`, or NULL if `path` begins otherwise. */
static const char *view_skip(const char *path, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return strncmp(path, prefix, bytes) == 0 ? path + bytes : NULL;
}

/* The space of a process by its number, or NULL. */
static const struct space *view_find_process(const struct vm *vm, uint64_t pid)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id] && vm->spaces[id]->pid == pid)
            return vm->spaces[id];
    return NULL;
}

/* Reads a decimal number without zeros before it, and the "/" behind it.  Returns what is behind that,
 * or NULL. */
static const char *view_read_pid(const char *path, uint64_t *pid)
{
    *pid = 0;
    if (*path < '1' || *path > '9')
        return NULL;
    for (; *path >= '0' && *path <= '9'; path++) {
        *pid = *pid * 10 + (uint64_t)(*path - '0');
        if (*pid > UINT32_MAX)
            return NULL;
    }
    return *path == '/' ? path + 1 : NULL;
}

/* The kind of view that a path names, and *space, whose it is.  NULL: there is none. */
static const struct view_kind *view_decode(const struct vm *vm, const struct space *caller,
                                           const char *path, const struct space **space)
{
    const char *name = view_skip(path, "/proc/"), *rest;
    uint64_t pid;

    *space = NULL;
    if (!name)
        return NULL;
    if ((rest = view_skip(name, "self/")) != NULL)
        *space = caller;
    else if ((rest = view_read_pid(name, &pid)) != NULL)
        *space = view_find_process(vm, pid);
    if (rest && !*space)
        return NULL;
    if (rest)
        name = rest;
    for (size_t i = 0; i < sizeof view_kinds / sizeof view_kinds[0]; i++)
        if (view_kinds[i]->of_space == (*space != NULL) && strcmp(view_kinds[i]->name, name) == 0)
            return view_kinds[i];
    return NULL;
}

/* ---- steps ---- */

void view_print(struct view_step *step, const char *format, ...)
{
    char line[VIEW_LINE_BYTES];
    va_list arguments;
    uint64_t done;
    size_t bytes;

    va_start(arguments, format);
    bytes = text_format_list(line, sizeof line, format, arguments);
    va_end(arguments);
    step->work += VIEW_LINE_WORK;
    if (!step->error &&
        object_write(step->vm, step->file, step->file->bytes, line, bytes, &done) != 0)
        step->error = ENOMEM;
}

/* Takes one step.  0 and *complete; ENOMEM, and neither the text nor the view has changed. */
static int view_take_step(struct vm *vm, struct view *view, struct object *file, bool *complete)
{
    struct view_step step = {.vm = vm, .view = view, .file = file};
    const struct view before = *view;
    uint64_t bytes = file->bytes;

    *complete = false;
    if (view->kind->of_space)
        step.space = space_find(vm, view->space, view->generation);
    if (view->kind->of_space && !step.space)
        *complete = true;
    while (!*complete && !view_is_spent(&step))
        *complete = view->kind->tell(&step);
    if (!step.error)
        return 0;
    *view = before;
    (void)object_resize(vm, file, bytes);
    return step.error;
}

int view_open(struct vm *vm, const struct space *caller, const char *path, struct object **file)
{
    const struct space *space;
    struct view view = {.kind = view_decode(vm, caller, path, &space)};
    struct object *made;
    bool complete;
    int error;

    if (!view.kind)
        return ENOENT;
    if (space) {
        view.space = space->id;
        view.generation = space->generation;
    }
    made = object_create_memory(vm);
    if (!made)
        return ENOMEM;
    error = view_take_step(vm, &view, made, &complete);
    if (!error && !complete) {
        made->view = slab_allocate(&vm->views);
        if (made->view)
            *made->view = view;
        else
            error = ENOMEM;
    }
    if (error)
        object_release(vm, made);
    else
        *file = made;
    return error;
}

int view_reach(struct vm *vm, struct object *file, uint64_t offset)
{
    bool complete;
    int error;

    if (!file->view || offset < file->bytes)
        return 0;
    error = view_take_step(vm, file->view, file, &complete);
    if (!error && complete)
        view_forget(vm, file);
    if (!error && !complete && offset >= file->bytes)
        error = EAGAIN;
    return error;
}

void view_forget(struct vm *vm, struct object *file)
{
    if (!file->view)
        return;
    slab_release(&vm->views, file->view);
    file->view = NULL;
}
