/* Owns the streams: stdin, stdout, stderr, those that fopen() makes, and their last flush.
 *
 * The streams are picolibc's; this file replaces fdopen and fflush, because picolibc forgets which
 * streams are open: fflush(NULL) and exit() would lose what they hold.
 *
 * I1. `stream_list` holds every open stream of ours, the three standard ones included.
 * I2. A closed standard stream stays a valid object: writing to it fails with EBADF.
 *
 * stdout and stderr are line-buffered, so a line costs one message; a stream from fopen() is fully
 * buffered. */
#include "libos.h"

#include <fcntl.h>
#include <errno.h>
#include <stdio-bufio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
    struct __file_bufio bufio; /* first: picolibc frees the stream by this address */
    struct stream *next;
    int fd; /* of a stream that is not a standard one */
    char buffer[FL_PROTOCOL_BYTES];
};

static struct stream *stream_list;

static ssize_t stream_read_console(int fd, void *bytes, size_t count)
{
    fflush(stderr); /* a question asked there; picolibc does it for stdout */
    return read(fd, bytes, count);
}

/* All of it or an error: picolibc takes a short count for the end of what it holds. */
static ssize_t stream_write(int fd, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t more = write(fd, (const char *)bytes + done, count - done);

        if (more <= 0)
            return -1;
        done += (size_t)more;
    }
    return (ssize_t)count;
}

/* What is appended goes to the end, wherever the stream was. */
static ssize_t stream_append(int fd, const void *bytes, size_t count)
{
    for (struct stream *stream = stream_list; stream; stream = stream->next)
        if (stream->fd == fd)
            stream->bufio.pos = lseek(fd, 0, SEEK_END);
    return stream_write(fd, bytes, count);
}

static int stream_close_standard(FILE *file);

/* FDEV_SETUP_BUFIO with a close function that frees nothing. */
#define STREAM_STANDARD(fd, self, reader, flags, line)                                        \
    {                                                                                         \
        .bufio = FDEV_SETUP_BUFIO(fd, (self).buffer, FL_PROTOCOL_BYTES, reader, stream_write, \
                                  lseek, close, flags, line)                                  \
    }

static struct stream stream_in = STREAM_STANDARD(0, stream_in, stream_read_console, __SRD, 0);
static struct stream stream_out = STREAM_STANDARD(1, stream_out, read, __SWR, __BLBF);
static struct stream stream_err = STREAM_STANDARD(2, stream_err, read, __SWR, __BLBF);

FILE *const stdin = &stream_in.bufio.xfile.cfile.file;
FILE *const stdout = &stream_out.bufio.xfile.cfile.file;
FILE *const stderr = &stream_err.bufio.xfile.cfile.file;

static FILE *stream_file(struct stream *stream)
{
    return &stream->bufio.xfile.cfile.file;
}

static void stream_link(struct stream *stream)
{
    stream->next = stream_list;
    stream_list = stream;
}

static void stream_unlink(struct stream *stream)
{
    struct stream **link = &stream_list;

    while (*link && *link != stream)
        link = &(*link)->next;
    if (*link)
        *link = stream->next;
}

static int stream_close_standard(FILE *file)
{
    struct stream *stream = (struct stream *)file;
    int result = fflush(file);

    stream_unlink(stream);
    if (close(stream == &stream_in ? 0 : stream == &stream_out ? 1 : 2))
        result = EOF;
    return result ? EOF : 0;
}

/* Not __bufio_close: what that one frees and closes differs between versions of picolibc. */
static int stream_close(FILE *file)
{
    struct stream *stream = (struct stream *)file;
    int result = fflush(file);

    stream_unlink(stream);
    if (close(stream->fd))
        result = EOF;
    free(stream);
    return result ? EOF : 0;
}

void libos_start_streams(void)
{
    struct stream *const standard[] = {&stream_in, &stream_out, &stream_err};

    for (int i = 0; i < 3; i++) {
        standard[i]->bufio.xfile.cfile.close = stream_close_standard;
        stream_link(standard[i]);
    }
}

/* Writes what output streams hold; input streams keep what they have read. */
static int stream_flush_all(void)
{
    int result = 0;

    for (struct stream *stream = stream_list; stream; stream = stream->next)
        if (stream->bufio.dir == __SWR && __bufio_flush(stream_file(stream)) < 0)
            result = EOF;
    return result;
}

static void __attribute__((destructor(101))) stream_end(void)
{
    stream_flush_all();
}

/* As POSIX: NULL flushes every output stream; an input stream that cannot seek is left alone. */
int fflush(FILE *file)
{
    if (!file)
        return stream_flush_all();
    if (file == stdin || !file->flush)
        return 0;
    return file->flush(file) < 0 ? EOF : 0;
}

/* The flags that a mode string stands for, or 0 when it is none. */
static uint8_t stream_flags(const char *mode)
{
    uint8_t flags = mode[0] == 'r' ? __SRD : mode[0] == 'w' || mode[0] == 'a' ? __SWR : 0;

    return flags && strchr(mode, '+') ? __SRD | __SWR : flags;
}

/* Returns: a stream for an open descriptor, or NULL with EINVAL, EBADF or ENOMEM. */
FILE *fdopen(int fd, const char *mode)
{
    uint8_t flags = stream_flags(mode);
    struct stream *stream;
    off_t offset;

    if (!flags) {
        libos_result(EINVAL);
        return NULL;
    }
    offset = lseek(fd, 0, SEEK_CUR);
    if (offset < 0 && errno == EBADF)
        return NULL;
    stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->bufio = (struct __file_bufio)FDEV_SETUP_BUFIO(
        fd, stream->buffer, FL_PROTOCOL_BYTES, read, stream_write, lseek, close, flags, 0);
    stream->bufio.pos = offset < 0 ? 0 : offset;
    if (mode[0] == 'a')
        stream->bufio.write = stream_append;
    stream->bufio.xfile.cfile.close = stream_close;
    stream->fd = fd;
    stream_link(stream);
    return stream_file(stream);
}

static int stream_open_flags(const char *mode)
{
    int access = strchr(mode, '+') ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;

    if (mode[0] == 'w')
        access |= O_CREAT | O_TRUNC;
    if (mode[0] == 'a')
        access |= O_CREAT | O_APPEND;
    return strchr(mode, 'x') ? access | O_EXCL : access;
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *file;
    int fd;

    if (!stream_flags(mode)) {
        libos_result(EINVAL);
        return NULL;
    }
    fd = open(path, stream_open_flags(mode), 0666);
    if (fd < 0)
        return NULL;
    file = fdopen(fd, mode);
    if (!file)
        close(fd);
    return file;
}

/* As POSIX: a last line without a newline is a line.  picolibc 1.8's own drops it. */
char *fgets(char *text, int size, FILE *file)
{
    char *end = text;

    if (size <= 0) {
        libos_result(EINVAL);
        return NULL;
    }
    while (end - text < size - 1) {
        int c = getc(file);

        if (c == EOF && (end == text || ferror(file)))
            return NULL;
        if (c == EOF)
            break;
        *end++ = (char)c;
        if (c == '\n')
            break;
    }
    *end = '\0';
    return text;
}
