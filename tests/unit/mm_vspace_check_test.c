/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_check.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* The owner words of tables, and that the checker of spaces sees what must not be. */
#include "harness.h"
#include "mm_fake.h"

static struct vspace *const space = &fake.spaces[0];

TEST("the owner word of a table names its space, base and level")
{
    static const uint64_t kernel_like[] = {0xffffffc000001040u, 0xffffffd5aaaaaac0u,
                                           0xfffffffffffff000u};
    for (unsigned i = 0; i < 3; i++) {
        const struct vspace *far = (const struct vspace *)(uintptr_t)kernel_like[i];
        for (unsigned level = 0; level < SV39_LEVELS; level++) {
            uint64_t address = 0x3fabcde000u - i * (1ull << 30);
            struct vspace_table table =
                vspace_unpack_owner(vspace_pack_owner(far, (vaddr_t){address}, level));
            CHECK_EQ((uintptr_t)table.space, kernel_like[i]);
            CHECK_EQ(table.level, level);
            CHECK_EQ(table.base.value, address >> (21 + 9 * level) << (21 + 9 * level));
        }
    }
}

static void check_breaks(uint64_t *word, uint64_t value, const char *invariant)
{
    uint64_t good = *word;
    *word = value;
    CHECK(vspace_check(space) != NULL);
    CHECK_STRING(vspace_check(space), invariant);
    *word = good;
    CHECK(vspace_check(space) == NULL);
}

TEST("the checker names each broken invariant")
{
    const uint64_t f = FAKE_USER_FRAMES;
    fake_reset(1);
    CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), FL_OK);
    fake_map(space, fake_run(0x5000, f, 1, FL_RIGHT_READ | FL_RIGHT_WRITE));
    pte_t *root = frame_contents(&fake.table, space->root);
    pte_t *middle = frame_contents(&fake.table, sv39_frame(root[0]));
    pte_t *leaf = frame_contents(&fake.table, sv39_frame(middle[0]));
    uint64_t *entry = &leaf[5].bits;
    struct frame *table = frame_entry(&fake.table, sv39_frame(middle[0]));
    check_breaks(entry, (*entry & 0x3ff) | fake_frame(f + 1).value << PTE_PPN_SHIFT, "V1");
    check_breaks(entry, (*entry & 0x3ff) | fake_frame(1).value << PTE_PPN_SHIFT, "V1");
    check_breaks(&leaf[6].bits, *entry, "V2");
    check_breaks(entry, *entry & ~PTE_V, "V2");
    check_breaks(&middle[0].bits, *entry, "V2");
    check_breaks(&table->owner, table->owner + 4, "V2");
    table->type = FRAME_OBJECT;
    CHECK_STRING(vspace_check(space), "V2");
    table->type = FRAME_TABLE;
    fake.frames[f].count = 0;
    CHECK_STRING(vspace_check(space), "V1");
    fake.frames[f].count = 1;
    CHECK(vspace_check(space) == NULL);
    check_breaks(&middle[0].bits, middle[0].bits | PTE_A, "V2");
    check_breaks(&middle[0].bits, fake_frame(FAKE_FRAMES).value << PTE_PPN_SHIFT | PTE_V, "V2");
    check_breaks(entry, *entry & ~PTE_CEIL_W, "V3");
    check_breaks(entry, (*entry & ~PTE_CEIL_X) | PTE_X, "V3");
    check_breaks(entry, *entry | PTE_G, "V3");
    check_breaks(entry, *entry | 1ull << 62, "V3");
    check_breaks(entry, *entry & ~PTE_R, "V3");
    check_breaks(entry, *entry & ~PTE_U, "V3");
    check_breaks(entry, *entry & ~PTE_RWX, "V3");
    check_breaks(&root[300].bits, root[300].bits | PTE_U, "V3");
    space->tables++;
    CHECK_STRING(vspace_check(space), "V4");
}
