/* Memory capabilities: retype, derive, frame_state; donating to pools. */
#include "refusal.h"

#define RAM      FL_BOOT_RAM
#define CNODE    FL_BOOT_CNODE
#define RW       (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define NO_SLOT  63u /* below the kit's slots, always empty */
#define ALL      FL_RIGHTS_ALL
#define NOTIFIER FL_OBJECT_NOTIFICATION

static const uint64_t object_bytes[FL_OBJECT_COUNT] = {
#define FL_OBJECT(number, name, bytes, doc) [number] = bytes,
#include "objects.def"
#undef FL_OBJECT
};

static uint64_t frame_state(uint64_t page)
{
    return flr_memory_frame_state(RAM, page).value;
}

static uint64_t frame_type(uint64_t page)
{
    return frame_state(page) & 0xff;
}

static uint64_t ram_pages(void)
{
    return kit_boot_info()->ram[0].pages;
}

TEST("a frame holds as many objects of a type as fit and is free after the last")
{
    for (unsigned type = 0; type < FL_OBJECT_COUNT; type++) {
        if (object_bytes[type] == 0 || type == FL_OBJECT_CNODE)
            continue;
        kit_begin();
        uint64_t count = FL_PAGE_BYTES / object_bytes[type], slots = kit_slots(count);
        uint64_t page = kit_frames(1);
        uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
        uint64_t caps = kit_counter(FL_COUNTER_CAPABILITIES);
        uint64_t frames = kit_counter(FL_COUNTER_FRAMES_OBJECT);
        CHECK_DONE(flr_memory_retype(RAM, page, type, count, CNODE, slots));
        CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects + count);
        CHECK_EQ(kit_counter(FL_COUNTER_CAPABILITIES), caps + count);
        CHECK_EQ(kit_counter(FL_COUNTER_FRAMES_OBJECT), frames + 1);
        for (uint64_t i = 0; i < count; i++) {
            CHECK_EQ(frame_state(page), FL_FRAME_OBJECT);
            CHECK_EQ(kit_delete(slots + i), FL_OK);
        }
        CHECK_EQ(frame_state(page), FL_FRAME_FREE);
    }
}

TEST("a CNode takes 1 to 16 frames, all of which come back")
{
    for (uint64_t frames = 1; frames <= FL_CNODE_FRAMES; frames++) {
        kit_begin();
        uint64_t slot = kit_slots(1), page = kit_frames(frames + 1);
        CHECK_DONE(flr_memory_retype(RAM, page, FL_OBJECT_CNODE, frames, CNODE, slot));
        CHECK_EQ(frame_type(page + frames - 1), FL_FRAME_OBJECT);
        CHECK_EQ(frame_type(page + frames), FL_FRAME_FREE);
        uint64_t last = frames * FL_CNODE_SLOTS - 1;
        CHECK_DONE(flr_cnode_copy(slot, last, CNODE, FL_BOOT_SYSTEM, ALL, 0));
        CHECK_REFUSED(flr_cnode_copy(slot, last + 1, CNODE, FL_BOOT_SYSTEM, ALL, 0), OUT_OF_RANGE,
                      2);
        CHECK_EQ(kit_delete(slot), FL_OK);
        CHECK_EQ(frame_type(page), FL_FRAME_FREE);
        CHECK_EQ(frame_type(page + frames - 1), FL_FRAME_FREE);
    }
}

