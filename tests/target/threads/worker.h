/* The program that worker.c is, as its tests see it. */
#ifndef THREADS_WORKER_H
#define THREADS_WORKER_H

#define WORKER_PAGES 24u
#define WORKER_ENTRY 0x10000ull
#define WORKER_HOARD 300u /* pages */

/* Argument of a thread. */
enum worker_role {
    WORKER_FILL,        /* touches all pages, then tells WORKER_FILLED */
    WORKER_COUNT,       /* writes 1, 2, 3 ... into each page in turn, for ever */
    WORKER_FOLLOW_LOW,  /* copies the number of the last page to pages below, for ever */
    WORKER_FOLLOW_HIGH, /* the same to pages above */
    WORKER_CHECK,       /* tells whether the numbers can have stood so at one moment */
    WORKER_HOG /* takes WORKER_HOARD pages more, and tells whether they keep what it wrote */
};

/* Address, in the page that is never mapped, of the fault that tells. */
enum worker_verdict {
    WORKER_FINE = 0x10,
    WORKER_EMPTY = 0x20, /* nobody has counted yet */
    WORKER_FILLED = 0x30,
    WORKER_TORN = 0x40,    /* one writer's numbers out of order */
    WORKER_AHEAD = 0x50,   /* a copy of a number that was not written yet */
    WORKER_MOVING = 0x60,  /* numbers that changed while nobody of this space wrote */
    WORKER_UNKNOWN = 0x70, /* no such role */
    WORKER_FALSE = 0x80,   /* a page that does not hold what was written */
    WORKER_STARVED = 0x90  /* nothing: there was no frame for it */
};

#endif
