/* Files as libos sees them: what a descriptor names, and one set of operations for each kind. */
#ifndef LIBOS_FILE_H
#define LIBOS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct stat;

#define FILE_DESCRIPTORS 32
#define FILE_HERE        UINT64_MAX /* as an offset: where the last read or write ended */

/* An open file; several descriptors may name it. */
struct file {
    const struct file_ops *ops;
    unsigned descriptors; /* that name it; 0: free */
    uint64_t handle;      /* the pager's, or the number of the console's stream */
};

/* A read or write.  The program's memory may be anything: `read` and `write` check it. */
struct file_transfer {
    uintptr_t address;
    size_t bytes;
    uint64_t offset; /* in the file, or FILE_HERE */
    size_t done;     /* out: bytes transferred */
};

/* What fstat tells. */
struct file_status {
    mode_t mode;
    uint64_t number;
    uint64_t bytes;
};

/* One set for each kind of file.  Each function returns 0 or an errno value. */
struct file_ops {
    /* Either may have done a part of it and say 0; none has when it returns an error. */
    int (*read)(struct file *file, struct file_transfer *transfer);
    int (*write)(struct file *file, struct file_transfer *transfer);
    /* *offset: in as for lseek, out where the file is then. */
    int (*seek)(struct file *file, off_t *offset, int whence);
    int (*resize)(struct file *file, uint64_t bytes);
    int (*status)(struct file *file, struct file_status *status);
    void (*close)(struct file *file);
    bool mappable;
    bool terminal;
};

/* ---- file.c: descriptors ---- */

/* Returns: the open file, or NULL. */
struct file *file_get(int fd);

/* Returns: the lowest descriptor from `least` on that is free, or -1. */
int file_find_free(int least);

/* Makes a free descriptor name a new file. */
void file_install(int fd, const struct file *file);

/* Writes what stat tells where the program wants it: 0 or EFAULT. */
int file_tell_status(struct stat *to, const struct file_status *status);

/* ---- file_console.c ---- */

extern const struct file_ops file_console_input, file_console_output, file_null;

/* ---- file_pager.c: all files that have a name in the pager's tree ---- */

extern const struct file_ops file_pager;

/* Opens a path of at most FL_PROTOCOL_BYTES; `flags` as in <fcntl.h>.  0 or an errno value. */
int file_pager_open(struct file *file, const char *path, size_t bytes, int flags);

#endif
