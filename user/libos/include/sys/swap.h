/* swapon and swapoff as Linux has them. */
#ifndef FAULTLINE_SYS_SWAP_H
#define FAULTLINE_SYS_SWAP_H
#pragma GCC system_header

#ifdef __cplusplus
extern "C" {
#endif

#define SWAP_FLAG_PREFER        0x8000 /* a priority is in the bits below */
#define SWAP_FLAG_PRIO_MASK     0x7fff
#define SWAP_FLAG_PRIO_SHIFT    0
#define SWAP_FLAG_DISCARD       0x10000 /* discard what is there now and what becomes free later ... */
#define SWAP_FLAG_DISCARD_ONCE  0x20000 /* ... the first of these alone */
#define SWAP_FLAG_DISCARD_PAGES 0x40000 /* ... the second alone */

/* Uses a disk (/dev/vda) that mkswap has prepared for swap.  Discards are done in idle time; a disk that has none is
 * used without.  Returns 0, or -1 with EINVAL (not a disk, no swap
 * header, other flags), EBUSY (in use), ENOENT, EPERM (too many areas), ENOMEM, EIO. */
int swapon(const char *path, int flags);

/* Ends that when all that was there has come back.  Returns 0, or -1 with EINVAL (not in use), EBUSY (another
 * swapoff is on its way), ENOENT, ENOMEM (it fits nowhere else), EIO (a page cannot be read); then the disk is
 * in use as before. */
int swapoff(const char *path);

#ifdef __cplusplus
}
#endif

#endif
