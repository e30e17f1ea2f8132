/* Anonymous objects: zero until written, or a private view of another object.  See object.h. */
#include "object.h"

#include "vm.h"

static const struct object_ops object_anonymous_ops = {.name = "anonymous",
                                                       .leaves = VICTIMS_ANONYMOUS};

struct object *object_create_anonymous(struct vm *vm, struct space *owner)
{
    struct object *object = slab_allocate(&vm->objects);

    if (!object)
        return NULL;
    object->ops = &object_anonymous_ops;
    object->references = 1;
    object->owner = owner;
    object->number = ++vm->object_number;
    return object;
}
