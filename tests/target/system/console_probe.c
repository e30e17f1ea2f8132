/* The program of the console's tests: its first argument says what it does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <faultline/process.h>

#include "abi.h"

static uint64_t counter(enum fl_counter which)
{
    uint64_t value = 0;

    (void)faultline_counter(FAULTLINE_KERNEL, which, &value);
    return value;
}

static int write_whole(const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(1, bytes, count);

        if (done < 0)
            return 1;
        bytes += done;
        count -= (size_t)done;
    }
    return 0;
}

/* Writes a pattern; tells what it cost. */
static int flood(size_t bytes)
{
    static char piece[4096];
    uint64_t interrupts = counter(FL_COUNTER_INTERRUPTS), idle = counter(FL_COUNTER_IDLE_CYCLES);
    uint64_t cycles = faultline_cycles();

    for (size_t at = 0; at < bytes; at += sizeof piece) {
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = (char)((at + i) * 7 >> 3);
        if (write_whole(piece, sizeof piece))
            return 1;
    }
    cycles = faultline_cycles() - cycles;
    idle = counter(FL_COUNTER_IDLE_CYCLES) - idle;
    fprintf(stderr, "interrupts %lu idle %lu cycles %lu\n",
            (unsigned long)(counter(FL_COUNTER_INTERRUPTS) - interrupts), (unsigned long)idle,
            (unsigned long)cycles);
    return 0;
}

/* Copies input to output, with a pause before each small read and a long one before the first. */
static int copy_slowly(void)
{
    const struct timespec long_pause = {0, 500000000}, pause = {0, 1000000};
    char piece[100];
    ssize_t got;

    nanosleep(&long_pause, NULL);
    do {
        nanosleep(&pause, NULL);
        got = read(0, piece, sizeof piece);
        if (got > 0 && write_whole(piece, (size_t)got))
            return 1;
    } while (got > 0);
    return got < 0;
}

/* Says that it waits, then what woke it, and the interrupts since the start of the machine. */
static int wait_for_input(void)
{
    char piece[100];
    ssize_t got;

    if (write_whole("ready\n", 6))
        return 1;
    got = read(0, piece, sizeof piece);
    if (got < 0 || write_whole(piece, (size_t)got))
        return 1;
    fprintf(stderr, "interrupts %lu\n", (unsigned long)counter(FL_COUNTER_INTERRUPTS));
    return 0;
}

int main(int argc, char **argv)
{
    const char *action = argc > 1 ? argv[1] : "";

    if (strcmp(action, "flood") == 0)
        return flood(argc > 2 ? strtoul(argv[2], NULL, 0) : 0);
    if (strcmp(action, "slowly") == 0)
        return copy_slowly();
    if (strcmp(action, "wait") == 0)
        return wait_for_input();
    return 99;
}
