/* The pager's lines on the system's console. */
#ifndef PAGER_LOG_H
#define PAGER_LOG_H

/* Writes "pager: ", the text and a newline.  Keeps the message buffer as it was. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As log_line, for what may come without end: LOG_BURST lines at once, then as many as time allows, one in
 * LOG_TICKS.  How many were left out is told before the next one. */
#define LOG_BURST 64u
#define LOG_TICKS 1000000u /* of `time`: a tenth of a second on QEMU's machines */
void log_limited_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As log_line, then ends the system. */
_Noreturn void log_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
