/* Owns nothing: formatting of text, see text.h. */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

#define TEXT_DIGITS_MAX 20 /* of 2^64 - 1 in base 10 */

struct text {
    char *out;
    size_t bytes; /* of `out`, its NUL included */
    size_t used;
};

static void text_put(struct text *text, char byte)
{
    if (text->used + 1 < text->bytes)
        text->out[text->used++] = byte;
}

static void text_put_string(struct text *text, const char *string)
{
    while (*string)
        text_put(text, *string++);
}

static void text_put_number(struct text *text, uint64_t value, unsigned base)
{
    char digits[TEXT_DIGITS_MAX];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0)
        text_put(text, digits[--count]);
}

static void text_put_signed(struct text *text, int64_t value)
{
    if (value < 0)
        text_put(text, '-');
    text_put_number(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

/* One conversion; va_list travels by pointer so that the caller's moves on. */
static void text_convert(struct text *text, char conversion, bool is_long, va_list *arguments)
{
    uint64_t value;

    switch (conversion) {
    case 's':
        text_put_string(text, va_arg(*arguments, const char *));
        break;
    case 'c':
        text_put(text, (char)va_arg(*arguments, int));
        break;
    case 'd':
        text_put_signed(text, is_long ? va_arg(*arguments, long) : va_arg(*arguments, int));
        break;
    case 'u':
    case 'x':
        value = is_long ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned);
        text_put_number(text, value, conversion == 'x' ? 16 : 10);
        break;
    default: /* %%, and what the list in text.h does not have */
        text_put(text, conversion);
        break;
    }
}

size_t text_format_list(char *out, size_t out_bytes, const char *format, va_list arguments)
{
    struct text text = {out, out_bytes, 0};
    va_list list;

    va_copy(list, arguments);
    while (*format) {
        bool is_long;

        if (*format != '%') {
            text_put(&text, *format++);
            continue;
        }
        format++;
        is_long = *format == 'l';
        format += is_long;
        if (*format)
            text_convert(&text, *format++, is_long, &list);
    }
    va_end(list);
    out[text.used] = '\0';
    return text.used;
}

size_t text_format(char *out, size_t out_bytes, const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = text_format_list(out, out_bytes, format, arguments);
    va_end(arguments);
    return length;
}
