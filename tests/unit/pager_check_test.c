/* The checker of the core: each kind of damage is called by the number of its invariant. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <string.h>

#include "pager_file_kit.h"
#include "pager_mapping_kit.h"
#include "protocol.h"
#include "stock.h"

/* What the tests damage: two programs since a fork, memory that both show, files, a device, handles. */
static struct {
    struct space *parent, *child;
    uint64_t at;            /* of private memory since before the fork */
    struct entry *entry;    /* of it, the parent's */
    struct object *top;     /* its object */
    struct object *below;   /* what both show */
    struct object *file;    /* in memory, with a page, mapped shared and privately */
    struct object *private; /* of that mapping: the file is its source */
    struct object *device;
    struct entry *shared;     /* anonymous shared memory, the parent's */
    struct description *open; /* of the file */
    uint32_t busy;            /* a page of the file on its way */
    uint32_t token;           /* of who waits for it */
} world;

static struct entry *check_map(struct space *space, struct vm_map_request request)
{
    uint64_t at = 0;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    return entry_find(&space->map, at);
}

static struct entry *check_map_anonymous(uint64_t pages, uint32_t flags)
{
    return check_map(world.parent, (struct vm_map_request){.bytes = pages * PAGE,
                                                           .protection = RW,
                                                           .flags = flags | MAP_ANONYMOUS});
}

static void check_make_files(void)
{
    const char *path = "/dev/test,clock@102000";
    struct vm_map_request request;
    struct entry *entry;
    int handle;

    world.file = file_create("file");
    file_create("other");
    file_write(world.file, 0, "bytes");
    CHECK_EQ(object_resize(&fake.vm, world.file, 3 * PAGE), 0);
    file_map(world.parent, world.file, 0, 2, MAP_SHARED);
    entry = entry_find(&world.parent->map, file_map(world.parent, world.file, 0, 2, MAP_PRIVATE));
    world.private = entry->object;
    handle = kit_open(&fake, world.parent, path, FILE_O_RDWR);
    CHECK(handle >= 0);
    world.device = handle_find(world.parent, (uint64_t)handle)->file;
    request = file_request(world.device, 1, RW, MAP_SHARED);
    check_map(world.parent, request);
    handle = kit_open(&fake, world.parent, "/tmp/file", FILE_O_RDWR);
    CHECK(handle >= 0);
    world.open = handle_find(world.parent, (uint64_t)handle);
}

static void check_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_add_device(&fake, "test,clock", 0x102000, PAGE);
    fake_start(&fake);
    world.parent = space_create(&fake.vm, 1);
    world.entry = check_map_anonymous(4, MAP_PRIVATE);
    world.at = world.entry->start;
    world.shared = check_map_anonymous(3, MAP_SHARED);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(file_put(world.parent, world.at + i * PAGE, 1));
        CHECK(file_put(world.parent, world.shared->start + i * PAGE, 2));
    }
    check_make_files();
    world.child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, world.parent, world.child), 0);
    CHECK(file_put(world.parent, world.at, 3));
    world.top = world.entry->object;
    world.below = world.top->below;
    CHECK(world.below && space_take_buffer(&fake.vm, world.parent) != PAGE_NONE);
    stock_fill(&fake.vm);
    CHECK(fake.vm.table.zeroed > 2);
    world.busy = object_begin_fetch(&fake.vm, world.file, 2);
    wait_for_page(&fake.vm, world.busy);
    world.token = wait_find_free(&fake.vm);
    CHECK(wait_park(&fake.vm, world.child, world.token));
    file_sound();
}

static void check_end(void)
{
    file_sound();
    vm_page_done(&fake.vm, world.busy, true);
    CHECK_EQ(wait_next(&fake.vm), world.token);
    wait_release(&fake.vm, world.token);
    file_unlink(fake.vm.names.last->file);
    file_end(world.file);
}

/* Writes `bytes` bytes over a field: the checker must say so, by one name, and nothing once they are back. */
static void check_breaks(const char *file, int line, void *field, const void *value, uint32_t bytes,
                         const char *invariant)
{
    uint8_t good[8];
    const char *broken;

    memcpy(good, field, bytes);
    memcpy(field, value, bytes);
    broken = vm_check(&fake.vm);
    memcpy(field, good, bytes);
    if (!broken || strcmp(broken, invariant) != 0) {
        harness_note("said %s, not %s", broken ? broken : "nothing", invariant);
        harness_fail(file, line, "the checker names the invariant");
    }
    file_sound();
}

