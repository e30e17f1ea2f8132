/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_clone.c mm/vspace_harvest.c */
/* sources: mm/vspace_check.c mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* Clone and harvest: what they fence, and how much they do in one call.  What they do to entries is
 * compared with a model in mm_random_test.c. */
#include "harness.h"
#include "mm_fake.h"

#define R   FL_RIGHT_READ
#define W   FL_RIGHT_WRITE
#define X   FL_RIGHT_EXEC
#define GIB (1ull << 30)

static struct vspace *const from = &fake.spaces[0];
static struct vspace *const to = &fake.spaces[1];
static const vaddr_t here = {0x200000 - 4 * PAGE_BYTES};

static void make_world(uint64_t pages)
{
    fake_reset(1);
    CHECK_EQ(vspace_init(from, &fake.pool, fake.kernel_root), FL_OK);
    CHECK_EQ(vspace_init(to, &fake.pool, fake.kernel_root), FL_OK);
    fake_map(from, fake_run(here.value, FAKE_USER_FRAMES, pages, R | W));
}

static unsigned fences(void)
{
    return fake.page_fences + fake.space_fences;
}

static void clone(uint64_t pages, uint32_t rights)
{
    const struct vspace_clone clone = {to, from, here, pages, rights, W | X};
    uint64_t done;
    CHECK_EQ(vspace_clone(&clone, &done), FL_OK);
    CHECK_EQ(done, pages);
    fake_check();
}

TEST("a clone fences the source only where it takes rights away, once for all its pages")
{
    make_world(10);
    clone(10, R | W);
    CHECK_EQ(fences(), 0);
    fake_unmap(to, here.value, 10);
    unsigned before = fences();
    clone(10, R | FL_CLONE_PROTECT);
    CHECK_EQ(fences(), before + 1);
    fake_unmap(to, here.value, 10);
    before = fences();
    clone(10, R | FL_CLONE_PROTECT);
    CHECK_EQ(fences(), before); /* nothing was left to take */
    CHECK_EQ(fake.code_fences, 0);
}

TEST("a clone of code fences instructions before a core can fetch")
{
    make_world(1);
    clone(1, R | W | X);
    CHECK_EQ(fake.code_fences, 1);
}

TEST("after a protecting clone no core writes through what it had cached")
{
    frame_t frame;
    make_world(3);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(fake_touch(from, (vaddr_t){here.value + i * PAGE_BYTES}, FL_ACCESS_WRITE, &frame),
                 LOOK_SPURIOUS);
    clone(3, R | FL_CLONE_PROTECT);
    for (uint64_t i = 0; i < 3; i++) {
        vaddr_t address = {here.value + i * PAGE_BYTES};
        CHECK_EQ(fake_touch(from, address, FL_ACCESS_WRITE, &frame), LOOK_DENIED);
        CHECK_EQ(fake_entry(from, address).bits & PTE_AD, PTE_AD);
        CHECK_EQ(fake_entry(to, address).bits & PTE_AD, 0);
    }
}

TEST("a clone of a frame whose map count is full stops there")
{
    uint64_t done;
    make_world(3);
    struct frame *entry = &fake.frames[FAKE_USER_FRAMES + 1];
    uint32_t count = entry->count;
    entry->count = FRAME_MAX_MAPS;
    const struct vspace_clone clone = {to, from, here, 3, R, 0};
    CHECK_EQ(vspace_clone(&clone, &done), FL_OVERFLOW);
    CHECK_EQ(done, 1);
    entry->count = count;
    fake_check();
}

TEST("a device's page is not cloned")
{
    uint64_t done;
    make_world(1);
    fake_map(from, fake_run(here.value + PAGE_BYTES, FAKE_FRAMES + 3, 1, R | W));
    const struct vspace_clone clone = {to, from, here, 2, R, 0};
    CHECK_EQ(vspace_clone(&clone, &done), FL_BAD_FRAME);
    CHECK_EQ(done, 1);
    fake_check();
}

TEST("a call visits 512 entries, an absent subtree being one")
{
    uint64_t done;
    struct fl_harvest result;
    make_world(400);
    fake_map(from, fake_run(here.value + 400 * PAGE_BYTES, FAKE_USER_FRAMES, 400, R | W));
    const struct vspace_clone clone = {to, from, here, 800, R, 0};
    CHECK_EQ(vspace_clone(&clone, &done), FL_MORE);
    CHECK_EQ(done, VSPACE_STEP);
    CHECK_EQ(vspace_harvest(from, here, 800, 0, &result, &done), FL_MORE);
    CHECK_EQ(done, VSPACE_STEP);
    CHECK_EQ(
        vspace_harvest(from, (vaddr_t){GIB}, (FL_USER_END - GIB) / PAGE_BYTES, 0, &result, &done),
        FL_OK);
    CHECK_EQ(result.absent, (FL_USER_END - GIB) / PAGE_BYTES);
    fake_check();
}

TEST("a harvest fences once when it clears D, and never for A")
{
    frame_t frame;
    uint64_t done;
    struct fl_harvest result;
    make_world(10);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_EQ(fake_touch(from, (vaddr_t){here.value + i * PAGE_BYTES}, FL_ACCESS_WRITE, &frame),
                 LOOK_SPURIOUS);
    unsigned before = fences();
    CHECK_EQ(vspace_harvest(from, here, 10, 0, &result, &done), FL_OK);
    CHECK_EQ(vspace_harvest(from, here, 10, FL_HARVEST_ACCESSED, &result, &done), FL_OK);
    CHECK_EQ(result.bits[0], 0xfffff);
    CHECK_EQ(fences(), before);
    CHECK_EQ(vspace_harvest(from, here, 10, FL_HARVEST_DIRTY, &result, &done), FL_OK);
    CHECK_EQ(result.bits[0], 0xaaaaa);
    CHECK_EQ(fences(), before + 1);
    fake_check();
    CHECK_EQ(vspace_harvest(from, here, 10, FL_HARVEST_DIRTY, &result, &done), FL_OK);
    CHECK_EQ(result.bits[0], 0);
    CHECK_EQ(fences(), before + 1);
}
