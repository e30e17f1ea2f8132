/* The pager's clock: the one source of time for all that is timed here, windows (core/window.h) and what
 * follows from them.
 *
 * With the boot argument `clock=time`, the default, it is time.  With `clock=work` it is counted work: cycles less
 * those that the machine idled (a counter of the kernel), a thousand of them a microsecond.  Where virtual time leaps over
 * each wait for a disk (QEMU's -icount sleep=off), and a disk takes as long as the host likes, work is what
 * repeats.
 *
 * A fault costs nothing for it where no window runs.  Where one does, a timer signals its end; and each message that leaves
 * more to do than to answer it reads a counter.  The kernel is asked for what it idled only when something may be due.
 *
 * Counted work stands still while nobody runs, but the timer counts time: it comes early, never late, and would
 * come in each wait for a disk.  So it is set only while a program is suspended, which must not depend on
 * others; else each message comes here, and a window ends with the first one after it is due.  If the timer comes early and a disk
 * has a request, it is not set again before that ends.  If none has, the idle thread (idle.h) is woken: it
 * gets the hart when nobody else wants it, and then load control hears of it (load_note_idle).  So a suspended
 * program is resumed also where no window would end.
 *
 * The disk driver is another process with a clock of its own: its limits (user/blk) are time, and clock=work
 * takes them away.  A disk that never answers is then waited for without end.
 *
 *  C1  while a window runs, the timer is set, or the next message comes here. */
#ifndef PAGER_CLOCK_H
#define PAGER_CLOCK_H

#include "pager.h"

/* Before anything else here. */
void clock_start(uint64_t timebase_hz, bool counts_work);

/* Does what is due, a bounded part of it, and sees to it that it is called when more is.  True: the next
 * message is to come here too. */
bool clock_attend(struct pager *pager);

/* The idle thread has called: nobody else wants the hart. */
void clock_note_idle(struct pager *pager);

/* A line in the log for each program that load control stopped or let go on since the last call. */
void clock_tell_load(struct pager *pager);

#endif
