/* Owns nothing: the frames of run mode, see console_frame.h. */
#include "console_frame.h"

#include "text.h"

#define STATUS_SIGNAL(status) ((status)&0x7f)
#define STATUS_EXIT(status)   (((status) >> 8) & 0xff)

size_t console_frame_header(char *out, const char *nonce, unsigned fd, size_t bytes)
{
    return text_format(out, CONSOLE_HEADER_BYTES, "%c%s %u %lu\n", CONSOLE_FRAME_MARK, nonce, fd,
                       (unsigned long)bytes);
}

size_t console_frame_status(char *out, const char *nonce, uint32_t status)
{
    uint32_t signal = STATUS_SIGNAL(status);

    return text_format(out, CONSOLE_STATUS_BYTES, "%c%s X %s %u\n", CONSOLE_FRAME_MARK, nonce,
                       signal ? "signal" : "exit", signal ? signal : STATUS_EXIT(status));
}

size_t console_frame_failed(char *out, const char *nonce, const char *reason)
{
    size_t head =
        text_format(out, CONSOLE_STATUS_BYTES, "%c%s X failed ", CONSOLE_FRAME_MARK, nonce);
    size_t used = head + text_format(out + head, CONSOLE_STATUS_BYTES - head - 1, "%s", reason);

    for (size_t i = head; i < used; i++)
        if ((uint8_t)out[i] < ' ')
            out[i] = '?';
    out[used] = '\n';
    out[used + 1] = '\0';
    return used + 1;
}

bool console_escape_feed(struct console_escape *escape, uint8_t byte, char *out)
{
    if (escape->ended)
        return false;
    if (!escape->pending) {
        escape->pending = byte == CONSOLE_ESCAPE;
        *out = (char)byte;
        return !escape->pending;
    }
    escape->pending = false;
    escape->ended = byte == 'e';
    *out = CONSOLE_ESCAPE;
    return byte == 'd';
}
