/* Uses disks for swap, and shows those that are used, as util-linux's swapon does.
 *
 * usage: swapon [-p PRIORITY] DISK... | swapon -s | swapon [--show] */
#include <errno.h>
#include <faultline/swap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>

#define SWAPON_SIZE_BYTES 32

struct swapon_line {
    char name[64];
    char type[16];
    unsigned long size; /* KiB */
    unsigned long used; /* KiB */
    int priority;
};

static FILE *swapon_open(void)
{
    FILE *file = fopen("/proc/swaps", "r");

    if (!file)
        fprintf(stderr, "swapon: /proc/swaps: %s\n", strerror(errno));
    return file;
}

/* -s: what the kernel of Linux prints. */
static int swapon_summarize(void)
{
    FILE *file = swapon_open();
    char line[256];

    if (!file)
        return 1;
    while (fgets(line, sizeof line, file))
        fputs(line, stdout);
    fclose(file);
    return 0;
}

/* With one digit behind the point if it is not 0, as util-linux has it. */
static void swapon_tell_size(unsigned long kib, char text[SWAPON_SIZE_BYTES])
{
    static const char units[] = "KMGT";
    unsigned unit = 0, shift = 0;

    while (unit < 3 && kib >> (shift + 10) > 0) {
        shift += 10;
        unit++;
    }
    kib = shift ? (kib * 10 + (1ul << (shift - 1))) >> shift : kib * 10;
    if (kib == 0)
        snprintf(text, SWAPON_SIZE_BYTES, "0B");
    else if (kib % 10)
        snprintf(text, SWAPON_SIZE_BYTES, "%lu.%lu%c", kib / 10, kib % 10, units[unit]);
    else
        snprintf(text, SWAPON_SIZE_BYTES, "%lu%c", kib / 10, units[unit]);
}

static void swapon_show_line(const struct swapon_line *line)
{
    char size[SWAPON_SIZE_BYTES], used[SWAPON_SIZE_BYTES];

    swapon_tell_size(line->size, size);
    swapon_tell_size(line->used, used);
    printf("%-8s %-9s %4s %4s %4d\n", line->name, line->type, size, used, line->priority);
}

static int swapon_show(void)
{
    FILE *file = swapon_open();
    struct swapon_line line;
    char text[256];
    int lines = 0;

    if (!file)
        return 1;
    while (fgets(text, sizeof text, file)) {
        if (sscanf(text, "%63s %15s %lu %lu %d", line.name, line.type, &line.size, &line.used,
                   &line.priority) != 5)
            continue;
        if (lines++ == 0)
            printf("NAME     TYPE      SIZE USED PRIO\n");
        swapon_show_line(&line);
    }
    fclose(file);
    return 0;
}

/* Returns: whether all went well. */
static int swapon_use(const char *disk, int flags)
{
    char reason[128];

    if (faultline_swapon(disk, flags, reason, sizeof reason) == 0)
        return 1;
    if (reason[0])
        fprintf(stderr, "swapon: %s: %s\n", disk, reason);
    else
        fprintf(stderr, "swapon: %s: swapon failed: %s\n", disk, strerror(errno));
    return 0;
}

static int swapon_complain(void)
{
    fprintf(stderr, "usage: swapon [-p 0..32767] DISK... | swapon -s | swapon [--show]\n");
    return 1;
}

int main(int argc, char **argv)
{
    int first = 1, flags = 0, fine = 1;

    if (argc == 1 || (argc == 2 && strcmp(argv[1], "--show") == 0))
        return swapon_show();
    if (argc == 2 && strcmp(argv[1], "-s") == 0)
        return swapon_summarize();
    if (argc > 2 && strcmp(argv[1], "-p") == 0) {
        char *end;
        long priority = strtol(argv[2], &end, 10);

        if (*end || end == argv[2] || priority < 0 || priority > SWAP_FLAG_PRIO_MASK)
            return swapon_complain();
        flags = SWAP_FLAG_PREFER | (int)priority;
        first = 3;
    }
    if (first == argc || argv[first][0] == '-')
        return swapon_complain();
    for (int i = first; i < argc; i++)
        fine &= swapon_use(argv[i], flags);
    return fine ? 0 : 255;
}
