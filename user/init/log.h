/* Log lines of the root task, and the ends of the system. */
#ifndef INIT_LOG_H
#define INIT_LOG_H

/* Prints one line: "init: ", the text (see text.h), NL.  Overwrites the message buffer. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints one line without the prefix: about a program. */
void log_program(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The system can't go on: prints the line, in run mode as the run's status too, and powers off with
 * a failure. */
_Noreturn void log_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Powers off.  failure = 1 tells the firmware so. */
_Noreturn void log_power_off(unsigned failure);

#endif
