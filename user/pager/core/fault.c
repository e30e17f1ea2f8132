/* Page faults: from an address to the page to map.
 *
 *                               the page is in ...
 *   access     the entry's object  an object below   the source, a file     nowhere
 *   --------   ------------------  ----------------  --------------------   ------------------------
 *   read       map it              map it, no write  map it, no write       map the shared zero page
 *   execute    map it              map it, no write  map it, no write       zero a frame, map it
 *   write      map it, writable    copy or take      copy it, map the copy  zero a frame, map it
 *
 *   - copy or take: a page below that others see too is copied into the entry's object; one that
 *     nobody else sees is moved there;
 *   - memory that fork shares (MAP_SHARED) gets a frame on any access: another space that writes
 *     the page could not take the zero page out of this one's tables;
 *   - a file that an entry names itself (text, MAP_SHARED) is the entry's object: its pages are mapped
 *     as writable as the entry is.  What the index does not hold the kind supplies, on any access: a
 *     page of the initrd or of a device where it lies, or a zeroed frame that fills a hole;
 *   - behind the end of the file nothing is: the program is stopped with SIGBUS, whether it maps the
 *     file itself or privately;
 *   - a touch of a file's page that writes nothing maps neighbours too (around.h);
 *   - the page in which a private file mapping turns into zeros is copied up on any access;
 *   - no entry, or an entry that forbids the access: the program is stopped;
 *   - the page is out of memory (paging.h), wherever it was found: it is brought in, and the fault waits;
 *   - the page is merged with others (samepage.h), or known to be zeros: a read maps the merged frame, or the
 *     zero page, no write.  A write gives the object a frame of its own first, and goes on as above; where
 *     others see the page below, it is copied from there as it is;
 *   - the page is on its way (busy), wherever it was found: the fault waits for it;
 *   - no frame left for what must be done: the fault waits if frames are on their way, else the
 *     program is stopped with PAGER_EVENT_NO_MEMORY; by SIGBUS if only files may have no more.
 *
 * Page tables are only a cache: what is mapped already makes no difference to the outcome, and a
 * page that is already in the object is simply mapped again.  Every mapping may replace what is
 * there.
 *
 * A fault goes through named steps, all on one struct fault.  A step says FAULT_GO_ON, or why the
 * fault ends here:
 *
 *                                    found, or the zero page
 *                                      +-----------------------------------------------+
 *                                      |                                               v
 *   find_entry --> check_rights --> find_own --> reserve --> find_below --> copy --> describe
 *       |               |              |            |            |           |           |
 *   no entry        forbidden         busy      no frame     no frame    no frame    VM_RESUME
 *       |           physical           |            |        past end        |
 *       |               |              |            |        unreadable      |
 *       |               |              |            |        busy            |
 *       v               v              v            v            v           v
 *   busy, or no frame while some are on their way: VM_WAIT, and later again from find_entry
 *   anything else: VM_STOPPED
 *
 *   find_entry    the entry at the address, and the page's index in its object
 *   check_rights  what the entry allows
 *   find_own      in the entry's object; or, for a read where nothing lies below, the zero page.  The
 *                 shortest faults end here: these steps take no memory.  If it is out of memory, `bring_in`
 *                 begins to read it
 *   reserve       the leaf that a new page would go to: from here on only a frame can be missing
 *   find_below    in the objects below the entry's, in the file under them all
 *   copy          a page of the object's own where sharing will not do: copied, taken, or zeroed
 *   describe      what the caller shall map
 *
 * No step before `copy` changes what anybody sees, and `copy` changes nothing when it says no; so a fault
 * can end at any step, and it restarts at the first one: whatever it looked up may be gone by then.
 * When the mapping is described, the tree of objects that a page was taken from is put in order. */
#include <errno.h>
#include <string.h>

#include "fault_step.h"
#include "stock.h"

