/* The model of pager_handle_random_test.c: open files are those of the Linux of this host, and a program's
 * memory is an array of bytes, with a window on one of these files behind it. */
#ifndef PAGER_HANDLE_MODEL_H
#define PAGER_HANDLE_MODEL_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pager_file_kit.h"
#include "pager_trace_kit.h"

#define FRAMES       640u
#define PROGRAMS     3u
#define NAMES        4u
#define HANDLES      4u /* open at once in a program */
#define STEPS        300u
#define WORLD        0x2000000000ull
#define MEMORY_PAGES 8u /* the program's own */
#define ABSENT       3u /* not mapped */
#define READ_ONLY    5u
#define WINDOW_PAGES 3u /* behind them: a mapping of a file */
#define FILE_BYTES   (6 * PAGE)

/* An open file of the host; programs that forked share it. */
struct host_file {
    int fd;
    int all; /* the same file, opened to read and write */
    uint32_t users;
    uint32_t flags;
};

struct program {
    struct space *space; /* NULL: not there */
    struct host_file *handle[HANDLES_MAX];
    struct host_file *window; /* what is mapped, or NULL */
    bool window_writable;
    uint8_t memory[MEMORY_PAGES * FL_PAGE_BYTES];
};

static struct {
    struct program program[PROGRAMS];
} run;

/* Whether a result is a shortage, which ends a step of a machine with little memory. */
static inline bool run_is_short(int64_t result)
{
    bool is_short = trace.scarce && (result == -ENOMEM || result == -ENOSPC);

    trace.refused += is_short;
    return is_short;
}

static inline void run_compare(int64_t result, int64_t expected, const char *what)
{
    if (result != expected)
        harness_note("%" PRId64 ", Linux %" PRId64, result, expected);
    run_expect(result == expected, what);
}

/* ---- files of the host ---- */

static inline void host_release(struct host_file *file)
{
    if (--file->users > 0)
        return;
    close(file->fd);
    close(file->all);
    free(file);
}

static inline uint64_t host_size(const struct host_file *file)
{
    struct stat status;

    CHECK_EQ(fstat(file->all, &status), 0);
    return (uint64_t)status.st_size;
}

static inline struct host_file *host_open(const char *path, uint32_t flags)
{
    struct host_file *file;
    int fd = open(path, (int)flags, 0666);

    if (fd < 0)
        return NULL;
    file = malloc(sizeof(*file));
    *file = (struct host_file){fd, open(path, O_RDWR), 1, flags};
    return file;
}

/* ---- memory of programs ---- */

/* Where a byte of a program's range lies in the file of its window; UINT64_MAX: in its own memory. */
static inline uint64_t memory_in_window(uint64_t at)
{
    return at < MEMORY_PAGES * PAGE ? UINT64_MAX : at - MEMORY_PAGES * PAGE;
}

static inline bool memory_is_allowed(const struct program *program, uint64_t at, bool write)
{
    uint64_t page = at / PAGE;

    if (page < MEMORY_PAGES)
        return page != ABSENT && !(write && page == READ_ONLY);
    return page < MEMORY_PAGES + WINDOW_PAGES && program->window &&
           (!write || program->window_writable) &&
           (page - MEMORY_PAGES) * PAGE < host_size(program->window);
}

static inline bool memory_all_allowed(const struct program *program, uint64_t at, uint64_t bytes,
                                      bool write)
{
    for (uint64_t i = 0; i < bytes; i = (at + i) / PAGE * PAGE + PAGE - at)
        if (!memory_is_allowed(program, at + i, write))
            return false;
    return true;
}

/* Bytes behind the end of a file in its last page are nobody's business: not modelled. */
static inline bool memory_is_known(const struct program *program, uint64_t at, uint64_t bytes)
{
    uint64_t end = memory_in_window(at + bytes);

    return end == UINT64_MAX || !program->window || end <= host_size(program->window);
}

static inline void memory_load(const struct program *program, uint64_t at, uint8_t *bytes,
                               uint64_t count)
{
    uint64_t window = memory_in_window(at);

    if (window == UINT64_MAX)
        memcpy(bytes, program->memory + at, count);
    else
        CHECK_EQ(pread(program->window->all, bytes, count, (off_t)window), count);
}

static inline void memory_store(struct program *program, uint64_t at, const uint8_t *bytes,
                                uint64_t count)
{
    uint64_t window = memory_in_window(at);

    if (window == UINT64_MAX)
        memcpy(program->memory + at, bytes, count);
    else
        CHECK_EQ(pwrite(program->window->all, bytes, count, (off_t)window), count);
}

/* Bytes up to the next end of a page in memory or in the file, as both are copied. */
static inline uint64_t memory_part(uint64_t at, uint64_t offset, uint64_t count)
{
    uint64_t rest = PAGE - at % PAGE, file_rest = PAGE - offset % PAGE;

    rest = rest < file_rest ? rest : file_rest;
    return rest < count ? rest : count;
}

#endif
