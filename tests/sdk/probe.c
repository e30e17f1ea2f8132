/* The program that the tests of faultline-run run: its first argument says what it does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int probe_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        fwrite(argv[i], 1, strlen(argv[i]) + 1, stdout);
    return 0;
}

/* Copies input to output; what it copied goes to standard error as text. */
static int probe_copy(void)
{
    static char buffer[1000];
    unsigned long total = 0;
    ssize_t got;

    while ((got = read(0, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(1, buffer + done, (size_t)(got - done));
            if (put < 0)
                return 1;
            done += put;
        }
        total += (unsigned long)got;
    }
    fprintf(stderr, "copied %lu bytes\n", total);
    return got < 0;
}

static int probe_write(unsigned long bytes)
{
    for (unsigned long i = 0; i < bytes; i++)
        putchar((int)(i * 7 >> 3 & 0xff));
    return 0;
}

/* Fills so many MiB, each page with its number and the first byte of input; then looks at all in order.  1: one
 * page was wrong. */
static int probe_fill(unsigned long mib)
{
    unsigned long pages = mib << 8, bytes = 4096 / sizeof(unsigned long);
    unsigned long *memory = malloc(mib << 20), first = (unsigned long)getchar();

    if (!memory)
        return 2;
    for (unsigned long i = 0; i < pages; i++)
        memory[i * bytes] = i << 8 | first;
    for (unsigned long i = 0; i < pages; i++)
        if (memory[i * bytes] != (i << 8 | first))
            return 1;
    printf("%c\n", (int)first);
    return 0;
}

int main(int argc, char **argv)
{
    const char *action = argc > 1 ? argv[1] : "";
    unsigned long number = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

    if (strcmp(action, "exit") == 0)
        return (int)number;
    if (strcmp(action, "args") == 0)
        return probe_arguments(argc, argv);
    if (strcmp(action, "copy") == 0)
        return probe_copy();
    if (strcmp(action, "write") == 0)
        return probe_write(number);
    if (strcmp(action, "fill") == 0)
        return probe_fill(number);
    if (strcmp(action, "read-at") == 0)
        return *(volatile char *)number;
    if (strcmp(action, "store-at") == 0)
        return *(volatile char *)number = 1;
    if (strcmp(action, "abort") == 0)
        abort();
    if (strcmp(action, "hang") == 0) {
        printf("hanging\n");
        fflush(stdout);
        for (;;)
            sleep(1000);
    }
    return 99;
}
