/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_check.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* The frame table: types follow counts, errors are exact, and the checker sees what is broken. */
#include <string.h>

#include "harness.h"
#include "mm_fake.h"

#define FRAME  fake_frame(FAKE_USER_FRAMES)
#define ENTRY  (&fake.frames[FAKE_USER_FRAMES])
#define TOTALS fake.table.totals

static void drop_map(frame_t frame, uint32_t sticky)
{
    struct frame_drops drops = {0, 0};
    frame_drop_map(&fake.table, frame, sticky, &drops);
    frame_count_drops(&fake.table, drops);
}

TEST("a frame is user from its first mapping or pin to the end of its last")
{
    fake_reset(1);
    uint64_t free_frames = TOTALS[FRAME_FREE];
    frame_add_map(&fake.table, FRAME);
    CHECK_EQ(ENTRY->type, FRAME_USER);
    CHECK_EQ(TOTALS[FRAME_FREE], free_frames - 1);
    CHECK_EQ(frame_pin(&fake.table, FRAME), FL_OK);
    frame_add_map(&fake.table, FRAME);
    CHECK_EQ(fake.table.mappings, 2);
    drop_map(FRAME, 0);
    drop_map(FRAME, 0);
    CHECK_EQ(ENTRY->type, FRAME_USER);
    frame_unpin(&fake.table, FRAME);
    CHECK_EQ(ENTRY->type, FRAME_FREE);
    CHECK_EQ(TOTALS[FRAME_FREE], free_frames);
    CHECK_EQ(fake.table.mappings, 0);
    CHECK_EQ(fake.table.pins, 0);
    CHECK(frame_table_check(&fake.table) == NULL);
}

TEST("sticky bits outlive the last mapping and end when the frame becomes a table")
{
    fake_reset(1);
    frame_add_map(&fake.table, FRAME);
    frame_add_map(&fake.table, FRAME);
    drop_map(FRAME, FRAME_STICKY_DIRTY);
    drop_map(FRAME, FRAME_STICKY_ACCESSED);
    CHECK_EQ(ENTRY->flags, FRAME_STICKY_DIRTY | FRAME_STICKY_ACCESSED);
    CHECK_EQ(frame_claim(&fake.table, FRAME, FRAME_TABLE, 7), FL_OK);
    CHECK_EQ(ENTRY->flags, 0);
    CHECK_EQ(ENTRY->owner, 7);
    frame_release(&fake.table, FRAME);
    CHECK_EQ(ENTRY->type, FRAME_FREE);
    CHECK_EQ(ENTRY->owner, 0);
}

TEST("a frame that is being revoked is so until it is free")
{
    fake_reset(1);
    frame_add_map(&fake.table, FRAME);
    ENTRY->flags = FRAME_REVOKING;
    CHECK(frame_table_check(&fake.table) == NULL);
    CHECK_EQ(frame_pin(&fake.table, FRAME), FL_OK);
    drop_map(FRAME, FRAME_STICKY_DIRTY);
    CHECK_EQ(ENTRY->flags, FRAME_REVOKING | FRAME_STICKY_DIRTY);
    frame_unpin(&fake.table, FRAME);
    CHECK_EQ(ENTRY->flags, FRAME_STICKY_DIRTY);
}

TEST("sticky bits are harvested from free and user frames, and cleared as told")
{
    struct fl_harvest result;
    uint64_t done;
    fake_reset(1);
    for (uint64_t i = 0; i < 40; i++)
        fake.frames[FAKE_USER_FRAMES + i].flags = i % 4;
    for (uint32_t clear = 0; clear < 4; clear++) {
        CHECK_EQ(frame_harvest(&fake.table, FRAME, 40, clear, &result, &done), FL_OK);
        CHECK_EQ(done, 40);
        CHECK_EQ(result.absent, 0);
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t seen = clear < 2 ? i % 4 : i % 4 & 2;
            CHECK_EQ(result.bits[i / 32] >> 2 * (i % 32) & 3, clear < 3 ? seen : 0);
            CHECK_EQ(fake.frames[FAKE_USER_FRAMES + i].flags, clear == 0   ? i % 4
                                                              : clear == 1 ? i % 4 & 2
                                                                           : 0);
        }
    }
    fake.frames[FAKE_USER_FRAMES + 3].type = FRAME_OBJECT;
    CHECK_EQ(frame_harvest(&fake.table, FRAME, 40, 0, &result, &done), FL_BAD_FRAME);
    CHECK_EQ(done, 3);
    CHECK_EQ(frame_harvest(&fake.table, fake_frame(FAKE_FRAMES), 1, 0, &result, &done),
             FL_BAD_FRAME);
}

TEST("only a free or user frame can be mapped or pinned, only a free one claimed")
{
    static const enum fl_error map[] = {FL_OK, FL_OK, FL_BAD_FRAME, FL_BAD_FRAME, FL_BAD_FRAME};
    fake_reset(1);
    for (enum frame_type type = FRAME_FREE; type < FRAME_TYPES; type++) {
        ENTRY->type = (uint8_t)type;
        CHECK_EQ(frame_can_map(&fake.table, FRAME, 1), map[type]);
        if (type != FRAME_FREE)
            CHECK_EQ(frame_claim(&fake.table, FRAME, FRAME_OBJECT, 0), FL_BAD_FRAME);
        if (map[type] != FL_OK)
            CHECK_EQ(frame_pin(&fake.table, FRAME), map[type]);
        CHECK_EQ(ENTRY->pins, 0);
    }
}

