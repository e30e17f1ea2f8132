/* What the files of victims share: victims.c (pages come and go), victims_leave.c (who leaves) and
 * victims_check.c include it. */
#ifndef PAGER_VICTIMS_TOLD_H
#define PAGER_VICTIMS_TOLD_H

#include "vm.h"

static inline struct replace_page *victims_told(const struct vm *vm, uint32_t page)
{
    return &vm->victims.set[VICTIMS_ANONYMOUS].config.pages[page];
}

/* The class that a page is told to. */
static inline struct replace *victims_set_of(struct vm *vm, uint32_t page)
{
    return &vm->victims.set[victims_told(vm, page)->set];
}

/* The class of a page in an object. */
static inline enum victims_class victims_class(const struct page *record)
{
    return (enum victims_class)record->object->ops->leaves;
}

/* Tells a page to its class: it is queued there. */
void victims_tell(struct vm *vm, uint32_t page);

/* Takes the first newcomer, which is there, off the list; its class is told of it if it may leave. */
void victims_admit(struct vm *vm);

/* Whoever is put out is held: nobody may put out a page that its class does not know. */
void victims_hold(struct vm *vm, uint32_t page);

#endif