#define BREAKS(field, value, invariant)                                                        \
    do {                                                                                       \
        __typeof__(field) bad_ = (__typeof__(field))(value);                                   \
        check_breaks(__FILE__, __LINE__, &(field), &bad_, (uint32_t)sizeof(field), invariant); \
    } while (0)

TEST("the checker names what is wrong with an entry")
{
    struct entry *entry;

    check_begin();
    entry = world.entry;
    BREAKS(entry->end, entry->start, "T1");
    BREAKS(entry->end, entry->end + 1, "T1");
    BREAKS(entry->end, entry->next->start + PAGE, "T1");
    BREAKS(entry->height, entry->height + 1, "T2");
    BREAKS(entry->height, entry->height + 3, "T2");
    BREAKS(entry->gap_max, entry->gap_max + PAGE, "T3");
    BREAKS(entry->previous, entry, "T4");
    BREAKS(world.parent->map.count, 1, "T4");
    BREAKS(world.parent->map.last->previous->next, NULL, "T4");
    BREAKS(world.parent->map.last, entry, "T4");
    BREAKS(world.parent->map.last->next, entry, "T4");
    BREAKS(entry->space, world.child, "O6");
    BREAKS(entry->offset, INDEX_LIMIT - 1, "V3");
    BREAKS(entry->object_previous, entry, "O6");
    BREAKS(entry->object, world.shared->object, "V4");
    check_end();
}

TEST("the checker names what is wrong with an object")
{
    check_begin();
    BREAKS(world.top->references, 2, "O1");
    BREAKS(world.top->references, 0, "O1");
    BREAKS(world.top->resident, 2, "O2");
    BREAKS(world.top->owner, world.child, "O4");
    BREAKS(world.top->twin, world.below, "O10");
    BREAKS(world.below->entries, world.entry, "O6");
    BREAKS(world.top->below, NULL, "H1");
    BREAKS(world.top->previous_above, world.top, "H1");
    BREAKS(world.top->source, world.file, "H3");
    BREAKS(world.top->source_first, 1, "H3");
    BREAKS(world.top->source_bytes, 1, "H3");
    BREAKS(world.top->entries, NULL, "A2");
    BREAKS(world.below->resident, 0, "H1");
    BREAKS(world.below->references, 7, "O1");
    BREAKS(world.shared->object->widespread, false, "O11");
    BREAKS(world.shared->object->committed, 0, "V5");
    /* Page 0 of the parent's own object is nobody's then; and so is the one below it, that the child shows. */
    BREAKS(world.entry->offset, 1, "O3");
    BREAKS(entry_find(&world.child->map, world.at)->offset, 1, "O3");
    check_end();
}

TEST("the checker names what is wrong with an index")
{
    struct index_node *node;

    check_begin();
    node = world.top->index.root;
    BREAKS(node->used, 0, "X2");
    BREAKS(node->slot[0], node->slot[0] & ~7ull, "X3");
    BREAKS(node->slot[0], index_leaf_frame(world.busy), "P2");
    BREAKS(node->slot[0], index_leaf_frame(fake.vm.table.count), "P2");
    BREAKS(fake.vm.table.pages[index_leaf_page(node->slot[0])].link, 1, "P2");
    BREAKS(fake.vm.table.pages[index_leaf_page(node->slot[0])].state, PAGE_HELD, "P2");
    BREAKS(node->slot[0], 0, "X1");
    BREAKS(node->parent, node, "X4");
    BREAKS(node->index, &world.below->index, "X4");
    BREAKS(world.below->index.root, NULL, "O2");
    check_end();
}

TEST("the checker names what is wrong with a file or a device")
{
    check_begin();
    BREAKS(world.file->references, 1, "O1");
    BREAKS(world.file->users, NULL, "O7");
    BREAKS(world.private->previous_user, world.private, "O7");
    BREAKS(world.file->source, world.file, "O5");
    BREAKS(world.file->below, world.top, "O5");
    BREAKS(world.file->above, world.top, "O5");
    BREAKS(world.file->bytes, 0, "O8");
    BREAKS(world.file->resident, 1, "O2");
    BREAKS(world.device->bytes, 2 * PAGE, "O9");
    BREAKS(world.device->number, 1, "O9");
    BREAKS(world.device->slot, FAKE_SLOT_DEVICE + 1, "O9");
    BREAKS(world.device->users, world.private, "O7");
    BREAKS(world.device->entries->wired, true, "O9");
    BREAKS(world.device->entries->inheritance, ENTRY_COPY, "O9");
    BREAKS(world.device->entries->offset, 1, "O9");
    BREAKS(fake.vm.file_pages, 0, "V6");
    check_end();
}