TEST("a frame outside the table can be mapped without a count, and nothing else")
{
    fake_reset(1);
    frame_t outside[] = {{FAKE_FIRST - 1}, fake_frame(FAKE_FRAMES), {0}, {UINT64_MAX}};
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(frame_can_map(&fake.table, outside[i], 1), FL_OK);
        frame_add_map(&fake.table, outside[i]);
        drop_map(outside[i], FRAME_STICKY_DIRTY);
        CHECK_EQ(fake.table.mappings, 0);
        CHECK_EQ(frame_pin(&fake.table, outside[i]), FL_BAD_FRAME);
        CHECK_EQ(frame_claim(&fake.table, outside[i], FRAME_TABLE, 0), FL_BAD_FRAME);
    }
}

TEST("map and pin counts refuse to overflow")
{
    fake_reset(1);
    ENTRY->type = FRAME_USER;
    ENTRY->count = FRAME_MAX_MAPS - 1;
    CHECK_EQ(frame_can_map(&fake.table, FRAME, 1), FL_OK);
    CHECK_EQ(frame_can_map(&fake.table, FRAME, 2), FL_OVERFLOW);
    ENTRY->count = FRAME_MAX_MAPS;
    CHECK_EQ(frame_can_map(&fake.table, FRAME, 1), FL_OVERFLOW);
    for (unsigned i = 0; i < FRAME_MAX_PINS; i++)
        CHECK_EQ(frame_pin(&fake.table, FRAME), FL_OK);
    CHECK_EQ(frame_pin(&fake.table, FRAME), FL_OVERFLOW);
    CHECK_EQ(ENTRY->pins, FRAME_MAX_PINS);
    CHECK_EQ(fake.table.pins, FRAME_MAX_PINS);
}

TEST("random maps, pins and claims agree with plain arrays")
{
    uint32_t maps[FAKE_FRAMES] = {0};
    uint32_t pins[FAKE_FRAMES] = {0};
    bool claimed[FAKE_FRAMES] = {0};
    fake_reset(3);
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t i = FAKE_USER_FRAMES + fake_random(24);
        uint64_t what = fake_random(6);
        enum fl_error usable = claimed[i] ? FL_BAD_FRAME : FL_OK;
        if (what == 0) {
            CHECK_EQ(frame_can_map(&fake.table, fake_frame(i), 1), usable);
            if (usable == FL_OK) {
                frame_add_map(&fake.table, fake_frame(i));
                maps[i]++;
            }
        } else if (what == 1 && maps[i] > 0) {
            drop_map(fake_frame(i), 0);
            maps[i]--;
        } else if (what == 2) {
            CHECK_EQ(frame_pin(&fake.table, fake_frame(i)), usable);
            pins[i] += usable == FL_OK;
        } else if (what == 3 && pins[i] > 0) {
            frame_unpin(&fake.table, fake_frame(i));
            pins[i]--;
        } else if (what == 4) {
            bool unused = !claimed[i] && maps[i] == 0 && pins[i] == 0;
            CHECK_EQ(frame_claim(&fake.table, fake_frame(i), FRAME_OBJECT, i),
                     unused ? FL_OK : FL_BAD_FRAME);
            claimed[i] = claimed[i] || unused;
        } else if (what == 5 && claimed[i]) {
            frame_release(&fake.table, fake_frame(i));
            claimed[i] = false;
        }
        CHECK_EQ(fake.frames[i].type, claimed[i]              ? FRAME_OBJECT
                                      : maps[i] + pins[i] > 0 ? FRAME_USER
                                                              : FRAME_FREE);
        CHECK(frame_table_check(&fake.table) == NULL);
    }
}

TEST("the checker names each broken invariant")
{
    fake_reset(1);
    CHECK(frame_table_check(&fake.table) == NULL);
    ENTRY->count = 1;
    CHECK_STRING(frame_table_check(&fake.table), "F1");
    ENTRY->count = 0;
    ENTRY->type = FRAME_USER;
    CHECK_STRING(frame_table_check(&fake.table), "F2");
    ENTRY->type = FRAME_OBJECT;
    ENTRY->pins = 1;
    CHECK_STRING(frame_table_check(&fake.table), "F3");
    ENTRY->pins = 0;
    ENTRY->flags = FRAME_STICKY_ACCESSED;
    CHECK_STRING(frame_table_check(&fake.table), "F5");
    ENTRY->flags = 0;
    CHECK_STRING(frame_table_check(&fake.table), "F4");
    ENTRY->type = FRAME_TYPES;
    CHECK_STRING(frame_table_check(&fake.table), "F4");
    ENTRY->type = FRAME_FIRMWARE;
    ENTRY->count = 1;
    CHECK_STRING(frame_table_check(&fake.table), "F3");
    ENTRY->count = 0;
    ENTRY->type = FRAME_FREE;
    ENTRY->pins = 1;
    CHECK_STRING(frame_table_check(&fake.table), "F1");
    ENTRY->pins = 0;
    fake.table.pins++;
    CHECK_STRING(frame_table_check(&fake.table), "F4");
    fake.table.pins--;
    fake.table.mappings++;
    CHECK_STRING(frame_table_check(&fake.table), "F4");
    fake.table.mappings--;
    CHECK(frame_table_check(&fake.table) == NULL);
}
