/* What the log says of a program that the pager stopped. */
#ifndef INIT_EVENT_TEXT_H
#define INIT_EVENT_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* An answer of PAGER_NEXT_EVENT. */
struct pager_event {
    uint64_t space;
    uint64_t signal;
    uint64_t address;
    uint64_t pc;
    uint64_t access; /* FL_ACCESS_*, or the RISC-V cause of PAGER_EVENT_EXCEPTION */
    uint64_t kind;   /* enum pager_event_kind */
};

/* Writes one line without its end, such as `write to 0x0 (not mapped) at pc 0x10234`, to `out`.
 * Returns its length. */
size_t event_text(const struct pager_event *event, char *out, size_t out_bytes);

#endif
