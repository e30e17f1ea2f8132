/* Names of memory: one address for two frames (homonyms), two addresses for one frame (synonyms). */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"

#define READ_WRITE (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define ROUNDS     100u

static struct {
    uint64_t endpoint;
    uint64_t reply;
    uint64_t space;
    uint64_t page;
    volatile uint64_t *window; /* on the frame that the space has at KIT_AREA */
} worlds[2];

static uint64_t map_at(uint64_t space, uint64_t page, uint64_t address)
{
    return flr_vspace_map(space, FL_BOOT_RAM, page, address, 1, READ_WRITE).status;
}

/* Answers each call with what it reads at KIT_AREA. */
static void tell_word(uint64_t which)
{
    struct fl_message message;

    fl_ipc_recv(worlds[which].endpoint, worlds[which].reply, &message);
    for (;;) {
        message.info = FL_INFO(0, 1);
        message.word[0] = *(volatile uint64_t *)(uintptr_t)KIT_AREA;
        fl_ipc_reply_recv(worlds[which].endpoint, worlds[which].reply, &message);
    }
}

static uint64_t word_in(unsigned which)
{
    return fl_ipc_call(worlds[which].endpoint, FL_INFO(1, 0), 0, 0, 0, 0).word[0];
}

static void begin(void)
{
    kit_begin();
    uint64_t pool = kit_pool(32);

    for (unsigned i = 0; i < 2; i++) {
        worlds[i].page = kit_frames(1);
        worlds[i].endpoint = kit_object(FL_OBJECT_ENDPOINT);
        worlds[i].reply = kit_object(FL_OBJECT_REPLY);
        worlds[i].space = kit_space(pool);
        worlds[i].window = kit_window(worlds[i].page);
        CHECK_EQ(map_at(worlds[i].space, worlds[i].page, KIT_AREA), FL_OK);
        kit_run(worlds[i].space, 0, tell_word, i);
    }
}

TEST("one address means each space's own page, switch after switch")
{
    begin();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        *worlds[0].window = 2 * round;
        *worlds[1].window = 2 * round + 1;
        CHECK_EQ(word_in(0), 2 * round);
        CHECK_EQ(word_in(1), 2 * round + 1);
    }
}

TEST("a page that was replaced while its space did not run is the new one when it runs again")
{
    begin();
    uint64_t pages[2] = {worlds[0].page, kit_frames(1)};
    volatile uint64_t *windows[2] = {worlds[0].window, kit_window(pages[1])};

    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t next = (round + 1) % 2;

        *windows[round % 2] = round;
        *windows[next] = 1000 + round;
        CHECK_EQ(word_in(0), round);
        CHECK_EQ(flr_vspace_unmap(worlds[0].space, KIT_AREA, 1).status, FL_OK);
        CHECK_EQ(map_at(worlds[0].space, pages[next], KIT_AREA), FL_OK);
        CHECK_EQ(word_in(0), 1000 + round);
    }
}

TEST("one frame at two addresses, and in two spaces, is one memory")
{
    begin();
    uint64_t page = kit_frames(1);
    volatile uint64_t *one = kit_window(page), *other = kit_window(page);

    CHECK(one != other);
    CHECK_EQ(flr_vspace_unmap(worlds[1].space, KIT_AREA, 1).status, FL_OK);
    CHECK_EQ(map_at(worlds[1].space, page, KIT_AREA), FL_OK);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        *one = round;
        CHECK_EQ(*other, round);
        CHECK_EQ(word_in(1), round);
    }
}
