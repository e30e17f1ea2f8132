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

static void read_slow(struct space *space, uint64_t at, uint64_t index)
{
    kit_read_slow(space, at + index * PAGE, index);
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

TEST("of a victim's neighbours those leave with it that nobody used since they were looked at, nor "
     "was given")
{
    struct space *space;

    kit_begin_swap(128, 600);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    space = kit_space(1);
    kit_map(space, AT, 2 * PAGES, MAP_PRIVATE);
    for (uint64_t i = 0; i < 2 * PAGES; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    CHECK_EQ(vm_advise(kit_vm(), space, AT, 2ull * PAGES * PAGE, MADV_COLD), 0); /* looks */
    kit_read_page(space, AT + 3 * PAGE, 0);
    kit_forget_given();
    victims_give(kit_vm(), kit_page_at(space, 5));
    kit_put_one_out();
    CHECK_EQ(space->resident, 2);
    CHECK(fake_peek(&slow.fake, space, AT + 3 * PAGE, FL_ACCESS_READ));
    CHECK(fake_peek(&slow.fake, space, AT + 5 * PAGE, FL_ACCESS_READ));
    for (uint64_t i = 0; i < 2 * PAGES; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    kit_end();
}

TEST("pages that came in side by side, and were used for that alone, leave together")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, PAGES, MAP_PRIVATE);
    kit_write_pages(space, 0, PAGES, 0);
    put_one_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(kit_submitted[1], 1);
    kit_read_pages(space, 0, PAGES, 0);
    kit_end();
}

/* A page in each of so many windows of a range, and all pages of the one behind them. */
static struct space *begin_apart(uint64_t windows)
{
    struct space *space;

    kit_begin_swap(256, 600);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    space = kit_space(1);
    kit_map(space, AT, (windows + 1) * SWAP_CLUSTER, MAP_PRIVATE);
    for (uint64_t i = 0; i < windows; i++)
        kit_write_page(space, AT + i * SWAP_CLUSTER * PAGE, 0);
    return space;
}

TEST("pages that lie apart leave in one request, not more than a step has to put out")
{
    struct space *space = begin_apart(3 * VICTIMS_BATCH);

    put_one_out();
    CHECK_EQ(space->resident, 2 * VICTIMS_BATCH);
    CHECK_EQ(kit_submitted[1], 1);
    put_one_out();
    CHECK_EQ(space->resident, VICTIMS_BATCH);
    CHECK_EQ(kit_submitted[1], 2);
    for (uint64_t i = 0; i < 3 * VICTIMS_BATCH; i++)
        kit_read_page(space, AT + i * SWAP_CLUSTER * PAGE, 0);
    kit_end();
}

TEST("pages that lie apart and more beside the last of them than a request holds leave in two")
{
    struct space *space = begin_apart(VICTIMS_BATCH - 1);

    kit_write_pages(space, (VICTIMS_BATCH - 1) * SWAP_CLUSTER, VICTIMS_BATCH * SWAP_CLUSTER, 0);
    put_one_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(kit_submitted[1], 2);
    kit_read_pages(space, (VICTIMS_BATCH - 1) * SWAP_CLUSTER, VICTIMS_BATCH * SWAP_CLUSTER, 0);
    for (uint64_t i = 0; i + 1 < VICTIMS_BATCH; i++)
        kit_read_page(space, AT + i * SWAP_CLUSTER * PAGE, 0);
    kit_end();
}

TEST("an access that was seen before a page was told to its class is that for which it came")
{
    struct space *space;

    kit_begin_swap(128, 600);
    CHECK(victims_set_policy(kit_vm(), "clock"));
    space = kit_space(1);
    kit_map(space, AT, 2 * SWAP_CLUSTER, MAP_PRIVATE);
    kit_write_pages(space, 0, PAGES, 0);
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 0)); /* as at the end of a window of time */
    CHECK(kit_vm()->table.pages[kit_page_at(space, 0)].flags & PAGE_ACCESSED);
    kit_write_pages(space, SWAP_CLUSTER, SWAP_CLUSTER + PAGES, 0);
    put_one_out();
    CHECK_EQ(space->resident, PAGES);
    CHECK(fake_peek(&slow.fake, space, AT + SWAP_CLUSTER * PAGE, FL_ACCESS_READ));
    kit_read_pages(space, 0, PAGES, 0);
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

/* ---- ghosts ---- */

