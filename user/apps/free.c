/* How much memory and swap there is, and what it is used for: the table of procps' free.
 *
 * usage: free [-b | -k | -m | -g]
 *
 * total = used + free + buff/cache, in each line that has these. */
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

static void free_print(const struct free_figures *figures, unsigned shift)
{
    unsigned long cache = figures->buffers + figures->cached;
    const unsigned long memory[] = {figures->total, figures->total - figures->free - cache,
                                    figures->free,  figures->shared,
                                    cache,          figures->available};
    const unsigned long swap[] = {figures->swap_total, figures->swap_total - figures->swap_free,
                                  figures->swap_free};

    printf("               total        used        free      shared  buff/cache   available\n");
    printf("%-8s", "Mem:");
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        printf("%12lu", free_scale(memory[i], shift));
    printf("\n%-8s", "Swap:");
    for (size_t i = 0; i < sizeof swap / sizeof swap[0]; i++)
        printf("%12lu", free_scale(swap[i], shift));
    printf("\n");
}

int main(int argc, char **argv)
{
    static const char units[] = "bkmg";
    struct free_figures figures = {0};
    const char *unit = "k";

    if (argc == 2 && argv[1][0] == '-' && argv[1][1] && !argv[1][2])
        unit = &argv[1][1];
    if (argc > 2 || (argc == 2 && unit != &argv[1][1]) || !strchr(units, *unit)) {
        fprintf(stderr, "usage: free [-b | -k | -m | -g]\n");
        return 1;
    }
    if (!free_read(&figures)) {
        perror("free: /proc/meminfo");
        return 1;
    }
    free_print(&figures, (unsigned)(strchr(units, *unit) - units) * 10);
    return 0;
}
