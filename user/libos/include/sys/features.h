/* picolibc's feature tests, and the POSIX options that libos adds to it. */
#ifndef FAULTLINE_SYS_FEATURES_H
#define FAULTLINE_SYS_FEATURES_H
#pragma GCC system_header
#include_next <sys/features.h>

#define _POSIX_TIMERS          200809L
#define _POSIX_MONOTONIC_CLOCK 200809L
#define _POSIX_CLOCK_SELECTION 200809L

#endif
