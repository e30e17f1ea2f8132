/* Resource usage as POSIX and the BSDs have it.  Fields that nothing counts yet are zero. */
#ifndef FAULTLINE_SYS_RESOURCE_H
#define FAULTLINE_SYS_RESOURCE_H
#pragma GCC system_header

#include <sys/time.h>

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

int getrusage(int who, struct rusage *usage);

#ifdef __cplusplus
}
#endif

#endif
