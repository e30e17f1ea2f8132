/* Owns the way of a call from libos to a server: registers, message buffer, error.
 *
 * I1. The message buffer is used between building a request and reading its answer, nowhere else:
 *     no other call may be made in between. */
#include "libos.h"

#include <errno.h>
#include <string.h>

#include "fl_calls.h"

static unsigned char *libos_buffer(void)
{
    return (unsigned char *)FL_BUFFER + FL_BUFFER_DATA;
}

static int libos_call_server(enum program_slot slot, uint32_t label, struct libos_call *call)
{
    uint64_t words = 4 + (call->byte_count + 7) / 8;
    struct fl_message answer;

    if (call->byte_count > FL_PROTOCOL_BYTES)
        return EMSGSIZE;
    if (call->byte_count)
        memcpy(libos_buffer(), call->bytes, call->byte_count);
    answer = fl_ipc_call(slot, FL_INFO(label, words), call->word[0], call->word[1], call->word[2],
                         call->word[3]);
    if (FL_STATUS_CODE(answer.status) != FL_OK)
        return EIO;
    memcpy(call->word, answer.word, sizeof call->word);
    return (int)call->word[0];
}

int libos_call_pager(enum pager_call number, struct libos_call *call)
{
    return libos_call_server(PROGRAM_SLOT_PAGER, FL_PROTOCOL_LABEL(PAGER_VERSION, number), call);
}

int libos_call_posix(enum posix_call number, struct libos_call *call)
{
    return libos_call_server(PROGRAM_SLOT_POSIX, FL_PROTOCOL_LABEL(POSIX_VERSION, number), call);
}

void libos_answer_bytes(void *destination, size_t bytes)
{
    memcpy(destination, libos_buffer(), bytes < FL_PROTOCOL_BYTES ? bytes : FL_PROTOCOL_BYTES);
}

int libos_result(int error)
{
    if (!error)
        return 0;
    errno = error;
    return -1;
}
