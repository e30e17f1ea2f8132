/* Which pages leave: by class, by use, and under each policy. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "accessed.h"
#include "sim_swap_kit.h"

#define FILE_AT   0x20000000ull
#define COPY_AT   0x30000000ull
#define PAGES     8u
#define ANONYMOUS 40u

/* Reads a page of the slow file, which is fetched if it is not there. */
static void read_slow(struct space *space, uint64_t at, uint64_t index)
{
    struct slow_thread *thread = &slow.thread[0];
    uint8_t byte;

    slow_fault(&slow, thread, space, at + index * PAGE, FL_ACCESS_READ);
    if (thread->state == SLOW_WAITS)
        slow_end_fetch(&slow, slow_find_fetch(&slow, index), true);
    CHECK_EQ(thread->state, SLOW_SERVED);
    CHECK_EQ(fake_touch(&slow.fake, space, at + index * PAGE, FL_ACCESS_READ, &byte), FAKE_DONE);
    CHECK_EQ(byte, slow_byte(index));
    kit_serve();
}

static void read_all_slow(struct space *space)
{
    for (uint64_t i = 0; i < PAGES; i++)
        read_slow(space, FILE_AT, i);
}

static struct space *begin_file(bool private)
{
    struct space *space;

    kit_begin_swap(256, 600);
    space = kit_space(1);
    CHECK(slow_map(&slow, space, FILE_AT, 0, PAGES, private));
    read_all_slow(space);
    return space;
}

/* The program uses anonymous memory too, that is older than nobody knows; and nothing came lately. */
static void use_anonymous(struct space *space)
{
    kit_map(space, AT, ANONYMOUS, MAP_PRIVATE);
    for (uint64_t i = 0; i < ANONYMOUS; i++)
        kit_write_page(space, AT + i * PAGE, 0);
}

static void put_one_out(void)
{
    kit_forget_given();
    kit_put_one_out();
    kit_sound();
}

TEST("pages that can be fetched again leave before anonymous memory, without a request, and come "
     "back")
{
    struct space *space = begin_file(false);
    uint32_t begun;

    use_anonymous(space);
    for (uint32_t turn = 0; slow_object(&slow)->resident > 0; turn++) {
        CHECK(turn < 4);
        CHECK_EQ(space->resident, ANONYMOUS);
        put_one_out();
    }
    CHECK_EQ(kit_vm()->paging.counts.dropped, PAGES);
    CHECK_EQ(kit_submitted[1], 0);
    begun = slow.fetches_begun;
    read_all_slow(space);
    CHECK_EQ(slow.fetches_begun, begun + PAGES);
    kit_end();
}

TEST("a page of a file that is in use stays while others can leave, and goes when none is left")
{
    struct space *space = begin_file(false);

    use_anonymous(space);
    while (space->resident > 0) {
        read_slow(space, FILE_AT, 3);
        put_one_out();
    }
    CHECK_EQ(slow_object(&slow)->resident, 1);
    read_slow(space, FILE_AT, 3);
    kit_put_all_out();
    CHECK_EQ(slow_object(&slow)->resident, 0);
    kit_end();
}

TEST("a page of a file leaves all tables that show it, also those of private mappings and of "
     "forks, and "
     "copies stay")
{
    struct space *space = begin_file(true), *child = kit_space(2), *reader = kit_space(3);

    CHECK(slow_map(&slow, reader, FILE_AT, 0, PAGES, false));
    kit_write(space, FILE_AT + 2 * PAGE, 0x99);
    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    read_slow(child, FILE_AT, 5);
    read_slow(reader, FILE_AT, 5);
    read_slow(reader, FILE_AT, 2);
    kit_put_all_out();
    CHECK_EQ(slow_object(&slow)->resident, 0);
    CHECK(!fake_peek(&slow.fake, space, FILE_AT + 5 * PAGE, FL_ACCESS_READ));
    CHECK(!fake_peek(&slow.fake, child, FILE_AT + 5 * PAGE, FL_ACCESS_READ));
    CHECK(!fake_peek(&slow.fake, reader, FILE_AT + 2 * PAGE, FL_ACCESS_READ));
    read_slow(child, FILE_AT, 5);
    read_slow(reader, FILE_AT, 2);
    CHECK_EQ(kit_read(space, FILE_AT + 2 * PAGE), 0x99);
    CHECK_EQ(kit_read(child, FILE_AT + 2 * PAGE), 0x99);
    kit_end();
}

