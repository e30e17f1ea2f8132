/* Lines on the console: see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "fl_calls.h"
#include "protocol.h"
#include "text.h"

#define LOG_LINE_BYTES 200u
_Static_assert(LOG_LINE_BYTES <= FL_BUFFER_BYTES - FL_BUFFER_DATA, "a line fits the buffer");

/* Writes `bytes` of the message buffer: by the console driver, or without one by the firmware. */
static void log_print(size_t bytes)
{
    const uint64_t words = 4 + (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    struct fl_message answer = fl_ipc_call(
        PAGER_SLOT_CONSOLE, FL_INFO(FL_PROTOCOL_LABEL(CONSOLE_VERSION, CONSOLE_WRITE), words),
        bytes, 0, 0, 0);

    if (answer.status != FL_OK)
        (void)flr_system_console_write(PAGER_SLOT_SYSTEM, bytes);
}

static void log_flush(void)
{
    (void)fl_ipc_call(PAGER_SLOT_CONSOLE,
                      FL_INFO(FL_PROTOCOL_LABEL(CONSOLE_VERSION, CONSOLE_FLUSH), 4), 0, 0, 0, 0);
}

static void log_write(const char *format, va_list arguments)
{
    char line[LOG_LINE_BYTES], kept[LOG_LINE_BYTES];
    char *buffer = fl_buffer_data();
    size_t bytes = text_format(line, sizeof(line), "pager: ");

    bytes += text_format_list(line + bytes, sizeof(line) - bytes - 1, format, arguments);
    line[bytes++] = '\n';
    memcpy(kept, buffer, sizeof(kept));
    memcpy(buffer, line, bytes);
    log_print(bytes);
    memcpy(buffer, kept, sizeof(kept));
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(format, arguments);
    va_end(arguments);
}

static bool log_may_write(struct log_limit *limit)
{
    uint64_t earned = (fl_rdtime() - limit->since) / LOG_TICKS;

    limit->since += earned * LOG_TICKS;
    limit->spent -= earned < limit->spent ? (uint32_t)earned : limit->spent;
    if (limit->spent == limit->burst) {
        limit->left_out++;
        return false;
    }
    limit->spent++;
    return true;
}

void log_limited_line(struct log_limit *limit, const char *format, ...)
{
    va_list arguments;

    if (!log_may_write(limit))
        return;
    if (limit->left_out > 0)
        log_line("%u lines like the next one were left out", (unsigned)limit->left_out);
    limit->left_out = 0;
    va_start(arguments, format);
    log_write(format, arguments);
    va_end(arguments);
}

void log_stop(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(format, arguments);
    va_end(arguments);
    log_flush();
    for (;;)
        flr_system_reset(PAGER_SLOT_SYSTEM, 1);
}
