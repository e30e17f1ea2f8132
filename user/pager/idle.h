/* The pager's second thread: it runs only when nobody else wants the hart, and has frames zeroed then.
 *
 *  I1  it touches nothing of the core's, nor of the first thread's: it calls the pager's endpoint like
 *      any client, and the one loop zeroes (core/stock.h);
 *  I2  with a full stock it waits for a notification, so an idle system stays asleep. */
#ifndef PAGER_IDLE_H
#define PAGER_IDLE_H

/* Starts the thread that the root task put into PAGER_SLOT_IDLE_TCB. */
void idle_start(void);

#endif
