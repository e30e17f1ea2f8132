/* Words of the boot arguments that are meant for the kernel.  Pure: also built on the host. */
#ifndef KERNEL_BOOT_WORD_H
#define KERNEL_BOOT_WORD_H

#include <stdint.h>

enum boot_word { BOOT_WORD_ABSENT, BOOT_WORD_FOUND, BOOT_WORD_BAD };

/* The value of the last word "NAME=number" among words that blanks separate, decimal and at most
 * `max`, to *value.  name: with its '='.
 * Returns: BOOT_WORD_FOUND; BOOT_WORD_ABSENT; BOOT_WORD_BAD (no number, more than digits, above
 * max).  *value is of use only with the first. */
enum boot_word boot_word_number(const char *arguments, const char *name, uint64_t max,
                                uint64_t *value);

#endif
