/* Canonical input: one line, edited until it is committed, then read.
 *
 *   typed:  printable bytes, tab, UTF-8      appended and echoed
 *           backspace, DEL                   erase the last character
 *           ^U                               erases the line
 *           CR, NL                           append NL and commit
 *           ^D                               commits what is there; nothing is end of file
 *
 *  L1  while a line is committed nothing is fed: later input stays where it comes from;
 *  L2  taken <= length; a committed line is open again when taken == length has been read.
 *
 * Pure: the caller shows the echo. */
#ifndef INIT_CONSOLE_LINE_H
#define INIT_CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_LINE_BYTES 1024u /* the NL included */

struct console_line {
    bool committed;
    uint32_t length;
    uint32_t taken; /* bytes of a committed line that were read */
    char bytes[CONSOLE_LINE_BYTES];
};

/* What the terminal is to show. */
struct console_echo {
    uint32_t erase; /* columns to the left of the cursor */
    char byte;      /* then this one; 0 = none */
};

/* Feeds one byte of input to a line that is not committed.  Returns what to show. */
struct console_echo console_line_feed(struct console_line *line, uint8_t byte);

/* Reads up to `wanted` bytes of a committed line.  Returns their number; 0 is end of file. */
size_t console_line_take(struct console_line *line, char *out, size_t wanted);

#endif
