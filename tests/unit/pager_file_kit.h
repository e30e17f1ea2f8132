/* File calls as programs make them, for the tests of the pager's core. */
#ifndef PAGER_FILE_KIT_H
#define PAGER_FILE_KIT_H

#include <errno.h>
#include <string.h>

#include "file_values.h"
#include "pager_fake.h"

static inline struct file_path kit_path(const char *text)
{
    return (struct file_path){text, (uint32_t)strlen(text)};
}

/* The handle, or a negative errno value. */
static inline int kit_open(struct fake *fake, struct space *space, const char *text, uint32_t flags)
{
    const struct file_path path = kit_path(text);
    uint32_t handle = 0;
    int error = vm_file_open(&fake->vm, space, &path, flags, &handle);

    return error ? -error : (int)handle;
}

static inline int kit_unlink(struct fake *fake, struct space *space, const char *text)
{
    const struct file_path path = kit_path(text);

    return vm_path_unlink(&fake->vm, space, &path);
}

static inline int kit_rename(struct fake *fake, const char *from, const char *to)
{
    const struct file_path old = kit_path(from), new = kit_path(to);

    return vm_path_rename(&fake->vm, &old, &new);
}

static inline int kit_stat(struct fake *fake, struct space *space, const char *text,
                           struct file_status *status)
{
    const struct file_path path = kit_path(text);

    return vm_path_status(&fake->vm, space, &path, status);
}

/* Bytes copied, or a negative errno value. */
static inline int64_t kit_read(struct fake *fake, struct space *space, int handle, uint64_t address,
                               uint64_t bytes, uint64_t offset)
{
    const struct file_transfer transfer = {(uint64_t)handle, address, bytes, offset};
    uint64_t done;
    int error = vm_file_read(&fake->vm, space, &transfer, &done);

    return error ? -error : (int64_t)done;
}

static inline int64_t kit_write(struct fake *fake, struct space *space, int handle,
                                uint64_t address, uint64_t bytes, uint64_t offset)
{
    const struct file_transfer transfer = {(uint64_t)handle, address, bytes, offset};
    uint64_t done;
    int error = vm_file_write(&fake->vm, space, &transfer, &done);

    return error ? -error : (int64_t)done;
}

#endif