_Static_assert((uint32_t)FL_ACCESS_READ == (uint32_t)FL_RIGHT_READ &&
                   (uint32_t)FL_ACCESS_WRITE == (uint32_t)FL_RIGHT_WRITE &&
                   (uint32_t)FL_ACCESS_EXEC == (uint32_t)FL_RIGHT_EXEC,
               "accesses and rights are compared bit by bit");

#define FAULT_ACCESS (FL_ACCESS_READ | FL_ACCESS_WRITE | FL_ACCESS_EXEC)

struct fault {
    struct vm *vm;
    struct space *space;
    uint64_t address; /* page-aligned */
    uint32_t access;  /* FL_ACCESS_* */
    struct entry *entry;
    struct object *object;    /* the entry's */
    struct object *holder;    /* the one below it that the page was found in, if it was */
    uint64_t index;           /* of the page in the object */
    struct index_place place; /* of the page in the object; node NULL: not reserved */
    struct object_page found; /* contents NULL: nowhere */
    bool own;                 /* found lies in the entry's object itself: may be writable */
    uint64_t source_bytes;    /* of the object's source, from this page on */
    enum trace_action action;
};

static inline enum fault_step fault_find_entry(struct fault *fault)
{
    fault->entry = entry_find(&fault->space->map, fault->address);
    if (!fault->entry)
        return FAULT_NO_ENTRY;
    fault->object = fault->entry->object;
    fault->index = entry_index(fault->entry, fault->address);
    return FAULT_GO_ON;
}

/* No processor faults without an access, but whoever has the handler's endpoint may say so.  An entry that has no
 * object allows none. */
static inline enum fault_step fault_check_rights(const struct fault *fault)
{
    uint32_t wanted = fault->access & FAULT_ACCESS;

    if (fault->access & FL_ACCESS_PHYSICAL)
        return FAULT_PHYSICAL;
    if (wanted == 0 || (wanted & ~(uint32_t)fault->entry->protection))
        return FAULT_FORBIDDEN;
    return FAULT_GO_ON;
}

/* True for a page in which the source ends: it is never mapped from there. */
static inline bool fault_turns_zero(const struct fault *fault)
{
    return fault->source_bytes - 1 < FL_PAGE_BYTES - 1; /* 0 is none, and wraps */
}

/* True if a page that is nowhere must be made: the zero page will not do. */
static inline bool fault_makes_page(const struct fault *fault)
{
    return (fault->access & (FL_ACCESS_WRITE | FL_ACCESS_EXEC)) || fault_turns_zero(fault) ||
           fault->entry->inheritance == ENTRY_SHARE;
}

/* Gives back a reserved leaf that was not filled. */
static void fault_unreserve(struct fault *fault)
{
    if (fault->place.node && !index_read(&fault->place))
        index_remove(&fault->object->index, &fault->vm->nodes, fault->index, 1, NULL, NULL);
}

/* A page that is not simply there.  False: it is busy. */
static __attribute__((noinline)) bool fault_meet_page(struct vm *vm, uint32_t page)
{
    if (page_is_busy(&vm->table, page)) {
        wait_for_page(vm, page);
        return false;
    }
    vm->table.pages[page].flags |= PAGE_TAKEN;
    return true;
}

/* The page that an object has a frame for. */
static inline enum fault_step fault_use_leaf(struct fault *fault, const struct object *object,
                                             uint64_t leaf)
{
    uint32_t page = index_leaf_page(leaf);

    if (fault->vm->table.pages[page].state != PAGE_OBJECT && !fault_meet_page(fault->vm, page))
        return FAULT_BUSY;
    vm_page_locate(fault->vm, page, &fault->found);
    fault->own = object == fault->object;
    fault->action = object->owner ? TRACE_PRESENT : TRACE_FILE;
    return FAULT_GO_ON;
}

static inline void fault_use_zero_page(struct fault *fault)
{
    fault->found = (struct object_page){fault->vm->zero_slot, 0, NULL};
    fault->action = TRACE_ZERO_PAGE;
}

