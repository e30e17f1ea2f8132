/* Splits a command line into words. */
#ifndef SH_WORDS_H
#define SH_WORDS_H

#include <stdbool.h>

#define SH_WORDS_MAX  64
#define SH_LINE_BYTES 1024 /* of a line with its final NUL */

struct words {
    char *word[SH_WORDS_MAX + 1]; /* NULL behind the last; they lie in `text` */
    int count;
    bool background; /* the line ended with & */
    char text[SH_LINE_BYTES];
};

/* Splits a line shorter than SH_LINE_BYTES.  '...' keeps everything, "..." keeps all but \" and \\,
 * a backslash keeps the next character, # at the start of a word begins a comment, & ends the
 * command; | < > ; without quotes are refused.  Returns: NULL, or what is wrong with the line. */
const char *words_split(const char *line, struct words *words);

#endif
