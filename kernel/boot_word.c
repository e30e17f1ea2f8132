/* See boot_word.h. */
#include "boot_word.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What follows `name` at the start of a word, NULL when the word starts otherwise. */
static const char *text_after(const char *word, const char *name)
{
    while (*name != '\0' && *word == *name) {
        word++;
        name++;
    }
    return *name == '\0' ? word : NULL;
}

static enum boot_word read_number(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    const char *start = text;

    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (digit > max || number > (max - digit) / 10)
            return BOOT_WORD_BAD;
        number = number * 10 + digit;
    }
    if (text == start || (*text != '\0' && !is_blank(*text)))
        return BOOT_WORD_BAD;
    *value = number;
    return BOOT_WORD_FOUND;
}

enum boot_word boot_word_number(const char *arguments, const char *name, uint64_t max,
                                uint64_t *value)
{
    enum boot_word found = BOOT_WORD_ABSENT;

    while (*arguments != '\0') {
        const char *text = text_after(arguments, name);

        if (text != NULL)
            found = read_number(text, max, value);
        while (*arguments != '\0' && !is_blank(*arguments))
            arguments++;
        while (is_blank(*arguments))
            arguments++;
    }
    return found;
}
