/* Fuzz target: bytes as a trace of calls on memory and files, accesses, forks and exits, against the model
 * of pager_mixed_trace.h.  The first byte is how the machine is, the second one how few frames there are; each
 * one behind them is a choice. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: tests/unit/pager_mixed_trace.c user/pager/core/[a-z]*.c */
#include "fuzz.h"
#include "pager_mixed_trace.h"

#define STEPS      400u
#define FEW_FRAMES 90u /* more are plenty */

const char fuzz_name[] = "memory";

static uint32_t input_pick(void *input, uint32_t below)
{
    return (uint32_t)fuzz_take(input, below > 256 ? 2 : 1) % below;
}

static bool input_goes_on(void *input)
{
    return !fuzz_is_empty(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size, 0};
    struct mixed_trace trace = {.pick = input_pick, .goes_on = input_goes_on, .context = &input};

    trace.world = fuzz_take(&input, 1);
    trace.frames = (uint32_t)fuzz_take(&input, 1);
    if (trace.frames > FEW_FRAMES)
        trace.frames = 0;
    trace.steps = STEPS;
    mixed_trace_run(&trace);
    return 0;
}
