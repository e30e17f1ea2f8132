/* What mappings of files show, a line a case: "group | case | answer".  The same source runs on Linux,
 * and files_test.py compares the two.
 * usage: file_maps FOLDER */
#include "answers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE  4096l
#define PAGES 4
#define RW    (PROT_READ | PROT_WRITE)

static char name_a[100], name_b[100];

/* A new file of `bytes` bytes: page i holds 'a' + i everywhere. */
static int make_file(const char *name, long bytes)
{
    char page[PAGE];
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);

    for (long at = 0; at < bytes; at += PAGE) {
        memset(page, 'a' + (int)(at / PAGE), PAGE);
        write(fd, page, (size_t)(bytes - at < PAGE ? bytes - at : PAGE));
    }
    return fd;
}

static char *map(int fd, int pages, int protection, int flags)
{
    return mmap(NULL, (size_t)(pages * PAGE), protection, flags, fd, 0);
}

static void unmap(char *memory, int pages)
{
    munmap(memory, (size_t)(pages * PAGE));
}

static char file_byte(int fd, long offset)
{
    char byte = '?';

    return pread(fd, &byte, 1, offset) == 1 ? byte : '-';
}

/* Tells bytes as text, '.' for a zero. */
static void tell_bytes(const char *group, const char *text, const char *bytes, int count)
{
    char answer[20] = "";

    for (int i = 0; i < count; i++)
        answer[i] = bytes[i] ? bytes[i] : '.';
    tell_text(group, text, answer);
}

/* What comes of an access that a child does. */
static void tell_access(const char *group, const char *text, volatile char *at, int writes)
{
    int status = 0;
    char answer[40];

    fflush(stdout);
    if (fork() == 0) {
        char byte = *at;

        if (writes)
            *at = 'w';
        _exit(writes ? 0 : byte);
    }
    wait(&status);
    if (WIFSIGNALED(status))
        snprintf(answer, sizeof answer, "%s",
                 WTERMSIG(status) == SIGBUS    ? "SIGBUS"
                 : WTERMSIG(status) == SIGSEGV ? "SIGSEGV"
                                               : "another signal");
    else
        snprintf(answer, sizeof answer, "%d", WEXITSTATUS(status));
    tell_text(group, text, answer);
}

/* --- modes: every way to open with every protection, and what mprotect may do then --- */
static void tell_mode(const char *opened, int fd, int flags, int protection)
{
    char text[80];
    char *memory = map(fd, 1, protection, flags);

    snprintf(text, sizeof text, "%s, %s, %s%s%s", opened,
             flags == MAP_SHARED ? "shared" : "private", protection & PROT_READ ? "r" : "-",
             protection & PROT_WRITE ? "w" : "-", protection & PROT_EXEC ? "x" : "-");
    tell_map("modes", text, memory);
    if (memory == MAP_FAILED || protection & PROT_WRITE)
        return;
    strcat(text, ", then rw");
    tell("modes", text, mprotect(memory, PAGE, RW));
    unmap(memory, 1);
}

static void tell_modes(void)
{
    static const struct {
        const char *name;
        int flags;
    } modes[] = {{"RDONLY", O_RDONLY}, {"WRONLY", O_WRONLY}, {"RDWR", O_RDWR}};

    close(make_file(name_a, PAGES * PAGE));
    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        int fd = open(name_a, modes[m].flags);

        for (int protection = 0; protection < 8; protection++) {
            tell_mode(modes[m].name, fd, MAP_SHARED, protection);
            tell_mode(modes[m].name, fd, MAP_PRIVATE, protection);
        }
        close(fd);
    }
}

