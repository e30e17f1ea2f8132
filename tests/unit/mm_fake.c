/* The machine of mm_fake.h: its memory, TLB and cores. */
#include "mm_fake.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "harness.h"

struct fake_world fake;
static _Alignas(PAGE_BYTES) unsigned char fake_memory[FAKE_FRAMES][PAGE_BYTES];

_Noreturn void mm_assert_failed(const char *file, int line, const char *text)
{
    harness_fail(file, line, text);
}

frame_t fake_frame(uint64_t i)
{
    return (frame_t){FAKE_FIRST + i};
}

uint64_t fake_random(uint64_t below)
{
    fake.random ^= fake.random << 13;
    fake.random ^= fake.random >> 7;
    fake.random ^= fake.random << 17;
    return (fake.random * 0x9e3779b97f4a7c15u >> 20) % below;
}

void fake_reset(uint64_t seed)
{
    memset(&fake, 0, sizeof fake);
    memset(fake_memory, 0xa5, sizeof fake_memory);
    fake.random = seed * 2 + 1;
    fake.core_sets_ad = true;
    frame_table_init(&fake.table, fake.frames, fake_frame(0), FAKE_FRAMES,
                     (uintptr_t)fake_memory - (FAKE_FIRST << PAGE_SHIFT));
    frame_table_keep_range(&fake.table, fake_frame(FAKE_FRAMES - FAKE_FIRMWARE), FAKE_FIRMWARE);
    fake.kernel_root = fake_frame(0);
    CHECK_EQ(frame_claim(&fake.table, fake.kernel_root, FRAME_OBJECT, 0), FL_OK);
    pte_t *entries = frame_contents(&fake.table, fake.kernel_root);
    for (unsigned i = 0; i < SV39_ENTRIES; i++)
        entries[i].bits = (uint64_t)i << 28 | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D | PTE_G;
    table_pool_init(&fake.pool, &fake.table);
    for (unsigned i = 1; i <= FAKE_TABLES; i++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(i)), FL_OK);
}

/* --- TLB ----------------------------------------------------------------------------------- */

static uint64_t fake_key(vaddr_t address, unsigned level)
{
    return address.value >> (PAGE_SHIFT + 9 * level);
}

static struct fake_translation *fake_find(struct vspace *space, unsigned level, vaddr_t address)
{
    for (unsigned i = 0; i < fake.cached; i++) {
        struct fake_translation *t = &fake.tlb[i];
        if (t->space == space && t->level == level && t->key == fake_key(address, level))
            return t;
    }
    return NULL;
}

static void fake_remember(struct vspace *space, unsigned level, vaddr_t address, pte_t entry)
{
    if (!sv39_is_valid(entry) && !fake.core_caches_invalid)
        return;
    struct fake_translation *t = fake_find(space, level, address);
    if (t == NULL && fake.cached < FAKE_TLB)
        t = &fake.tlb[fake.cached++];
    else if (t == NULL)
        t = &fake.tlb[fake_random(FAKE_TLB)];
    *t = (struct fake_translation){
        .space = space, .key = fake_key(address, level), .level = level, .entry = entry};
}

static pte_t *fake_slot(frame_t table, vaddr_t address, unsigned level)
{
    CHECK(frame_known(&fake.table, table));
    return (pte_t *)(void *)fake_memory[table.value - FAKE_FIRST] +
           (address.value >> (PAGE_SHIFT + 9 * level)) % SV39_ENTRIES;
}

/* The root that a core walks from; 0 = no core runs the space. */
static frame_t *fake_loaded(const struct vspace *space)
{
    return &fake.loaded[space - fake.spaces];
}

void fake_leave(struct vspace *space)
{
    fake_loaded(space)->value = 0;
}

/* The slot of the leaf entry, by way of cached pointers to tables; NULL = none. */
static pte_t *fake_walk(struct vspace *space, vaddr_t address)
{
    if (fake_loaded(space)->value == 0)
        *fake_loaded(space) = space->root;
    frame_t table = *fake_loaded(space);
    unsigned level = 2;
    for (unsigned above = 2; above >= 1; above--) {
        const struct fake_translation *t = fake_find(space, above, address);
        if (t != NULL && !sv39_is_valid(t->entry))
            return NULL;
        if (t != NULL) {
            table = sv39_frame(t->entry);
            level = above - 1;
        }
    }
    for (; level > 0; level--) {
        pte_t entry = *fake_slot(table, address, level);
        fake_remember(space, level, address, entry);
        if (!sv39_is_valid(entry))
            return NULL;
        table = sv39_frame(entry);
    }
    return fake_slot(table, address, 0);
}