TEST("CLOCK-Pro knows a page again by its object and its place there, and no other; it stays when "
     "its neighbours leave")
{
    const struct replace *set;
    struct space *space, *other;

    kit_begin_swap(256, 600);
    set = &kit_vm()->victims.set[VICTIMS_ANONYMOUS];
    space = kit_space(1);
    other = kit_space(2);
    kit_map(space, AT, 3 * PAGES, MAP_PRIVATE);
    kit_map(other, AT, PAGES, MAP_PRIVATE);
    kit_write_page(space, AT, 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(set->ghosts.count, 1);
    kit_write_page(space, AT + (3 * PAGES - 1) * PAGE, 0);
    kit_write_page(other, AT, 0);
    put_one_out();
    CHECK_EQ(set->returned, 0);
    kit_read_page(space, AT, 0);
    kit_write_pages(space, 1, 2 * PAGES, 0);
    put_one_out();
    CHECK_EQ(set->returned, 1);
    CHECK_EQ(space->resident, 1);
    CHECK(fake_peek(&slow.fake, space, AT, FL_ACCESS_READ));
    kit_end();
}

TEST("CLOCK-Pro knows a page of a file again that comes back soon")
{
    const struct replace *set;
    struct space *space;

    kit_begin_swap(256, 600);
    set = &kit_vm()->victims.set[VICTIMS_FILE];
    space = kit_space(1);
    CHECK(slow_map(&slow, space, FILE_AT, 0, PAGES, false));
    read_slow(space, FILE_AT, 2);
    kit_put_all_out();
    CHECK_EQ(slow_object(&slow)->resident, 0);
    CHECK_EQ(set->ghosts.count, 1);
    read_slow(space, FILE_AT, 5);
    put_one_out();
    CHECK_EQ(set->returned, 0);
    read_slow(space, FILE_AT, 2);
    put_one_out();
    CHECK_EQ(set->returned, 1);
    kit_end();
}

/* ---- what was given to faults ---- */

/* A program with PAGES pages, which were given to faults in order. */
static struct space *begin_given(uint16_t given_before)
{
    struct space *space = kit_begin_written(128, 600, PAGES);

    kit_vm()->victims.given = given_before;
    for (uint64_t i = 0; i < PAGES; i++)
        victims_give(kit_vm(), kit_page_at(space, i));
    return space;
}

static void check_nothing_leaves(const struct space *space)
{
    kit_put_one_out();
    CHECK_EQ(space->resident, PAGES);
}

TEST("a page that is given to faults again and again makes no other one old")
{
    struct space *space = begin_given(1);

    for (uint32_t i = 0; i < 2 * RECLAIM_FRESH; i++)
        victims_give(kit_vm(), kit_page_at(space, 5));
    check_nothing_leaves(space);
    kit_end();
}

TEST("pages are fresh also when the numbers of what was given begin again")
{
    struct space *space = begin_given(UINT16_MAX - 2);

    check_nothing_leaves(space);
    kit_end();
}

TEST("what was given to a fault and is gone makes the next contents of its frame no fresher")
{
    struct space *space = begin_given(1);
    uint32_t page = kit_page_at(space, 2);

    CHECK(kit_vm()->table.pages[page].given != 0);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, PAGES * PAGE), 0);
    CHECK_EQ(kit_vm()->table.pages[page].given, 0);
    kit_end();
}

/* ---- advice ---- */

TEST("what is said to be of no use leaves before what is older and as little used")
{
    struct space *space = kit_begin_written(256, 600, 3 * SWAP_CLUSTER);

    CHECK(victims_set_policy(kit_vm(), "fifo"));
    kit_forget_given();
    kit_put_one_out(); /* all are told to their class, and the first ones leave */
    CHECK_EQ(space->resident, 2 * SWAP_CLUSTER);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + 80 * PAGE, VICTIMS_BATCH * PAGE, MADV_COLD), 0);
    kit_put_one_out();
    for (uint64_t i = SWAP_CLUSTER; i < 2 * SWAP_CLUSTER; i++)
        CHECK(fake_peek(&slow.fake, space, AT + i * PAGE, FL_ACCESS_READ));
    for (uint64_t i = 80; i < 80 + VICTIMS_BATCH; i++)
        CHECK(!fake_peek(&slow.fake, space, AT + i * PAGE, FL_ACCESS_READ));
    kit_end();
}

