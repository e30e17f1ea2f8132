/* Text with values in it: the few conversions that log lines and console frames need.
 *
 * Owns nothing and calls nothing; picolibc's printf would bring floating point along. */
#ifndef INIT_TEXT_H
#define INIT_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes `format` with its arguments to `out` (out_bytes > 0), cut to fit and NUL-terminated.
 * Conversions: %s %c %d %u %x, the last three also with `l`, and %%; no widths or flags.
 * Returns: the length without the NUL. */
size_t text_format(char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_format_list(char *out, size_t out_bytes, const char *format, va_list arguments);

#endif