static bool fake_allows(pte_t entry, uint32_t access)
{
    uint64_t needed = access == FL_ACCESS_READ ? PTE_R : access == FL_ACCESS_WRITE ? PTE_W : PTE_X;
    return (entry.bits & needed) != 0 && (entry.bits & PTE_U) != 0;
}

static bool fake_reach(pte_t entry, uint32_t access, frame_t *frame)
{
    *frame = sv39_frame(entry);
    if (access == FL_ACCESS_WRITE && frame_known(&fake.table, *frame))
        fake.written[frame->value - FAKE_FIRST] = true;
    return true;
}

bool fake_access(struct vspace *space, vaddr_t address, uint32_t access, frame_t *frame)
{
    uint64_t needed = access == FL_ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    const struct fake_translation *t = fake_find(space, 0, address);
    if (t != NULL && !fake_allows(t->entry, access))
        return false;
    if (t != NULL && (t->entry.bits & needed) == needed)
        return fake_reach(t->entry, access, frame);
    pte_t *slot = fake_walk(space, address);
    if (slot == NULL)
        return false;
    pte_t entry = *slot;
    fake_remember(space, 0, address, entry);
    if (!sv39_is_valid(entry) || !fake_allows(entry, access))
        return false;
    if ((entry.bits & needed) != needed && !fake.core_sets_ad)
        return false;
    slot->bits |= needed;
    fake_remember(space, 0, address, *slot);
    return fake_reach(*slot, access, frame);
}

enum vspace_look fake_touch(struct vspace *space, vaddr_t address, uint32_t access, frame_t *frame)
{
    for (unsigned faults = 0; faults < 3; faults++) {
        if (fake_access(space, address, access, frame))
            return LOOK_SPURIOUS;
        pte_t entry;
        enum vspace_look look = vspace_look_at_fault(space, address, access, &entry);
        CHECK_EQ(entry.bits & ~PTE_AD, fake_entry(space, address).bits & ~PTE_AD);
        if (look == LOOK_ABSENT || look == LOOK_DENIED)
            return look;
    }
    harness_fail(__FILE__, __LINE__, "an access that its entry allows faults again and again");
}

pte_t fake_entry(const struct vspace *space, vaddr_t address)
{
    frame_t table = space->root;
    for (unsigned level = 2; level > 0; level--) {
        pte_t entry = *fake_slot(table, address, level);
        if (!sv39_is_valid(entry))
            return (pte_t){0};
        table = sv39_frame(entry);
    }
    return *fake_slot(table, address, 0);
}

/* --- fences, and what holds when one is asked for ------------------------------------------- */

static void fake_check_counts(void) /* M1 */
{
    uint32_t translations[FAKE_FRAMES] = {0};
    bool spare[FAKE_FRAMES] = {0};
    for (uint64_t link = fake.pool.spare_list; link != 0;
         link = fake.frames[link - 1 - FAKE_FIRST].owner)
        spare[link - 1 - FAKE_FIRST] = true;
    for (unsigned i = 0; i < fake.cached; i++) {
        const struct fake_translation *t = &fake.tlb[i];
        if (!sv39_is_valid(t->entry))
            continue;
        uint64_t index = sv39_frame(t->entry).value - FAKE_FIRST;
        if (index >= FAKE_FRAMES) {
            CHECK_EQ(t->level, 0);
            continue;
        }
        translations[index]++;
        if (t->level > 0)
            CHECK(fake.frames[index].type == FRAME_TABLE && !spare[index]);
        else
            CHECK(fake.frames[index].type == FRAME_USER &&
                  translations[index] <= fake.frames[index].count);
    }
    for (unsigned i = 0; i < FAKE_SPACES; i++) {
        uint64_t index = fake.loaded[i].value - FAKE_FIRST;
        if (fake.loaded[i].value != 0)
            CHECK(fake.frames[index].type == FRAME_TABLE && !spare[index]);
    }
}

