/* The shell's children. */
#ifndef SH_JOBS_H
#define SH_JOBS_H

#include <sys/types.h>

/* Starts a program and notes it.  Returns: its process id, or -1 with errno (EAGAIN: too many). */
pid_t jobs_start(char *const argv[]);

/* Waits for one program in front; says how it ended unless with status 0.
 * Returns: its status, 128 + the signal if one ended it. */
int jobs_wait(pid_t pid);

/* Says how those ended that have ended meanwhile. */
void jobs_report_ended(void);

/* Waits for all, saying how each ended.  Returns: the status of the last one. */
int jobs_wait_all(void);

void jobs_list(void);

#endif
