/* Settings of the pager, by name and as text: what `sysctl` shows and changes.  Errors are -1 and errno. */
#ifndef FAULTLINE_SETTING_H
#define FAULTLINE_SETTING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a setting into `value`, NUL-terminated, cut at `bytes`.  Returns 0, or -1 with ENOENT when there is
 * no such setting. */
int faultline_setting_read(const char *name, char *value, size_t bytes);

/* Returns 0, or -1 with ENOENT, EINVAL when it is not a value of this setting, or ENOMEM when it
 * cannot be had now. */
int faultline_setting_write(const char *name, const char *value);

/* The name of the setting number `index`, as above.  Returns 0, or -1 with ENOENT behind the last one. */
int faultline_setting_name(unsigned index, char *name, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
