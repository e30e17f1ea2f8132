/* Homonyms and synonyms: one address that means different pages in two spaces, and one page at
 * several addresses.  Whatever the translations are tagged with, each thread sees its own. */
#include "refusal.h"

#define RAM    FL_BOOT_RAM
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define RW     (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define ROUNDS 200u
#define SPACES 3u
#define OWN(n) (0x1000 * ((n) + 1))

static uint64_t pool, spaces[SPACES], pages, endpoint, reply;
static _Atomic uint64_t wrong, done;
static volatile uint64_t seen;

static volatile uint64_t *word(uint64_t address)
{
    return (volatile uint64_t *)(uintptr_t)address;
}

/* Each space has a page of its own at KIT_AREA, which starts with OWN(space). */
static void setup(void)
{
    refusal_begin();
    wrong = 0;
    done = 0;
    seen = 0;
    pool = kit_pool(60);
    pages = kit_frames(SPACES);
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    for (unsigned i = 0; i < SPACES; i++) {
        volatile uint64_t *own = kit_window(pages + i);
        own[0] = OWN(i);
        spaces[i] = kit_space(pool);
        CHECK_DONE(flr_vspace_map(spaces[i], RAM, pages + i, KIT_AREA, 1, RW));
    }
}

/* Reads what it wrote last time, and writes something new that is still its own. */
static void step(uint64_t own, uint64_t round)
{
    wrong += *word(KIT_AREA) != own + round;
    *word(KIT_AREA) = own + round + 1;
}

static void ask(uint64_t own)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        step(own, round);
        fl_ipc_call(endpoint, FL_INFO(1, 0), 0, 0, 0, 0);
    }
    done++;
    kit_sleep();
}

static void answer(uint64_t own)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message);
    for (uint64_t round = 0;; round++) {
        step(own, round);
        message.info = FL_INFO(1, 0);
        fl_ipc_reply_recv(endpoint, reply, &message);
    }
}

TEST("one address holds a different page in each space, however often threads switch")
{
    setup();
    kit_run(spaces[0], 0, answer, OWN(0));
    kit_run(spaces[1], 0, ask, OWN(1));
    *(volatile uint64_t *)kit_window(pages + 2) = OWN(2) - ROUNDS;
    kit_run(spaces[2], 0, ask, OWN(2) - ROUNDS);
    kit_settle();
    CHECK_EQ(done, 2);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(*word((uint64_t)(uintptr_t)kit_window(pages)), OWN(0) + 2 * ROUNDS);
    CHECK_EQ(*word((uint64_t)(uintptr_t)kit_window(pages + 1)), OWN(1) + ROUNDS);
}

static void look_each_time(uint64_t bell)
{
    for (;;) {
        flr_notification_wait(bell);
        seen = *word(KIT_AREA);
        kit_signal();
    }
}

TEST("a page replaced, made read-only or unmapped while its space does not run is so when it does")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    struct kit_thread *thread = kit_run(spaces[0], endpoint, look_each_time, bell);
    for (unsigned i = 0; i < 30; i++) {
        CHECK_DONE(
            flr_vspace_map(spaces[0], RAM, pages + i % SPACES, KIT_AREA, 1, RW | FL_MAP_REPLACE));
        flr_notification_signal(bell);
        kit_wait();
        CHECK_EQ(seen, OWN(i % SPACES));
    }
    CHECK_DONE(flr_vspace_unmap(spaces[0], KIT_AREA, 1));
    struct fl_message message;
    flr_notification_signal(bell);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.word[0], KIT_AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
}

static void write_second(uint64_t address)
{
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        wrong += *word(KIT_AREA) != round;
        *word(address) = round + 1;
        wrong += *word(KIT_AREA) != round + 1;
        fl_ipc_call(endpoint, FL_INFO(1, 0), 0, 0, 0, 0);
    }
    done++;
    kit_sleep();
}

TEST("one page at two addresses, and in two spaces, holds the same bytes")
{
    setup();
    struct fl_message message;
    volatile uint64_t *here = kit_window(pages), *again = kit_window(pages);
    CHECK_DONE(flr_vspace_map(spaces[0], RAM, pages, KIT_AREA + 5 * PAGE, 1, RW));
    *here = 1;
    kit_run(spaces[0], 0, write_second, KIT_AREA + 5 * PAGE);
    fl_ipc_recv(endpoint, reply, &message);
    for (uint64_t round = 1; round < ROUNDS; round++) {
        CHECK_EQ(*here, round + 1);
        CHECK_EQ(*again, round + 1);
        message.info = FL_INFO(1, 0);
        fl_ipc_reply_recv(endpoint, reply, &message);
    }
    fl_ipc_reply(reply, FL_INFO(1, 0), 0, 0, 0, 0);
    kit_settle();
    CHECK_EQ(done, 1);
    CHECK_EQ(wrong, 0);
}
