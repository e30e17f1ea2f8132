/* What lies between the machine and the pager's core: a space's tables, the core's port over mm/, page
 * tables from frames that the core lends, and replies that map all or nothing; as kernel/ and
 * user/pager do it on the target.
 *
 *  K1  a page that is free, held or metadata in the core is mapped by no space, a busy or stray one
 *      neither; a page that is lent is a page table, spare or not, or a space's object;
 *  K2  what is mapped writable is a page of an object (or a buffer), or a device's.
 * RAM is two ranges with other frames between them; the core's window shows one behind the other. */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "sim_machine.h"
#include "vm.h"

#define SIM_SLOT_RAM    9u /* two ranges: 9 and 10 */
#define SIM_SLOT_INITRD 8u
#define SIM_SLOT_ZERO   17u
#define SIM_SLOT_DEVICE 18u
#define SIM_SLOTS       5u
#define SIM_FILES       4u
#define SIM_OUTSIDE     3u /* the first pages of RAM are not the pager's */

struct sim_kernel_config {
    struct sim_machine_config machine; /* frames: of RAM */
    bool fork_clones;
    bool strict;           /* commit */
    uint32_t spare_tables; /* that are left to the pool; 0: as many as on the target */
    /* Files of the initrd; those that are aligned are mapped where they lie. */
    uint32_t files;
    struct sim_kernel_file {
        const char *name;
        const void *data;
        uint64_t bytes;
        bool aligned;
    } file[SIM_FILES];
};

/* Memory that a slot of the pager names. */
struct sim_slot {
    uint32_t slot;
    frame_t first;
    uint64_t pages;
    uint32_t rights; /* FL_RIGHT_*, as of a Memory capability */
};

struct sim_kernel {
    struct vm vm;
    struct vspace space[VM_SPACES_MAX];  /* of the core's space with the same id */
    uint32_t object_page[VM_SPACES_MAX]; /* lent for the space's VSpace */
    struct table_pool pool;
    uint32_t spare_tables;
    uint32_t free_pages;     /* after the start */
    uint64_t map_refusals;   /* the next so many maps by the port fail (fault injection) */
    uint64_t reply_refusals; /* ... replies are refused with NO_TABLE */
    const char *broken;      /* the first rule that the core broke, or NULL */
    struct sim_slot slot[SIM_SLOTS];
    uint8_t *window;
    uint8_t *archive; /* in the machine's memory */
    struct cpio_file file_table[SIM_FILES + 1];
    struct cpio_index files;
    struct fl_boot_device device;
};

/* Starts the machine too, whatever became of the one before.  There is nothing to end. */
void sim_kernel_start(struct sim_kernel *kernel, const struct sim_kernel_config *config);

/* Tables for a new space of the core.  False: no frame for them. */
bool sim_kernel_attach(struct sim_kernel *kernel, const struct space *space);

/* A new space with tables / one that shows what `parent` shows; NULL: no memory, and nothing changed. */
struct space *sim_kernel_create(struct sim_kernel *kernel, uint64_t pid);
struct space *sim_kernel_fork(struct sim_kernel *kernel, struct space *parent, uint64_t pid);

/* Gives a space its message buffer at FL_BUFFER.  False: no memory. */
bool sim_kernel_give_buffer(struct sim_kernel *kernel, struct space *space);

/* The tables go, after all harts have left; then the core's space is destroyed, and tables that are not
 * needed any more come back. */
void sim_kernel_destroy(struct sim_kernel *kernel, struct space *space);

/* A fault's message at the pager: asks for tables when few are left, then lets the core decide. */
enum vm_verdict sim_kernel_fault(struct sim_kernel *kernel, struct space *space,
                                 const struct vm_fault *fault, struct vm_answer *answer);

/* A reply to a fault: maps all that the answer says, or nothing; for want of a table repeated as the pager
 * does.  FL_OK: mapped.  FL_MORE: nothing is mapped, and the program shall fault again, since memory is
 * on its way back.  Else why it was refused for good: the program is stopped. */
enum fl_error sim_kernel_reply(struct sim_kernel *kernel, struct space *space,
                               const struct vm_answer *answer);

/* Spare tables beyond those that shall be left become free pages again, or as many are lent. */
void sim_kernel_settle(struct sim_kernel *kernel);

/* Lends so many frames to the pool as are to be spare.  False: there was not one. */
bool sim_kernel_refill(struct sim_kernel *kernel);

/* The frame of a page of the core. */
frame_t sim_kernel_frame_of(const struct sim_kernel *kernel, uint32_t page);

/* The core's page that a frame is, or PAGE_NONE: initrd, device, or neither. */
uint32_t sim_kernel_page_of(const struct sim_kernel *kernel, frame_t frame);

/* NULL, or what is broken: vm_check, sim_machine_check, K1, K2. */
const char *sim_kernel_check(const struct sim_kernel *kernel);

/* The same without vm_check and the walk of all tables: what a step may cost. */
const char *sim_kernel_check_fast(const struct sim_kernel *kernel);

#endif
