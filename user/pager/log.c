/* Lines on the console: see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fl_calls.h"
#include "protocol.h"

#define LOG_LINE_BYTES 200u
_Static_assert(LOG_LINE_BYTES <= FL_BUFFER_BYTES - FL_BUFFER_DATA, "a line fits the buffer");

static void log_write(const char *format, va_list arguments)
{
    char line[LOG_LINE_BYTES], kept[LOG_LINE_BYTES];
    char *buffer = (char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
    int head = snprintf(line, sizeof(line), "pager: ");
    int text = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, arguments);
    size_t bytes = (size_t)head + (text > 0 ? (size_t)text : 0);

    if (bytes > sizeof(line) - 2)
        bytes = sizeof(line) - 2;
    line[bytes++] = '\n';
    memcpy(kept, buffer, sizeof(kept));
    memcpy(buffer, line, bytes);
    flr_system_console_write(PAGER_SLOT_SYSTEM, bytes);
    memcpy(buffer, kept, sizeof(kept));
}

void log_line(const char *format, ...)
{
    va_list arguments;

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
    for (;;)
        flr_system_reset(PAGER_SLOT_SYSTEM, 1);
}
