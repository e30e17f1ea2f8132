/* Owns the syntax of the shell's lines. */
#include "words.h"

#include <stddef.h>
#include <string.h>

#define WORDS_BLANKS " \t\r\n"

struct cursor {
    const char *from;
    char *to;
};

static bool words_end_here(char c)
{
    return c == '\0' || c == '&' || strchr(WORDS_BLANKS, c);
}

/* Copies up to the closing quote.  Returns: NULL or what is wrong. */
static const char *words_copy_quoted(struct cursor *cursor, char quote)
{
    while (*cursor->from && *cursor->from != quote) {
        if (quote == '"' && *cursor->from == '\\' &&
            (cursor->from[1] == '"' || cursor->from[1] == '\\'))
            cursor->from++;
        *cursor->to++ = *cursor->from++;
    }
    if (!*cursor->from)
        return quote == '"' ? "a \" is not closed" : "a ' is not closed";
    cursor->from++;
    return NULL;
}

/* Copies a letter that no quote hides.  What other shells take for more than a letter is refused: as an argument it would
 * do something else than was meant.  Returns: NULL or what is wrong. */
static const char *words_copy_plain(struct cursor *cursor, char c)
{
    switch (c) {
    case '|':
        return "there are no pipes (a | that is meant takes quotes)";
    case '<':
    case '>':
        return "there is no redirection (a < or > that is meant takes quotes)";
    case ';':
        return "a line is one command (a ; that is meant takes quotes)";
    default:
        *cursor->to++ = c;
        return NULL;
    }
}

/* Copies one word and its NUL.  Returns: NULL or what is wrong. */
static const char *words_copy_word(struct cursor *cursor)
{
    const char *wrong = NULL;

    while (!wrong && !words_end_here(*cursor->from)) {
        char c = *cursor->from++;

        if (c == '\'' || c == '"')
            wrong = words_copy_quoted(cursor, c);
        else if (c != '\\')
            wrong = words_copy_plain(cursor, c);
        else if (*cursor->from)
            *cursor->to++ = *cursor->from++;
        else
            wrong = "nothing follows the backslash";
    }
    *cursor->to++ = '\0';
    return wrong;
}

/* What follows an &: nothing, or a comment. */
static const char *words_check_end(const char *rest)
{
    rest += strspn(rest, WORDS_BLANKS);
    return *rest && *rest != '#' ? "& must stand at the end" : NULL;
}

const char *words_split(const char *line, struct words *words)
{
    struct cursor cursor = {line, words->text};
    const char *wrong = NULL;

    words->count = 0;
    words->background = false;
    while (!wrong && !words->background) {
        cursor.from += strspn(cursor.from, WORDS_BLANKS);
        if (*cursor.from == '\0' || *cursor.from == '#')
            break;
        if (*cursor.from == '&') {
            words->background = true;
            wrong = words->count ? words_check_end(cursor.from + 1) : "no command stands before &";
        } else if (words->count == SH_WORDS_MAX) {
            wrong = "too many words";
        } else {
            words->word[words->count++] = cursor.to;
            wrong = words_copy_word(&cursor);
        }
    }
    words->word[words->count] = NULL;
    return wrong;
}
