/* The console, by the kernel's debug console.
 *
 *  C1  in run mode a frame leaves in one kernel call: no line of another server falls into it;
 *  C2  input is read only when somebody wants it: the rest waits in the UART.
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

/* Text of our own: log lines. */
void console_write_text(const char *text, size_t bytes);

/* Bytes of a program, at most FL_PROTOCOL_BYTES, for its fd 1 or 2. */
void console_write_program(unsigned fd, const char *bytes, size_t count);

/* Run mode: how the program ended (as in <sys/wait.h>), or why the run failed.  Interactive mode:
 * nothing. */
void console_report_status(uint32_t status);
void console_report_failure(const char *reason);

enum console_input { CONSOLE_NOTHING, CONSOLE_BYTES, CONSOLE_END_OF_FILE };

/* Takes what there is of input, at most `wanted` (> 0) bytes; does not wait. */
enum console_input console_read(char *out, size_t wanted, size_t *count);

#endif
