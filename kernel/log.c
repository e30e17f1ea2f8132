/* Kernel messages.  Owns nothing; every character goes straight to the console. */
#include "log.h"

#include "arch.h"

static void put_string(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            arch_console_put('\r');
        arch_console_put(*text);
    }
}

static void put_number(uint64_t value, unsigned base, unsigned least_digits)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0 || n < least_digits);
    while (n > 0)
        arch_console_put(digits[--n]);
}

static void put_signed(int value)
{
    if (value < 0)
        arch_console_put('-');
    put_number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, 1);
}

/* One conversion that starts behind the '%'; returns the position behind it. */
static const char *put_conversion(const char *format, va_list *arguments)
{
    switch (*format) {
    case 's':
        put_string(va_arg(*arguments, const char *));
        break;
    case 'c':
        arch_console_put((char)va_arg(*arguments, int));
        break;
    case 'd':
        put_signed(va_arg(*arguments, int));
        break;
    case 'u':
        put_number(va_arg(*arguments, unsigned), 10, 1);
        break;
    case 'x':
        put_number(va_arg(*arguments, unsigned), 16, 1);
        break;
    case 'l':
        format++;
        if (*format == 'x')
            put_number(va_arg(*arguments, unsigned long), 16, 16);
        else
            put_number(va_arg(*arguments, unsigned long), 10, 1);
        break;
    default:
        arch_console_put(*format);
        break;
    }
    return format + 1;
}

void log_write_list(const char *format, va_list arguments)
{
    va_list rest;

    va_copy(rest, arguments);
    while (*format != '\0') {
        char text[2] = {*format++, '\0'};

        if (text[0] == '%' && *format != '\0')
            format = put_conversion(format, &rest);
        else
            put_string(text);
    }
    va_end(rest);
}

void log_write(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write_list(format, arguments);
    va_end(arguments);
}

void log_write_line(const char *format, ...)
{
    va_list arguments;

    put_string("faultline: ");
    va_start(arguments, format);
    log_write_list(format, arguments);
    va_end(arguments);
    put_string("\n");
}
