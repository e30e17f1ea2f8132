/* The pager's lines on the system's console. */
#ifndef PAGER_LOG_H
#define PAGER_LOG_H

#include <stdint.h>

/* Writes "pager: ", the text and a newline.  Keeps the message buffer as it was. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines of one kind that may come without end: `burst` of them at once, then as many as time allows, one in
 * LOG_TICKS.  How many were left out is told before the next one. */
#define LOG_TICKS 1000000u /* of `time`: a tenth of a second on QEMU's machines */
struct log_limit {
    uint32_t burst;
    uint32_t spent; /* of the burst; as of ... */
    uint64_t since;
    uint32_t left_out;
};

/* As log_line, if the limit leaves it. */
void log_limited_line(struct log_limit *limit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As log_line, then ends the system. */
_Noreturn void log_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