TEST("retype needs a Memory capability with the retype right")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), page = kit_frames(1);
    uint64_t weak = kit_copy(RAM, ALL & ~FL_RIGHT_RETYPE, 0);
    refusal_watch_frame(page);
    CHECK_REFUSED(flr_memory_retype(NO_SLOT, page, NOTIFIER, 1, CNODE, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_retype(0, page, NOTIFIER, 1, CNODE, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_retype(UINT64_MAX, page, NOTIFIER, 1, CNODE, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_retype(1ull << 32 | RAM, page, NOTIFIER, 1, CNODE, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_retype(CNODE, page, NOTIFIER, 1, CNODE, slot), BAD_TYPE, 1);
    CHECK_REFUSED(flr_memory_retype(weak, page, NOTIFIER, 1, CNODE, slot), NO_RIGHT, 1);
}

TEST("retype refuses pages beyond the range")
{
    refusal_begin();
    uint64_t slot = kit_slots(1);
    CHECK_REFUSED(flr_memory_retype(RAM, ram_pages(), NOTIFIER, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_retype(RAM, UINT64_MAX, NOTIFIER, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_retype(RAM, 1ull << 52, NOTIFIER, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_retype(RAM, ram_pages() - 1, FL_OBJECT_CNODE, 2, CNODE, slot),
                  OUT_OF_RANGE, 2);
}

TEST("retype makes only the types that live in frames")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), page = kit_frames(1);
    refusal_watch_frame(page);
    for (uint64_t type = 0; type < FL_OBJECT_COUNT; type++) {
        if (object_bytes[type] == 0)
            CHECK_REFUSED(flr_memory_retype(RAM, page, type, 1, CNODE, slot), OUT_OF_RANGE, 3);
    }
    CHECK_REFUSED(flr_memory_retype(RAM, page, FL_OBJECT_COUNT, 1, CNODE, slot), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_memory_retype(RAM, page, UINT64_MAX, 1, CNODE, slot), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_memory_retype(RAM, page, 1ull << 32 | NOTIFIER, 1, CNODE, slot), OUT_OF_RANGE,
                  3);
}

TEST("retype refuses no object, and more than a frame holds")
{
    refusal_begin();
    uint64_t slots = kit_slots(128), page = kit_frames(18);
    refusal_watch_frame(page);
    for (unsigned type = 0; type < FL_OBJECT_COUNT; type++) {
        if (object_bytes[type] == 0)
            continue;
        uint64_t most = type == FL_OBJECT_CNODE ? 16 : FL_PAGE_BYTES / object_bytes[type];
        CHECK_REFUSED(flr_memory_retype(RAM, page, type, 0, CNODE, slots), OUT_OF_RANGE, 4);
        CHECK_REFUSED(flr_memory_retype(RAM, page, type, most + 1, CNODE, slots), OUT_OF_RANGE, 4);
        CHECK_REFUSED(flr_memory_retype(RAM, page, type, 1ull << 32 | 1, CNODE, slots),
                      OUT_OF_RANGE, 4);
        CHECK_REFUSED(flr_memory_retype(RAM, page, type, UINT64_MAX, CNODE, slots), OUT_OF_RANGE,
                      4);
    }
}

TEST("retype needs empty slots in a CNode for all objects")
{
    refusal_begin();
    uint64_t slots = kit_slots(4), page = kit_frames(1), end = kit_boot_info()->cnode_slots;
    refusal_watch_frame(page);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 1, NO_SLOT, slots), BAD_SLOT, 5);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 1, RAM, slots), BAD_TYPE, 5);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 1, CNODE, 0), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 1, CNODE, end), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 2, CNODE, end - 1), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 2, CNODE, UINT64_MAX), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_retype(RAM, page, FL_OBJECT_CNODE, 1, CNODE, CNODE), OCCUPIED, 6);
    CHECK_DONE(flr_cnode_copy(CNODE, slots + 3, CNODE, RAM, ALL, 0));
    CHECK_REFUSED(flr_memory_retype(RAM, page, NOTIFIER, 4, CNODE, slots), OCCUPIED, 6);
    CHECK_DONE(flr_memory_retype(RAM, page, NOTIFIER, 3, CNODE, slots));
}

