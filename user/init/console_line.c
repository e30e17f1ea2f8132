/* Owns nothing: the line discipline, see console_line.h. */
#include "console_line.h"

#include <string.h>

enum {
    KEY_END_OF_FILE = 0x04,
    KEY_BACKSPACE = 0x08,
    KEY_TAB = 0x09,
    KEY_NEWLINE = 0x0a,
    KEY_RETURN = 0x0d,
    KEY_KILL = 0x15,
    KEY_FIRST_PRINTABLE = 0x20,
    KEY_DELETE = 0x7f
};

/* A byte of a UTF-8 character behind the first: it has no column of its own. */
static bool line_is_continuation(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

/* Removes the last character.  Returns its columns. */
static uint32_t line_erase_character(struct console_line *line)
{
    bool more = line->length > 0;
    uint32_t columns = 0;

    while (more) {
        line->length--;
        more = line_is_continuation(line->bytes[line->length]) && line->length > 0;
        columns = 1;
    }
    return columns;
}

static uint32_t line_erase_all(struct console_line *line)
{
    uint32_t columns = 0;

    while (line->length > 0)
        columns += line_erase_character(line);
    return columns;
}

/* Room for the NL is always kept. */
static char line_append(struct console_line *line, char byte)
{
    if (line->length + 1 >= CONSOLE_LINE_BYTES)
        return 0;
    line->bytes[line->length++] = byte;
    return byte;
}

static void line_commit(struct console_line *line)
{
    line->committed = true;
    line->taken = 0;
}

struct console_echo console_line_feed(struct console_line *line, uint8_t byte)
{
    struct console_echo echo = {0, 0};

    switch (byte) {
    case KEY_BACKSPACE:
    case KEY_DELETE:
        echo.erase = line_erase_character(line);
        break;
    case KEY_KILL:
        echo.erase = line_erase_all(line);
        break;
    case KEY_RETURN:
    case KEY_NEWLINE:
        line->bytes[line->length++] = '\n';
        line_commit(line);
        echo.byte = '\n';
        break;
    case KEY_END_OF_FILE:
        line_commit(line);
        break;
    case KEY_TAB: /* one column, so that erasing it is as simple as for the others */
        echo.byte = line_append(line, '\t') ? ' ' : '\0';
        break;
    default:
        if (byte >= KEY_FIRST_PRINTABLE)
            echo.byte = line_append(line, (char)byte);
        break;
    }
    return echo;
}

size_t console_line_take(struct console_line *line, char *out, size_t wanted)
{
    size_t left = line->length - line->taken;
    size_t count = left < wanted ? left : wanted;

    memcpy(out, line->bytes + line->taken, count);
    line->taken += (uint32_t)count;
    if (line->taken == line->length) {
        line->committed = false;
        line->length = 0;
    }
    return count;
}
