/* The checks of harness.h in libFuzzer's programs: the first that fails ends the program, and libFuzzer
 * keeps the input. */
#include "harness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void harness_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

_Noreturn void harness_fail(const char *file, int line, const char *text)
{
    harness_note("%s:%d: %s", file, line, text);
    abort();
}

void harness_check_equal(const char *file, int line, const char *text, uint64_t a, uint64_t b)
{
    if (a == b)
        return;
    harness_note("left 0x%" PRIx64 ", right 0x%" PRIx64, a, b);
    harness_fail(file, line, text);
}

void harness_check_string(const char *file, int line, const char *text, const char *a,
                          const char *b)
{
    if (strcmp(a, b) == 0)
        return;
    harness_note("left \"%s\", right \"%s\"", a, b);
    harness_fail(file, line, text);
}
