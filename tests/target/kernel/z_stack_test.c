/* What all other tests did to the kernel stack; tests run in the order of their files, hence the name. */
#include <stdio.h>

#include "harness.h"
#include "kit.h"

/* Printed for tests/target/boot/stack_test.py, which compares it with what the machine code allows. */
TEST("after all other tests at least half of the kernel's 8 KiB of stack was never used")
{
    uint64_t used = kit_counter(FL_COUNTER_STACK_BYTES);

    printf("# kernel stack: %lu bytes used\n", (unsigned long)used);
    CHECK(used > 0);
    CHECK(used <= 4096);
}