/* --- arguments --- */
static void tell_arguments(void)
{
    int fd = make_file(name_a, PAGES * PAGE), null = open("/dev/null", O_RDWR);
    char *memory;

    tell_map("arguments", "no length", mmap(NULL, 0, RW, MAP_SHARED, fd, 0));
    tell_map("arguments", "no type", mmap(NULL, PAGE, RW, 0, fd, 0));
    tell_map("arguments", "offset unaligned", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 1));
    tell_map("arguments", "offset half a page", mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE / 2));
    tell_map("arguments", "offset and length wrap",
             mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, -PAGE));
    tell_map("arguments", "length wraps", mmap(NULL, SIZE_MAX, RW, MAP_SHARED, fd, 0));
    tell_map("arguments", "length huge", mmap(NULL, 1ul << 62, RW, MAP_SHARED, fd, 0));
    tell_map("arguments", "address unaligned",
             mmap((void *)1, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    tell_map("arguments", "closed", mmap(NULL, PAGE, RW, MAP_SHARED, 30, 0));
    tell_map("arguments", "closed, but anonymous",
             mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 30, 0));
    tell_map("arguments", "/dev/null", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, null, 0));
    tell_map("arguments", "behind the end", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100 * PAGE));
    memory = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
    tell_bytes("arguments", "an offset of two pages", memory + PAGE - 1, 2);
    memory = mmap(memory, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
    tell_bytes("arguments", "another page over the first", memory + PAGE - 1, 2);
    tell("arguments", "munmap of that", munmap(memory, 2 * PAGE));
    memory = mmap(NULL, 100, PROT_READ, MAP_PRIVATE, fd, 0);
    tell_bytes("arguments", "all of a page comes", memory + PAGE - 2, 2);
    tell("arguments", "msync", msync(memory, PAGE, MS_SYNC));
    tell("arguments", "mlock", mlock(memory, PAGE));
    tell("arguments", "munlock", munlock(memory, PAGE));
    tell("arguments", "madvise", madvise(memory, PAGE, MADV_WILLNEED));
    tell("arguments", "MADV_FREE", madvise(memory, PAGE, MADV_FREE));
    unmap(memory, 1);
    close(null);
    close(fd);
}

/* --- one copy: what one sees the others see --- */
static void tell_shared(void)
{
    int fd = make_file(name_a, PAGES * PAGE), reader = open(name_a, O_RDONLY);
    char *one = map(fd, PAGES, RW, MAP_SHARED), *two = map(fd, PAGES, RW, MAP_SHARED);
    char *only = map(reader, PAGES, PROT_READ, MAP_SHARED);
    char *private = map(reader, PAGES, RW, MAP_PRIVATE);
    char bytes[4] = {0};

    one[0] = 'A';
    bytes[0] = two[0], bytes[1] = only[0], bytes[2] = private[0];
    bytes[3] = file_byte(fd, 0);
    tell_bytes("shared", "a store: other mapping, reader, private, read()", bytes, 4);
    private[0] = 'P';
    bytes[0] = one[0], bytes[1] = only[0], bytes[2] = private[0];
    bytes[3] = file_byte(fd, 0);
    tell_bytes("shared", "a store to the private one", bytes, 4);
    pwrite(fd, "W", 1, 0);
    pwrite(fd, "X", 1, PAGE);
    bytes[0] = one[0], bytes[1] = private[0], bytes[2] = one[PAGE], bytes[3] = private[PAGE];
    tell_bytes("shared", "write(): shared, private that was written, shared, private", bytes, 4);
    tell_count("shared", "read() into the same page", pread(fd, one + 10, 5, 0));
    tell_bytes("shared", "what is there", two + 9, 4);
    tell_count("shared", "write() from the same page", pwrite(fd, two, 3, 20));
    tell_bytes("shared", "what is there then", one + 19, 4);
    tell_count("shared", "write() from one page to the next", pwrite(fd, two, PAGE, PAGE));
    tell_bytes("shared", "the next one", two + PAGE, 4);
    close(fd);
    close(reader);
    unlink(name_a);
    two[3 * PAGE] = 'Z';
    tell_bytes("shared", "closed and unlinked", only + 3 * PAGE, 2);
    tell("shared", "the reader's stays read-only", mprotect(only, PAGE, RW));
    tell_access("shared", "a store to it", only, 1);
    unmap(one, PAGES);
    tell_bytes("shared", "one mapping gone", two, 2);
    unmap(two, PAGES);
    unmap(only, PAGES);
    unmap(private, PAGES);
}