static inline enum fault_step fault_find_own(struct fault *fault)
{
    const struct object *object = fault->object;
    uint64_t leaf = index_find(&object->index, fault->index, &fault->place);
    uint64_t start = fault->index * FL_PAGE_BYTES;

    if (leaf != 0)
        return index_leaf_is_frame(leaf) ? fault_use_leaf(fault, object, leaf) : FAULT_AWAY;
    fault->source_bytes = object->source_bytes > start ? object->source_bytes - start : 0;
    if (object->below || !object->owner || fault->source_bytes > 0 || fault_makes_page(fault))
        return FAULT_MISSING;
    fault_use_zero_page(fault);
    return FAULT_GO_ON;
}

/* Makes the leaf for a page that may be added to an anonymous object; that of a file is made by its
 * supply. */
static inline enum fault_step fault_reserve(struct fault *fault)
{
    struct object *object = fault->object;

    if (!object->owner || !fault_makes_page(fault)) {
        fault->place.node = NULL;
        return FAULT_GO_ON;
    }
    if (!fault->place.node &&
        !index_make_path(&object->index, &fault->vm->nodes, fault->index, &fault->place))
        return FAULT_NO_FRAME;
    return FAULT_GO_ON;
}

/* True if a frame that many see, or the zero page, will do for a page that is merged or zeros: nothing is to
 * be done to it, or it lies below and others see it, so that it is copied from there. */
static bool fault_may_share(const struct fault *fault, const struct object *object, uint64_t leaf)
{
    uint32_t own = index_leaf_is_merged(leaf) ? FL_ACCESS_WRITE : FL_ACCESS_WRITE | FL_ACCESS_EXEC;

    if (fault->entry->inheritance == ENTRY_SHARE)
        return false;
    return !(fault->access & own) ||
           (object != fault->object && shadow_is_shown(object, fault->index, fault->object));
}

static enum fault_step fault_share(struct fault *fault, uint64_t leaf)
{
    fault->action = TRACE_SHARED;
    if (index_leaf_is_merged(leaf)) {
        vm_page_locate(fault->vm, index_leaf_page(leaf), &fault->found);
        return FAULT_GO_ON;
    }
    if (!(fault->access & (FL_ACCESS_WRITE | FL_ACCESS_EXEC))) {
        fault_unreserve(fault); /* which says that no page is to be made */
        fault->place.node = NULL;
    }
    fault_use_zero_page(fault);
    return FAULT_GO_ON;
}

/* The object got a frame for a page that was merged or zeros. */
static enum fault_step fault_use_broken(struct fault *fault, const struct object *object,
                                        uint64_t leaf)
{
    const struct vm_port *port = &fault->vm->port;
    enum fault_step step =
        fault_use_leaf(fault, object, index_lookup(&object->index, fault->index));

    if (index_leaf_is_stored(leaf))
        return step;
    fault->action = index_leaf_is_merged(leaf) ? TRACE_COPY : TRACE_ZERO_FILL;
    if (object != fault->object) /* and the program may see the old one */
        port->unmap(port->context, fault->space->id, fault->address, 1);
    return step;
}

/* Brings in the fault's page, which the object has out of memory, merged, or as zeros. */
static __attribute__((noinline)) enum fault_step fault_bring_in(struct fault *fault,
                                                                struct object *object)
{
    uint64_t leaf = index_lookup(&object->index, fault->index);

    if (!index_leaf_is_stored(leaf) && fault_may_share(fault, object, leaf))
        return fault_share(fault, leaf);
    switch (paging_bring_in(fault->vm, object, fault->index)) {
    case OBJECT_SUPPLIED:
        return fault_use_broken(fault, object, leaf);
    case OBJECT_FETCHING:
        return FAULT_BUSY;
    case OBJECT_UNREADABLE:
        return FAULT_UNREADABLE;
    case OBJECT_BEYOND_END:
    case OBJECT_NO_SPACE:
    case OBJECT_NO_FRAME:
        break;
    }
    return FAULT_NO_FRAME;
}