TEST("the checker names what is wrong with a space")
{
    check_begin();
    BREAKS(world.parent->id, 9, "A1");
    BREAKS(world.parent->generation, 9, "A1");
    BREAKS(world.parent->resident, 0, "A2");
    BREAKS(world.parent->peak, 0, "A2");
    BREAKS(world.parent->heap_start, PAGE, "A3");
    BREAKS(fake.vm.event_first, world.parent, "A4");
    BREAKS(world.parent->buffer, PAGE_NONE, "V2");
    BREAKS(world.parent->buffer, fake.vm.table.count, "V2");
    BREAKS(world.parent->buffer, world.busy, "V2");
    BREAKS(fake.vm.commit.pages, 0, "V5");
    check_end();
}

TEST("the checker names what is wrong with a frame or its list")
{
    struct page_table *table = &fake.vm.table;
    uint32_t first, second, zeroed;

    check_begin();
    first = page_allocate(table, PAGE_LENT);
    second = page_allocate(table, PAGE_LENT);
    page_release(table, second);
    page_release(table, first);
    zeroed = table->zeroed_head;
    BREAKS(table->pages[first].state, PAGE_HELD, "P3");
    BREAKS(table->pages[first].previous, first, "P1");
    BREAKS(table->pages[first].link, PAGE_NONE, "P1");
    BREAKS(table->pages[first].link, first, "P1");
    BREAKS(table->pages[first].zeroed, true, "P7");
    BREAKS(table->pages[first].flags, PAGE_TAKEN, "P9");
    BREAKS(table->pages[zeroed].zeroed, false, "P7");
    BREAKS(table->pages[zeroed].link, PAGE_NONE, "P7");
    BREAKS(table->zeroed, 0, "P7");
    BREAKS(*(uint64_t *)page_contents(table, zeroed), 1, "P7");
    BREAKS(table->counts[PAGE_FREE], 0, "P3");
    BREAKS(fake.vm.record_pages, 0, "V1");
    check_end();
}

TEST("the checker names what is wrong with records")
{
    check_begin();
    BREAKS(fake.vm.entries.used, 1, "S3");
    BREAKS(fake.vm.objects.used, 1, "S3");
    BREAKS(fake.vm.nodes.used, 1, "S3");
    BREAKS(fake.vm.space_records.used, 1, "S3");
    BREAKS(fake.vm.objects.frames, 0, "S3");
    BREAKS(fake.vm.views.used, 1, "S3");
    BREAKS(fake.vm.spaces[3], world.child, "A1");
    check_end();
}

TEST("the checker names what is wrong with a name or a handle")
{
    struct name *name;

    check_begin();
    name = world.file->name;
    BREAKS(name->previous, name, "N1");
    BREAKS(name->hash, name->hash + 1, "N1");
    BREAKS(name->text[0], 'x', "N1");
    BREAKS(name->directory, NAME_IN_TMP + 1, "N1");
    BREAKS(fake.vm.names.bucket[name->hash % NAME_BUCKETS], NULL, "N1");
    BREAKS(fake.vm.names.last, name, "N1");
    BREAKS(name->removed, true, "O1");
    BREAKS(name->file, world.private, "N2");
    BREAKS(fake.vm.names.count, 3, "N3");
    BREAKS(world.open->references, 1, "D1");
    BREAKS(world.open->offset, UINT64_MAX, "D2");
    BREAKS(world.open->file, world.device, "O1");
    check_end();
}

TEST("the checker names what is wrong with who waits")
{
    struct wait *wait;

    check_begin();
    wait = &fake.vm.waits.record[world.token];
    BREAKS(wait->page, world.busy + 1, "Q1");
    BREAKS(wait->page, fake.vm.table.count, "Q1");
    BREAKS(wait->space, NULL, "Q2");
    BREAKS(wait->space, fake.vm.spaces + 1, "Q2");
    BREAKS(wait->turn, 99, "Q2");
    BREAKS(fake.vm.waits.active, 2, "Q2");
    BREAKS(fake.vm.waits.counts[WAIT_READY], 1, "Q2");
    BREAKS(fake.vm.waits.held, fake.vm.table.free_head, "Q3");
    check_end();
}
