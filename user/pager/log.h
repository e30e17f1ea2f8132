/* The pager's lines on the system's console. */
#ifndef PAGER_LOG_H
#define PAGER_LOG_H

/* Writes "pager: ", the text and a newline.  Keeps the message buffer as it was. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As log_line, then ends the system. */
_Noreturn void log_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
