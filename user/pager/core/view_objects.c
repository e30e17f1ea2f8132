/* /proc/PID/objects: the entries of a space, and under each its chain of objects, top first, down to the
 * file that lies under it.  The format is defined in the pager's README. */
#include "view_kinds.h"

static const char *objects_name_use(const struct entry *entry)
{
    static const char *const names[] = {[ENTRY_MAPPED] = "mapped",
                                        [ENTRY_PROGRAM] = "program",
                                        [ENTRY_HEAP] = "heap",
                                        [ENTRY_STACK] = "stack",
                                        [ENTRY_GUARD] = "guard"};

    return names[entry->use];
}

static uint32_t objects_count_above(struct view_step *step, const struct object *object)
{
    uint32_t count = 0;

    for (const struct object *above = object->above; above; above = above->next_above)
        count++;
    step->work += count;
    return count;
}

static void objects_print_file(struct view_step *step, const struct object *file, uint64_t first)
{
    char name[VIEW_PATH_BYTES];

    view_name_file(step->vm, file, name);
    view_print(step, "  %s %lu references %u pages %u first %lu name %s\n", file->ops->name,
               file->number, file->references, file->resident, first, name);
}

static void objects_print_chain(struct view_step *step, const struct entry *entry)
{
    const struct object *object = entry->object;

    if (!object->owner) {
        objects_print_file(step, object, entry->offset);
        return;
    }
    for (; object; object = object->below)
        view_print(step, "  %s %lu references %u pages %u first %lu above %u charged %lu\n",
                   object->ops->name, object->number, object->references, object->resident,
                   entry->offset, objects_count_above(step, object), object->owner->pid);
    object = entry->object;
    if (object->source)
        objects_print_file(step, object->source, entry->offset + object->source_first);
}

static bool objects_tell(struct view_step *step)
{
    const struct entry *entry = entry_find_from(&step->space->map, step->view->next);
    char rights[5];

    if (!entry)
        return true;
    view_describe_rights(entry, rights);
    view_print(step, "%08lx-%08lx %s %s\n", entry->start, entry->end, rights,
               objects_name_use(entry));
    if (entry->object)
        objects_print_chain(step, entry);
    step->view->next = entry->end;
    return false;
}

const struct view_kind view_objects = {"objects", true, objects_tell};
