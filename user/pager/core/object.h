/* Memory objects: what entries show.  One struct, one ops table, a file for each kind.
 *
 * An anonymous object holds the pages that programs wrote; the rest of it is zero, or is what the
 * object that it *shadows* holds there.  A file object is a file of the initrd: its pages are
 * mapped where they lie in the archive, or from copies that its index keeps when they do not lie on
 * pages.
 *
 *  O1  references = entries that name the object + objects that shadow it; none is kept at 0;
 *  O2  resident = pages in the index;
 *  O3  a page of an anonymous object lies in the range of an entry that names the object;
 *  O4  an anonymous object is named by entries of one space only, its owner, which counts its pages
 *      (until there is a fork);
 *  O5  a file object is in vm->files once, and shadows nothing. */
#ifndef PAGER_OBJECT_H
#define PAGER_OBJECT_H

#include "cpio.h"
#include "index.h"

struct vm;
struct space;
struct object;

/* A page that was found: where to map it from, and its bytes. */
struct object_page {
    uint32_t slot; /* as vm_mapping.slot */
    uint64_t page;
    const void *contents;
};

struct object_ops {
    const char *name;
    /* Finds or makes page `index`, which the object's index does not hold.  False: no frame is
     * left. NULL: such a page is zero. */
    bool (*supply)(struct vm *vm, struct object *object, uint64_t index, struct object_page *found);
    /* Lets go of what the kind holds; pages are gone already. */
    void (*destroy)(struct vm *vm, struct object *object);
};

struct object {
    const struct object_ops *ops;
    struct index index;
    uint32_t references;
    uint32_t resident;
    struct space *owner; /* anonymous: who is charged */
    /* Anonymous: what lies below, or NULL.  Page i is page i + shadow_first of the shadow, for
     * i * 4096 < shadow_bytes; bytes from shadow_bytes on are zero. */
    struct object *shadow;
    uint64_t shadow_first;
    uint64_t shadow_bytes;
    /* File: */
    const struct cpio_file *file;
    struct object *next_file;
};

/* A new anonymous object with one reference, or NULL. */
struct object *object_create_anonymous(struct vm *vm, struct space *owner);

/* The object of a file, with one reference more, or NULL. */
struct object *object_open_file(struct vm *vm, const struct cpio_file *file);

/* Frees the pages [first, first + count) of the index; nobody maps them any more. */
void object_free_pages(struct vm *vm, struct object *object, uint64_t first, uint64_t count);

/* One reference less; the last frees the object, and what it shadows likewise. */
void object_release(struct vm *vm, struct object *object);

/* Puts a page that is in state PAGE_OBJECT into a reserved place. */
void object_add_page(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page);

#endif
