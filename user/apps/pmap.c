/* What a process has mapped, one line an area: address, size, rights, what it shows; and the sum.
 *
 * usage: pmap PID... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pmap_area {
    unsigned long start;
    unsigned long end;
    char rights[5];
    char name[300];
};

/* Reads a line of maps.  Returns: whether it was one. */
static int pmap_read_area(const char *line, struct pmap_area *area)
{
    int name = 0;

    if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &area->start, &area->end, area->rights, &name) !=
            3 ||
        name == 0)
        return 0;
    snprintf(area->name, sizeof area->name, "%s", line + name);
    area->name[strcspn(area->name, "\n")] = '\0';
    return 1;
}

/* A file without its folders; [heap] as procps has it: no file at all. */
static const char *pmap_describe(const char *name)
{
    const char *slash = strrchr(name, '/');

    if (strcmp(name, "[stack]") == 0)
        return "  [ stack ]";
    if (slash)
        return slash + 1;
    return "  [ anon ]";
}

static void pmap_print_area(const struct pmap_area *area)
{
    const char *rights = area->rights;

    printf("%016lx %6luK %c%c%c%c- %s\n", area->start, (area->end - area->start) / 1024, rights[0],
           rights[1], rights[2], rights[3] == 's' ? 's' : '-', pmap_describe(area->name));
}

/* Prints "PID:   NAME".  Returns: whether there is such a process. */
static int pmap_print_head(const char *pid)
{
    char path[64], line[128], name[64] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.40s/status", pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    while (!name[0] && fgets(line, sizeof line, file))
        sscanf(line, "Name: %63s", name);
    fclose(file);
    printf("%s:   %s\n", pid, name);
    return 1;
}

static int pmap_show(const char *pid)
{
    char path[64], line[512];
    struct pmap_area area;
    unsigned long sum = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.40s/maps", pid);
    file = pmap_print_head(pid) ? fopen(path, "r") : NULL;
    if (!file) {
        fprintf(stderr, "pmap: %s: %s\n", pid,
                errno == ENOENT ? "no such process" : strerror(errno));
        return 0;
    }
    while (fgets(line, sizeof line, file)) {
        if (!pmap_read_area(line, &area))
            continue;
        pmap_print_area(&area);
        sum += area.end - area.start;
    }
    fclose(file);
    printf(" total %16luK\n", sum / 1024);
    return 1;
}

int main(int argc, char **argv)
{
    int fine = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: pmap PID...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        fine &= pmap_show(argv[i]);
    return fine ? 0 : 1;
}
