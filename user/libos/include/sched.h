/* Scheduling: what a program can ask for today is to let others run. */
#ifndef FAULTLINE_SCHED_H
#define FAULTLINE_SCHED_H
#pragma GCC system_header

#ifdef __cplusplus
extern "C" {
#endif

int sched_yield(void);

#ifdef __cplusplus
}
#endif

#endif
