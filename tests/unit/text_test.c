/* sources: user/common/text.c */
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

TEST("numbers and strings come out as printf writes them")
{
    static const long values[] = {0, 1, -1, 9, 10, 4095, INT64_MAX, INT64_MIN};

    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        char ours[128], theirs[128];
        int length;

        length = snprintf(theirs, sizeof theirs, "<%ld %lu %lx %d %u %x %s %c %%>", values[i],
                          (unsigned long)values[i], (unsigned long)values[i], (int)values[i],
                          (unsigned)values[i], (unsigned)values[i], "text", 'c');
        CHECK_EQ(text_format(ours, sizeof ours, "<%ld %lu %lx %d %u %x %s %c %%>", values[i],
                             (unsigned long)values[i], (unsigned long)values[i], (int)values[i],
                             (unsigned)values[i], (unsigned)values[i], "text", 'c'),
                 length);
        CHECK_STRING(ours, theirs);
    }
}

TEST("widths pad as printf's do: blanks before, blanks behind, zeros")
{
    static const long values[] = {0, 1, -1, 4095, 123456789, INT64_MAX, INT64_MIN};

    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        char ours[200], theirs[200];
        unsigned long bits = (unsigned long)values[i];
        int length;

        length = snprintf(theirs, sizeof theirs, "<%08lx|%5lu|%-12lu|%3d|%02x|%-8s|%8s|%-3c|%10ld>",
                          bits, bits, bits, (int)values[i], (unsigned)values[i], "ab", "cd", 'e',
                          values[i]);
        CHECK_EQ(text_format(ours, sizeof ours, "<%08lx|%5lu|%-12lu|%3d|%02x|%-8s|%8s|%-3c|%10ld>",
                             bits, bits, bits, (int)values[i], (unsigned)values[i], "ab", "cd", 'e',
                             values[i]),
                 length);
        CHECK_STRING(ours, theirs);
    }
}

TEST("text that does not fit is cut and NUL-terminated")
{
    for (size_t room = 1; room <= 12; room++) {
        char out[16];
        size_t expected = room - 1 < 9 ? room - 1 : 9;

        memset(out, '#', sizeof out);
        CHECK_EQ(text_format(out, room, "%s%u", "abcde", 1234u), expected);
        CHECK(memcmp(out, "abcde1234", expected) == 0);
        CHECK_EQ(out[expected], '\0');
        CHECK_EQ(out[expected + 1], '#');
    }
}
