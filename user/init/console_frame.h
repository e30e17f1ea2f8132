/* Run mode on the console: how a host tells the program's bytes from everything else.
 *
 *   guest to host   0x1e NONCE ' ' FD ' ' BYTES '\n', then exactly so many bytes
 *                   0x1e NONCE ' ' 'X' ' ' (`exit N` | `signal N` | `failed TEXT`) '\n'
 *   host to guest   bytes; 0x10 'd' is a byte 0x10, 0x10 'e' is end of file
 *
 * Pure: builds and decodes text; console.c moves it. */
#ifndef INIT_CONSOLE_FRAME_H
#define INIT_CONSOLE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_FRAME_MARK   0x1e
#define CONSOLE_ESCAPE       0x10
#define CONSOLE_HEADER_BYTES 96u  /* most of a data frame's header, with a NUL */
#define CONSOLE_STATUS_BYTES 224u /* most of a status frame, with a NUL */

/* State of the input's decoder; all zero at first. */
struct console_escape {
    bool pending; /* the last byte was 0x10 */
    bool ended;   /* end of file was read: later bytes are nobody's */
};

/* Writes the header of a data frame to `out` (CONSOLE_HEADER_BYTES).  Returns its length. */
size_t console_frame_header(char *out, const char *nonce, unsigned fd, size_t bytes);

/* Writes the status frame of a program that ended to `out` (CONSOLE_STATUS_BYTES); `status` is
 * encoded as in <sys/wait.h>.  Returns its length. */
size_t console_frame_status(char *out, const char *nonce, uint32_t status);

/* As console_frame_status, for a program that could not be started or finished.  What can't stand
 * in a line of text is replaced by '?'. */
size_t console_frame_failed(char *out, const char *nonce, const char *reason);

/* Decodes one byte of input.  Returns: true when *out holds a byte for the program. */
bool console_escape_feed(struct console_escape *escape, uint8_t byte, char *out);

#endif
