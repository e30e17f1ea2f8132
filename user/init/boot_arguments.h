/* The words of the kernel command line that the root task understands:
 *
 *   nonce=HEX   run mode: 1 to 64 hexadecimal digits that mark the frames on the console
 *   tour=no     interactive mode starts at the prompt
 *   tour=only   interactive mode powers off after the tour
 *   mem=SIZE    most memory that the pager is given, in bytes or with K, M or G; the rest stays unused
 *   overcommit=strict|heuristic   how the pager promises memory; checked here, read there
 *   fork=fault|clone   who fills a child's page tables; the same
 *   events=0|1   whether the pager prints a line for each fault; the same
 *   clock=work|time   what limits of time mean: counted work leaves disks without one, and the watch at rest
 *   disk-limit=MS   milliseconds, 1 to 3600000, until a silent disk is reset (10000)
 *   device=NAME   programs may open the devices of this name, the first string of `compatible` in the
 *                 device tree; may be repeated, up to BOOT_DEVICES_MAX times
 *
 * Other words are for other servers, or nobody's, and pass unread, such as vm.NAME=VALUE, a setting of the pager's. */
#ifndef INIT_BOOT_ARGUMENTS_H
#define INIT_BOOT_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_NONCE_BYTES 64u
#define BOOT_DEVICES_MAX 32u

enum boot_tour { BOOT_TOUR_FIRST, BOOT_TOUR_SKIPPED, BOOT_TOUR_ONLY };

/* A part of the text; no NUL behind it. */
struct boot_word {
    const char *text;
    size_t bytes;
};

struct boot_arguments {
    char nonce[BOOT_NONCE_BYTES + 1]; /* empty: interactive mode */
    enum boot_tour tour;
    bool counts_work;       /* clock=work */
    uint32_t disk_limit_ms; /* counts with clock=time */
    uint64_t memory_bytes;  /* 0: all */
    unsigned device_count;
    struct boot_word device[BOOT_DEVICES_MAX];
    const char *refused; /* in the text: first word whose value makes no sense, or NULL */
};

/* Parses `text`, words separated by spaces; a later word overrides an earlier one. */
void boot_arguments_parse(const char *text, struct boot_arguments *out);

#endif
