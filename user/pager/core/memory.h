/* The memory calls beside mmap, munmap, mprotect and brk (vm.h): values as in memory_values.h, errors
 * as Linux gives them.
 *
 *   advise.c   madvise           wire.c    mlock, munlock, mlockall, munlockall
 *   resident.c mincore, msync    remap.c   mremap
 *   limit.c    getrlimit, setrlimit
 *
 * A refused call changed nothing, with one exception: madvise over a hole follows the advice where
 * something is mapped, and then says ENOMEM. */
#ifndef PAGER_MEMORY_H
#define PAGER_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "limit.h"

struct vm;
struct space;
struct entry;

/* 0; EINVAL (alignment, advice, a wrapping range; to drop what is wired; MADV_FREE of what is not
 * private and anonymous); ENOMEM (a hole, or no memory); of MADV_UNMERGEABLE also EAGAIN (no frames) and
 * EINPROGRESS (wait.h). */
int vm_advise(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
              uint64_t advice);

/* True if the page costs no disk and no clearing when it is touched: it is in memory, or on its way. */
bool vm_is_resident(const struct entry *entry, uint64_t address);

/* Writes a byte for each page to `vector` in the space: 1 for a resident page.  At most
 * VM_RESIDENT_PAGES a call; *pages: how many of them are done.  0; EINVAL; ENOMEM (a hole); EFAULT
 * (the vector, also when it has no frame); EINPROGRESS (wait.h): a page of it is on its way. */
#define VM_RESIDENT_PAGES 4096u
int vm_resident(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
                uint64_t vector, uint64_t *pages);

/* Nothing is written anywhere yet: checks.  0; EINVAL (also MS_SYNC of a device); ENOMEM (a hole); EBUSY
 * (MS_INVALIDATE of what is wired). */
int vm_sync(const struct space *space, uint64_t address, uint64_t bytes, uint64_t flags);

/* Makes the range resident and keeps it so.  0; EINVAL (flags); EPERM (the limit is 0); ENOMEM (a
 * hole, what may not be accessed, above the limit, no memory to split); EAGAIN (no frames). */
int vm_wire(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes, uint64_t flags);

/* 0; EINVAL (wraps); ENOMEM (a hole, or no memory to split). */
int vm_unwire(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes);

/* flags: MCL_*.  0; EINVAL; EPERM; ENOMEM (above the limit); EAGAIN (no frames). */
int vm_wire_all(struct vm *vm, struct space *space, uint64_t flags);
void vm_unwire_all(struct vm *vm, struct space *space);

struct vm_remap_request {
    uint64_t address;
    uint64_t old_bytes;
    uint64_t bytes;
    uint64_t flags; /* MREMAP_* */
    uint64_t to;    /* with MREMAP_FIXED */
};

/* 0 and *address; EINVAL; EFAULT (not one mapping, or growth of a device); ENOMEM; EAGAIN (above the limit of wired
 * memory). */
int vm_remap(struct vm *vm, struct space *space, const struct vm_remap_request *request,
             uint64_t *address);

/* *old: the limit as it was; then sets it to *limit, unless that is NULL.  resource: RLIMIT_*.  0;
 * EINVAL; EPERM (raises the hard limit); ENOMEM (the stack cannot grow). */
int vm_limit(struct vm *vm, struct space *space, uint64_t resource, const struct limit *limit,
             struct limit *old);

#endif
