/* What the tests of windows and of load control share: machines with swap on which time passes. */
#ifndef SIM_LOAD_KIT_H
#define SIM_LOAD_KIT_H

#include "sim_swap_kit.h"

#define WINDOW 1000u

static inline void begin_windows(uint32_t frames, uint32_t length)
{
    kit_begin_swap(frames, 2000);
    kit_now = 1;
    window_set_length(kit_vm(), length);
    kit_pass(0);
}

/* A program with so many pages, all written. */
static inline struct space *begin_program(uint64_t pid, uint64_t pages)
{
    struct space *space = kit_space(pid);

    kit_map(space, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages; i++)
        kit_write(space, AT + i * PAGE, kit_byte(i, (uint32_t)pid));
    return space;
}

/* Time for a window, if one runs. */
static inline void pass_window(void)
{
    kit_pass(WINDOW_DEFAULT);
    kit_serve();
    kit_settle();
}

static inline void end_window(void)
{
    uint64_t ended = kit_vm()->windows.ended;

    pass_window();
    CHECK_EQ(kit_vm()->windows.ended, ended + 1);
}

#endif