/* Looks in the objects that fork put below. */
static enum fault_step fault_find_in_objects(struct fault *fault)
{
    for (struct object *object = fault->object->below; object; object = object->below) {
        uint64_t leaf = index_lookup(&object->index, fault->index);
        enum fault_step step;

        if (leaf == 0)
            continue;
        step = index_leaf_is_frame(leaf) ? fault_use_leaf(fault, object, leaf)
                                         : fault_bring_in(fault, object);
        fault->holder = object;
        fault->source_bytes = 0; /* this page has its zeros */
        fault->action = TRACE_SHARED;
        return step;
    }
    return FAULT_MISSING;
}

/* Looks in the file that the object is, or that lies under it. */
static enum fault_step fault_find_in_file(struct fault *fault)
{
    struct object *file = fault->object;
    uint64_t index = fault->index;

    if (file->owner) {
        uint64_t leaf;

        index += file->source_first;
        file = file->source;
        leaf = index_lookup(&file->index, index);
        if (leaf != 0)
            return fault_use_leaf(fault, file, leaf);
    }
    fault->own = file == fault->object;
    fault->action = TRACE_FILE;
    switch (object_supply_page(fault->vm, file, index, &fault->found)) {
    case OBJECT_SUPPLIED:
        return FAULT_GO_ON;
    case OBJECT_BEYOND_END:
        return FAULT_BEYOND_END;
    case OBJECT_FETCHING:
        return fault_use_leaf(fault, file, index_lookup(&file->index, index));
    case OBJECT_UNREADABLE:
        return FAULT_UNREADABLE;
    case OBJECT_NO_SPACE:
        return FAULT_NO_SPACE;
    case OBJECT_NO_FRAME:
        break;
    }
    return FAULT_NO_FRAME;
}

static inline enum fault_step fault_find_below(struct fault *fault)
{
    const struct object *object = fault->object;

    if (object->below) {
        enum fault_step step = fault_find_in_objects(fault);

        if (step != FAULT_MISSING)
            return step;
    }
    if (object->owner && fault->source_bytes == 0)
        return FAULT_GO_ON; /* zero */
    return fault_find_in_file(fault);
}

/* A page that can't be shared: its copy goes into the entry's object. */
static void fault_fill_copy(struct fault *fault, void *contents)
{
    page_copy(contents, fault->found.contents);
    if (fault->action == TRACE_SHARED)
        fault->vm->counts.copies++;
    fault->action = TRACE_COPY;
    if (fault_turns_zero(fault))
        memset((uint8_t *)contents + fault->source_bytes, 0, FL_PAGE_BYTES - fault->source_bytes);
}

/* Moves the page up if nobody else sees it. */
static bool fault_take(struct fault *fault)
{
    if (fault->action != TRACE_SHARED ||
        shadow_is_shown(fault->holder, fault->index, fault->object))
        return false;
    shadow_take_page(fault->vm, fault->holder, fault->index, fault->object, &fault->place);
    fault->own = true;
    fault->action = TRACE_TAKE;
    fault->vm->counts.takes++;
    return true;
}

/* Puts the tree in order that a page was taken from.  The fault's object may be gone then. */
static inline void fault_settle(struct fault *fault)
{
    if (fault->action == TRACE_TAKE)
        shadow_settle(fault->vm, fault->holder);
}

/* Gives the entry's object a page of its own where sharing will not do. */
static inline enum fault_step fault_copy(struct fault *fault)
{
    struct vm *vm = fault->vm;
    bool below = fault->found.contents != NULL;
    uint32_t page;

    if (fault->own || (below && !(fault->access & FL_ACCESS_WRITE) && !fault_turns_zero(fault)))
        return FAULT_GO_ON;
    if (!fault->place.node) {
        fault_use_zero_page(fault);
        return FAULT_GO_ON;
    }
    if (fault_take(fault))
        return FAULT_GO_ON;
    if (!reclaim_has_frame(vm))
        return FAULT_NO_FRAME;
    page = below ? page_allocate(&vm->table, PAGE_OBJECT) : stock_take(vm, PAGE_OBJECT);
    if (page == PAGE_NONE)
        return FAULT_NO_FRAME;
    if (below)
        fault_fill_copy(fault, page_contents(&vm->table, page));
    else
        fault->action = TRACE_ZERO_FILL;
    object_add_page(vm, fault->object, &fault->place, fault->index, page);
    vm_page_locate(vm, page, &fault->found);
    fault->own = true;
    return FAULT_GO_ON;
}