TEST("retype refuses frames that are mapped, pinned, tables or objects")
{
    refusal_begin();
    uint64_t slot = kit_slots(2), pool = kit_pool(4), space = kit_bare_space(pool);
    uint64_t mapped = kit_frames(1), table = kit_frames(1), pinned = kit_frames(1);
    uint64_t object = kit_frames(1), tcb = kit_object(FL_OBJECT_TCB);
    CHECK_DONE(flr_vspace_map(space, RAM, mapped, KIT_AREA, 1, FL_RIGHT_READ));
    CHECK_DONE(flr_pool_donate(pool, RAM, table, 1));
    CHECK_DONE(flr_tcb_set_buffer(tcb, RAM, pinned, 0));
    CHECK_DONE(flr_memory_retype(RAM, object, NOTIFIER, 1, CNODE, slot + 1));
    const uint64_t used[] = {mapped, table, pinned, object};
    for (unsigned i = 0; i < 4; i++) {
        refusal_watch_frame(used[i]);
        CHECK_REFUSED(flr_memory_retype(RAM, used[i], NOTIFIER, 1, CNODE, slot), BAD_FRAME, 2);
        CHECK_REFUSED(flr_memory_retype(RAM, used[i], FL_OBJECT_CNODE, 1, CNODE, slot), BAD_FRAME,
                      2);
    }
}

TEST("a CNode of several frames needs every one of them free")
{
    refusal_begin();
    uint64_t slot = kit_slots(2), pages = kit_frames(4);
    CHECK_DONE(flr_memory_retype(RAM, pages + 3, NOTIFIER, 1, CNODE, slot + 1));
    refusal_watch_frame(pages);
    refusal_watch_frame(pages + 3);
    CHECK_REFUSED(flr_memory_retype(RAM, pages, FL_OBJECT_CNODE, 4, CNODE, slot), BAD_FRAME, 2);
    CHECK_DONE(flr_memory_retype(RAM, pages, FL_OBJECT_CNODE, 3, CNODE, slot));
}

TEST("a derived capability counts pages from its own start and ends where it was cut")
{
    refusal_begin();
    uint64_t part = kit_slots(1), slot = kit_slots(2), pages = kit_frames(4);
    CHECK_DONE(flr_memory_derive(RAM, pages, 3, ALL & ~0x380u, CNODE, part));
    CHECK_DONE(flr_memory_retype(part, 2, NOTIFIER, 1, CNODE, slot));
    CHECK_EQ(frame_type(pages + 2), FL_FRAME_OBJECT);
    CHECK_EQ(flr_memory_frame_state(part, 2).value, FL_FRAME_OBJECT);
    CHECK_REFUSED(flr_memory_frame_state(part, 3), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_retype(part, 3, NOTIFIER, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_retype(part, 2, FL_OBJECT_CNODE, 2, CNODE, slot + 1), OUT_OF_RANGE, 2);
}

TEST("a derived capability has only the rights asked for, and derives no more than it has")
{
    refusal_begin();
    uint64_t part = kit_slots(1), slot = kit_slots(1), page = kit_frames(1);
    uint64_t space = kit_bare_space(kit_pool(4));
    CHECK_DONE(flr_memory_derive(RAM, page, 1, FL_RIGHT_MAP | FL_RIGHT_READ, CNODE, part));
    CHECK_REFUSED(flr_memory_retype(part, 0, NOTIFIER, 1, CNODE, slot), NO_RIGHT, 1);
    CHECK_REFUSED(flr_vspace_map(space, part, 0, KIT_AREA, 1, RW), NO_RIGHT, 6);
    CHECK_REFUSED(flr_memory_derive(part, 0, 1, FL_RIGHT_WRITE, CNODE, slot), NO_RIGHT, 4);
    CHECK_REFUSED(flr_memory_derive(part, 0, 1, ALL, CNODE, slot), NO_RIGHT, 4);
    CHECK_DONE(flr_memory_derive(part, 0, 1, FL_RIGHT_READ, CNODE, slot));
}

TEST("derive refuses ranges that are empty, too long or wrap around")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), n = ram_pages();
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 0, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, n + 1, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_derive(RAM, n, 1, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_derive(RAM, 1, UINT64_MAX, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_derive(RAM, UINT64_MAX, 2, 1, CNODE, slot), OUT_OF_RANGE, 2);
    CHECK_DONE(flr_memory_derive(RAM, 0, n, 1, CNODE, slot));
}

