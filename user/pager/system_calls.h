/* Calls of programs about the whole system: SETTING to SWAPOFF of pager.def.  Each decodes the words of a
 * call and asks the core, or the disks; all return errno values. */
#ifndef PAGER_SYSTEM_CALLS_H
#define PAGER_SYSTEM_CALLS_H

#include "calls.h"

int system_calls_setting(struct call *call);
int system_calls_setting_name(struct call *call);
int system_calls_disk(struct call *call);
int system_calls_swapon(struct call *call);
int system_calls_swapoff(struct call *call);

#endif
