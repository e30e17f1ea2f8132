/* Owns nothing: formatting of text, see text.h. */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TEXT_DIGITS_MAX 21u /* of -2^63 in base 10, with its sign */

struct text {
    char *out;
    size_t bytes; /* of `out`, its NUL included */
    size_t used;
};

/* What stands between % and the conversion. */
struct text_field {
    size_t width;
    char pad;   /* what fills it up before the value: ' ' or '0' */
    bool left;  /* blanks behind it instead */
    bool large; /* l */
};

/* Most pieces have a few bytes: a call of memcpy takes longer than to copy them. */
static void text_put(struct text *text, const char *bytes, size_t count)
{
    size_t room = text->bytes - 1 - text->used;
    char *out = text->out + text->used;

    if (count > room)
        count = room;
    text->used += count;
    while (count-- > 0)
        *out++ = *bytes++;
}

static void text_pad(struct text *text, char byte, size_t count)
{
    for (; count > 0 && text->used < text->bytes - 1; count--)
        text->out[text->used++] = byte;
}

static void text_put_field(struct text *text, const struct text_field *field, const char *bytes,
                           size_t count)
{
    size_t padding = field->width > count ? field->width - count : 0;

    if (!field->left)
        text_pad(text, field->pad, padding);
    text_put(text, bytes, count);
    if (field->left)
        text_pad(text, ' ', padding);
}

static void text_put_number(struct text *text, const struct text_field *field, uint64_t value,
                            bool negative, char conversion)
{
    char digits[TEXT_DIGITS_MAX];
    size_t first = sizeof digits;

    if (conversion == 'x') { /* without the division of the other loop */
        do
            digits[--first] = "0123456789abcdef"[value & 15];
        while ((value >>= 4) != 0);
    } else {
        do
            digits[--first] = (char)('0' + value % 10);
        while ((value /= 10) != 0);
    }
    if (negative)
        digits[--first] = '-';
    text_put_field(text, field, digits + first, sizeof digits - first);
}

static void text_put_signed(struct text *text, const struct text_field *field, int64_t value)
{
    text_put_number(text, field, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 'd');
}

/* One conversion; va_list travels by pointer so that the caller's moves on. */
static void text_convert(struct text *text, char conversion, const struct text_field *field,
                         va_list *arguments)
{
    const char *string;
    char byte;

    switch (conversion) {
    case 's':
        string = va_arg(*arguments, const char *);
        text_put_field(text, field, string, strlen(string));
        break;
    case 'c':
        byte = (char)va_arg(*arguments, int);
        text_put_field(text, field, &byte, 1);
        break;
    case 'd':
        text_put_signed(text, field,
                        field->large ? va_arg(*arguments, long) : va_arg(*arguments, int));
        break;
    case 'u':
    case 'x':
        text_put_number(text, field,
                        field->large ? va_arg(*arguments, unsigned long)
                                     : va_arg(*arguments, unsigned),
                        false, conversion);
        break;
    default: /* %%, and what the list in text.h does not have */
        text_put(text, &conversion, 1);
        break;
    }
}

/* Reads flags, width and size.  Returns: what stands behind them. */
static const char *text_read_field(const char *format, struct text_field *field)
{
    *field = (struct text_field){.pad = ' '};
    for (; *format == '-' || *format == '0'; format++) {
        if (*format == '-')
            field->left = true;
        else
            field->pad = '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        field->width = field->width * 10 + (size_t)(*format - '0');
    field->large = *format == 'l';
    return format + field->large;
}

size_t text_format_list(char *out, size_t out_bytes, const char *format, va_list arguments)
{
    struct text text = {out, out_bytes, 0};
    struct text_field field;
    va_list list;

    va_copy(list, arguments);
    while (*format) {
        const char *start = format;

        while (*format && *format != '%')
            format++;
        text_put(&text, start, (size_t)(format - start));
        if (*format == '\0')
            break;
        format = text_read_field(format + 1, &field);
        if (*format)
            text_convert(&text, *format++, &field, &list);
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
