/* See refusal.h. */
#include "refusal.h"

#define COUNTERS (FL_COUNTER_PINS + 1)
#define WATCHED  8u

struct watched {
    uint64_t slot; /* Memory or VSpace */
    uint64_t where;
    uint64_t before;
};

static uint64_t counters[COUNTERS];
static struct watched frames[WATCHED], entries[WATCHED];
static unsigned frame_count, entry_count;

void refusal_begin(void)
{
    kit_begin();
    frame_count = 0;
    entry_count = 0;
}

void refusal_watch_frame(uint64_t page)
{
    CHECK(frame_count < WATCHED);
    frames[frame_count++] = (struct watched){FL_BOOT_RAM, page, 0};
}

void refusal_watch_entry(uint64_t space, uint64_t address)
{
    CHECK(entry_count < WATCHED);
    entries[entry_count++] = (struct watched){space, address, 0};
}

void refusal_before(void)
{
    for (unsigned i = 0; i < COUNTERS; i++)
        counters[i] = kit_counter((enum fl_counter)i);
    for (unsigned i = 0; i < frame_count; i++)
        frames[i].before = flr_memory_frame_state(frames[i].slot, frames[i].where).value;
    for (unsigned i = 0; i < entry_count; i++)
        entries[i].before = flr_vspace_entry(entries[i].slot, entries[i].where).value;
}

void refusal_check(const char *file, int line, const char *text, uint64_t status, uint64_t expected)
{
    harness_check_equal(file, line, text, status, expected);
    for (unsigned i = 0; i < COUNTERS; i++)
        harness_check_equal(file, line, "a counter changed", counters[i],
                            kit_counter((enum fl_counter)i));
    for (unsigned i = 0; i < frame_count; i++)
        harness_check_equal(file, line, "a frame changed", frames[i].before,
                            flr_memory_frame_state(frames[i].slot, frames[i].where).value);
    for (unsigned i = 0; i < entry_count; i++)
        harness_check_equal(file, line, "an entry changed", entries[i].before,
                            flr_vspace_entry(entries[i].slot, entries[i].where).value);
}

uint64_t refusal_broken_invariant(void)
{
    uint64_t name = flr_system_check(FL_BOOT_SYSTEM).value;

    if (name != 0)
        harness_note("kernel invariant %c%c is broken", (int)(name & 0xff), (int)(name >> 8));
    return name;
}

/* The kernel's own invariants: both what a test left standing and what is there once the kit has given
 * it back.  The first law, since the others give back. */
TEST_LAW("kernel invariants")
{
    uint64_t standing = refusal_broken_invariant();

    kit_end();
    return standing != 0 ? standing : refusal_broken_invariant();
}

/* The laws of this suite: a test leaves the kernel as it found it, once the kit has given back what
 * the test took (which kit_end does here, for tests that failed too). */
static uint64_t measure(enum fl_counter which)
{
    kit_end();
    return kit_counter(which);
}

TEST_LAW("free frames")
{
    return measure(FL_COUNTER_FRAMES_FREE);
}
TEST_LAW("user frames")
{
    return measure(FL_COUNTER_FRAMES_USER);
}
TEST_LAW("table frames")
{
    return measure(FL_COUNTER_FRAMES_TABLE);
}
TEST_LAW("object frames")
{
    return measure(FL_COUNTER_FRAMES_OBJECT);
}
TEST_LAW("objects")
{
    return measure(FL_COUNTER_OBJECTS);
}
TEST_LAW("capabilities")
{
    return measure(FL_COUNTER_CAPABILITIES);
}
TEST_LAW("mappings")
{
    return measure(FL_COUNTER_MAPPINGS);
}
TEST_LAW("pins")
{
    return measure(FL_COUNTER_PINS);
}
