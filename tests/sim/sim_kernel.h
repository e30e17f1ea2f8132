/* What lies between the machine and the pager's core: a space's tables, the core's port over mm/, page
 * tables from frames that the core lends, and replies that map all or nothing; as kernel/ and
 * user/pager do it on the target.
 *
 *  K1  a page that is free, held or metadata in the core is mapped by no space; a page that is lent is
 *      a page table or spare;
 *  K2  what is mapped writable is a page of an object (or a buffer), or a device's.
 * It owns struct vm; the core's window is the machine's memory. */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "sim_machine.h"
#include "vm.h"

#define SIM_SLOT_RAM    9u /* two ranges: 9 and 10 */
#define SIM_SLOT_INITRD 8u
#define SIM_SLOT_ZERO   17u
#define SIM_SLOT_DEVICE 18u

struct sim_kernel_config {
    struct sim_machine_config machine;
    bool fork_clones;
    bool strict; /* commit */
    /* Files of the initrd; those that are aligned are mapped where they lie. */
    uint32_t files;
    struct {
        const char *name;
        const void *data;
        uint64_t bytes;
        bool aligned;
    } file[4];
};

struct sim_kernel {
    struct vm vm;
    struct vspace space[VM_SPACES_MAX]; /* of the core's space with the same id */
    struct table_pool pool;
    uint32_t tables_lent;
    uint32_t free_pages;     /* after the start */
    uint64_t map_refusals;   /* the next so many maps by the port fail (fault injection) */
    uint64_t reply_refusals; /* ... replies are refused */
    const char *broken;      /* the first rule that the core broke, or NULL */
};

void sim_kernel_start(struct sim_kernel *kernel, const struct sim_kernel_config *config);
void sim_kernel_end(struct sim_kernel *kernel);

/* Tables for a new space of the core.  False: no frame for them. */
bool sim_kernel_attach(struct sim_kernel *kernel, const struct space *space);

/* The tables go, after all harts have left; then the core's space is destroyed. */
void sim_kernel_destroy(struct sim_kernel *kernel, struct space *space);

/* A reply to a fault: maps all that the answer says, or nothing.  FL_OK, or why it was refused; tables are
 * refilled and the reply repeated as the pager does. */
enum fl_error sim_kernel_reply(struct sim_kernel *kernel, const struct space *space,
                               const struct vm_answer *answer);

/* The core's page that an entry of the tables shows, or PAGE_NONE: initrd, zero page, device. */
uint32_t sim_kernel_page_of(const struct sim_kernel *kernel, pte_t entry);

/* NULL, or what is broken: vm_check, sim_machine_check, K1, K2. */
const char *sim_kernel_check(const struct sim_kernel *kernel);

#endif
