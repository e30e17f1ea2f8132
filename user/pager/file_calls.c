/* Calls about files: see file_calls.h. */
#include "file_calls.h"

#include <errno.h>
#include <string.h>

#include "core/file.h"

/* ---- paths in the buffer ---- */

/* A path of `bytes` that begins `before` bytes into the buffer.  0; ENAMETOOLONG; EINVAL (it was not
 * sent). */
static int file_calls_take_path(const struct call *call, uint64_t before, uint64_t bytes,
                                struct file_path *path)
{
    if (bytes > FL_PROTOCOL_BYTES)
        return ENAMETOOLONG;
    if (before + bytes > calls_sent_bytes(call))
        return EINVAL;
    *path = (struct file_path){calls_buffer() + before, (uint32_t)bytes};
    return 0;
}

static int file_calls_tell_status(struct call *call, int error, const struct file_status *status)
{
    if (error)
        return error;
    call->out[0] = status->mode;
    call->out[1] = status->bytes;
    call->out[2] = status->number;
    return 0;
}

int file_calls_open(struct call *call)
{
    struct file_status status = {0};
    struct file_path path;
    uint32_t handle;
    int error = file_calls_take_path(call, 0, call->in[1], &path);

    if (error)
        return error;
    if (call->in[0] > UINT32_MAX)
        return EINVAL;
    error = vm_file_open(&call->pager->vm, call->space, &path, (uint32_t)call->in[0], &handle);
    if (error)
        return error;
    error = vm_file_status(call->space, handle, &status);
    call->out[0] = handle;
    call->out[1] = status.mode;
    call->out[2] = status.bytes;
    return error;
}

int file_calls_path_status(struct call *call)
{
    struct file_status status;
    struct file_path path;
    int error = file_calls_take_path(call, 0, call->in[0], &path);

    if (!error)
        error = vm_path_status(&call->pager->vm, call->space, &path, &status);
    return file_calls_tell_status(call, error, &status);
}

int file_calls_unlink(struct call *call)
{
    struct file_path path;
    int error = file_calls_take_path(call, 0, call->in[0], &path);

    return error ? error : vm_path_unlink(&call->pager->vm, call->space, &path);
}

int file_calls_rename(struct call *call)
{
    struct file_path from, to;
    int error = file_calls_take_path(call, 0, call->in[0], &from);

    if (!error)
        error = file_calls_take_path(call, call->in[0], call->in[1], &to);
    return error ? error : vm_path_rename(&call->pager->vm, &from, &to);
}

int file_calls_name(struct call *call)
{
    struct file_status status;
    uint32_t bytes;
    int error = vm_path_list(&call->pager->vm, call->in[0], calls_buffer(), FL_PROTOCOL_BYTES,
                             &status, &bytes);

    if (error)
        return error;
    call->out[0] = status.bytes;
    call->out[1] = bytes;
    calls_send_bytes(call, bytes);
    return 0;
}

/* ---- open files ---- */

int file_calls_close(struct call *call)
{
    return vm_file_close(&call->pager->vm, call->space, call->in[0]);
}

int file_calls_read(struct call *call)
{
    const struct file_transfer transfer = {call->in[0], call->in[1], call->in[2], call->in[3]};

    return vm_file_read(&call->pager->vm, call->space, &transfer, &call->out[0]);
}

int file_calls_write(struct call *call)
{
    const struct file_transfer transfer = {call->in[0], call->in[1], call->in[2], call->in[3]};

    return vm_file_write(&call->pager->vm, call->space, &transfer, &call->out[0]);
}

int file_calls_seek(struct call *call)
{
    return vm_file_seek(call->space, call->in[0], (int64_t)call->in[1], call->in[2], &call->out[0]);
}

int file_calls_truncate(struct call *call)
{
    return vm_file_truncate(&call->pager->vm, call->space, call->in[0], call->in[1]);
}

int file_calls_status(struct call *call)
{
    struct file_status status;
    int error = vm_file_status(call->space, call->in[0], &status);

    return file_calls_tell_status(call, error, &status);
}

int file_calls_map(struct call *call, struct vm_map_request *request)
{
    uint64_t handle = UINT64_MAX; /* not sent: not open */

    if (calls_sent_bytes(call) >= sizeof(handle))
        memcpy(&handle, calls_buffer(), sizeof(handle));
    return vm_file_map(&call->pager->vm, call->space, handle, request, &call->out[0]);
}

int file_calls_check_access(struct call *call)
{
    if (call->in[2] & ~(uint64_t)(FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC))
        return EINVAL;
    return vm_check_access(call->space, call->in[0], call->in[1], (uint32_t)call->in[2]);
}
