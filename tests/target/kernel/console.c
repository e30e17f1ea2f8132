/* stdout of a root task that has no libos: straight to the kernel's console. */
#include <stdio.h>
#include <unistd.h>

#include "fl_calls.h"
#include "kit.h"

static int put(char c, FILE *stream)
{
    volatile char *data = (volatile char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

    (void)stream;
    data[0] = c;
    flr_system_console_write(FL_BOOT_SYSTEM, 1);
    return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
void server_ended(int status);

FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

void _exit(int status)
{
    flr_system_reset(FL_BOOT_SYSTEM, status != 0);
    for (;;)
        ;
}

/* Where the crt0 goes when main is over. */
void server_ended(int status)
{
    _exit(status);
}