/* What a fault starts from.  Field by field: the rest is written by the first steps, and clearing
 * the whole struct costs more than the search. */
static inline void fault_begin(struct fault *fault, struct vm *vm, struct space *space,
                               uint64_t address, uint32_t access)
{
    fault->vm = vm;
    fault->space = space;
    fault->address = address & ~(uint64_t)(FL_PAGE_BYTES - 1);
    fault->access = access;
    fault->found.contents = NULL;
    fault->own = false;
    fault->action = TRACE_STOP;
}

/* The first steps, on a fault that was begun.  FAULT_MISSING: the others must follow. */
static inline enum fault_step fault_resolve_own(struct fault *fault)
{
    enum fault_step step = fault_find_entry(fault);

    if (step == FAULT_GO_ON)
        step = fault_check_rights(fault);
    if (step == FAULT_GO_ON)
        step = fault_find_own(fault);
    return step;
}

/* The other steps. */
static enum fault_step fault_resolve_below(struct fault *fault)
{
    enum fault_step step = fault_reserve(fault);

    if (step == FAULT_GO_ON)
        step = fault_find_below(fault);
    if (step == FAULT_GO_ON)
        step = fault_copy(fault);
    if (!fault->own)
        fault_unreserve(fault);
    return step;
}

static enum fault_step fault_resolve(struct fault *fault)
{
    enum fault_step step = fault_resolve_own(fault);

    if (step == FAULT_AWAY)
        return fault_bring_in(fault, fault->object);
    return step == FAULT_MISSING ? fault_resolve_below(fault) : step;
}

static inline void fault_describe(const struct fault *fault, struct vm_mapping *mapping)
{
    uint32_t rights = fault->entry->protection;

    if (fault->action == TRACE_ZERO_PAGE)
        rights = FL_RIGHT_READ;
    else if (!fault->own)
        rights &= ~FL_RIGHT_WRITE;
    if (fault->access & FL_ACCESS_WRITE)
        rights |= FL_MAP_DIRTY;
    mapping->address = fault->address;
    mapping->page = fault->found.page;
    mapping->pages = 1;
    mapping->slot = fault->found.slot;
    mapping->rights = rights | FL_MAP_ACCESSED | FL_MAP_REPLACE;
}

/* True for a page of a file that was not touched to write it. */
static bool fault_wants_neighbours(const struct fault *fault)
{
    return !(fault->access & FL_ACCESS_WRITE) && fault->entry->advice != ENTRY_RANDOM;
}

/* Tells what to map for a fault whose steps all went on. */
static inline enum vm_verdict fault_resume(const struct fault *fault,
                                           const struct vm_fault *request, struct vm_answer *answer)
{
    struct vm *vm = fault->vm;

    fault->space->minor_faults++;
    vm->minor_faults++;
    fault_describe(fault, &answer->mapping[0]);
    answer->count = 1;
    if (vm->trace.records)
        fault_trace(vm, fault->space, request, fault->action);
    if (fault->action == TRACE_FILE && fault_wants_neighbours(fault))
        around_add(vm, fault->entry, answer);
    return VM_RESUME;
}

/* Flat: a call of each step costs its registers, 20 instructions. */
static __attribute__((noinline, flatten)) enum vm_verdict
fault_handle_below(struct fault *fault, const struct vm_fault *request, struct vm_answer *answer)
{
    enum fault_step step = fault_resolve_below(fault);

    if (step != FAULT_GO_ON)
        return fault_end(fault->vm, fault->space, request, step);
    fault_resume(fault, request, answer);
    fault_settle(fault);
    return VM_RESUME;
}

