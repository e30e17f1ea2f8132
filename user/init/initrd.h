/* The initrd as the root task sees it: mapped read-only for good, and its table of files.
 *
 * The pager has its own view; the root task reads only what it needs before and beside it. */
#ifndef INIT_INITRD_H
#define INIT_INITRD_H

#include <stdint.h>

#include "abi.h"
#include "cpio.h"

/* Page tables of our own space that mapping an initrd of this size may take. */
uint64_t initrd_tables(const struct fl_boot_info *info);

/* Maps and indexes the initrd.  Ends the system, with the byte that is wrong, when there is none or
 * it is no archive. */
void initrd_open(const struct fl_boot_info *info);

/* A file by its name; NULL if there is none. */
const struct cpio_file *initrd_find(const char *name);
const char *initrd_contents(const struct cpio_file *file);
uint32_t initrd_files(void);

#endif