TEST("derive blames the argument that is wrong")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), end = kit_boot_info()->cnode_slots;
    CHECK_REFUSED(flr_memory_derive(NO_SLOT, 0, 1, 1, CNODE, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_derive(CNODE, 0, 1, 1, CNODE, slot), BAD_TYPE, 1);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, ALL + 1, CNODE, slot), RESERVED, 4);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1ull << 32, CNODE, slot), RESERVED, 4);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1, NO_SLOT, slot), BAD_SLOT, 5);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1, RAM, slot), BAD_TYPE, 5);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1, CNODE, 0), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1, CNODE, end), OUT_OF_RANGE, 6);
    CHECK_REFUSED(flr_memory_derive(RAM, 0, 1, 1, CNODE, RAM), OCCUPIED, 6);
}

TEST("frame_state tells type, mappings and pins")
{
    kit_begin();
    uint64_t page = kit_frames(1), pool = kit_pool(8), tcb = kit_object(FL_OBJECT_TCB);
    uint64_t first = kit_bare_space(pool), second = kit_bare_space(pool);
    CHECK_EQ(frame_type(page), FL_FRAME_FREE);
    CHECK_DONE(flr_vspace_map(first, RAM, page, KIT_AREA, 1, RW));
    CHECK_DONE(flr_vspace_map(second, RAM, page, KIT_AREA, 1, RW));
    CHECK_DONE(flr_vspace_map(second, RAM, page, KIT_AREA + FL_PAGE_BYTES, 1, RW));
    CHECK_DONE(flr_tcb_set_buffer(tcb, RAM, page, 3));
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 3ull << 16 | 1ull << 48);
    CHECK_EQ(kit_delete(second), FL_OK);
    CHECK_DONE(flr_vspace_unmap(first, KIT_AREA, 1));
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 48);
    CHECK_EQ(kit_delete(tcb), FL_OK);
    CHECK_EQ(frame_state(page), FL_FRAME_FREE);
}

