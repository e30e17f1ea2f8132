/* What all kinds of objects share: references and the pages of the index.  See object.h. */
#include "object.h"

#include "vm.h"

struct object_freeing {
    struct vm *vm;
    struct object *object;
};

static void object_free_leaf(void *context, uint64_t leaf)
{
    const struct object_freeing *freeing = context;

    page_release(&freeing->vm->table, index_leaf_page(leaf));
    freeing->object->resident--;
    if (freeing->object->owner)
        freeing->object->owner->resident--;
}

void object_free_pages(struct vm *vm, struct object *object, uint64_t first, uint64_t count)
{
    struct object_freeing freeing = {vm, object};

    index_remove(&object->index, &vm->nodes, first, count, object_free_leaf, &freeing);
}

void object_add_page(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page)
{
    struct page *record = &vm->table.pages[page];
    struct space *owner = object->owner;

    record->object = object;
    record->link = (uint32_t)index;
    index_fill(place, index_leaf_frame(page));
    object->resident++;
    if (owner && ++owner->resident > owner->peak)
        owner->peak = owner->resident;
}

void object_release(struct vm *vm, struct object *object)
{
    while (object && --object->references == 0) {
        struct object *shadow = object->shadow;

        object_free_pages(vm, object, 0, INDEX_LIMIT);
        if (object->ops->destroy)
            object->ops->destroy(vm, object);
        slab_release(&vm->objects, object);
        object = shadow;
    }
}