TEST("what is said to be of no use leaves before others, also if it was used since its bits were "
     "looked at")
{
    struct space *space = kit_begin_written(256, 600, SWAP_CLUSTER);
    const uint64_t first = 16;

    CHECK(victims_set_policy(kit_vm(), "clock"));
    CHECK_EQ(vm_advise(kit_vm(), space, AT, SWAP_CLUSTER * PAGE, MADV_COLD), 0); /* looks */
    kit_forget_given();
    kit_read_pages(space, 0, SWAP_CLUSTER, 0); /* and no step of reclaim between the two */
    CHECK_EQ(vm_advise(kit_vm(), space, AT + first * PAGE, PAGES * PAGE, MADV_COLD), 0);
    kit_put_one_out();
    CHECK_EQ(space->resident, SWAP_CLUSTER - PAGES);
    for (uint64_t i = first; i < first + PAGES; i++)
        CHECK(!fake_peek(&slow.fake, space, AT + i * PAGE, FL_ACCESS_READ));
    kit_read_pages(space, 0, SWAP_CLUSTER, 0);
    kit_end();
}

TEST("advice of one program puts out no page of shared memory that another one has wired")
{
    struct space *parent, *child;

    kit_begin_swap(256, 600);
    parent = kit_space(1);
    kit_map(parent, AT, PAGES, MAP_SHARED);
    kit_write_pages(parent, 0, PAGES, 0);
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_read_pages(child, 0, PAGES, 0);
    CHECK_EQ(vm_wire(kit_vm(), child, AT + PAGE, 2 * PAGE, 0), 0);
    CHECK_EQ(vm_advise(kit_vm(), parent, AT, PAGES * PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    for (uint64_t i = 0; i < PAGES; i++)
        CHECK_EQ(vm_is_resident(entry_find(&parent->map, AT), AT + i * PAGE), i == 1 || i == 2);
    vm_unwire_all(kit_vm(), child);
    kit_end();
}

/* ---- copies ---- */

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
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 0));
    CHECK_EQ(kit_vm()->swap.used, PAGES - 1);
    CHECK_EQ(kit_vm()->table.pages[kit_page_at(space, 3)].slot, SWAP_NONE);
    CHECK(kit_vm()->table.pages[kit_page_at(space, 4)].slot != SWAP_NONE);
    kit_sound();
    kit_put_all_out();
    CHECK_EQ(kit_vm()->paging.counts.put_out_clean, PAGES - 1);
    for (uint64_t i = 0; i < PAGES; i++)
        kit_read_page(space, AT + i * PAGE, i == 3);
    kit_end();
}

TEST("what a private mapping read of its file is found used when the bits of its own pages are "
     "looked at")
{
    const uint64_t from = 2;
    struct space *space;
    uint32_t page;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    CHECK(slow_map(&slow, space, AT, from, PAGES - from, true));
    for (uint64_t i = 0; i < 2; i++)
        kit_read_slow(space, AT + i * PAGE, from + i);
    kit_write(space, AT, 7);
    page = index_leaf_page(index_lookup(&slow_object(&slow)->index, from + 1));
    CHECK(!(kit_vm()->table.pages[page].flags & PAGE_ACCESSED));
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 0));
    CHECK(kit_vm()->table.pages[page].flags & PAGE_ACCESSED);
    kit_end();
}

TEST("copies are given up page by page also where neighbours are missing or have none")
{
    struct space *space = kit_begin_written(128, 600, PAGES);

    kit_put_all_out();
    kit_read_pages(space, 0, PAGES, 0);
    kit_write_page(space, AT + 2 * PAGE, 1);
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 2));
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, PAGE), 0);
    CHECK_EQ(kit_vm()->swap.used, PAGES - 2);
    kit_write_page(space, AT + 3 * PAGE, 1);
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 3));
    CHECK_EQ(kit_vm()->swap.used, PAGES - 3);
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
    CHECK_EQ(vm_advise(kit_vm(), space, AT, PAGE, MADV_COLD), 0);
    page = index_leaf_page(index_lookup(&entry_find(&space->map, AT)->object->index, 0));
    record = &kit_vm()->table.pages[page];
    CHECK_EQ(record->known, VICTIMS_TOLD);
    BREAKS(record->known, 0, "Y1");
    BREAKS(victims->set[VICTIMS_ANONYMOUS].config.pages[page].set, VICTIMS_FILE, "Y1");
    BREAKS(victims->set[VICTIMS_ANONYMOUS].config.pages[page].queue, 7, "R1");
    kit_end();
}
