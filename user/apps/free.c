/* How much memory and swap there is, and what it is used for: the table of procps' free.
 *
 * usage: free [-b | -k | -m | -g | -h]
 *
 * total = used + free + buff/cache, in each line that has these.  -h: each figure in the unit that suits it. */
#include <stdio.h>
#include <string.h>

struct free_figures {
    unsigned long total, free, available, buffers, cached, shared, swap_total, swap_free;
};

/* Reads /proc/meminfo, KiB.  Returns: whether it is there. */
static int free_read(struct free_figures *figures)
{
    const struct {
        const char *name;
        unsigned long *value;
    } wanted[] = {
        {"MemTotal", &figures->total},         {"MemFree", &figures->free},
        {"MemAvailable", &figures->available}, {"Buffers", &figures->buffers},
        {"Cached", &figures->cached},          {"Shmem", &figures->shared},
        {"SwapTotal", &figures->swap_total},   {"SwapFree", &figures->swap_free},
    };
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128], name[32];
    unsigned long value;

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            if (sscanf(line, "%31[^:]: %lu", name, &value) == 2 &&
                strcmp(name, wanted[i].name) == 0)
                *wanted[i].value = value;
    fclose(file);
    return 1;
}

/* KiB as multiples of 1 << shift bytes. */
static unsigned long free_scale(unsigned long kib, unsigned shift)
{
    return shift < 10 ? kib << (10 - shift) : kib >> (shift - 10);
}

/* As procps does it: at most four characters and a unit, with one digit behind the point below 10; of two that
 * are as near the even one. */
static void free_print_suited(unsigned long kib)
{
    static const char units[] = "KMGT";
    char text[16] = "0B";

    for (unsigned unit = 0; kib > 0 && units[unit]; unit++) {
        unsigned shift = unit * 10;
        unsigned long half = 1ul << shift >> 1, rest = kib * 10 & ((1ul << shift) - 1);
        unsigned long tenths = kib * 10 >> shift;

        tenths += rest > half || (rest == half && rest > 0 && tenths % 2 == 1);
        if (tenths < 100)
            snprintf(text, sizeof text, "%lu.%lu%ci", tenths / 10, tenths % 10, units[unit]);
        else
            snprintf(text, sizeof text, "%lu%ci", kib >> shift, units[unit]);
        if (kib >> shift < 1000)
            break;
    }
    printf("%12s", text);
}

static void free_print_line(const char *name, const unsigned long *kib, size_t count, char unit)
{
    static const char units[] = "bkmg";

    printf("%-8s", name);
    for (size_t i = 0; i < count; i++)
        if (unit == 'h')
            free_print_suited(kib[i]);
        else
            printf("%12lu", free_scale(kib[i], (unsigned)(strchr(units, unit) - units) * 10));
    printf("\n");
}

static void free_print(const struct free_figures *figures, char unit)
{
    unsigned long cache = figures->buffers + figures->cached;
    const unsigned long memory[] = {figures->total, figures->total - figures->free - cache,
                                    figures->free,  figures->shared,
                                    cache,          figures->available};
    const unsigned long swap[] = {figures->swap_total, figures->swap_total - figures->swap_free,
                                  figures->swap_free};

    printf("               total        used        free      shared  buff/cache   available\n");
    free_print_line("Mem:", memory, sizeof memory / sizeof memory[0], unit);
    free_print_line("Swap:", swap, sizeof swap / sizeof swap[0], unit);
}

int main(int argc, char **argv)
{
    struct free_figures figures = {0};
    const char *unit = "k";

    if (argc == 2 && argv[1][0] == '-' && argv[1][1] && !argv[1][2])
        unit = &argv[1][1];
    if (argc > 2 || (argc == 2 && unit != &argv[1][1]) || !strchr("bkmgh", *unit)) {
        fprintf(stderr, "usage: free [-b | -k | -m | -g | -h]\n");
        return 1;
    }
    if (!free_read(&figures)) {
        perror("free: /proc/meminfo");
        return 1;
    }
    free_print(&figures, *unit);
    return 0;
}
