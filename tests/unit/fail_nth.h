/* Fails the N-th call of one kind, for N = 1, 2, ... until a run of the scenario meets no failure.
 *
 * Each N is run twice: only that call fails, and that call and all later ones fail.  The functions that
 * can fail are replaced from outside (by the linker's --wrap, or in a struct of functions); what stands in
 * for them asks fail_nth_now(), which says no while nothing is armed.
 *
 * A run is named SCENARIO/KIND/N, with a "+" behind N if all later calls fail too.  The name is printed when a
 * check fails and when the process dies; with NTH=SCENARIO/KIND/N in the environment exactly that run is
 * done, with NTH=SCENARIO all runs of the scenario. */
#ifndef FAULTLINE_FAIL_NTH_H
#define FAULTLINE_FAIL_NTH_H

#include <stdbool.h>
#include <stdint.h>

/* What can fail.  One more kind is one line here, its name, and who asks for it. */
enum fail_kind {
    FAIL_FRAME,   /* a frame of the pager's */
    FAIL_RECORD,  /* a record of the pager's */
    FAIL_PROMISE, /* a promise of memory, to a program or to a file */
    FAIL_MAP,     /* pages mapped ahead of their faults */
    FAIL_CLONE,   /* a page of what fork maps in the child */
    FAIL_REPLY,   /* an answer to a fault: the kernel refuses it */
    FAIL_TABLE,   /* a page table of the kernel's */
    FAIL_CALL,    /* a call of the kernel, for want of something */
    FAIL_DISK,    /* a request to a disk, which says no or ends with an error */
    FAIL_KINDS
};

/* How one run went. */
enum fail_run { FAIL_RUN_CLEAN, FAIL_RUN_MET };

/* Does the scenario once from the beginning, with fail_nth_arm() before what shall fail and
 * fail_nth_disarm() behind it.  Says FAIL_RUN_MET if the latter said that a call failed. */
typedef enum fail_run fail_scenario(const void *context);

/* Does all runs of a scenario for the kinds of the mask (bits 1 << FAIL_*), or those that NTH names; before
 * them one in which nothing fails, with N = 0: what the others may be compared with. */
void fail_nth_sweep(const char *scenario, uint32_t kinds, fail_scenario *run, const void *context);

/* From here on the calls are counted, and those of the current run fail. */
void fail_nth_arm(void);

/* True if a call failed since fail_nth_arm(). */
bool fail_nth_disarm(void);

/* True in the run before the others. */
bool fail_nth_is_reference(void);

/* N and "all later ones too", for what has no call to fail: a store that holds N - 1. */
uint32_t fail_nth_number(void);
bool fail_nth_is_lasting(void);

/* True if this call shall fail. */
bool fail_nth_now(enum fail_kind kind);

/* Ends the test unless `holds`; says which run it was. */
void fail_nth_expect(bool holds, const char *what);

/* Runs done since the start of the program, and those of a kind in which a call failed. */
uint64_t fail_nth_runs(void);
uint64_t fail_nth_met(enum fail_kind kind);

#endif
