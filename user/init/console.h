/* The console: by the console driver once it has the UART, by the firmware's before and without it.
 *
 *  C1  in run mode a frame leaves in one call: no line of another server falls into it;
 *  C2  input is taken only when somebody wants it: the rest waits in the driver and the UART.
 *
 * Interactive mode edits lines (console_line.h) and writes CR NL for NL; run mode moves bytes as
 * they are, in frames (console_frame.h).  All text passes through the message buffer: whoever holds
 * a message's payload there takes it out before anything is printed. */
#ifndef INIT_CONSOLE_H
#define INIT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Run mode with a nonce, interactive mode with an empty one.  Before the call: plain text. */
void console_init(const char *nonce);
bool console_is_run_mode(void);

/* From now on bytes go through the driver, which has the UART. */
void console_use_driver(void);
bool console_has_driver(void);

/* Waits until all output is on the line; before the power goes off. */
void console_flush(void);

/* Text of our own: log lines. */
void console_write_text(const char *text, size_t bytes);

/* Bytes of a program, at most FL_PROTOCOL_BYTES, for its fd 1 or 2. */
void console_write_program(unsigned fd, const char *bytes, size_t count);

/* Run mode: how the program ended (as in <sys/wait.h>), or why the run failed.  Interactive mode:
 * nothing. */
void console_report_status(uint32_t status);
void console_report_failure(const char *reason);

enum console_input { CONSOLE_NOTHING, CONSOLE_BYTES, CONSOLE_END_OF_FILE };

/* Takes what there is of input, at most `wanted` (> 0) bytes; does not wait.  After CONSOLE_NOTHING
 * the driver signals EVENT_CONSOLE when there is more; without a driver nobody does. */
enum console_input console_read(char *out, size_t wanted, size_t *count);

/* How often input was lost since the last question: the UART overran, or a byte came damaged. */
uint64_t console_take_losses(void);

#endif
