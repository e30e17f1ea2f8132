/* What all other tests did to the kernel stack; tests run in the order of their files, hence the name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "kit.h"

#define HALF 4096u

/* What the machine code of this image allows, by tests/lint/stack.py: the boot argument stack=BYTES, where it is given. */
static uint64_t allowed_bytes(void)
{
    const char *found = strstr(kit_boot_info()->bootargs, "stack=");

    return found ? strtoul(found + strlen("stack="), NULL, 10) : HALF;
}

TEST("after all other tests at least half of the kernel's 8 KiB of stack was never used, and no "
     "more than its code allows")
{
    uint64_t used = kit_counter(FL_COUNTER_STACK_BYTES), allowed = allowed_bytes();

    printf("# kernel stack: %lu bytes used, %lu allowed\n", (unsigned long)used,
           (unsigned long)allowed);
    CHECK(used > 0);
    CHECK(used <= allowed);
    CHECK(allowed <= HALF);
}
