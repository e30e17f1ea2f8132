/* Kernel objects of spaces: the VSpace, and its binding to the program's thread.
 * All return errno values. */
#ifndef PAGER_SPACE_OBJECTS_H
#define PAGER_SPACE_OBJECTS_H

#include "pager.h"

/* A space with a VSpace that has a root table.  0 and *space; ENOMEM. */
int space_objects_create(struct pager *pager, uint64_t pid, struct space **space);

/* A space with a VSpace that shows what `parent` shows, and a message buffer with the same contents.
 * 0 and *space; ENOMEM, and nothing changed. */
int space_objects_fork(struct pager *pager, struct space *parent, uint64_t pid,
                       struct space **space);

/* Binds the TCB that the root task left: fault handler, message buffer at FL_BUFFER; the pager's
 * copy of the capability is gone afterwards.  0; EINVAL (no such TCB, it runs, or was bound);
 * ENOMEM. */
int space_objects_attach(struct pager *pager, struct space *space);

/* Deletes the VSpace, then the space and all its memory.  0; EBUSY (a thread is still bound). */
int space_objects_destroy(struct pager *pager, struct space *space);

#endif