TEST("frame_state refuses other capabilities and pages beyond the range")
{
    refusal_begin();
    CHECK_REFUSED(flr_memory_frame_state(NO_SLOT, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_frame_state(CNODE, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_memory_frame_state(RAM, ram_pages()), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_frame_state(RAM, UINT64_MAX), OUT_OF_RANGE, 2);
}

TEST("deleting a Memory capability leaves its mappings")
{
    kit_begin();
    uint64_t part = kit_slots(1), page = kit_frames(1), space = kit_bare_space(kit_pool(4));
    CHECK_DONE(flr_memory_derive(RAM, page, 1, RW | FL_RIGHT_MAP, CNODE, part));
    CHECK_DONE(flr_vspace_map(space, part, 0, KIT_AREA, 1, RW));
    CHECK_EQ(kit_delete(part), FL_OK);
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
    CHECK_EQ(flr_vspace_entry(space, KIT_AREA).value & 7, RW);
}

static bool is_zero(uint64_t page)
{
    const uint64_t *words = kit_window(page);

    for (unsigned i = 0; i < FL_PAGE_BYTES / 8; i++)
        if (words[i] != 0)
            return false;
    return true;
}

TEST("a frame that was objects comes back zeroed")
{
    kit_begin();
    uint64_t page = kit_frames(2), slots = kit_slots(5);
    CHECK_DONE(flr_memory_retype(RAM, page, NOTIFIER, 4, CNODE, slots));
    CHECK_DONE(flr_memory_retype(RAM, page + 1, FL_OBJECT_CNODE, 1, CNODE, slots + 4));
    for (uint64_t i = 0; i < 4; i++) {
        CHECK_DONE(flr_notification_signal(slots + i));
        CHECK_DONE(flr_cnode_copy(slots + 4, 1 + i, CNODE, RAM, ALL, 0));
    }
    for (uint64_t i = 0; i < 5; i++)
        CHECK_EQ(kit_delete(slots + i), FL_OK);
    CHECK(is_zero(page));
    CHECK(is_zero(page + 1));
}

TEST("a frame that was a page table comes back zeroed")
{
    kit_begin();
    uint64_t pool = kit_pool(0), space = kit_object(FL_OBJECT_VSPACE), tables = kit_frames(4);
    CHECK_DONE(flr_pool_donate(pool, RAM, tables, 4));
    CHECK_DONE(flr_vspace_set_pool(space, pool));
    CHECK_DONE(flr_vspace_map(space, RAM, kit_frames(1), KIT_AREA, 1, RW));
    CHECK_EQ(kit_delete(space), FL_OK);
    CHECK_EQ(kit_delete(pool), FL_OK);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(frame_type(tables + i), FL_FRAME_FREE);
        CHECK(is_zero(tables + i));
    }
}

TEST("objects start zeroed in a frame that was full of other data")
{
    kit_begin();
    uint64_t page = kit_frames(1), slot = kit_slots(1), *words = kit_window(page);
    for (unsigned i = 0; i < FL_PAGE_BYTES / 8; i++)
        words[i] = UINT64_MAX;
    CHECK_DONE(flr_vspace_unmap(FL_BOOT_VSPACE, (uint64_t)(uintptr_t)words, 1));
    CHECK_DONE(flr_memory_retype(RAM, page, FL_OBJECT_CNODE, 1, CNODE, slot));
    for (uint64_t i = 1; i < FL_CNODE_SLOTS; i++)
        CHECK_EQ(flr_cnode_copy(CNODE, 0, slot, i, ALL, 0).status, FL_STATUS(FL_OUT_OF_RANGE, 2));
    for (uint64_t i = 1; i < FL_CNODE_SLOTS; i++)
        CHECK_EQ(flr_cnode_copy(CNODE, NO_SLOT, slot, i, ALL, 0).status, FL_STATUS(FL_BAD_SLOT, 4));
}

TEST("donating goes in steps and tells how far it came")
{
    kit_begin();
    uint64_t pool = kit_pool(0), pages = kit_frames(70), done = 0;
    struct fl_result result = {FL_MORE, 0};
    for (unsigned calls = 0; done < 70; calls++) {
        result = flr_pool_donate(pool, RAM, pages + done, 70 - done);
        CHECK(result.value > 0 && calls < 70);
        done += result.value;
        CHECK_EQ(result.status, done < 70 ? FL_MORE : FL_OK);
    }
    CHECK_EQ(done, 70);
    CHECK_EQ(frame_type(pages + 69), FL_FRAME_TABLE);
}

TEST("donating stops at a frame that is not free and keeps what went before")
{
    kit_begin();
    uint64_t pool = kit_pool(0), space = kit_bare_space(kit_pool(4)), pages = kit_frames(5);
    CHECK_DONE(flr_vspace_map(space, RAM, pages + 3, KIT_AREA, 1, RW));
    struct fl_result result = flr_pool_donate(pool, RAM, pages, 5);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 3));
    CHECK_EQ(result.value, 3);
    CHECK_EQ(frame_type(pages + 2), FL_FRAME_TABLE);
    CHECK_EQ(frame_type(pages + 3), FL_FRAME_USER);
    CHECK_EQ(frame_type(pages + 4), FL_FRAME_FREE);
}

