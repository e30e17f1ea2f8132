/* Memory objects: what entries show.  One struct, one ops table, a file for each kind.
 *
 * An anonymous object holds the pages that programs wrote.  What it does not hold it shows from the
 * anonymous object *below* it, if fork put it over one (shadow.h); what none of them holds is a page
 * of its *source*, the file of a private mapping, or zero.  A file object is a file of the initrd:
 * its pages are mapped where they lie in the archive, or from copies that its index keeps when they
 * do not lie on pages.  Or it is a file in memory, whose index holds all of it.  A
 * device object is like a file of which nobody has copies: only mappings show it.
 *
 * Charging: a page is charged to its object and an object to one space, its owner: the space that
 * made it, until that space shows nothing of it any more; then an heir that does.  So a page shared
 * after a fork is charged once.
 *
 *  O1  references = entries that name the object + objects above it + objects whose source it is
 *      + the name of a file + open descriptions of it; none is kept at 0;
 *  O2  resident = leaves of pages in memory in the index, merged = those of them that name merged pages,
 *      swapped = other leaves: pages that are out of memory; only anonymous objects have such, and merged
 *      ones;
 *  O3  every page of an anonymous object is shown by an entry: by one of the object's own, or by
 *      one of an object above that holds no page there;
 *  O4  the owner of an anonymous object has an entry that names it or an object above it; a file
 *      object has none;
 *  O5  a file object is in vm->files once, and has nothing above, below, or as its source;
 *  O6  `entries` lists exactly the entries that name the object;
 *  O7  `users` of a file object lists exactly the objects whose source it is;
 *  O8  a file in memory holds no page at or behind its end; a device holds none;
 *  O9  a device is one of vm->devices, shown by shared entries only, that lie inside it, and is
 *      nobody's source;
 *  O10 an object has a twin only while a fork runs;
 *  O11 the entries of an object are of one space unless it is `widespread`, and would show its page 0 at
 *      one address unless it is `shifted`: so whether one shows a page is asked of that space's tree. */
#ifndef PAGER_OBJECT_H
#define PAGER_OBJECT_H

#include "cpio.h"
#include "index.h"

struct vm;
struct space;
struct entry;
struct view;
struct name;
struct object;

/* A page that was found: where to map it from, and its bytes. */
struct object_page {
    uint32_t slot; /* as vm_mapping.slot */
    uint64_t page;
    const void *contents; /* NULL: of a device */
};

/* What `supply` did. */
enum object_supply {
    OBJECT_SUPPLIED,
    OBJECT_BEYOND_END, /* the object has no such page (SIGBUS) */
    OBJECT_NO_SPACE,   /* files hold all memory that they may (SIGBUS) */
    OBJECT_NO_FRAME,   /* no frame is free */
    OBJECT_FETCHING,   /* the page is in the index now, busy until vm_page_done (wait.h) */
    OBJECT_UNREADABLE  /* a fetch that the request waited for has failed */
};

struct object_ops {
    const char *name;
    uint8_t leaves; /* enum victims_class: whether its pages can be put out, and when */
    /* Finds or makes page `index`, which the object's index does not hold.  NULL: such a page is
     * zero. */
    enum object_supply (*supply)(struct vm *vm, struct object *object, uint64_t index,
                                 struct object_page *found);
    /* True if that page lies in memory as it is, and then where; NULL: none does. */
    bool (*find)(const struct vm *vm, const struct object *object, uint64_t index,
                 struct object_page *found);
    /* Lets go of what the kind holds; pages are gone already. */
    void (*destroy)(struct vm *vm, struct object *object);
};

