/* What a path means: resolution as POSIX defines it, over one fixed tree.
 *
 *   /            the files of the initrd, with the directories that their names imply: read-only
 *   /tmp         files in memory (names.h), flat
 *   /dev/shm     the same
 *   /dev         the devices that programs may open, and disks (devices.h)
 *   /proc        views (view.h): whatever is below is resolved by its maker
 *
 * A relative path begins at "/".  There are no links.  Only finds: changes nothing. */
#ifndef PAGER_PATH_H
#define PAGER_PATH_H

#include "cpio.h"
#include "names.h"

/* Longest path without "." and "..": a directory of the initrd, and one name more. */
#define PATH_BYTES 512u

enum path_kind {
    PATH_ABSENT,
    PATH_DIRECTORY,
    PATH_ARCHIVE,
    PATH_MEMORY,
    PATH_DEVICE,
    PATH_DISK,
    PATH_VIEW
};

/* Where a name stands, or would stand. */
enum path_area { PATH_IN_ROOT, PATH_IN_MEMORY, PATH_IN_PROC };

struct path {
    enum path_kind kind;
    enum path_area area; /* of the directory that holds the last component */
    bool dot;            /* the last component is "." or "..", or there is none */
    bool slash;          /* a "/" is behind the last component: only a directory is meant */
    const struct cpio_file *archive; /* PATH_ARCHIVE */
    struct name *name;               /* PATH_MEMORY */
    uint32_t device;                 /* PATH_DEVICE, PATH_DISK */
    struct name_key key;             /* PATH_IN_MEMORY and not `dot`; its text is in `text` */
    uint32_t bytes;                  /* of the text: 0 is "/" */
    char text[PATH_BYTES + 1];       /* with a NUL; no ".", ".." or "//" */
};

/* Resolves a path.  0, also when nothing has the last component's name (PATH_ABSENT); ENOENT (empty,
 * or a directory on the way is missing); ENOTDIR; ENAMETOOLONG; EINVAL (a NUL inside). */
int path_resolve(const struct vm *vm, const char *text, uint32_t bytes, struct path *path);

#endif
