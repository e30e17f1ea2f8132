/* What the system is booted for: one program (run mode), or the tour and a prompt (interactive).
 *
 * One process at a time is the session's own; with the end of the last one the power goes off. */
#ifndef INIT_SESSION_H
#define INIT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "boot_arguments.h"

/* Starts the first program of the session. */
void session_start(const struct boot_arguments *arguments);

/* Whether a process is the session's own: only that one may end the system. */
bool session_is_own(uint32_t pid);

/* A process has ended; does nothing unless it is the session's own. */
void session_process_ended(uint32_t pid, uint32_t status);

/* A program asked for the end of the system; `status` is reported as the session's. */
_Noreturn void session_power_off(uint32_t status);

#endif