static void tell_forked(void)
{
    int fd = make_file(name_a, PAGES * PAGE);
    char *shared = map(fd, PAGES, RW, MAP_SHARED), *private = map(fd, PAGES, RW, MAP_PRIVATE);

    private[1] = 'p';
    fflush(stdout);
    if (fork() == 0) {
        shared[0] = 'C';
        private[0] = 'c';
        private[2 * PAGE] = private[1];
        _exit(shared[2 * PAGE] + private[0] == 'c' + 'c' ? 0 : 1);
    }
    wait(NULL);
    tell_bytes("fork", "a child's store to shared pages", shared, 2);
    tell_bytes("fork", "to private ones", private, 2);
    tell_bytes("fork", "to ones that nobody had written", private + 2 * PAGE, 2);
    tell_value("fork", "the file has the first alone",
               file_byte(fd, 0) == 'C' && file_byte(fd, 1) == 'a' &&
                   file_byte(fd, 2 * PAGE) == 'c');
    unmap(shared, PAGES);
    unmap(private, PAGES);
    close(fd);
}

static void tell_advice(void)
{
    int fd = make_file(name_a, PAGES * PAGE);
    char *shared = map(fd, PAGES, RW, MAP_SHARED), *private = map(fd, PAGES, RW, MAP_PRIVATE);
    unsigned char vector[PAGES] = {0};

    shared[0] = 'S';
    private[0] = 'p';
    private[PAGE] = 'q';
    tell("advice", "DONTNEED of a shared page", madvise(shared, PAGE, MADV_DONTNEED));
    tell_bytes("advice", "keeps it", shared, 1);
    tell("advice", "DONTNEED of a private page", madvise(private, PAGE, MADV_DONTNEED));
    tell_bytes("advice", "shows the file again", private, 2);
    tell_bytes("advice", "others stay", private + PAGE, 2);
    tell("advice", "mincore", mincore(shared, PAGES * PAGE, vector));
    tell_value("advice", "pages that were written are there", vector[0] & vector[1] & 1);
    tell_map("advice", "mremap to less", mremap(shared, PAGES * PAGE, PAGE, 0));
    tell_access("advice", "what it cut", shared + PAGE, 0);
    unmap(shared, PAGES);
    unmap(private, PAGES);
    close(fd);
}

/* --- end: what lies behind the last byte --- */
static void tell_end(void)
{
    int fd = make_file(name_a, PAGE + 100), buffer = make_file(name_b, 3 * PAGE);
    char *shared = map(fd, PAGES, RW, MAP_SHARED), *private = map(fd, PAGES, RW, MAP_PRIVATE);

    tell_bytes("end", "the rest of the last page is zero", shared + PAGE + 99, 3);
    tell_access("end", "read on the last page", shared + PAGE + 4000, 0);
    tell_access("end", "read behind it", shared + 2 * PAGE, 0);
    tell_access("end", "write behind it", shared + 3 * PAGE, 1);
    tell_access("end", "read behind it, private", private + 2 * PAGE, 0);
    tell_access("end", "write behind it, private", private + 2 * PAGE, 1);
    tell_count("end", "read() to there", pread(buffer, shared + 2 * PAGE, 10, 0));
    tell_count("end", "write() from there", pwrite(buffer, shared + 2 * PAGE, 10, 0));
    tell_count("end", "console write from there", write(1, shared + 2 * PAGE, 10));
    shared[PAGE + 200] = 'T';
    tell_value("end", "a store behind the last byte does not grow it", lseek(fd, 0, SEEK_END));
    ftruncate(fd, 3 * PAGE);
    tell_access("end", "the file grows: read", shared + 2 * PAGE, 0);
    tell_access("end", "the file grows: private write", private + 2 * PAGE, 1);
    tell_access("end", "but no more than that", shared + 3 * PAGE, 0);
    pwrite(fd, "end", 3, 4 * PAGE - 3);
    tell_bytes("end", "write() makes it grow too", shared + 4 * PAGE - 4, 4);
    unmap(shared, PAGES);
    unmap(private, PAGES);
    close(fd);
    close(buffer);
}

