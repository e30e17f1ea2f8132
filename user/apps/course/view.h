/* How the programs of this folder read the pager's views: whole, into memory that is in place before, so that
 * reading one twice makes no fault. */
#ifndef COURSE_VIEW_H
#define COURSE_VIEW_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "course.h"

#define VIEW_BYTES 16384u

static char view_bytes[VIEW_BYTES];

/* The text of a view, which stays until the next call. */
static inline const char *view_read(const char *path)
{
    size_t used = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY);

    while (fd >= 0 && got > 0 && used < sizeof view_bytes - 1) {
        got = read(fd, view_bytes + used, sizeof view_bytes - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (fd < 0 || got < 0) {
        perror(path);
        exit(2);
    }
    close(fd);
    view_bytes[used] = '\0';
    return view_bytes;
}

/* The figure of vmstat or meminfo with this name. */
static inline long view_figure(const char *path, const char *name)
{
    const char *at = strstr(view_read(path), name);

    return at ? strtol(at + strlen(name) + strspn(at + strlen(name), ": "), NULL, 10) : -1;
}

/* Where a view with lines "START-END ..." tells of the area around `address`, or NULL. */
static inline const char *view_find_area(const char *text, const volatile void *address)
{
    unsigned long start, end;

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= (uintptr_t)address &&
            (uintptr_t)address < end)
            return line;
        if (*line == '\0')
            break;
    }
    return NULL;
}

/* The chain of objects of an area of this process. */
#define VIEW_CHAIN_MAX 8u

struct view_object {
    char kind[12];
    unsigned long number;
    unsigned references;
    unsigned pages;
    unsigned above;
    unsigned long charged; /* pid; 0: a file */
};

struct view_chain {
    unsigned count;
    struct view_object object[VIEW_CHAIN_MAX];
};

/* Reads one line of a chain.  Returns: whether it was one. */
static inline int view_read_object(const char *line, struct view_object *object)
{
    unsigned long first;
    int read = sscanf(line, "  %11s %lu references %u pages %u first %lu above %u charged %lu",
                      object->kind, &object->number, &object->references, &object->pages, &first,
                      &object->above, &object->charged);

    return strncmp(line, "  ", 2) == 0 && read >= 5;
}

/* The objects that the area around `address` shows, top first. */
static inline struct view_chain view_chain(const volatile void *address)
{
    struct view_chain chain = {0};
    const char *line = view_find_area(view_read("/proc/self/objects"), address);

    line = line ? strchr(line, '\n') : NULL;
    while (line && chain.count < VIEW_CHAIN_MAX &&
           view_read_object(line + 1, &chain.object[chain.count])) {
        chain.count++;
        line = strchr(line + 1, '\n');
    }
    return chain;
}

/* Writes a chain as "anonymous 2 > anonymous 14 > file". */
static inline void view_format_chain(const struct view_chain *chain, char *out, size_t bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < chain->count && used < bytes; i++) {
        const struct view_object *object = &chain->object[i];

        used +=
            (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? " > " : "", object->kind);
        if (object->charged && used < bytes)
            used += (size_t)snprintf(out + used, bytes - used, " %u", object->pages);
    }
}

#endif
