/* What programs can see of the pager's core, as a number: the same for two states that no program can tell
 * apart by its accesses and calls, whatever is resident or shared. */
#ifndef FAULTLINE_TESTS_VISIBLE_H
#define FAULTLINE_TESTS_VISIBLE_H

#include "vm.h"

uint64_t visible_digest(const struct vm *vm);

#endif