static __attribute__((noinline)) enum vm_verdict
fault_handle_away(struct fault *fault, const struct vm_fault *request, struct vm_answer *answer)
{
    enum fault_step step = fault_bring_in(fault, fault->object);

    if (step != FAULT_GO_ON)
        return fault_end(fault->vm, fault->space, request, step);
    return fault_resume(fault, request, answer);
}

/* The struct is copied for the later steps, which take its address: so it lies in registers in the
 * first ones, 80 instructions less for a fault that ends there. */
enum vm_verdict vm_handle_fault(struct vm *vm, struct space *space, const struct vm_fault *request,
                                struct vm_answer *answer)
{
    struct fault fault;
    enum fault_step step;

    fault_begin(&fault, vm, space, request->address, request->access);
    step = fault_resolve_own(&fault);
    if (step == FAULT_GO_ON)
        return fault_resume(&fault, request, answer);
    if ((step == FAULT_MISSING || step == FAULT_AWAY) && load_holds_back(vm, space))
        step = FAULT_BUSY;
    if (step == FAULT_MISSING) {
        struct fault rest = fault;

        return fault_handle_below(&rest, request, answer);
    }
    if (step == FAULT_AWAY) {
        struct fault rest = fault;

        return fault_handle_away(&rest, request, answer);
    }
    return fault_end(vm, space, request, step);
}

/* What a call says when a step did not let it go on.  It waits for a frame only where reclaim can bring
 * one. */
static int fault_error(struct vm *vm, enum fault_step step)
{
    if (step == FAULT_BUSY ||
        (step == FAULT_NO_FRAME && reclaim_has_hope(vm) && wait_for_memory(vm)))
        return EINPROGRESS;
    return step == FAULT_NO_FRAME || step == FAULT_NO_SPACE ? ENOMEM : EFAULT;
}

int vm_find_byte(struct vm *vm, struct space *space, uint64_t address, uint32_t access,
                 const uint8_t **byte)
{
    struct fault fault;
    enum fault_step step;

    fault_begin(&fault, vm, space, address, access);
    step = fault_resolve(&fault);
    if (step != FAULT_GO_ON)
        return fault_error(vm, step);
    if (fault.action == TRACE_FILE && !fault.found.contents)
        return EFAULT; /* a device */
    if (fault.action == TRACE_COPY || fault.action == TRACE_ZERO_FILL)
        vm->port.unmap(vm->port.context, space->id, fault.address, 1); /* shows another page */
    *byte = fault.found.contents ? fault.found.contents : page_contents(&vm->table, vm->zero_page);
    *byte += address % FL_PAGE_BYTES;
    fault_settle(&fault);
    return 0;
}

int vm_populate(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    if (end - start > VM_POPULATE_PAGES * FL_PAGE_BYTES)
        end = start + VM_POPULATE_PAGES * FL_PAGE_BYTES;
    for (uint64_t address = start; address < end; address += FL_PAGE_BYTES) {
        const struct entry *entry = entry_find(&space->map, address);
        struct fault fault;
        struct vm_mapping mapping;
        enum fault_step step;

        if (!entry || entry->protection == 0 || !reclaim_spares_frame(vm))
            return 0;
        fault_begin(&fault, vm, space, address,
                    entry->protection & FL_RIGHT_WRITE ? FL_ACCESS_WRITE : entry->protection);
        step = fault_resolve(&fault);
        if (step != FAULT_GO_ON)
            return step == FAULT_BUSY ? EINPROGRESS : 0;
        fault_describe(&fault, &mapping);
        fault_settle(&fault);
        if (!vm->port.map(vm->port.context, space->id, &mapping)) {
            vm->port.unmap(vm->port.context, space->id, address, 1); /* shows another page */
            return 0;
        }
    }
    return 0;
}
