/* Windows of time: what each program used in the last one, which is its working set, and how often it
 * faulted.
 *
 *        begins                                        due
 *          |-------------------- window n -------------|~~~~ sweep ~~~~|
 *                                                      |---------------- window n + 1 ---
 *   A bits: what replacement harvests is noted ...     what is left is harvested
 *
 * A page was used in a window when its A bit was found set in it: by replacement, whose question may come at
 * any time, or by the sweep at a window's end, which asks for the rest.  Asking clears the bit, so who asks
 * leaves a note for the other (accessed.h); `page.window` is that for windows.  A page counts once in a window, for the program
 * that was found using it first, so that sums over programs compare with frames.  Counted are pages that
 * can leave memory, those of anonymous objects: files of the initrd take no frames, and those in memory stay.
 *
 * The note goes with a page to its swap slot and back, so a page that left and came back in a window counts
 * once.  Numbers of windows come back after 255: a page that was not used since then may be passed over once.
 *
 * A program that mostly waits for pages uses few of them in a window, whatever it needs.  So what counts is the
 * program's own time, as far as it can be known: while one in WINDOW_PAGING of the pages that it used, or more, had to be waited for,
 * its window goes on, WINDOW_AGE times at most, and its set is what it has used since that began.
 *
 * Time is what the driver says it is, in microseconds (user/pager/clock.h): none passes in a call.  A
 * window is as long as was asked for, or longer when the driver comes late.
 *
 *  U1  while no windows run, nothing is told or counted of one, and there is no sweep. */
#ifndef PAGER_WINDOW_H
#define PAGER_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;
struct page;

#define WINDOW_NEVER   UINT64_MAX
#define WINDOW_DEFAULT 100000u     /* microseconds: where only load control asks for windows */
#define WINDOW_MAX     3600000000u /* an hour */
#define WINDOW_PAGING  4u
#define WINDOW_AGE     32u
#define WINDOW_STEP    1024u /* page records that a step of a sweep looks at, at most */

/* Of a space. */
struct working_set {
    uint32_t used;   /* pages, found so far in the window that runs ... */
    uint32_t needed; /* ... and in those before it that go on with it */
    uint32_t age;    /* how many these are */
    uint32_t pages;  /* the working set, as of the last window */
    uint32_t faults; /* major ones in the last window */
    uint64_t faults_before;
};

struct windows {
    uint64_t asked;    /* length of a window; 0: nobody asked but load control, if it does */
    uint64_t begun;    /* when the one that runs began, ... */
    uint64_t due;      /* ... and its end; 0: none does */
    uint64_t ended;    /* windows since the start */
    uint64_t used;     /* pages, by all programs in the last one */
    uint64_t harvests; /* questions of sweeps about runs of pages, since the start */
    uint32_t hand;     /* the page record that the sweep looks at next */
    uint8_t number;    /* of the window that runs, in page.window; never 0 */
    bool sweeps;
    bool
        rests; /* nobody asked but load control, and nobody could be suspended: nothing is counted */
};

void window_init(struct windows *windows);

/* Sets the length of windows, in microseconds, at most WINDOW_MAX; 0: none are asked for.  The one that runs goes
 * on, with this length from its begin, unless none is wanted any more. */
void window_set_length(struct vm *vm, uint64_t length);

/* True if windows are to run: the driver tells what time it is. */
bool window_is_wanted(const struct vm *vm);

/* When the next step is due; WINDOW_NEVER: none is. */
uint64_t window_due(const struct vm *vm);

/* Does the next bounded part of what is due at `now`, which is never less than before; load control decides
 * at the end of a window.  True: more is due at once. */
bool window_step(struct vm *vm, uint64_t now);

/* A page of an object was found accessed by a program. */
void window_note(struct vm *vm, struct space *space, struct page *page);

/* NULL, or the number of the first invariant that does not hold. */
const char *window_check(const struct vm *vm);

#endif
