/* The calls of the pager's protocol that the root task makes: one function each.
 *
 * Each returns an errno value of the pager, 0 = done.  A call that the kernel refuses, or an answer
 * that is none, ends the system.  All of them overwrite the message buffer. */
#ifndef INIT_PAGER_CLIENT_H
#define INIT_PAGER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "event_text.h"
#include "fl_calls.h"
#include "protocol.h"

/* Frames of RAM, for kernel objects. */
struct pager_frames {
    uint64_t range; /* FL_BOOT_RAM + range is the capability */
    uint64_t page;
    uint64_t pages;
};

#define PAGER_REASON_BYTES 96u

/* What SPACE_LOAD found. */
struct pager_program {
    uint64_t entry;
    uint64_t stack_end;
    char reason[PAGER_REASON_BYTES]; /* of ENOEXEC, in words; else empty */
};

/* *space names the space from now on: generation << 32 | index.  The thread's TCB belongs in
 * *tcb_slot of the pager's CSpace. */
int pager_create_space(uint32_t pid, uint32_t parent, uint64_t *space, uint64_t *tcb_slot);
int pager_fork_space(uint64_t parent, uint32_t pid, uint64_t *space, uint64_t *tcb_slot);
int pager_attach_space(uint64_t space);
int pager_load_program(uint64_t space, const char *name, struct pager_program *program);
int pager_write_space(uint64_t space, uint64_t address, const void *bytes, size_t count);
int pager_destroy_space(uint64_t space, struct posix_usage *usage); /* all but its time */
int pager_next_event(struct pager_event *event);                    /* EAGAIN: none */
int pager_take_frames(uint64_t pages, struct pager_frames *frames);
int pager_give_frames(const struct pager_frames *frames);
int pager_read_statistic(uint64_t which, uint64_t *value);

/* For the watch, which wants to see whether answers come, to PAGER_PROBE_CALLS calls: the requests of the pager that disks
 * have, and the programs that load control keeps waiting. */
#define PAGER_PROBE_CALLS 2u
uint64_t pager_probe(void);

#endif
