/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_check.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* The TablePool: what goes in is zeroed, what comes out is free, and no frame is lost. */
#include <string.h>

#include "harness.h"
#include "mm_fake.h"

static bool is_zero(frame_t frame)
{
    static const unsigned char zeros[PAGE_BYTES];
    return memcmp(frame_contents(&fake.table, frame), zeros, PAGE_BYTES) == 0;
}

TEST("a donated frame is a zeroed table, a withdrawn one is free")
{
    fake_reset(1);
    frame_t frame = fake_frame(FAKE_USER_FRAMES);
    CHECK(!is_zero(frame));
    CHECK_EQ(table_pool_donate(&fake.pool, frame), FL_OK);
    CHECK_EQ(fake.pool.spare, FAKE_TABLES + 1);
    CHECK_EQ(table_pool_donate(&fake.pool, frame), FL_BAD_FRAME);
    frame_t back;
    CHECK_EQ(table_pool_withdraw(&fake.pool, &back), FL_OK);
    CHECK_EQ(back.value, frame.value);
    CHECK(is_zero(back));
    CHECK_EQ(frame_entry(&fake.table, back)->type, FRAME_FREE);
    CHECK_EQ(fake.pool.spare, FAKE_TABLES);
    fake_check();
}

TEST("a mapped, pinned or unknown frame is not taken as a table and stays as it is")
{
    fake_reset(1);
    frame_t mapped = fake_frame(FAKE_USER_FRAMES);
    frame_t pinned = fake_frame(FAKE_USER_FRAMES + 1);
    frame_add_map(&fake.table, mapped);
    CHECK_EQ(frame_pin(&fake.table, pinned), FL_OK);
    CHECK_EQ(table_pool_donate(&fake.pool, mapped), FL_BAD_FRAME);
    CHECK_EQ(table_pool_donate(&fake.pool, pinned), FL_BAD_FRAME);
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_FRAMES)), FL_BAD_FRAME);
    CHECK(!is_zero(mapped) && !is_zero(pinned));
    CHECK_EQ(fake.pool.spare, FAKE_TABLES);
}

TEST("an empty pool has nothing to withdraw")
{
    fake_reset(1);
    frame_t frame = {77};
    for (unsigned i = 0; i < FAKE_TABLES; i++)
        CHECK_EQ(table_pool_withdraw(&fake.pool, &frame), FL_OK);
    frame.value = 77;
    CHECK_EQ(table_pool_withdraw(&fake.pool, &frame), FL_NO_TABLE);
    CHECK_EQ(table_pool_withdraw_from(&fake.pool, fake_frame(0), FAKE_FRAMES, &frame), FL_NO_TABLE);
    CHECK_EQ(frame.value, 77);
    CHECK_EQ(fake.table.totals[FRAME_TABLE], 0);
}

TEST("withdrawing from a range takes each spare frame of it once, and no other")
{
    bool seen[FAKE_FRAMES] = {0};
    fake_reset(1);
    frame_t used = table_pool_take(&fake.pool, 1);
    uint64_t inside = used.value >= fake_frame(10).value && used.value < fake_frame(20).value;
    for (uint64_t left = 10 - inside; left > 0; left--) {
        frame_t frame;
        CHECK_EQ(table_pool_withdraw_from(&fake.pool, fake_frame(10), 10, &frame), FL_OK);
        uint64_t i = frame.value - FAKE_FIRST;
        CHECK(i >= 10 && i < 20 && !seen[i]);
        seen[i] = true;
        CHECK(table_pool_check(&fake.pool) == NULL);
    }
    frame_t none;
    CHECK_EQ(table_pool_withdraw_from(&fake.pool, fake_frame(10), 10, &none), FL_NO_TABLE);
    table_pool_return(&fake.pool, used);
    CHECK_EQ(fake.pool.in_use, 0);
}

