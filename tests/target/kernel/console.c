/* stdout of a root task that has no libos: straight to the kernel's console. */
#include <stdio.h>
#include <unistd.h>

#include "fl_calls.h"
#include "kit.h"

#define LINE_BYTES 128u

static char line[LINE_BYTES]; /* not yet written */
static unsigned line_bytes;

/* The message buffer is filled and written at once: other calls use it too. */
static void write_line(void)
{
    volatile char *data = (volatile char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

    for (unsigned i = 0; i < line_bytes; i++)
        data[i] = line[i];
    flr_system_console_write(FL_BOOT_SYSTEM, line_bytes);
    line_bytes = 0;
}

static int put(char c, FILE *stream)
{
    (void)stream;
    line[line_bytes++] = c;
    if (c == '\n' || line_bytes == LINE_BYTES)
        write_line();
    return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
void server_ended(int status);

FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

void _exit(int status)
{
    write_line();
    flr_system_reset(FL_BOOT_SYSTEM, status != 0);
    for (;;)
        ;
}

/* Where the crt0 goes when main is over. */
void server_ended(int status)
{
    _exit(status);
}
