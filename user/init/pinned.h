/* Starts pinned servers: loaded whole from the initrd, so that they never fault; if one does all
 * the same, the system stops with the kernel's report.
 *
 * What fails here ends the system: log_stop names the server, what was wanted and what there is. */
#ifndef INIT_PINNED_H
#define INIT_PINNED_H

#include "elf.h"
#include "frames.h"

/* A server, by the slots of its objects. */
struct pinned {
    const char *name; /* of its file in the initrd */
    uint64_t tcb;
    uint64_t vspace;
    uint64_t cnode;
    uint64_t stack_pages; /* they end at FL_BOOT_STACK */
};

/* Pages of the image, of stack and message buffer. */
uint64_t pinned_pages(const struct pinned *server, const struct elf_image *image);

/* Gives the space its root table, from the TablePool in `pool`, and maps image, stack and message
 * buffer into it.  `file` holds the ELF file. */
void pinned_load(const struct pinned *server, uint64_t pool, const struct elf_image *image,
                 const char *file);

/* Copies one of our capabilities into its CSpace; `what` names it in the report of a failure. */
void pinned_give(const struct pinned *server, uint64_t to, uint64_t from, uint32_t rights,
                 uint64_t badge, const char *what);

/* Moves one; a Reply has one holder. */
void pinned_hand_over(const struct pinned *server, uint64_t to, uint64_t from, const char *what);

/* Gives a thread, the server's own or a further one, its space and CSpace. */
void pinned_prepare(const struct pinned *server, uint64_t tcb, uint64_t priority);

/* Runs its thread. */
void pinned_run(const struct pinned *server, uint64_t entry, uint64_t priority);

#endif
