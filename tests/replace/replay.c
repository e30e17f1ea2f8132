/* A trace against the pager's own policies: see replay.h.
 *
 * Each miss is a fault: it takes a free frame or that of a victim, and the page is given to the fault until its access,
 * which sets the bit. */
#include "replay.h"

#include <stdlib.h>

#define FRAME_NONE UINT32_MAX

struct memory {
    uint32_t *frame_of; /* by page of the trace */
    uint32_t *page_in;  /* by frame */
    bool *accessed;     /* by frame */
    struct replace replace;
};

static bool memory_test_accessed(void *context, uint32_t frame)
{
    struct memory *memory = context;
    bool accessed = memory->accessed[frame];

    memory->accessed[frame] = false;
    return accessed;
}

static void *allocate(uint32_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);

    if (!memory)
        abort();
    return memory;
}

static void memory_begin(struct memory *memory, const struct page_trace *trace, uint32_t frames,
                         enum replace_policy policy)
{
    uint32_t ghosts = frames < GHOST_WAYS ? GHOST_WAYS : frames;
    struct replace_config config = {
        .pages = allocate(frames, sizeof(struct replace_page)),
        .count = frames,
        .ghosts = allocate(2 * ghosts, sizeof(struct ghost)),
        .ghost_count = 2 * ghosts,
        .accessed = memory_test_accessed,
        .context = memory,
    };

    memory->frame_of = allocate(trace->pages, sizeof(uint32_t));
    memory->page_in = allocate(frames, sizeof(uint32_t));
    memory->accessed = allocate(frames, sizeof(bool));
    for (uint32_t page = 0; page < trace->pages; page++)
        memory->frame_of[page] = FRAME_NONE;
    replace_init(&memory->replace, &config, policy);
}

static void memory_end(struct memory *memory)
{
    free(memory->replace.config.pages);
    free(memory->replace.config.ghosts);
    free(memory->frame_of);
    free(memory->page_in);
    free(memory->accessed);
}

/* Makes a frame free. */
static uint32_t memory_evict(struct memory *memory, struct replay *replay)
{
    uint64_t looks = memory->replace.looks;
    uint32_t frame = replace_victim(&memory->replace), page;

    if (frame == REPLACE_NONE)
        abort(); /* all are given, and every thread ran */
    page = memory->page_in[frame];
    memory->frame_of[page] = FRAME_NONE;
    memory->accessed[frame] = false;
    replace_evict(&memory->replace, frame, page);
    looks = memory->replace.looks - looks;
    if (looks > replay->looks_most)
        replay->looks_most = (uint32_t)looks;
    replay->victims++;
    return frame;
}

struct replay replay_trace(const struct page_trace *trace, enum replace_policy policy,
                           uint32_t frames, bool given)
{
    struct memory memory;
    struct replay replay = {0};

    memory_begin(&memory, trace, frames, policy);
    for (uint32_t i = 0; i < trace->count; i++) {
        uint32_t page = trace->reference[i], frame = memory.frame_of[page];

        if (frame == FRAME_NONE) {
            frame = replay.misses < frames ? replay.misses : memory_evict(&memory, &replay);
            memory.frame_of[page] = frame;
            memory.page_in[frame] = page;
            replace_add(&memory.replace, frame, page, given);
            replay.misses++;
        }
        memory.accessed[frame] = true;
    }
    replay.looks = memory.replace.looks;
    memory_end(&memory);
    return replay;
}
