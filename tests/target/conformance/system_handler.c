/* A root task of its own: a thread whose handler is System faults (rule H6).  The system must stop with a
 * report, so this is no test of the suite; tests/target/boot/handler_test.py boots it and reads. */
#include <stdio.h>

#include "fl_calls.h"
#include "kit.h"

static void touch(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 1;
    kit_sleep();
}

int main(void)
{
    kit_begin();
    printf("a thread whose handler is System writes to 0x%llx\n", (unsigned long long)KIT_AREA);
    fflush(stdout);
    kit_run(kit_space(kit_pool(24)), FL_BOOT_SYSTEM, touch, KIT_AREA);
    kit_settle();
    printf("the root task still runs\n");
    return 0;
}
