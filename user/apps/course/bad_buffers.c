/* Pointers given to calls may point anywhere, and nothing is corrupted or done by halves.
 *
 * The pager copies between a file and the program's memory: pages that were never touched come meanwhile,
 * and what the program may not use itself is found before anything is copied.  What else is copied to or
 * from a program libos copies, after it has asked the pager.
 *
 * usage: bad_buffers [PAGES]      (PAGES: size of what is read and written) */
#include "course.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER_FILL '#'

enum { BUFFER_FRESH, BUFFER_CONSTANT, BUFFER_ABSENT, BUFFER_HALF, BUFFERS };

static int buffer_file;
static unsigned char *buffer_scratch; /* as large */
static size_t buffer_bytes;           /* of the file, and of what is read and written */
static unsigned long buffer_changes;

/* --- calls that take a pointer --- */
static long call_read(void *pointer)
{
    return read(buffer_file, pointer, buffer_bytes);
}
static long call_write(void *pointer)
{
    return write(buffer_file, pointer, buffer_bytes);
}
static long call_fstat(void *pointer)
{
    return fstat(buffer_file, pointer);
}
static long call_getrusage(void *pointer)
{
    return getrusage(RUSAGE_SELF, pointer);
}
static long call_waitpid(void *pointer)
{
    pid_t pid = fork();
    long result;

    if (pid == 0)
        _exit(0);
    result = waitpid(pid, pointer, 0) == pid ? 0 : -1;
    if (result) {
        int error = errno;

        wait(NULL); /* unless the refused call has collected it */
        errno = error;
    }
    return result;
}

static const struct {
    const char *name;
    long (*call)(void *pointer);
    size_t bytes; /* at the pointer; 0: buffer_bytes */
} buffer_calls[] = {
    {"read()", call_read, 0},
    {"write()", call_write, 0},
    {"fstat()", call_fstat, sizeof(struct stat)},
    {"getrusage()", call_getrusage, sizeof(struct rusage)},
    {"waitpid()", call_waitpid, sizeof(int)},
};

/* --- one call with one buffer --- */
/* Memory of twice the size; what is not to be there is its second half. */
static unsigned char *buffer_make(int kind)
{
    unsigned char *memory =
        (unsigned char *)course_map(2 * buffer_bytes / COURSE_PAGE, MAP_PRIVATE);

    if (kind != BUFFER_FRESH)
        memset(memory, BUFFER_FILL, buffer_bytes);
    if (kind == BUFFER_CONSTANT)
        mprotect(memory, buffer_bytes, PROT_READ);
    munmap(memory + buffer_bytes, buffer_bytes);
    return memory;
}

static unsigned char *buffer_place(int kind, unsigned char *memory, size_t bytes)
{
    switch (kind) {
    case BUFFER_ABSENT:
        return memory + buffer_bytes;
    case BUFFER_HALF:
        return memory + buffer_bytes - bytes / 2;
    default:
        return memory;
    }
}

static unsigned long buffer_count_other(const unsigned char *bytes, size_t count,
                                        unsigned char fill)
{
    unsigned long other = 0;

    for (size_t i = 0; i < count; i++)
        other += bytes[i] != fill;
    return other;
}

/* The file holds 'f' everywhere, and the offset is 0. */
static void buffer_reset_file(void)
{
    memset(buffer_scratch, 'f', buffer_bytes);
    pwrite(buffer_file, buffer_scratch, buffer_bytes, 0);
    ftruncate(buffer_file, (off_t)buffer_bytes);
    lseek(buffer_file, 0, SEEK_SET);
}

/* What a call has changed that was refused: bytes of memory and file, and the offset. */
static unsigned long buffer_find_changes(int kind, const unsigned char *memory)
{
    unsigned long changes = (unsigned long)lseek(buffer_file, 0, SEEK_CUR);

    memset(buffer_scratch, 0, buffer_bytes);
    pread(buffer_file, buffer_scratch, buffer_bytes, 0);
    return changes + buffer_count_other(buffer_scratch, buffer_bytes, 'f') +
           buffer_count_other(memory, buffer_bytes, kind == BUFFER_FRESH ? 0 : BUFFER_FILL);
}

static void buffer_try(size_t number, int kind)
{
    size_t bytes = buffer_calls[number].bytes ? buffer_calls[number].bytes : buffer_bytes;
    unsigned char *memory = buffer_make(kind);
    long result;

    buffer_reset_file();
    result = buffer_calls[number].call(buffer_place(kind, memory, bytes));
    if (result >= 0)
        printf("  %12ld", result);
    else
        printf("  %12s", errno == EFAULT ? "EFAULT" : strerror(errno));
    fflush(stdout);
    if (result < 0)
        buffer_changes += buffer_find_changes(kind, memory);
    munmap(memory, buffer_bytes);
}

int main(int argc, char **argv)
{
    buffer_bytes = course_pages(argc, argv, 4) * COURSE_PAGE;
    buffer_file = open("/tmp/bad_buffers", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/bad_buffers");
    buffer_scratch = buffer_make(BUFFER_FRESH);
    printf("%-32s  %12s  %12s  %12s  %12s\n", "call with a buffer that is", "untouched",
           "read-only", "absent", "half absent");
    for (size_t i = 0; i < sizeof buffer_calls / sizeof buffer_calls[0]; i++) {
        printf("%-32s", buffer_calls[i].name);
        for (int kind = 0; kind < BUFFERS; kind++)
            buffer_try(i, kind);
        printf("\n");
    }
    fflush(stdout);
    printf("%-32s  %12lu\n", "bytes changed by refused calls", buffer_changes);
    return buffer_file < 0;
}
