/* picolibc's <unistd.h> and what it leaves out. */
#ifndef FAULTLINE_UNISTD_H
#define FAULTLINE_UNISTD_H
#pragma GCC system_header
#include_next <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

int brk(void *end);

#ifdef __cplusplus
}
#endif

#endif