struct object {
    const struct object_ops *ops;
    struct index index;
    uint32_t references;
    uint32_t resident;     /* pages in memory ... */
    uint32_t merged;       /* ... of them those that are merged */
    uint32_t swapped;      /* pages that are out of memory */
    struct entry *entries; /* those that name it, through entry.object_next */
    /* Anonymous: */
    struct space *owner;       /* who is charged */
    struct object *below;      /* shows through where this one holds no page: same indexes */
    struct object *above;      /* the first of those that this one shows through */
    struct object *next_above; /* the next of those above `below` */
    struct object *previous_above;
    struct object *source;    /* a file object, or NULL: what lies under all of `below` */
    struct object *next_user; /* the next of those whose source it is */
    struct object *previous_user;
    uint64_t source_first; /* page i is page i + source_first of the source ... */
    uint64_t source_bytes; /* ... for i * 4096 < source_bytes; bytes from there on are zero */
    uint64_t committed;    /* pages charged for shared memory (commit.h) */
    struct object *twin;   /* while a fork runs (fork.c), else NULL */
    bool holes;            /* an index that `below` may hold is not shown from here any more */
    bool lonely;           /* one object above, and no memory yet to merge them */
    bool shifted;          /* its entries may show page 0 at different addresses */
    bool widespread;       /* its entries may be of more than one space */
    uint64_t number; /* never used twice; files count apart, those of the initrd have their place
                              there */
    /* File: */
    struct object *users;         /* the first of the objects whose source it is */
    uint64_t bytes;               /* its size */
    const struct cpio_file *file; /* in the initrd, or NULL */
    struct name *name;            /* in memory, or NULL: it has, or had, a name */
    struct view *view;            /* in memory: what is still to be told (view.h), or NULL */
    struct object *next_file;
    uint32_t slot; /* device: of its Memory, as vm_mapping.slot */
};

/* A new anonymous object with one reference, or NULL. */
struct object *object_create_anonymous(struct vm *vm, struct space *owner);

/* The object of a file, with one reference more, or NULL. */
struct object *object_open_file(struct vm *vm, const struct cpio_file *file);

/* As `bytes` of a source: all of it, however long the file is or becomes. */
#define OBJECT_ALL_BYTES (INDEX_LIMIT * FL_PAGE_BYTES)

/* Lays a file object, or NULL, under an object that has no source; takes over one reference to it. */
void object_set_source(struct object *object, struct object *source, uint64_t first,
                       uint64_t bytes);

/* Lays what is under `like` under an object that has no source; page 0 is page `first` there. */
void object_copy_source_from(struct object *object, const struct object *like, uint64_t first);

/* The same, page for page. */
void object_copy_source(struct object *object, const struct object *like);

/* The object of device number `device` (devices.h), with one reference more, or NULL. */
struct object *object_open_device(struct vm *vm, uint32_t device);

/* The number that it has while it is open, and before. */
uint64_t object_number_of_device(const struct vm *vm, uint32_t device);

bool object_is_device(const struct object *object);

/* ---- files in memory (object_memory.c): what has no page is zero ---- */

/* A new empty file with one reference, or NULL. */
struct object *object_create_memory(struct vm *vm);

/* Copies from a file of any kind; *done: bytes copied, fewer at the end of the file.  0; EINVAL (a
 * device). */
int object_read(struct vm *vm, struct object *file, uint64_t offset, void *bytes, uint64_t count,
                uint64_t *done);

/* Copies into a file in memory, which grows if it must; *done: bytes copied.  0; EROFS (a file of
 * the initrd); EINVAL (a device); EFBIG; ENOSPC (no frame, or files hold their share of memory), after
 * *done bytes. */
int object_write(struct vm *vm, struct object *file, uint64_t offset, const void *bytes,
                 uint64_t count, uint64_t *done);

/* Sets the size of a file in memory.  Pages behind its end leave all spaces; the rest of the last page
 * is zero.  0; EROFS; EINVAL; EFBIG. */
int object_resize(struct vm *vm, struct object *file, uint64_t bytes);

/* Enters a file object in, or takes it off, vm->files. */
void object_enter_files(struct vm *vm, struct object *object);
void object_leave_files(struct vm *vm, struct object *object);

/* Enters an entry in, or takes it off, the list of its object; references are the caller's. */
void object_link_entry(struct entry *entry);
void object_unlink_entry(struct entry *entry);

/* Undoes what an entry, which is off its space's set and page tables, means to its object: frees the
 * pages that nobody else shows, and takes its reference back.  The entry's memory is the caller's. */
