/* See mm_model.h. */
#include "mm_model.h"

#include "harness.h"

struct model model;

uint64_t model_address(uint64_t page)
{
    static const uint64_t start[MODEL_PARTS] = {0x200000 - 80 * PAGE_BYTES,
                                                (1ull << 30) - 80 * PAGE_BYTES,
                                                FL_USER_END - MODEL_PART_PAGES * PAGE_BYTES};
    return start[page / MODEL_PART_PAGES] + page % MODEL_PART_PAGES * PAGE_BYTES;
}

/* --- the model ----------------------------------------------------------------------------- */

uint64_t model_tables(uint64_t s)
{
    uint64_t tables = 1;
    uint64_t last[2] = {UINT64_MAX, UINT64_MAX};
    for (uint64_t page = 0; page < MODEL_PAGES; page++) {
        for (unsigned level = 0; level < 2; level++) {
            uint64_t key = model_address(page) >> (21 + 9 * level);
            if (model.page[s][page].valid && key != last[level]) {
                last[level] = key;
                tables++;
            }
        }
    }
    return tables;
}

void model_free_unused(void)
{
    for (uint64_t i = 0; i < MODEL_KNOWN; i++)
        model.revoking[i] = model.revoking[i] && model.maps[i] + model.pins[i] > 0;
}

void model_drop(struct model_page *page)
{
    model.maps[page->frame]--;
    model.sticky[page->frame] |= (uint8_t)((page->accessed ? FRAME_STICKY_ACCESSED : 0) |
                                           (page->dirty ? FRAME_STICKY_DIRTY : 0));
    *page = (struct model_page){0};
}

enum fl_error model_check(const struct model_page *page, uint64_t frame, uint32_t rights)
{
    if (page->valid && page->frame == frame)
        return FL_OK;
    if (page->valid && (rights & FL_MAP_REPLACE) == 0)
        return FL_OCCUPIED;
    if ((frame >= FAKE_FRAMES - FAKE_FIRMWARE && frame < FAKE_FRAMES) || model.claimed[frame])
        return FL_BAD_FRAME;
    return FL_OK;
}

void model_map(struct model_page *page, uint64_t frame, uint32_t rights, uint32_t ceiling)
{
    bool same = page->valid && page->frame == frame;
    if (page->valid && !same)
        model_drop(page);
    if (!same)
        model.maps[frame]++;
    if (!same)
        page->born = model.now;
    page->valid = true;
    page->frame = frame;
    page->rights = rights & 7;
    page->ceiling = ceiling;
    page->accessed = page->accessed || (rights & FL_MAP_ACCESSED) != 0;
    page->dirty = page->dirty || (rights & FL_MAP_DIRTY) != 0;
}

/* --- comparison ---------------------------------------------------------------------------- */

static uint64_t model_entry(const struct model_page *page)
{
    if (!page->valid)
        return 0;
    return fake_frame(page->frame).value << 10 | page->rights << 1 | PTE_V | PTE_U |
           (page->accessed ? PTE_A : 0) | (page->dirty ? PTE_D : 0) |
           ((page->ceiling & FL_RIGHT_WRITE) != 0 ? PTE_CEIL_W : 0) |
           ((page->ceiling & FL_RIGHT_EXEC) != 0 ? PTE_CEIL_X : 0);
}

static void model_compare_frames(void)
{
    bool dirty[MODEL_KNOWN] = {0};
    for (uint64_t s = 0; s < MODEL_SPACES; s++) {
        for (uint64_t page = 0; page < MODEL_PAGES; page++)
            dirty[model.page[s][page].frame] |= model.page[s][page].dirty;
    }
    for (uint64_t i = 0; i < FAKE_FRAMES - FAKE_FIRMWARE; i++) {
        const struct frame *frame = &fake.frames[i];
        if (model.claimed[i]) {
            CHECK_EQ(frame->type, i >= 1 && i <= FAKE_TABLES ? FRAME_TABLE : FRAME_OBJECT);
            continue;
        }
        CHECK_EQ(frame->type, model.maps[i] + model.pins[i] > 0 ? FRAME_USER : FRAME_FREE);
        CHECK_EQ(frame->count, model.maps[i]);
        CHECK_EQ(frame->pins, model.pins[i]);
        CHECK_EQ(frame->flags, model.sticky[i] | (model.revoking[i] ? FRAME_REVOKING : 0));
        /* No page that was written looks clean. */
        CHECK(!fake.written[i] || dirty[i] || (frame->flags & FRAME_STICKY_DIRTY) != 0);
    }
}

void model_compare(void)
{
    fake_check();
    for (uint64_t s = 0; s < MODEL_SPACES; s++) {
        if (!model.alive[s])
            continue;
        CHECK_EQ(fake.spaces[s].tables, model_tables(s));
        for (uint64_t page = 0; page < MODEL_PAGES; page++) {
            vaddr_t address = {model_address(page)};
            uint64_t expected = model_entry(&model.page[s][page]);
            CHECK_EQ(fake_entry(&fake.spaces[s], address).bits, expected);
            CHECK_EQ(vspace_entry(&fake.spaces[s], address).bits, expected);
        }
    }
    model_compare_frames();
}
