/* Load control: when the working sets of all programs do not fit into memory together, one of them waits
 * outside, so that the others get on.
 *
 *                      overloaded, and it has run longest
 *        active ----------------------------------------------> suspended
 *          ^                                                       |
 *          +---- room for its set; its turn; nobody else runs -----+
 *
 * Looked at whenever a window (window.h) ends.  Memory is *overloaded* when the working sets of active
 * programs are more pages than there are for them, and so many pages came back, from disks or the store of
 * compressed ones, that this was felt.
 * After LOAD_PROOF such windows in a row one program is suspended: of those whose set is worth it (a quarter
 * of the largest or more) the one that has run longest, since it began or was resumed.  There must be
 * another one, so the only program that needs memory never waits.  Locked pages stay, and count as needed
 * also while their program waits: what must be worth it is the rest of its set.  Servers are no programs
 * and have no space here.
 *
 * A suspended program is not stopped: its pages are put out, used or not, but for those that others see too,
 * and its next fault that needs more than a page that it has in memory itself waits until it is resumed (wait.h).
 * What it may not touch ends it as ever.  Calls are answered, its own and those of servers about it: nobody waits for it who does not know that it may be slow.
 *
 * Resumed is the one that waits longest, when its set and those of the active ones fit with room to spare, or
 * when it is its turn: after LOAD_PATIENCE windows for each one that waits, however it is; then the one that has
 * run longest waits in its place.  So nobody waits for ever, also one that others wait for.  After each change LOAD_SETTLE windows pass before the next, unless it is
 * somebody's turn.  If windows do not end because no time passes while nobody runs, the driver says so
 * (load_note_idle).
 *
 *  L1  `suspended` counts the spaces that are; none is stopped;
 *  L2  who waits to be resumed (wait.h) is of a suspended space.
 *
 * Without load control, or with nowhere for pages to go, the next load_step resumes all. */
#ifndef PAGER_LOAD_H
#define PAGER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;

#define LOAD_PROOF    2u  /* overloaded windows in a row before somebody is suspended */
#define LOAD_SETTLE   2u  /* windows that pass after a change */
#define LOAD_PATIENCE 10u /* windows that somebody waits at most while others run */
#define LOAD_PAGING   8u  /* one in so many of the pages that were used was read back: it is felt */
#define LOAD_SPARE \
    16u /* one in so many of the frames stays spare when somebody is resumed for room */
#define LOAD_WORTH  4u  /* a set of one in so many of the largest is worth to be suspended */
#define LOAD_LARGE  16u /* a program with less than one in so many of the frames is nobody's rival */
#define LOAD_EVENTS 8u

/* Why somebody is resumed, or suspended. */
enum load_reason {
    LOAD_OVERLOAD, /* suspended: the sets do not fit */
    LOAD_EXCHANGE, /* suspended: it is another's turn */
    LOAD_ROOM,     /* resumed: the sets fit */
    LOAD_TURN,     /* resumed: it waited long enough */
    LOAD_IDLE,     /* resumed: nobody else runs */
    LOAD_OFF,      /* resumed: there is no load control any more */
    LOAD_REASONS
};

/* For the log. */
struct load_event {
    uint64_t pid;
    uint32_t set;    /* pages that it used in a window, without those that stay */
    uint32_t needed; /* the sets of all that were active, before ... */
    uint32_t frames; /* ... and what there is for them */
    enum load_reason reason;
};

struct load {
    bool on;
    uint32_t suspended;  /* spaces */
    uint32_t overloaded; /* windows in a row */
    uint32_t settled;    /* windows since somebody was suspended or resumed */
    uint64_t seen;       /* pages that were read from swap when the last window ended */
    uint64_t suspensions, resumptions; /* since the start */
    struct load_event event[LOAD_EVENTS];
    uint32_t events; /* that were not taken; the oldest is first */
};

/* Of a space. */
struct load_state {
    /* The number of windows that had ended when it was suspended or resumed last, or began. */
    uint64_t since;
    uint32_t set;   /* pages of its set when it was suspended that then left, and ... */
    uint32_t stays; /* ... those that stay, for they are locked */
    bool suspended;
    enum load_reason reason; /* of the last change */
    uint64_t next;           /* suspended: pages below this address were put out; UINT64_MAX: all */
};

/* Switches load control on or off. */
void load_set(struct vm *vm, bool on);

/* True if it needs windows: while pages are read from swap, or somebody waits. */
bool load_wants_windows(const struct vm *vm);

/* True if somebody is suspended, or two programs are large enough to be. */
bool load_has_rivals(const struct vm *vm);

/* A window has ended: somebody may be suspended or resumed. */
void load_judge(struct vm *vm);

/* Puts out the next pages of those who are suspended: at most PAGING_WRITES clusters, or TIER_STEP pages where
 * they are packed.  True: more are left, and the driver calls it again after the next message, so that others
 * have their turn between.  False: nothing is left to do, or all requests that may write are out.  Also
 * resumes all when there is no load control any more. */
bool load_step(struct vm *vm);

/* No program runs, none waits for a disk, and no time will pass: who waits longest is resumed. */
void load_note_idle(struct vm *vm);

/* A space is created. */
void load_begin(struct vm *vm, struct space *space);

/* A program is stopped or goes: it has no turn any more, and nothing that it asked for waits for one. */
void load_forget(struct vm *vm, struct space *space);

/* Frames that there are for pages that can leave memory. */
uint64_t load_frames(const struct vm *vm);

/* Takes what was not told yet.  False: nothing. */
bool load_take_event(struct vm *vm, struct load_event *event);

const char *load_reason_name(enum load_reason reason);

/* NULL, or the number of the first invariant that does not hold. */
const char *load_check(const struct vm *vm);

#endif
