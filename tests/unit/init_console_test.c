/* sources: user/init/console_line.c user/init/console_frame.c user/common/text.c */
#include <stdio.h>
#include <string.h>

#include "../../user/init/console_frame.h"
#include "../../user/init/console_line.h"
#include "harness.h"

/* Feeds keys until the line is committed.  Returns the number of keys used; *screen shows what a
 * terminal would. */
static size_t feed(struct console_line *line, const char *keys, size_t count, char *screen)
{
    size_t used = 0, column = 0;

    while (used < count && !line->committed) {
        struct console_echo echo = console_line_feed(line, (uint8_t)keys[used++]);

        CHECK(echo.erase <= column);
        column -= echo.erase;
        if (echo.byte)
            screen[column++] = echo.byte;
    }
    screen[column] = '\0';
    return used;
}

static void check_line(const char *keys, const char *expected, const char *shown)
{
    static struct console_line line;
    char screen[64], out[64] = "";

    line = (struct console_line){0};
    CHECK_EQ(feed(&line, keys, strlen(keys), screen), strlen(keys));
    CHECK(line.committed);
    CHECK_STRING(screen, shown);
    CHECK_EQ(console_line_take(&line, out, sizeof out), strlen(expected));
    CHECK_STRING(out, expected);
    CHECK(!line.committed);
}

TEST("return and newline commit a line that ends in a newline")
{
    check_line("hello\r", "hello\n", "hello\n");
    check_line("hello\n", "hello\n", "hello\n");
    check_line("\r", "\n", "\n");
}

TEST("backspace and DEL erase a character, at the start of the line nothing")
{
    check_line("ab\bc\r", "ac\n", "ac\n");
    check_line("ab\177\177\177\177c\r", "c\n", "c\n");
}

TEST("^U erases the line, ^D commits what is there")
{
    check_line("wrong\025right\r", "right\n", "right\n");
    check_line("part\004", "part", "part");
}

TEST("control characters that mean nothing are dropped")
{
    check_line("a\001\033b\tc\r", "ab\tc\n", "ab c\n");
}

TEST("^D on an empty line is end of file, once")
{
    struct console_line line = {0};
    char screen[8], out[8];

    CHECK_EQ(feed(&line, "\004x", 2, screen), 1);
    CHECK(line.committed);
    CHECK_EQ(console_line_take(&line, out, sizeof out), 0);
    CHECK(!line.committed);
    CHECK_EQ(feed(&line, "x\r", 2, screen), 2);
    CHECK_EQ(console_line_take(&line, out, sizeof out), 2);
}

TEST("erasing takes a whole UTF-8 character and one column")
{
    struct console_line line = {0};
    const char *character = "\xe2\x82\xac";

    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(console_line_feed(&line, (uint8_t)character[i]).byte, character[i]);
    CHECK_EQ(console_line_feed(&line, '\b').erase, 1);
    CHECK_EQ(line.length, 0);
    console_line_feed(&line, 0x80); /* a continuation byte without a first one */
    CHECK_EQ(console_line_feed(&line, '\b').erase, 1);
    CHECK_EQ(line.length, 0);
}

TEST("a line is read in pieces and is open again after the last")
{
    struct console_line line = {0};
    char screen[16], out[16] = "";

    feed(&line, "abcdef\r", 7, screen);
    CHECK_EQ(console_line_take(&line, out, 3), 3);
    CHECK(line.committed);
    CHECK_EQ(console_line_take(&line, out + 3, 3), 3);
    CHECK(line.committed);
    CHECK_EQ(console_line_take(&line, out + 6, 3), 1);
    CHECK(!line.committed);
    CHECK_STRING(out, "abcdef\n");
}

TEST("a full line takes no more characters but still its newline")
{
    static struct console_line line;
    static char out[CONSOLE_LINE_BYTES + 1];

    line = (struct console_line){0};
    for (unsigned i = 0; i < 2 * CONSOLE_LINE_BYTES; i++)
        CHECK_EQ(console_line_feed(&line, 'x').byte, i < CONSOLE_LINE_BYTES - 1 ? 'x' : 0);
    console_line_feed(&line, '\r');
    CHECK_EQ(console_line_take(&line, out, sizeof out), CONSOLE_LINE_BYTES);
    CHECK_EQ(out[CONSOLE_LINE_BYTES - 1], '\n');
}

TEST("a data frame's header is mark, nonce, fd, length, newline, and the longest one fits")
{
    char out[CONSOLE_HEADER_BYTES], nonce[65];

    CHECK_EQ(console_frame_header(out, "c0ffee", 2, 768), strlen("\x1e"
                                                                 "c0ffee 2 768\n"));
    CHECK_STRING(out, "\x1e"
                      "c0ffee 2 768\n");
    memset(nonce, 'f', 64);
    nonce[64] = '\0';
    CHECK(console_frame_header(out, nonce, 2, UINT64_MAX) < CONSOLE_HEADER_BYTES - 1);
    CHECK_EQ(out[strlen(out) - 1], '\n');
}

TEST("a status frame tells exit codes, signals and failures apart")
{
    char out[CONSOLE_STATUS_BYTES];

    console_frame_status(out, "ab", 0);
    CHECK_STRING(out, "\x1e"
                      "ab X exit 0\n");
    console_frame_status(out, "ab", 255 << 8);
    CHECK_STRING(out, "\x1e"
                      "ab X exit 255\n");
    console_frame_status(out, "ab", 11);
    CHECK_STRING(out, "\x1e"
                      "ab X signal 11\n");
    console_frame_failed(out, "ab",
                         "no\nsuch\x1e"
                         "file");
    CHECK_STRING(out, "\x1e"
                      "ab X failed no?such?file\n");
}

TEST("a failure's text of any length gives one line that fits")
{
    char out[CONSOLE_STATUS_BYTES], reason[2 * CONSOLE_STATUS_BYTES];

    for (size_t length = 0; length < sizeof reason; length++) {
        size_t bytes;

        memset(reason, 'r', length);
        reason[length] = '\0';
        bytes = console_frame_failed(out, "ab", reason);
        CHECK(bytes < CONSOLE_STATUS_BYTES);
        CHECK_EQ(strlen(out), bytes);
        CHECK(strchr(out, '\n') == out + bytes - 1);
    }
}

/* The model: the encoder that a host would use. */
static size_t escape(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        to[used++] = from[i];
        if (from[i] == 0x10)
            to[used++] = 'd';
    }
    to[used++] = 0x10;
    to[used++] = 'e';
    return used;
}

TEST("escaped input gives back every byte, then end of file for good")
{
    uint8_t plain[512], wire[1100];
    struct console_escape state = {0};
    size_t count, read = 0;

    for (unsigned i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i < 256 ? i : 0x10);
    count = escape(plain, sizeof plain, wire);
    for (size_t i = 0; i < count; i++) {
        char byte;

        CHECK(!state.ended);
        if (console_escape_feed(&state, wire[i], &byte))
            CHECK_EQ((uint8_t)byte, plain[read++]);
    }
    CHECK_EQ(read, sizeof plain);
    CHECK(state.ended);
    for (unsigned i = 0; i < 256; i++) {
        char byte;

        CHECK(!console_escape_feed(&state, (uint8_t)i, &byte));
    }
}

TEST("an escape that means nothing is dropped whole")
{
    struct console_escape state = {0};
    char byte;

    CHECK(!console_escape_feed(&state, 0x10, &byte));
    CHECK(!console_escape_feed(&state, 'z', &byte));
    CHECK(!state.ended);
    CHECK(console_escape_feed(&state, 'z', &byte));
    CHECK_EQ(byte, 'z');
}