TEST("a wired page of a file stays")
{
    struct space *space = begin_file(false);

    CHECK_EQ(vm_wire(kit_vm(), space, FILE_AT + PAGE, 2 * PAGE, MLOCK_ONFAULT), 0);
    kit_put_all_out();
    CHECK_EQ(slow_object(&slow)->resident, 2);
    vm_unwire_all(kit_vm(), space);
    kit_put_all_out();
    CHECK_EQ(slow_object(&slow)->resident, 0);
    kit_end();
}

TEST("what a file system keeps leaves last, and only then a program is ended")
{
    struct space *space;

    kit_begin_swap(256, 600);
    slow_set_leaves(VICTIMS_CACHE);
    space = kit_space(1);
    CHECK(slow_map(&slow, space, FILE_AT, 0, PAGES, false));
    read_all_slow(space);
    use_anonymous(space);
    while (space->resident > 0) {
        CHECK_EQ(slow_object(&slow)->resident, PAGES);
        put_one_out();
    }
    for (uint32_t turn = 0; slow_object(&slow)->resident > 0; turn++) {
        CHECK(turn < 4);
        put_one_out();
    }
    CHECK_EQ(kit_vm()->reclaim.ended, 0);
    kit_end();
}

/* ---- copies of pages of the initrd ---- */

static uint8_t copied[5 * FL_PAGE_BYTES + 100];

static void add_copied(void)
{
    for (uint32_t i = 0; i < sizeof copied; i++)
        copied[i] = (uint8_t)(1 + i / FL_PAGE_BYTES * 16 + i % 13);
    fake_add_file(&slow.fake, "copied", copied, sizeof copied, false);
}

TEST("copies of pages of the initrd leave first, and are made again")
{
    struct vm_map_request request = {
        .address = COPY_AT, .bytes = sizeof copied, .protection = PROT_READ, .readable = true};
    struct space *space;
    uint64_t at;

    kit_add_files = add_copied;
    kit_begin_swap(256, 600);
    kit_add_files = NULL;
    space = kit_space(1);
    request.file = object_open_file(kit_vm(), fake_find_file(&slow.fake, "copied"));
    request.flags = MAP_FIXED | MAP_SHARED;
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    object_release(kit_vm(), request.file); /* the mapping has it */
    for (uint64_t turn = 0; turn < 2; turn++) {
        for (uint64_t i = 0; i < sizeof copied; i += FL_PAGE_BYTES / 2)
            CHECK_EQ(kit_read(space, COPY_AT + i), copied[i]);
        CHECK_EQ(request.file->resident, 6);
        kit_put_all_out();
        CHECK_EQ(request.file->resident, 0);
    }
    CHECK_EQ(kit_submitted[1], 0);
    kit_end();
}

/* ---- policies ---- */

TEST("under each policy a program larger than memory finds every byte, also while policies change")
{
    for (uint32_t policy = 0; policy <= REPLACE_POLICIES; policy++) {
        struct space *space;

        kit_begin_swap(128, 600);
        if (policy < REPLACE_POLICIES)
            CHECK(victims_set_policy(kit_vm(), replace_name((enum replace_policy)policy)));
        space = kit_space(1);
        kit_map(space, AT, 300, MAP_PRIVATE);
        for (uint64_t i = 0; i < 600; i++) {
            uint64_t page = i * 7 % 300;

            if (policy == REPLACE_POLICIES && i % 25 == 0)
                CHECK(victims_set_policy(
                    kit_vm(), replace_name((enum replace_policy)(i / 25 % REPLACE_POLICIES))));
            if (i < 300)
                kit_write_page(space, AT + page * PAGE, 0);
            else
                kit_read_page(space, AT + page * PAGE, 0);
        }
        CHECK(kit_vm()->paging.counts.swapped_in >= 150);
        kit_end();
    }
}

TEST("a policy is switched by name, before there is swap too, and another name changes nothing")
{
    kit_begin(128);
    CHECK(victims_set_policy(kit_vm(), "lru"));
    CHECK(!victims_set_policy(kit_vm(), "random"));
    CHECK(!victims_set_policy(kit_vm(), ""));
    kit_make_disk(0, 100, false, NULL, 1);
    kit_swap_on(0, 100, 0);
    CHECK_EQ(kit_vm()->victims.set[VICTIMS_ANONYMOUS].policy, REPLACE_LRU);
    CHECK_EQ(kit_vm()->victims.set[VICTIMS_FILE].policy, REPLACE_LRU);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    CHECK_EQ(kit_vm()->victims.set[VICTIMS_ANONYMOUS].policy, REPLACE_FIFO);
    kit_end();
}