static void tell_truncated(void)
{
    int fd = make_file(name_a, PAGES * PAGE);
    char *shared = map(fd, PAGES, RW, MAP_SHARED), *private = map(fd, PAGES, RW, MAP_PRIVATE);

    shared[PAGE + 5] = private[PAGE + 5] = 's';
    shared[2 * PAGE] = private[2 * PAGE] = 's';
    private[3 * PAGE] += shared[3 * PAGE] - shared[3 * PAGE];
    ftruncate(fd, PAGE + 3);
    tell_access("truncate", "a page before the cut", shared, 0);
    tell_access("truncate", "the page of the cut", shared + PAGE, 0);
    tell_bytes("truncate", "its rest", shared + PAGE + 2, 4);
    tell_bytes("truncate", "its rest in a private copy", private + PAGE + 4, 2);
    tell_access("truncate", "a page behind the cut", shared + 2 * PAGE, 0);
    tell_access("truncate", "the same, write", shared + 3 * PAGE, 1);
    tell_access("truncate", "a private copy behind the cut", private + 2 * PAGE, 0);
    ftruncate(fd, PAGES * PAGE);
    tell_bytes("truncate", "grown again, all is zero", shared + 2 * PAGE, 3);
    tell_bytes("truncate", "in the page of the cut too", shared + PAGE + 2, 4);
    tell_bytes("truncate", "and for the private one", private + 2 * PAGE, 3);
    ftruncate(fd, 0);
    tell_access("truncate", "to nothing", shared, 0);
    tell_access("truncate", "to nothing, private", private, 1);
    unmap(shared, PAGES);
    unmap(private, PAGES);
    close(fd);
}

/* --- mremap: mappings of files that grow, are doubled, or stay where they were --- */
static void tell_remap_of(int type, const char *group)
{
    int fd = make_file(name_a, PAGES * PAGE), move = MREMAP_MAYMOVE;
    char *memory = map(fd, PAGES, RW, type), *moved;

    memory[0] = 'x';
    munmap(memory + 2 * PAGE, 2 * PAGE);
    moved = mremap(memory, 2 * PAGE, 3 * PAGE, 0);
    tell_value(group, "grows in place", moved == memory);
    tell_bytes(group, "what it shows", moved + 2 * PAGE - 1, 2);
    moved = mremap(memory, 3 * PAGE, (PAGES + 1) * PAGE, move);
    tell_bytes(group, "grows on", moved, 1);
    tell_bytes(group, "to the end of the file", moved + PAGES * PAGE - 1, 1);
    tell_access(group, "and behind it", moved + PAGES * PAGE, 0);
    memory = mremap(moved + PAGE, 0, 2 * PAGE, move);
    tell_map(group, "old size 0", memory);
    if (memory != MAP_FAILED) {
        memory[1] = 'y';
        tell_bytes(group, "shows the same", moved + PAGE, 3);
        munmap(memory, 2 * PAGE);
    }
    tell_map(group, "old size 0, may not move", mremap(moved, 0, PAGE, 0));
    tell_map(group, "kept, but grown", mremap(moved, PAGE, 2 * PAGE, move | MREMAP_DONTUNMAP));
    tell_map(group, "kept, may not move", mremap(moved, PAGE, PAGE, MREMAP_DONTUNMAP));
    memory = mremap(moved, PAGE, PAGE, move | MREMAP_DONTUNMAP);
    tell_bytes(group, "kept: the new one", memory, 2);
    tell_bytes(group, "kept: the old one", moved, 2);
    tell(group, "mlock up to the end", mlock(moved, PAGES * PAGE));
    tell(group, "mlock behind the end", mlock(moved, (PAGES + 1) * PAGE));
    munmap(memory, PAGE);
    unmap(moved, PAGES + 1);
    close(fd);
}

int main(int argc, char **argv)
{
    static char buffer[4096];
    const char *folder = argc > 1 ? argv[1] : "/tmp";

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    snprintf(name_a, sizeof name_a, "%s/maps_a", folder);
    snprintf(name_b, sizeof name_b, "%s/maps_b", folder);
    tell_modes();
    tell_arguments();
    tell_shared();
    tell_forked();
    tell_advice();
    tell_end();
    tell_truncated();
    tell_remap_of(MAP_SHARED, "mremap, shared");
    tell_remap_of(MAP_PRIVATE, "mremap, private");
    unlink(name_a);
    unlink(name_b);
    return 0;
}
