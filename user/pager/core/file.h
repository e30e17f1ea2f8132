/* The file calls: values as in file_values.h, errors as Linux gives them.
 *
 *   file_open.c   open, close; what a path names; unlink, rename, list
 *   file_io.c     read, write, lseek, ftruncate, fstat, mmap, access
 *
 * read() and write() copy between the pages of a file and those of a space, the same pages that
 * mappings show: there is one copy of a file's contents.  The program's memory is used as it could
 * use it itself; a range of which any byte is not its own to use is refused whole. */
#ifndef PAGER_FILE_H
#define PAGER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "file_values.h"

struct vm;
struct space;
struct vm_map_request;

/* st_mode.  Nothing checks who asks: the permissions say what a kind of file can do at all. */
#define FILE_MODE_ARCHIVE   (FILE_S_IFREG | 0555)
#define FILE_MODE_MEMORY    (FILE_S_IFREG | 0666)
#define FILE_MODE_VIEW      (FILE_S_IFREG | 0444)
#define FILE_MODE_DEVICE    (FILE_S_IFCHR | 0666)
#define FILE_MODE_DISK      FILE_S_IFBLK
#define FILE_MODE_DIRECTORY (FILE_S_IFDIR | 0777)

/* What stat tells. */
struct file_status {
    uint32_t mode; /* st_mode */
    uint64_t bytes;
    uint64_t number; /* of the file; 0 for a directory or a view */
};

/* A path as a message brings it: not NUL-terminated. */
struct file_path {
    const char *text;
    uint32_t bytes;
};

/* 0 and *handle; EINVAL (flags); EMFILE; ENOENT; ENOTDIR; ENAMETOOLONG; EISDIR; EEXIST; EROFS (writes
 * to a file of the initrd, or makes one); EACCES (writes to a view; a disk); ENOSPC (no memory for a new
 * file); ENOMEM. */
int vm_file_open(struct vm *vm, struct space *space, const struct file_path *path, uint32_t flags,
                 uint32_t *handle);

/* 0; EBADF. */
int vm_file_close(struct vm *vm, struct space *space, uint64_t handle);

/* 0; ENOENT; ENOTDIR; ENAMETOOLONG; ENOMEM. */
int vm_path_status(struct vm *vm, struct space *space, const struct file_path *path,
                   struct file_status *status);

/* 0 and the number of the disk that has this path; EINVAL: something else has it; as vm_path_status. */
int vm_path_disk(struct vm *vm, struct space *space, const struct file_path *path, uint32_t *disk);

/* 0; ENOENT; ENOTDIR; ENAMETOOLONG; EISDIR; EROFS; EPERM (a view). */
int vm_path_unlink(struct vm *vm, struct space *space, const struct file_path *path);

/* 0; ENOENT; ENOTDIR; ENAMETOOLONG; EXDEV (between memory and others); EBUSY (ends in "." or "..");
 * EROFS; EPERM (a view). */
int vm_path_rename(struct vm *vm, const struct file_path *from, const struct file_path *to);

/* The path of file number `number` of those that have names: first the initrd, then devices, disks, and memory in
 * the order in which names were made.  Writes at most `limit` bytes, no NUL.  0; ENOENT: no more. */
int vm_path_list(const struct vm *vm, uint64_t number, char *out, uint32_t limit,
                 struct file_status *status, uint32_t *bytes);

/* What is copied. */
struct file_transfer {
    uint64_t handle;
    uint64_t address; /* in the space */
    uint64_t bytes;
    uint64_t offset; /* in the file; FILE_AT_POSITION: the description's, which then moves */
};
#define FILE_AT_POSITION UINT64_MAX

/* *done: bytes copied: fewer than wanted at the end of the file, at the end of memory, and always at
 * most FILE_STEP_PAGES pages.  0; EBADF; EINVAL (a negative or overflowing offset; a device, whose registers
 * nobody reads but who knows how wide they are and what a look at them does); EFAULT; ENOMEM; EAGAIN
 * (a long view: ask again); and nothing is copied then.  vm_file_write: also EFBIG and ENOSPC. */
int vm_file_read(struct vm *vm, struct space *space, const struct file_transfer *transfer,
                 uint64_t *done);
int vm_file_write(struct vm *vm, struct space *space, const struct file_transfer *transfer,
                  uint64_t *done);

/* 0 and *position; EBADF; EINVAL (whence, a negative or too large result); ESPIPE (a device). */
int vm_file_seek(struct space *space, uint64_t handle, int64_t offset, uint64_t whence,
                 uint64_t *position);

/* 0; EBADF; EINVAL (negative, not open for writing, a device); EFBIG. */
int vm_file_truncate(struct vm *vm, struct space *space, uint64_t handle, uint64_t bytes);

/* 0; EBADF. */
int vm_file_status(const struct space *space, uint64_t handle, struct file_status *status);

/* vm_map of an open file: fills in what the request says about it.  As vm_map; EBADF; ENODEV (a view). */
int vm_file_map(struct vm *vm, struct space *space, uint64_t handle, struct vm_map_request *request,
                uint64_t *address);

/* Whether the space may use all of [address, address + bytes) with these rights (FL_RIGHT_*); brings
 * nothing in.  0; EFAULT. */
int vm_check_access(const struct space *space, uint64_t address, uint64_t bytes, uint32_t rights);

#endif
