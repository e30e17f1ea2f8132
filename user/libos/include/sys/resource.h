/* Resource usage and limits as POSIX and the BSDs have it.  Fields that nothing counts yet are zero. */
#ifndef FAULTLINE_SYS_RESOURCE_H
#define FAULTLINE_SYS_RESOURCE_H
#pragma GCC system_header

#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN (-1)

struct rusage {
    struct timeval ru_utime; /* time since the program started (not its share of the processor) */
    struct timeval ru_stime; /* 0 */
    long ru_maxrss;          /* most memory that was resident at once, in KiB */
    long ru_ixrss;
    long ru_idrss;
    long ru_isrss;
    long ru_minflt; /* page faults served from memory */
    long ru_majflt; /* page faults that waited for a disk */
    long ru_nswap;
    long ru_inblock;
    long ru_oublock;
    long ru_msgsnd;
    long ru_msgrcv;
    long ru_nsignals;
    long ru_nvcsw;
    long ru_nivcsw;
};

typedef unsigned long rlim_t;
#define RLIM_INFINITY  (~0ul)
#define RLIM_SAVED_MAX RLIM_INFINITY
#define RLIM_SAVED_CUR RLIM_INFINITY

/* Those that are kept; any other is EINVAL. */
#define RLIMIT_DATA    2
#define RLIMIT_STACK   3
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9

struct rlimit {
    rlim_t rlim_cur;
    rlim_t rlim_max;
};

int getrlimit(int resource, struct rlimit *limit);
int setrlimit(int resource, const struct rlimit *limit);
int prlimit(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *old);

int getrusage(int who, struct rusage *usage);

#ifdef __cplusplus
}
#endif

#endif
