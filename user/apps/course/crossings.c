/* What crossings cost: a function, a call that the kernel refuses at once, a message to a server in
 * another space and its answer, a page fault.  Instructions when QEMU counts them (--icount).
 * usage: crossings */
#include <faultline/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fl_calls.h"
#include "protocol.h"

#define SAMPLES 101u
#define PAGE    4096u

static uint64_t crossings_samples[SAMPLES];
static uint64_t crossings_empty; /* cost of measuring and of the call of an operation */
static volatile char *crossings_memory;
static volatile int crossings_value;

static void crossings_nothing(unsigned i)
{
    (void)i;
}

/* A function of libc that does almost nothing. */
static void crossings_function(unsigned i)
{
    crossings_value = abs(crossings_value) + (int)(i & 1);
}

/* Slot 0 is empty: the kernel looks, refuses and returns. */
static void crossings_null_call(unsigned i)
{
    (void)i;
    flr_notification_signal(0);
}

/* The pager takes the message, looks its counters up and answers. */
static void crossings_message(unsigned i)
{
    (void)i;
    fl_ipc_call(PROGRAM_SLOT_PAGER, FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, PAGER_RUSAGE), 4), 0,
                0, 0, 0);
}

static void crossings_fault(unsigned i)
{
    (void)crossings_memory[i * PAGE];
}

static int crossings_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The median cost of an operation, the cost of measuring included. */
static uint64_t crossings_median(void (*operation)(unsigned))
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = faultline_cycles();

        operation(i);
        crossings_samples[i] = faultline_cycles() - start;
    }
    qsort(crossings_samples, SAMPLES, sizeof *crossings_samples, crossings_compare);
    return crossings_samples[SAMPLES / 2];
}

static void crossings_show(const char *name, void (*operation)(unsigned), const char *spaces)
{
    uint64_t cost = crossings_median(operation);

    printf("%-34s %12lu   %s\n", name,
           (unsigned long)(cost > crossings_empty ? cost - crossings_empty : 0), spaces);
}

int main(void)
{
    crossings_memory =
        mmap(NULL, SAMPLES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (crossings_memory == MAP_FAILED) {
        perror("crossings: mmap");
        return 2;
    }
    crossings_empty = crossings_median(crossings_nothing);
    puts("cycles: instructions with --icount, else the host's time");
    printf("%-34s %12s   %s\n", "operation", "cycles", "crosses");
    crossings_show("function of a few instructions", crossings_function, "nothing");
    crossings_show("null call", crossings_null_call, "into the kernel and back");
    crossings_show("message to the pager and answer", crossings_message, "two switches of space");
    crossings_show("first read of a page", crossings_fault, "two switches of space, a mapping");
    return 0;
}
