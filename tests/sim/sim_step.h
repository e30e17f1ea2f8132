/* Steps of a simulation: small, fixed, and independent of what was before, so that any part of a trace is a
 * trace.  What is impossible at the moment that it comes to be done does nothing.
 *
 * As text a step is NAME.thread.first.count.to.argument.byte.salt, without the zeros at its end; a trace is
 * its steps with "/" between them.  Such a text, taken from a failure, is a regression test. */
#ifndef SIM_STEP_H
#define SIM_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NAME, how often (of all), what it is. */
#define SIM_STEPS(STEP)                                                          \
    STEP(access, 400) /* a thread reads, writes or executes a byte */            \
    STEP(serve, 260)  /* the pager handles so many messages */                   \
    STEP(map, 50)     /* from here on: calls of a thread, handled when served */ \
    STEP(unmap, 14)                                                              \
    STEP(protect, 24)                                                            \
    STEP(advise, 24)                                                             \
    STEP(wire, 12)                                                               \
    STEP(unwire, 8)                                                              \
    STEP(wire_all, 4)                                                            \
    STEP(remap, 40)                                                              \
    STEP(brk, 10)                                                                \
    STEP(limit, 6)                                                               \
    STEP(resident, 6)                                                            \
    STEP(read, 12)                                                               \
    STEP(write, 12)                                                              \
    STEP(truncate, 8)                                                            \
    STEP(fork, 30)                                                               \
    STEP(exit, 12)                                                               \
    STEP(event, 20)   /* the root task: reads one, and ends that program */      \
    STEP(replace, 4)  /* another file takes the place of an open one */          \
    STEP(disk, 40)    /* time passes */                                          \
    STEP(idle, 8)     /* frames are zeroed ahead */                              \
    STEP(evict, 12)   /* page tables of a range are dropped: only a cache */     \
    STEP(shortage, 6) /* frames are taken away but for a few, or come back */    \
    STEP(refuse, 6)   /* the next maps or replies fail */                        \
    STEP(harvest, 10) /* D of all pages is read and cleared */

/* Those that machines with swap have beside. */
#define SIM_SWAP_STEPS(STEP)                                              \
    STEP(press, 120)  /* pages leave as if memory were short of frames */ \
    STEP(swapon, 10)  /* a disk is used for swap */                       \
    STEP(swapoff, 10) /* a call: it is not any more */                    \
    STEP(setting, 16) /* one of the pager's settings changes */           \
    STEP(window, 24)  /* so much time passes that programs are judged */  \
    STEP(merge, 24)   /* equal pages are looked for */

enum sim_step_kind {
#define SIM_STEP_KIND(name, weight) SIM_STEP_##name,
    SIM_STEPS(SIM_STEP_KIND) SIM_SWAP_STEPS(SIM_STEP_KIND)
#undef SIM_STEP_KIND
        SIM_STEP_KINDS,
    SIM_STEP_LAST_OF_CALLS = SIM_STEP_fork
};

struct sim_step {
    uint8_t kind;
    uint8_t thread;
    uint8_t first; /* page */
    uint8_t count; /* pages, from `first` on: one more than this */
    uint8_t to;
    uint8_t argument;
    uint8_t byte;
    uint32_t salt; /* of all that is random inside the step */
};

/* The next step of a trace; *seed goes on.  swap: of a machine with swap. */
struct sim_step sim_step_choose(uint64_t *seed, bool swap);

/* Deterministic random numbers. */
uint64_t sim_random(uint64_t *seed);

/* Writes the text of a step, or less if `bytes` are too few; returns its length. */
size_t sim_step_write(const struct sim_step *step, char *text, size_t bytes);

/* Reads a step, and moves *text behind it and the "/" that follows.  False: there is none. */
bool sim_step_read(const char **text, struct sim_step *step);

/* A number of the step that can be made smaller, `part` of SIM_STEP_PARTS. */
#define SIM_STEP_PARTS 7u
uint32_t sim_step_part(const struct sim_step *step, uint32_t part);
void sim_step_set_part(struct sim_step *step, uint32_t part, uint32_t value);

#endif
