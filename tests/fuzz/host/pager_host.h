/* The pager itself on the host, above the kernel itself (kernel_host.h): its loop, its calls and its core, with
 * nothing left out but how it starts.  Its clients are the root task and programs, of which the test says what they do
 * whenever the pager waits.
 *
 *  G1  a Reply holds a thread only while its token has a request, or is that of the message that is answered;
 *      what was started again was answered or parked again;
 *  G2  a thread that waits for an answer is held by a Reply of the pager's: it was not forgotten;
 *  G3  an answer to a page fault that maps something maps the page that was touched first, at an address of
 *      programs, with all rights that the access needs;
 *  G4  the kernel refuses an answer only for want of tables, or because the thread is gone; or because an access that
 *      needs no right at all, which no processor makes, was to be answered with a page that has none;
 *  G5  the pager never gives up. */
#ifndef FAULTLINE_TESTS_PAGER_HOST_H
#define FAULTLINE_TESTS_PAGER_HOST_H

#include "pager_world.h"
#include "vm.h"

struct fl_message;

struct pager_host_client {
    /* The current thread, a client, does one thing.  False: this was all. */
    bool (*step)(void);
    /* The pager is about to answer `asked`: the label of the answer, and its word 0. */
    void (*answered)(struct vm *vm, const struct fl_message *asked, uint32_t label, uint64_t word);
    /* The pager waits for the next message. */
    void (*check)(const struct vm *vm);
};

/* Starts anew, with an initrd that holds `program`, an ELF file, and `text`; or as it was saved. */
void pager_host_boot(void);
void pager_host_save(void);
void pager_host_restore(void);

/* Runs until a step says that it was all, or nobody runs any more. */
void pager_host_run(const struct pager_host_client *client);

#endif
