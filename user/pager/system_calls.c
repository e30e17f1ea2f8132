/* Calls about the whole system: see system_calls.h. */
#include "system_calls.h"

#include <errno.h>
#include <string.h>

#include "core/file.h"
#include "core/setting.h"
#include "disks.h"
#include "memory_values.h"

/* ---- settings ---- */

/* A string of `bytes` that begins `before` bytes into the buffer.  False: it was not sent, is too long,
 * or has a NUL in it. */
static bool system_calls_take_text(const struct call *call, uint64_t before, uint64_t bytes,
                                   char text[SETTING_BYTES])
{
    if (bytes >= SETTING_BYTES || before + bytes > calls_sent_bytes(call))
        return false;
    memcpy(text, calls_buffer() + before, bytes);
    text[bytes] = '\0';
    return strlen(text) == bytes;
}

static int system_calls_tell_text(struct call *call, const char *text)
{
    uint64_t bytes = strlen(text);

    call->out[0] = bytes;
    memcpy(calls_buffer(), text, bytes);
    calls_send_bytes(call, bytes);
    return 0;
}

int system_calls_setting(struct call *call)
{
    struct vm *vm = &call->pager->vm;
    char name[SETTING_BYTES], value[SETTING_BYTES];
    int error = 0;

    if (!system_calls_take_text(call, 0, call->in[0], name))
        return ENOENT;
    if (!system_calls_take_text(call, call->in[0], call->in[1], value))
        return EINVAL;
    if (call->in[1] > 0) {
        error = setting_write(vm, name, value);
        call->pager->attention = true; /* something may be due now, or more may leave */
    }
    if (!error)
        error = setting_read(vm, name, value);
    return error ? error : system_calls_tell_text(call, value);
}

int system_calls_setting_name(struct call *call)
{
    const char *name = setting_name(call->in[0]);

    return name ? system_calls_tell_text(call, name) : ENOENT;
}

/* ---- swap ---- */

int system_calls_disk(struct call *call)
{
    struct pager *pager = call->pager;
    const struct file_path path = {calls_buffer(), (uint32_t)call->in[0]};
    uint32_t disk = 0;
    int error;

    if (call->in[0] > calls_sent_bytes(call))
        return EINVAL;
    error = vm_path_disk(&pager->vm, call->space, &path, &disk);
    call->out[0] = disk;
    return error;
}

/* SWAP_DISCARD_* of the flags: both unless one is named. */
static uint32_t system_calls_discards(uint64_t flags)
{
    if (!(flags & SWAP_FLAG_DISCARD))
        return 0;
    if (flags & SWAP_FLAG_DISCARD_ONCE)
        return SWAP_DISCARD_ONCE;
    return flags & SWAP_FLAG_DISCARD_PAGES ? SWAP_DISCARD_FREED
                                           : SWAP_DISCARD_ONCE | SWAP_DISCARD_FREED;
}

int system_calls_swapon(struct call *call)
{
    const uint64_t known = SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK | SWAP_FLAG_DISCARD |
                           SWAP_FLAG_DISCARD_ONCE | SWAP_FLAG_DISCARD_PAGES;
    const uint64_t flags = call->in[1];
    const struct disks_swap_on request = {.space = call->space,
                                          .disk = call->in[0],
                                          .priority = flags & SWAP_FLAG_PREFER
                                                          ? (int32_t)(flags & SWAP_FLAG_PRIO_MASK)
                                                          : SWAP_NO_PRIORITY,
                                          .discards = system_calls_discards(flags)};
    const char *reason = "unknown flags";
    int error = flags & ~known ? EINVAL : disks_swap_on(call->pager, &request, &reason);

    if (error == EINVAL)
        (void)system_calls_tell_text(call, reason);
    return error;
}

int system_calls_swapoff(struct call *call)
{
    call->final = true; /* ENOMEM says that it gave up */
    return disks_swap_off(call->pager, call->space, call->in[0]);
}
