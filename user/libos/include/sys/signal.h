/* picolibc's <sys/signal.h> with the numbers of Linux, which the system's servers use too: where the two
 * differ a program would take the end of a child for another one. */
#ifndef FAULTLINE_SYS_SIGNAL_H
#define FAULTLINE_SYS_SIGNAL_H
#pragma GCC system_header
#include_next <sys/signal.h>

#undef SIGEMT
#undef SIGBUS
#undef SIGSYS
#undef SIGURG
#undef SIGSTOP
#undef SIGTSTP
#undef SIGCONT
#undef SIGCHLD
#undef SIGCLD
#undef SIGIO
#undef SIGPOLL
#undef SIGWINCH
#undef SIGUSR1
#undef SIGUSR2
#undef SIGLOST
#undef SIGPWR

#define SIGBUS   7
#define SIGUSR1  10
#define SIGUSR2  12
#define SIGCHLD  17
#define SIGCLD   SIGCHLD
#define SIGCONT  18
#define SIGSTOP  19
#define SIGTSTP  20
#define SIGURG   23
#define SIGWINCH 28
#define SIGIO    29
#define SIGPOLL  SIGIO
#define SIGPWR   30
#define SIGSYS   31

#endif