TEST("a frame is never donated twice, nor while it is pinned, mapped or an object")
{
    refusal_begin();
    uint64_t pool = kit_pool(0), other = kit_pool(0), table = kit_frames(1), pinned = kit_frames(1);
    uint64_t tcb = kit_object(FL_OBJECT_TCB), object = kit_frames(1), slot = kit_slots(1);
    CHECK_DONE(flr_pool_donate(pool, RAM, table, 1));
    CHECK_DONE(flr_tcb_set_buffer(tcb, RAM, pinned, 0));
    CHECK_DONE(flr_memory_retype(RAM, object, NOTIFIER, 1, CNODE, slot));
    CHECK_REFUSED(flr_pool_donate(pool, RAM, table, 1), BAD_FRAME, 3);
    CHECK_REFUSED(flr_pool_donate(other, RAM, table, 1), BAD_FRAME, 3);
    CHECK_REFUSED(flr_pool_donate(other, RAM, pinned, 1), BAD_FRAME, 3);
    CHECK_REFUSED(flr_pool_donate(other, RAM, object, 1), BAD_FRAME, 3);
}

TEST("donate and withdraw blame the argument that is wrong")
{
    refusal_begin();
    uint64_t pool = kit_pool(1), page = kit_frames(1), n = ram_pages();
    uint64_t weak = kit_copy(RAM, ALL & ~FL_RIGHT_DONATE, 0);
    CHECK_REFUSED(flr_pool_donate(NO_SLOT, RAM, page, 1), BAD_SLOT, 1);
    CHECK_REFUSED(flr_pool_donate(RAM, RAM, page, 1), BAD_TYPE, 1);
    CHECK_REFUSED(flr_pool_donate(pool, NO_SLOT, page, 1), BAD_SLOT, 2);
    CHECK_REFUSED(flr_pool_donate(pool, pool, page, 1), BAD_TYPE, 2);
    CHECK_REFUSED(flr_pool_donate(pool, weak, page, 1), NO_RIGHT, 2);
    CHECK_REFUSED(flr_pool_donate(pool, RAM, n, 1), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_pool_donate(pool, RAM, page, 0), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_pool_donate(pool, RAM, page, UINT64_MAX), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_pool_withdraw(NO_SLOT, RAM), BAD_SLOT, 1);
    CHECK_REFUSED(flr_pool_withdraw(pool, pool), BAD_TYPE, 2);
    CHECK_REFUSED(flr_pool_withdraw(pool, weak), NO_RIGHT, 2);
    CHECK_REFUSED(flr_pool_spare(NO_SLOT), BAD_SLOT, 1);
    CHECK_REFUSED(flr_pool_spare(RAM), BAD_TYPE, 1);
}

TEST("withdraw gives back only frames of the Memory range that it names")
{
    refusal_begin();
    uint64_t pool = kit_pool(0), pages = kit_frames(4), part = kit_slots(1);
    CHECK_DONE(flr_memory_derive(RAM, pages + 1, 2, FL_RIGHT_DONATE, CNODE, part));
    CHECK_EQ(flr_pool_spare(pool).value, 0);
    CHECK_DONE(flr_pool_donate(pool, RAM, pages, 4));
    CHECK_EQ(flr_pool_spare(pool).value, 4);
    uint64_t a = flr_pool_withdraw(pool, part).value, b = flr_pool_withdraw(pool, part).value;
    CHECK(a < 2 && b < 2 && a != b);
    CHECK_EQ(frame_type(pages + 1), FL_FRAME_FREE);
    CHECK_EQ(frame_type(pages + 2), FL_FRAME_FREE);
    CHECK_REFUSED(flr_pool_withdraw(pool, part), NO_TABLE, 1);
    CHECK_EQ(flr_pool_spare(pool).value, 2);
    CHECK_DONE(flr_pool_withdraw(pool, RAM));
    CHECK_DONE(flr_pool_withdraw(pool, RAM));
    CHECK_REFUSED(flr_pool_withdraw(pool, RAM), NO_TABLE, 1);
}
