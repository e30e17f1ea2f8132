/* Text with values in it: the few conversions that log lines, console frames and views need.
 *
 * Owns nothing and calls nothing; picolibc's printf would bring floating point along. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes `format` with its arguments to `out` (out_bytes > 0), cut to fit and NUL-terminated.
 * Conversions: %s %c %d %u %x, the last three also with `l`, and %%; each may have a width, and `-`
 * (blanks behind it, not before it) or `0` (zeros before a number that is not negative).
 * Returns: the length without the NUL. */
size_t text_format(char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_format_list(char *out, size_t out_bytes, const char *format, va_list arguments);

#endif
