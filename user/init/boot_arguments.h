/* The words of the kernel command line that the root task understands:
 *
 *   nonce=HEX   run mode: 1 to 64 hexadecimal digits that mark the frames on the console
 *   tour=no     interactive mode starts at the prompt
 *   tour=only   interactive mode powers off after the tour
 *   overcommit=strict|heuristic   how the pager promises memory; checked here, read there
 *
 * Other words are for other servers and pass unread. */
#ifndef INIT_BOOT_ARGUMENTS_H
#define INIT_BOOT_ARGUMENTS_H

#include <stdbool.h>

#define BOOT_NONCE_BYTES 64u

enum boot_tour { BOOT_TOUR_FIRST, BOOT_TOUR_SKIPPED, BOOT_TOUR_ONLY };

struct boot_arguments {
    char nonce[BOOT_NONCE_BYTES + 1]; /* empty: interactive mode */
    enum boot_tour tour;
    const char *refused; /* in the text: first word whose value makes no sense, or NULL */
};

/* Parses `text`, words separated by spaces; a later word overrides an earlier one. */
void boot_arguments_parse(const char *text, struct boot_arguments *out);

#endif
