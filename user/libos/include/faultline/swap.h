/* What swapon(2) has no room for. */
#ifndef FAULTLINE_SWAP_H
#define FAULTLINE_SWAP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As swapon; after EINVAL `reason` says in words what is wrong with the disk, NUL-terminated, cut at
 * `bytes` (at least 1), and is else empty. */
int faultline_swapon(const char *path, int flags, char *reason, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
