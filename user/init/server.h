/* The endpoint of the root task: answers programs (posix.def), hears of the pager's events and of
 * time.  The top of the root task; process.h, console.h and session.h are below it. */
#ifndef INIT_SERVER_H
#define INIT_SERVER_H

#include <stdint.h>

/* Binds our notification to our thread and our timer to it; once, at boot. */
void server_init(uint64_t timebase_hz);

/* Serves for good. */
_Noreturn void server_run(void);

#endif