TEST("withdrawing from a long list looks at a bounded part of it and turns it")
{
    fake_reset(1);
    for (uint64_t i = 0; i < 400; i++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
    const uint64_t all = FAKE_TABLES + 400;
    frame_t frame;
    for (unsigned round = 0; round < 9; round++) {
        uint64_t first = fake.pool.spare_list;
        CHECK_EQ(table_pool_withdraw_from(&fake.pool, (frame_t){0}, 7, &frame), FL_MORE);
        CHECK_EQ(fake.pool.spare, all);
        CHECK(fake.pool.spare_list != first);
        CHECK(table_pool_check(&fake.pool) == NULL);
    }
    for (uint64_t i = 0; i < all; i++) { /* each is found within two calls */
        frame_t wanted = fake_frame(1 + i);
        if (table_pool_withdraw_from(&fake.pool, wanted, 1, &frame) == FL_MORE)
            CHECK_EQ(table_pool_withdraw_from(&fake.pool, wanted, 1, &frame), FL_OK);
        CHECK_EQ(frame.value, wanted.value);
        CHECK(is_zero(frame));
    }
    fake_check();
    CHECK_EQ(fake.pool.spare, 0);
}

TEST("a withdrawal finds what a step comes to, and says of what is behind that there is more")
{
    frame_t frame;
    for (unsigned behind = 0; behind < 2; behind++) {
        fake_reset(1);
        for (uint64_t i = 0; i < 300; i++)
            CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
        uint64_t link =
            fake.pool.spare_list; /* the frame before, and the second one behind the step */
        for (unsigned i = 0; i < (behind ? TABLE_POOL_STEP + 1 : TABLE_POOL_STEP - 1); i++)
            link = frame_entry(&fake.table, (frame_t){link - 1})->owner;
        CHECK_EQ(table_pool_withdraw_from(&fake.pool, (frame_t){link - 1}, 1, &frame),
                 behind ? FL_MORE : FL_OK);
        fake_check();
    }
}

TEST("any spare frame leaves its pool by its number alone")
{
    struct table_pool other;
    fake_reset(1);
    table_pool_init(&other, &fake.table);
    for (uint64_t i = 0; i < 9; i++)
        CHECK_EQ(table_pool_donate(&other, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
    for (uint64_t left = 9; left > 0; left--) {
        uint64_t i = fake_random(9);
        while (!table_pool_is_spare(&fake.frames[FAKE_USER_FRAMES + i]))
            i = (i + 1) % 9;
        table_pool_withdraw_spare(&fake.table, fake_frame(FAKE_USER_FRAMES + i));
        CHECK_EQ(other.spare, left - 1);
        CHECK(table_pool_check(&other) == NULL);
    }
    fake_check();
}

TEST("the checker names each broken invariant")
{
    fake_reset(1);
    frame_t first = {fake.pool.spare_list - 1};
    uint64_t *words = frame_contents(&fake.table, first);
    words[511] = 1;
    CHECK_STRING(table_pool_check(&fake.pool), "P1");
    words[511] = 0;
    words[0] = 6;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    words[0] = 0;
    words[1] += 8;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    words[1] -= 8;
    frame_entry(&fake.table, first)->count = 1;
    CHECK_STRING(table_pool_check(&fake.pool), "P1");
    frame_entry(&fake.table, first)->count = 0;
    frame_entry(&fake.table, first)->flags = 0;
    CHECK_STRING(table_pool_check(&fake.pool), "P1");
    frame_entry(&fake.table, first)->flags = FRAME_SPARE;
    frame_entry(&fake.table, first)->type = FRAME_OBJECT;
    CHECK_STRING(table_pool_check(&fake.pool), "P1");
    frame_entry(&fake.table, first)->type = FRAME_TABLE;
    fake.pool.spare_last++;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    fake.pool.spare_last--;
    fake.pool.spare_list = FAKE_FIRST + FAKE_FRAMES + 1;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    fake.pool.spare_list = first.value + 1;
    CHECK(table_pool_check(&fake.pool) == NULL);
    fake.pool.spare++;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    fake.pool.spare -= 2;
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
    fake.pool.spare++;
    frame_entry(&fake.table, first)->owner = first.value + 1; /* a ring */
    CHECK_STRING(table_pool_check(&fake.pool), "P2");
}
