/* The watch: a second thread of the root task that notices when the pager has stopped answering.
 *
 * It is above the pager in priority, so a pager that loops can't keep it from looking.  Every
 * WATCH_PERIOD_SECONDS it looks at what waits for the pager: the faults of all processes and a call
 * of ours; when nothing does, the server asks the pager something.  When the pager has stopped (stall.h), it stops pager and server, prints the state of all
 * threads, the pager's registers and the kernel's counters, and powers off with a failure.  It never
 * answers or resumes a thread in the pager's stead.
 *
 *  G1  the work in progress is the number of processes that run and are not parked in a call of
 *      ours, plus one while we call the pager;
 *  G2  while there is work, the watch's timer is armed; without work it goes off once more and then
 *      rests: an idle system takes no timer interrupt;
 *  G3  the two threads share neither stack nor message buffer, and the watch reads what the server
 *      writes but writes nothing of it.  Only when it has stopped the server for good it takes its
 *      place: its message buffer's address, its log and its console.
 *
 * A pager that waits for the console driver is not judged: a terminal that takes no output holds it
 * up, and is nobody's fault.  Nor is one that answers us and says that it waits for a disk: the driver ends
 * each request, and where it shall not (clock=work) a disk may take its time.
 *
 * Where time means nothing (clock=work) it rests: under -icount sleep=off the clock leaps to the timer at each
 * wait for a disk, so it would look as often as pages come in. */
#ifndef INIT_WATCH_H
#define INIT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_PERIOD_SECONDS 5u

/* Makes and starts the thread; once, at boot, before the pager has all memory.  timebase_hz: 0: it rests.
 * has_disks: the pager may wait for one. */
void watch_start(uint64_t timebase_hz, bool has_disks);

/* Work begins or ends (G1).  The server's thread only. */
void watch_begin_work(void);
void watch_end_work(void);

/* The same, and the work is a call to the pager. */
void watch_begin_call(void);
void watch_end_call(void);

/* The pager's answer to the watch's question: so many of its requests lie with disks or wait for load control.  That it answered
 * this is no progress of those who wait, so the calls that it took are not counted.  The server's thread only. */
void watch_tell_disks(uint64_t requests, uint64_t calls);

#endif
