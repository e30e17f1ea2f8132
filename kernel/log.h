/* The kernel's few words: a small printf to the firmware's console. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

/* Knows %s %c %d %u %x %lu %lx %%; %lx is zero-padded to 16 digits. */
__attribute__((format(printf, 1, 2))) void log_write(const char *format, ...);
/* A whole line, behind the system's name. */
__attribute__((format(printf, 1, 2))) void log_write_line(const char *format, ...);
__attribute__((format(printf, 1, 0))) void log_write_list(const char *format, va_list arguments);

#endif
