/* Random traces of everything that programs can do to memory (pager_mixed_trace.h); then the same with
 * ever so little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: tests/unit/pager_mixed_trace.c user/pager/core/[a-z]*.c */
#include "pager_mixed_trace.h"

#include "effort.h"
#include "harness.h"
#include "pager_fake.h"

#define STEPS 500u

static uint32_t random_pick(void *seed, uint32_t below)
{
    return (uint32_t)(fake_random(seed) % below);
}

static bool random_goes_on(void *seed)
{
    (void)seed;
    return true;
}

static uint32_t run_trace(uint64_t seed, uint32_t steps, uint32_t frames)
{
    uint64_t state = seed;
    const struct mixed_trace trace = {random_pick, random_goes_on, &state, seed, frames, steps};
    uint32_t refused;

    effort_trace_begin(seed, frames);
    refused = mixed_trace_run(&trace);
    effort_trace_end();
    return refused;
}

static void run_long(uint64_t seed, uint32_t frames)
{
    run_trace(seed, STEPS, frames);
}

TEST("all calls on memory and files, mixed at random, behave as the model says")
{
    effort_run_traces(60, STEPS, 0, run_long);
}

TEST("with any amount of memory too small, they fail cleanly and nothing is lost")
{
    uint32_t refused = 0;

    for (uint32_t frames = 1; frames < 90; frames++) {
        refused += run_trace(1000 + frames, 300, frames);
    }
    CHECK(refused > 100);
}