static void fake_check_tlb(void) /* M2, M3 */
{
    for (unsigned i = 0; i < fake.cached; i++) {
        const struct fake_translation *t = &fake.tlb[i];
        vaddr_t address = {t->key << (PAGE_SHIFT + 9 * t->level)};
        if (!sv39_is_valid(t->entry))
            continue;
        pte_t now = *fake_slot(t->space->root, address, 2);
        for (unsigned level = 2; level > t->level; level--)
            now = *fake_slot(sv39_frame(now), address, level - 1);
        CHECK_EQ(now.bits & (PTE_PPN_MASK | PTE_V), t->entry.bits & (PTE_PPN_MASK | PTE_V));
        CHECK_EQ(t->entry.bits & ~now.bits & (PTE_RWX | PTE_D), 0);
    }
}

static void fake_check_places(void) /* M4 */
{
    for (unsigned i = 0; i < fake.cached; i++) {
        const struct fake_translation *t = &fake.tlb[i];
        if (t->level > 0 || !sv39_is_valid(t->entry))
            continue;
        pte_t now = fake_entry(t->space, (vaddr_t){t->key << PAGE_SHIFT});
        CHECK(!sv39_is_valid(now) || sv39_frame(now).value == sv39_frame(t->entry).value);
    }
}

static void fake_evict(const struct vspace *space, bool all, vaddr_t address)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < fake.cached; i++) {
        const struct fake_translation *t = &fake.tlb[i];
        bool ordered = all || (t->level == 0 && t->key == fake_key(address, 0));
        if (t->space != space || !ordered)
            fake.tlb[kept++] = *t;
    }
    fake.cached = kept;
}

void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    fake_check_counts();
    fake_check_places();
    fake.page_fences++;
    fake_evict(space, false, address);
}

void mmu_fence_space(struct vspace *space)
{
    fake_check_counts();
    fake_check_places();
    fake.space_fences++;
    fake_evict(space, true, (vaddr_t){0});
}

void fake_forget(struct vspace *space)
{
    fake_evict(space, true, (vaddr_t){0});
}

void mmu_move_root(struct vspace *space)
{
    fake_check_counts();
    fake.root_moves++;
    if (fake_loaded(space)->value != 0)
        *fake_loaded(space) = space->root;
    fake_forget(space);
}

void mmu_fence_code(struct vspace *space)
{
    CHECK(space->pool != NULL);
    fake.code_fences++;
}

static void fake_demand(const char *broken)
{
    if (broken != NULL)
        harness_fail(__FILE__, __LINE__, broken);
}

void fake_check(void)
{
    uint64_t leaves = 0;
    uint64_t tables = 0;
    fake_check_counts();
    fake_check_tlb();
    fake_demand(frame_table_check(&fake.table));
    fake_demand(table_pool_check(&fake.pool));
    for (unsigned i = 0; i < FAKE_SPACES; i++) {
        fake_demand(vspace_check(&fake.spaces[i]));
        leaves += vspace_count_leaves(&fake.spaces[i]);
        tables += fake.spaces[i].tables;
    }
    CHECK_EQ(leaves, fake.table.mappings); /* V1 over all spaces */
    CHECK_EQ(tables, fake.pool.in_use);    /* P2 */
    CHECK_EQ(fake.pool.spare + fake.pool.in_use, fake.table.totals[FRAME_TABLE]);
}

/* --- what most tests do --------------------------------------------------------------------- */

struct vspace_run fake_run(uint64_t address, uint64_t frame, uint64_t pages, uint32_t rights)
{
    return (struct vspace_run){.address = {address},
                               .first = fake_frame(frame),
                               .pages = pages,
                               .rights = rights,
                               .ceiling = FL_RIGHT_WRITE | FL_RIGHT_EXEC};
}

void fake_map(struct vspace *space, struct vspace_run run)
{
    uint64_t done;
    CHECK_EQ(vspace_map(space, &run, &done), FL_OK);
    CHECK_EQ(done, run.pages);
}

void fake_unmap(struct vspace *space, uint64_t address, uint64_t pages)
{
    uint64_t passed = 0;
    enum fl_error error = FL_MORE;
    while (error == FL_MORE) {
        uint64_t done;
        error =
            vspace_unmap(space, (vaddr_t){address + passed * PAGE_BYTES}, pages - passed, &done);
        CHECK(done > 0 || pages == 0);
        passed += done;
    }
    CHECK_EQ(error, FL_OK);
    CHECK_EQ(passed, pages);
}

void fake_destroy(struct vspace *space)
{
    fake_leave(space);
    while (vspace_destroy_step(space) == FL_MORE)
        continue;
    CHECK(space->pool == NULL);
}