TEST("of a victim's neighbours those leave with it that nobody used since they were looked at")
{
    struct space *space;

    kit_begin_swap(128, 600);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    space = kit_space(1);
    kit_map(space, AT, PAGES, MAP_PRIVATE);
    for (uint64_t i = 0; i < PAGES; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    put_one_out(); /* the others' first access is seen, and may be just over */
    CHECK_EQ(space->resident, PAGES - 1);
    kit_read_page(space, AT + 3 * PAGE, 0);
    put_one_out();
    CHECK_EQ(space->resident, 1);
    CHECK(fake_peek(&slow.fake, space, AT + 3 * PAGE, FL_ACCESS_READ));
    for (uint64_t i = 0; i < PAGES; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    kit_end();
}

TEST("CLOCK-Pro knows a page again that comes back soon")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 120, MAP_PRIVATE);
    for (uint64_t round = 0; round < 3; round++)
        for (uint64_t i = 0; i < 120; i++)
            kit_write_page(space, AT + i * PAGE, 0);
    CHECK(kit_vm()->victims.set[VICTIMS_ANONYMOUS].returned > 0);
    kit_end();
}

/* ---- those aside ---- */

TEST("pages that were wired may leave again after as many pages left as memory has")
{
    struct space *space, *other;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    other = kit_space(2);
    kit_map(space, AT, 20, MAP_PRIVATE);
    for (uint64_t i = 0; i < 20; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    CHECK_EQ(vm_wire(kit_vm(), space, AT, 20 * PAGE, 0), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 20);
    vm_unwire_all(kit_vm(), space);
    kit_map(other, AT, 400, MAP_PRIVATE);
    for (uint64_t i = 0; i < 400; i++)
        kit_write_page(other, AT + i * PAGE, 0);
    CHECK_EQ(space->resident, 0);
    for (uint64_t i = 0; i < 20; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    kit_end();
}

/* ---- copies ---- */

static uint32_t page_at(const struct space *space, uint64_t index)
{
    return index_leaf_page(index_lookup(&entry_find(&space->map, AT)->object->index, index));
}

TEST("a page that was written since it came back gives its copy up when its bits are looked at")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, PAGES, MAP_PRIVATE);
    for (uint64_t i = 0; i < PAGES; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_put_all_out();
    for (uint64_t i = 0; i < PAGES; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    CHECK_EQ(kit_vm()->swap.used, PAGES);
    kit_write_page(space, AT + 3 * PAGE, 1);
    (void)accessed_harvest(kit_vm(), page_at(space, 0));
    CHECK_EQ(kit_vm()->swap.used, PAGES - 1);
    CHECK_EQ(kit_vm()->table.pages[page_at(space, 3)].slot, SWAP_NONE);
    CHECK(kit_vm()->table.pages[page_at(space, 4)].slot != SWAP_NONE);
    kit_sound();
    kit_put_all_out();
    CHECK_EQ(kit_vm()->paging.counts.put_out_clean, PAGES - 1);
    for (uint64_t i = 0; i < PAGES; i++)
        kit_read_page(space, AT + i * PAGE, i == 3);
    kit_end();
}

/* ---- the checker ---- */

TEST("the checker names what is wrong with victims")
{
    struct space *space;
    struct victims *victims;
    struct page *record;
    uint32_t page;

    kit_begin_swap(128, 600);
    victims = &kit_vm()->victims;
    space = kit_space(1);
    kit_map(space, AT, 2, MAP_PRIVATE);
    kit_write_page(space, AT, 0);
    page = index_leaf_page(index_lookup(&entry_find(&space->map, AT)->object->index, 0));
    record = &kit_vm()->table.pages[page];
    BREAKS(record->known, 0, "Y2");
    BREAKS(record->known, VICTIMS_LISTED | VICTIMS_TOLD, "Y1");
    BREAKS(victims->oldest, PAGE_NONE, "Y2");
    BREAKS(victims->newest, PAGE_NONE, "Y2");
    BREAKS(victims->on, false, "Y1");
    kit_put_all_out();
    kit_read_page(space, AT, 0);
    kit_forget_given();
    kit_put_one_out();
    page = index_leaf_page(index_lookup(&entry_find(&space->map, AT)->object->index, 0));
    record = &kit_vm()->table.pages[page];
    CHECK_EQ(record->known, VICTIMS_TOLD);
    BREAKS(record->known, 0, "Y1");
    BREAKS(victims->set[VICTIMS_ANONYMOUS].config.pages[page].set, VICTIMS_FILE, "Y1");
    BREAKS(victims->set[VICTIMS_ANONYMOUS].config.pages[page].queue, 7, "R1");
    kit_end();
}