void object_drop_entry(struct vm *vm, struct entry *entry);

/* True if page `index` is in memory, or on its way: a fault there needs no frame but for a copy. */
bool object_has_page(const struct object *object, uint64_t index);

/* True if what lies under the object's pages from page `index` on is zero. */
static inline bool object_is_zero_from(const struct object *object, uint64_t index)
{
    return !object->source || object->source_bytes <= index * FL_PAGE_BYTES;
}

/* True if page `index` lies behind the end of the file that the object is, or shows there. */
static inline bool object_is_beyond_end(const struct object *object, uint64_t index)
{
    if (!object->owner)
        return index * FL_PAGE_BYTES >= object->bytes;
    return !object_is_zero_from(object, index) &&
           (index + object->source_first) * FL_PAGE_BYTES >= object->source->bytes;
}

/* One reference less; the last frees the object. */
void object_release(struct vm *vm, struct object *object);

/* Frees a record that holds no page and stands nowhere, and its reference to the source. */
void object_free(struct vm *vm, struct object *object);

/* Frees the pages [first, first + count) of the index; nobody maps them any more. */
void object_free_pages(struct vm *vm, struct object *object, uint64_t first, uint64_t count);

/* Puts a page that is in state PAGE_OBJECT or PAGE_BUSY into a reserved place. */
void object_add_page(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page);

/* Asks a file object's kind for page `index`, which its index does not hold. */
enum object_supply object_supply_page(struct vm *vm, struct object *file, uint64_t index,
                                      struct object_page *found);

/* Puts a busy page at `index`, where the object has none: for kinds that fetch.  The fetch fills the
 * frame and ends with vm_page_done.  Returns the page, or PAGE_NONE. */
uint32_t object_begin_fetch(struct vm *vm, struct object *object, uint64_t index);

/* The same for a page in memory or out of it, as a leaf of another object had it. */
void object_add_leaf(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint64_t leaf);

/* A page in memory, which nobody maps, leaves its frame, and that is free then: `leaf` says where the page is
 * from now on. */
void object_put_out(struct vm *vm, uint32_t page, uint64_t leaf);

/* A page that is out of memory, `leaf` of `index` at `place`, gets a frame, in state PAGE_OBJECT or
 * PAGE_BUSY, which has its slot from now on. */
void object_bring_in(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page);

/* A page in memory whose bytes are those of the merged page `merged` leaves its frame, which is free then,
 * unless it is that page itself. */
void object_merge_page(struct vm *vm, uint32_t page, uint32_t merged);

/* Frees what a leaf that left its index names: a slot, or a frame; one that a device uses becomes a
 * stray, and one that is merged has one sharer less. */
void object_drop_leaf(struct vm *vm, uint64_t leaf);

/* Counts a leaf out of its object; it goes by index_remove. */
void object_discount_leaf(struct object *object, uint64_t leaf);

/* Pages that an object holds, in memory and out of it. */
static inline uint64_t object_pages(const struct object *object)
{
    return (uint64_t)object->resident + object->swapped;
}

/* Charges an anonymous object to another space. */
void object_set_owner(struct object *object, struct space *owner);

/* How many of the object's own entries cover page `index`.  *visits counts those that were looked at. */
uint32_t object_count_named(const struct object *object, uint64_t index, uint32_t *visits);

/* Called with an entry that shows a page, and where.  False: no others are wanted. */
typedef bool object_visit(void *context, const struct entry *entry, uint64_t address);

/* Shows every one of the object's own entries that covers page `index`.  False: `visit` said so. */
bool object_visit_named(const struct object *object, uint64_t index, object_visit *visit,
                        void *context);

/* True if nothing but the object's own entries shows its pages, and each page at one address: what lies
 * side by side in the object does so wherever it is shown. */
static inline bool object_is_plain(const struct object *object)
{
    return !object->above && !object->widespread && !object->shifted;
}

/* True if one of the object's own entries covers page `index`. */
bool object_is_named(const struct object *object, uint64_t index);

#endif
