/* Waiting for children.  A status holds the exit code in bits 8..15, or the signal that ended the
 * process in bits 0..6. */
#ifndef FAULTLINE_SYS_WAIT_H
#define FAULTLINE_SYS_WAIT_H
#pragma GCC system_header

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WNOHANG    1
#define WUNTRACED  2
#define WCONTINUED 8

#define WEXITSTATUS(status)  (((status) >> 8) & 0xff)
#define WTERMSIG(status)     ((status)&0x7f)
#define WSTOPSIG(status)     WEXITSTATUS(status)
#define WIFEXITED(status)    (WTERMSIG(status) == 0)
#define WIFSTOPPED(status)   (((status)&0xff) == 0x7f)
#define WIFSIGNALED(status)  (!WIFEXITED(status) && !WIFSTOPPED(status) && !WIFCONTINUED(status))
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WCOREDUMP(status)    0

pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);

struct rusage;
pid_t wait3(int *status, int options, struct rusage *usage);
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);

#ifdef __cplusplus
}
#endif

#endif
