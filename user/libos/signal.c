/* Owns signals as far as they exist: those that a program sends itself, by raise(), abort() or
 * kill() with its own process id.
 *
 * A handler runs inside the call that sent the signal.  Faults do not reach handlers yet: a bad
 * access always ends the program.  sigaction, masks and signals between processes are absent, so
 * that a program which needs them does not link. */
#include "libos.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define SIGNAL_COUNT 32 /* some versions of picolibc have no NSIG */

static _sig_func_ptr signal_handlers[SIGNAL_COUNT];

static int signal_is_ignored_by_default(int number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

static int signal_stops(int number)
{
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* Sets what the program does when it sends itself a signal.  Returns: the old handler, or SIG_ERR
 * with EINVAL. */
_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
    _sig_func_ptr old;

    if (number <= 0 || number >= SIGNAL_COUNT || number == SIGKILL || number == SIGSTOP) {
        errno = EINVAL;
        return SIG_ERR;
    }
    old = signal_handlers[number];
    signal_handlers[number] = handler;
    return old;
}

/* Returns: 0, or -1 with EINVAL (no such signal) or ENOSYS (a process cannot be stopped yet). */
int raise(int number)
{
    _sig_func_ptr handler;

    if (number <= 0 || number >= SIGNAL_COUNT)
        return libos_result(EINVAL);
    handler = signal_handlers[number];
    if (handler == SIG_IGN || (handler == SIG_DFL && signal_is_ignored_by_default(number)))
        return 0;
    if (handler != SIG_DFL) {
        handler(number);
        return 0;
    }
    if (signal_stops(number))
        return libos_result(ENOSYS);
    libos_end((unsigned)number);
}

/* To the program itself only: for another process -1 with ENOSYS. */
int kill(pid_t pid, int number)
{
    if (pid != getpid())
        return libos_result(ENOSYS);
    return number == 0 ? 0 : raise(number);
}

_Noreturn void abort(void)
{
    raise(SIGABRT);
    libos_end(SIGABRT); /* the handler returned, or the signal is ignored */
}
