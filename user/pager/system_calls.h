/* Calls of programs about the whole system: SETTING and SETTING_NAME of pager.def.  Each decodes the
 * words of a call and asks the core; all return errno values. */
#ifndef PAGER_SYSTEM_CALLS_H
#define PAGER_SYSTEM_CALLS_H

#include "calls.h"

int system_calls_setting(struct call *call);
int system_calls_setting_name(struct call *call);

#endif
