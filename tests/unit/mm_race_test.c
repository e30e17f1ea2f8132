/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_clone.c mm/vspace_harvest.c mm/sweep.c */
/* sources: mm/vspace_check.c mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* A core sets A and D in an entry at the worst moment: just before the instruction with which the
 * kernel changes that entry, after the kernel has read it.  The leaf table is write-protected on
 * the host, so that this instruction traps; the trap handler is the core. */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"
#include "mm_fake.h"
#include "sweep.h"

#define READ  FL_RIGHT_READ
#define WRITE (FL_RIGHT_READ | FL_RIGHT_WRITE)

static struct vspace *const space = &fake.spaces[0];
static const vaddr_t here = {0x5000};
static uint64_t *entry;
static const void *guarded; /* in the table that is write-protected */
static volatile sig_atomic_t stores;

static void set_writable(bool writable)
{
    void *table = (void *)((uintptr_t)guarded & ~(PAGE_BYTES - 1));
    if (mprotect(table, PAGE_BYTES, writable ? PROT_READ | PROT_WRITE : PROT_READ) != 0)
        SKIP("pages of this host are larger than the machine's");
}

static void store(int signal)
{
    (void)signal;
    set_writable(true);
    if ((*entry & (PTE_V | PTE_W)) == (PTE_V | PTE_W)) {
        *entry |= PTE_A | PTE_D;
        stores = stores + 1;
    }
}

static void make_world(void)
{
    struct sigaction action = {.sa_handler = store};
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    fake_reset(1);
    CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), FL_OK);
    /* The table stays when the entry goes. */
    fake_map(space, fake_run(here.value + PAGE_BYTES, FAKE_USER_FRAMES + 1, 1, READ));
    fake_map(space, fake_run(here.value, FAKE_USER_FRAMES, 1, WRITE));
    const pte_t *root = frame_contents(&fake.table, space->root);
    const pte_t *middle = frame_contents(&fake.table, sv39_frame(root[0]));
    entry = &((pte_t *)frame_contents(&fake.table, sv39_frame(middle[0])))[5].bits;
    guarded = entry;
    stores = 0;
}

/* The kernel changes the entry that leads to the leaf table, instead of the leaf. */
static void guard_middle_table(void)
{
    const pte_t *root = frame_contents(&fake.table, space->root);
    guarded = frame_contents(&fake.table, sv39_frame(root[0]));
}

/* The store came, and D is where it must be. */
static void check_dirty(uint64_t in_entry, uint32_t in_frame)
{
    CHECK_EQ(stores, 1);
    CHECK_EQ(*entry & PTE_AD, in_entry);
    CHECK_EQ(fake.frames[FAKE_USER_FRAMES].flags, in_frame);
    fake_check();
}

TEST("a store just before protect takes the right away leaves D in the entry")
{
    uint64_t done;
    make_world();
    set_writable(false);
    CHECK_EQ(vspace_protect(space, here, 1, READ, &done), FL_OK);
    check_dirty(PTE_A | PTE_D, 0);
}

TEST("a store just before a map of the same frame leaves D in the entry")
{
    make_world();
    struct vspace_run run = fake_run(here.value, FAKE_USER_FRAMES, 1, READ);
    set_writable(false);
    CHECK_EQ(vspace_map_page(space, &run), FL_OK);
    check_dirty(PTE_A | PTE_D, 0);
}

TEST("a store just before a map of another frame leaves D with the old frame")
{
    make_world();
    struct vspace_run run = fake_run(here.value, FAKE_USER_FRAMES + 2, 1, WRITE | FL_MAP_REPLACE);
    set_writable(false);
    CHECK_EQ(vspace_map_page(space, &run), FL_OK);
    check_dirty(0, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
}

TEST("a store just before unmap leaves D with the frame")
{
    make_world();
    set_writable(false);
    fake_unmap(space, here.value, 1);
    check_dirty(0, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
}

TEST("a store just before its whole table is unmapped leaves D with the frame")
{
    make_world();
    guard_middle_table();
    set_writable(false);
    fake_unmap(space, 0, SV39_ENTRIES);
    check_dirty(0, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
}

TEST("a store just before the end of the space leaves D with the frame")
{
    make_world();
    guard_middle_table();
    set_writable(false);
    fake_destroy(space);
    check_dirty(0, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
}

TEST("a store just before a look that sets A leaves D in the entry")
{
    pte_t seen;
    make_world();
    set_writable(false);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_READ, &seen), LOOK_SET_AD);
    check_dirty(PTE_A | PTE_D, 0);
}

TEST("a store just before a clone takes the right away leaves D in the source's entry")
{
    uint64_t done;
    make_world();
    struct vspace *child = &fake.spaces[1];
    CHECK_EQ(vspace_init(child, &fake.pool, fake.kernel_root), FL_OK);
    const struct vspace_clone clone = {child,         space, here, 1, READ | FL_CLONE_PROTECT,
                                       FL_RIGHT_WRITE};
    set_writable(false);
    CHECK_EQ(vspace_clone(&clone, &done), FL_OK);
    check_dirty(PTE_A | PTE_D, 0);
    CHECK_EQ(fake_entry(child, here).bits & (PTE_AD | PTE_W), 0);
}

TEST("a store just before a harvest clears D is in what it reports")
{
    uint64_t done;
    struct fl_harvest result;
    make_world();
    *entry |= PTE_A;
    set_writable(false);
    CHECK_EQ(vspace_harvest(space, here, 1, FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY, &result, &done),
             FL_OK);
    check_dirty(0, 0);
    CHECK_EQ(result.bits[0], FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
}

TEST("a store just before a sweep ends the entry leaves D with the frame")
{
    uint64_t cursor = 0;
    make_world();
    set_writable(false);
    while (sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES), 1, &cursor) == FL_MORE)
        continue;
    check_dirty(0, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
}

TEST("a store just before a sweep unlinks the table leaves D in the table's copy")
{
    uint64_t cursor = 0;
    make_world();
    const pte_t *root = frame_contents(&fake.table, space->root);
    frame_t table = frame_containing((paddr_t){(uintptr_t)entry - fake.table.direct_offset});
    guarded = frame_contents(&fake.table, sv39_frame(root[0]));
    set_writable(false);
    while (sweep_step(&fake.table, table, 1, &cursor) == FL_MORE)
        continue;
    CHECK_EQ(stores, 1);
    CHECK_EQ(fake_entry(space, here).bits & PTE_AD, PTE_AD);
    CHECK_EQ(frame_entry(&fake.table, table)->type, FRAME_FREE);
    fake_check();
}
