/* Open files: descriptions, and the table of handles that each space has.
 *
 * A description is what open() makes: a file, where the next read or write begins, and what may be
 * done.  fork shares it, so that the offset is one for parent and child; it goes with its last
 * handle.
 *
 *  D1  references = handles of all spaces that name the description; none is kept at 0;
 *  D2  a description holds one reference to its file object;
 *  D3  vm->descriptions.used is the number of descriptions that handles name. */
#ifndef PAGER_HANDLE_H
#define PAGER_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;
struct object;

#define HANDLES_MAX 32u /* of a space */

struct description {
    struct object *file;
    uint64_t offset;     /* bytes; at most INT64_MAX */
    uint32_t mode;       /* st_mode */
    uint32_t references; /* handles */
    bool readable;
    bool writable;
    bool append;
};

/* Makes a description with nothing in it but one reference; its lowest free number is *handle.  The
 * caller gives it a file, or closes the handle.  0; EMFILE; ENOMEM. */
int handle_open(struct vm *vm, struct space *space, uint32_t *handle);

/* What a handle names, or NULL: it is not open. */
struct description *handle_find(const struct space *space, uint64_t handle);

/* Closes an open handle. */
void handle_close(struct vm *vm, struct space *space, uint32_t handle);
void handle_close_all(struct vm *vm, struct space *space);

/* Gives a fork's child, which has no handles, those of its parent.  Cannot fail. */
void handle_inherit(struct space *child, const struct space *parent);

/* How many descriptions name this file. */
uint32_t handle_count_openings(const struct vm *vm, const struct object *file);

/* NULL, or the number of the first invariant that does not hold. */
const char *handle_check(const struct vm *vm);

#endif
