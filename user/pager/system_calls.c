/* Calls about the whole system: see system_calls.h. */
#include "system_calls.h"

#include <errno.h>
#include <string.h>

#include "core/setting.h"

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
    if (call->in[1] > 0)
        error = setting_write(vm, name, value);
    if (!error)
        error = setting_read(vm, name, value);
    return error ? error : system_calls_tell_text(call, value);
}

int system_calls_setting_name(struct call *call)
{
    const char *name = setting_name(call->in[0]);

    return name ? system_calls_tell_text(call, name) : ENOENT;
}
