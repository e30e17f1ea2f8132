/* picolibc's <sys/stat.h> and what it leaves out. */
#ifndef FAULTLINE_SYS_STAT_H
#define FAULTLINE_SYS_STAT_H
#pragma GCC system_header
#include_next <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

int lstat(const char *__restrict path, struct stat *__restrict status);

#ifdef __cplusplus
}
#endif

#endif
