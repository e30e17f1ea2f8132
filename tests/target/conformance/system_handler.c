/* A root task of its own: a thread whose handler is System faults (rule H6).  The system must stop with a
 * report, so this is no test of the suite; tests/target/boot/handler_test.py boots it and reads.
 * With several harts there is a crowd: each other hart has a thread that writes, and two threads fault. */
#include <stdio.h>
#include <string.h>

#include "fl_calls.h"
#include "kit.h"

static void touch(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 1;
    kit_sleep();
}

/* By one call: nobody else's bytes come between. */
static void write_line(const char *line)
{
    size_t bytes = strlen(line);

    memcpy((char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA), line, bytes);
    flr_system_console_write(FL_BOOT_SYSTEM, bytes);
}

static void write_lines(uint64_t unused)
{
    (void)unused;
    for (;;) {
        write_line("a thread writes\n");
        kit_signal();
    }
}

static void make_crowd(uint64_t others)
{
    for (uint64_t i = 0; i < others; i++)
        kit_run(kit_space(kit_pool(24)), 0, write_lines, 0);
    if (others == 0)
        return;
    kit_wait(); /* until there is a line */
    kit_run(kit_space(kit_pool(24)), FL_BOOT_SYSTEM, touch, KIT_AREA);
}

int main(void)
{
    char line[80];

    kit_begin();
    make_crowd(kit_counter(FL_COUNTER_HARTS) - 1);
    snprintf(line, sizeof line, "a thread whose handler is System writes to 0x%llx\n",
             (unsigned long long)KIT_AREA);
    write_line(line);
    kit_run(kit_space(kit_pool(24)), FL_BOOT_SYSTEM, touch, KIT_AREA);
    kit_settle();
    write_line("the root task still runs\n");
    return 0;
}
