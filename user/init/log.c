/* Owns the wording of log lines, see log.h. */
#include "log.h"

#include <stdarg.h>
#include <string.h>

#include "console.h"
#include "fl_calls.h"
#include "text.h"

#define LOG_LINE_BYTES 320u
#define LOG_PREFIX     "init: "

/* `line` holds `used` bytes already; adds the text and NL, and prints it. */
static void log_print(char line[LOG_LINE_BYTES], size_t used, const char *format, va_list arguments)
{
    used += text_format_list(line + used, LOG_LINE_BYTES - used - 1, format, arguments);
    line[used++] = '\n';
    console_write_text(line, used);
}

void log_line(const char *format, ...)
{
    char line[LOG_LINE_BYTES] = LOG_PREFIX;
    va_list arguments;

    va_start(arguments, format);
    log_print(line, sizeof LOG_PREFIX - 1, format, arguments);
    va_end(arguments);
}

void log_program(const char *format, ...)
{
    char line[LOG_LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    log_print(line, 0, format, arguments);
    va_end(arguments);
}

_Noreturn void log_stop(const char *format, ...)
{
    char line[LOG_LINE_BYTES] = LOG_PREFIX;
    va_list arguments;

    va_start(arguments, format);
    log_print(line, sizeof LOG_PREFIX - 1, format, arguments);
    va_end(arguments);
    *strchr(line, '\n') = '\0';
    console_report_failure(line + sizeof LOG_PREFIX - 1);
    log_power_off(1);
}

_Noreturn void log_power_off(unsigned failure)
{
    console_flush();
    for (;;)
        (void)flr_system_reset(FL_BOOT_SYSTEM, failure);
}
