/* What random traces of the core share: a machine, choices that a seed repeats, how a call is compared with
 * what the model expects of it, and what must be left when all programs are gone. */
#ifndef PAGER_TRACE_KIT_H
#define PAGER_TRACE_KIT_H

#include "effort.h"
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"

#define PAGE ((uint64_t)FL_PAGE_BYTES)
#define RW   (PROT_READ | PROT_WRITE)

/* More frames than any machine of a trace has. */
#define TRACE_PLENTY UINT32_MAX

static struct random_trace {
    struct fake fake;
    uint64_t seed;
    uint32_t step;
    uint32_t left;    /* frames that it may use */
    uint32_t refused; /* steps that failed for want of memory */
    bool scarce;      /* memory is */
} trace;

static inline uint32_t run_pick(uint32_t below)
{
    return (uint32_t)(fake_random(&trace.seed) % below);
}

static inline void run_expect(bool holds, const char *what)
{
    if (holds)
        return;
    harness_note("step %u: %s", (unsigned)trace.step, what);
    CHECK(false);
}

/* True if the call did what the model is about to do; a shortage is fine when memory is scarce. */
static inline bool run_accept(int error, int expected, const char *what)
{
    if (error == ENOMEM && trace.scarce && expected == 0) {
        trace.refused++;
        return false;
    }
    run_expect(error == expected, what);
    return error == 0;
}

/* A child of a program, or NULL for want of memory. */
static inline struct space *run_fork(struct space *parent)
{
    struct space *child = space_create(&trace.fake.vm, 2);

    run_expect(child || trace.scarce, "no space");
    if (!child || run_accept(vm_fork(&trace.fake.vm, parent, child), 0, "fork"))
        return child;
    fake_destroy_space(&trace.fake, child);
    return NULL;
}

static inline uint32_t run_live(void)
{
    uint32_t live = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        live += trace.fake.vm.spaces[id] != NULL;
    return live;
}

static inline void run_check(void)
{
    const char *broken = fake_check(&trace.fake);

    run_expect(!broken, broken ? broken : "");
}

/* A machine of `frames` frames, whose files the caller adds before it starts it.  left: frames that the
 * trace may use when trace_limit was called; `frames` or more of them are plenty. */
static inline void trace_begin(uint64_t seed, uint32_t frames, uint32_t left)
{
    effort_trace_begin(seed, left);
    trace.seed = seed;
    trace.step = trace.refused = 0;
    trace.left = left;
    trace.scarce = left < frames;
    fake_init(&trace.fake, frames);
}

static inline void trace_limit(void)
{
    if (trace.scarce)
        fake_limit(&trace.fake, trace.left);
}

/* The law of all traces: when programs are gone, every frame and promise is back. */
static inline void trace_end(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (trace.fake.vm.spaces[id])
            fake_destroy_space(&trace.fake, trace.fake.vm.spaces[id]);
    fake_unlimit(&trace.fake);
    run_check();
    run_expect(trace.fake.vm.table.counts[PAGE_FREE] == trace.fake.free_pages, "frames are lost");
    run_expect(trace.fake.vm.commit.pages == 0, "promises are lost");
    fake_free(&trace.fake);
    effort_trace_end();
}

#endif
