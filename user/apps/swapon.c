/* Uses disks for swap, and shows those that are used, as util-linux's swapon does.
 *
 * usage: swapon [-d[once|pages]] [-p PRIORITY] DISK... | swapon -s | swapon [--show] | swapon -h */
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

/* -s: what the kernel of Linux prints, and nothing if no disk is used. */
static int swapon_summarize(void)
{
    FILE *file = swapon_open();
    char head[256], line[256];

    if (!file)
        return 1;
    for (unsigned lines = 0; fgets(lines == 0 ? head : line, sizeof line, file); lines++) {
        if (lines == 1)
            fputs(head, stdout);
        if (lines > 0)
            fputs(line, stdout);
    }
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

static const char swapon_usage[] =
    "usage: swapon [OPTION]... DISK... | swapon -s | swapon [--show]\n"
    "\n"
    "  -p, --priority N       0..32767: disks with higher ones are filled first\n"
    "  -d, --discard[=POLICY] tell the disk, in idle time, what it need not keep: what is there "
    "now\n"
    "                         (once), what becomes free (pages), or both; -dPOLICY is the same\n"
    "  -s, --summary          the disks that are used, as /proc/swaps has them\n"
    "  -h, --help             this text\n";

static int swapon_complain(void)
{
    fputs(swapon_usage, stderr);
    return 1;
}

/* Flags of a policy of discards; "": both.  Returns: whether there is one of this name. */
static int swapon_read_policy(const char *policy, int *flags)
{
    *flags |= SWAP_FLAG_DISCARD;
    if (strcmp(policy, "once") == 0)
        *flags |= SWAP_FLAG_DISCARD_ONCE;
    else if (strcmp(policy, "pages") == 0)
        *flags |= SWAP_FLAG_DISCARD_PAGES;
    else if (*policy) {
        fprintf(stderr, "swapon: unsupported discard policy: %s\n", policy);
        return 0;
    }
    return 1;
}

static int swapon_read_priority(const char *text, int *flags)
{
    char *end;
    long priority = text ? strtol(text, &end, 10) : -1;

    if (priority < 0 || *end || end == text || priority > SWAP_FLAG_PRIO_MASK)
        return 0;
    *flags |= SWAP_FLAG_PREFER | (int)priority;
    return 1;
}

/* The option at *at, which moves to its last word.  Returns: whether it is one. */
static int swapon_read_option(char **argv, int *at, int *flags)
{
    const char *option = argv[*at];

    if (strcmp(option, "-p") == 0 || strcmp(option, "--priority") == 0)
        return swapon_read_priority(argv[++*at], flags);
    if (strcmp(option, "--discard") == 0)
        return swapon_read_policy("", flags);
    if (strncmp(option, "--discard=", 10) == 0)
        return swapon_read_policy(option + 10, flags);
    return strncmp(option, "-d", 2) == 0 && swapon_read_policy(option + 2, flags);
}

/* What is asked for alone.  Returns the status, or -1: disks are to be used. */
static int swapon_answer(int argc, char **argv)
{
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "--show") == 0))
        return swapon_show();
    if (argc == 2 && (strcmp(argv[1], "-s") == 0 || strcmp(argv[1], "--summary") == 0))
        return swapon_summarize();
    if (argc != 2 || (strcmp(argv[1], "-h") != 0 && strcmp(argv[1], "--help") != 0))
        return -1;
    fputs(swapon_usage, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    int status = swapon_answer(argc, argv), first = 1, flags = 0, fine = 1;

    if (status >= 0)
        return status;
    for (; first < argc && argv[first][0] == '-'; first++)
        if (!swapon_read_option(argv, &first, &flags))
            return swapon_complain();
    if (first >= argc)
        return swapon_complain();
    for (int i = first; i < argc; i++)
        fine &= swapon_use(argv[i], flags);
    return fine ? 0 : 255;
}
