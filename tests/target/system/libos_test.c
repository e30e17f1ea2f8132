/* libos from inside: thread-local variables, streams, files, heap, memory calls, signals. */
#include "harness.h"

#include <errno.h>
#include <faultline/process.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol.h"

#define PAGE 4096u

static int constructed;
static __thread int tls_zero;
static __thread int tls_initial = 4711;
static __thread char tls_aligned[100] __attribute__((aligned(64))) = "aligned";

static void __attribute__((constructor)) libos_test_construct(void)
{
    errno = 77; /* thread-local variables work before main */
    constructed = errno;
    printf("# printed by a constructor\n");
}

/* --- start, thread-local variables --------------------------------------------------------------
 */
TEST("constructors run before main, and may print")
{
    CHECK_EQ(constructed, 77);
}

TEST("thread-local variables have their initial values and alignment")
{
    CHECK_EQ(tls_zero, 0);
    CHECK_EQ(tls_initial, 4711);
    CHECK_STRING(tls_aligned, "aligned");
    CHECK_EQ((uintptr_t)tls_aligned % 64, 0);
    tls_zero = 1;
    memset(tls_aligned, 'x', sizeof tls_aligned);
    CHECK_EQ(tls_initial, 4711);
    CHECK_EQ(tls_zero, 1);
}

TEST("an error sets errno and success leaves it")
{
    errno = 0;
    CHECK_EQ(close(31), -1);
    CHECK_EQ(errno, EBADF);
    CHECK_EQ(write(1, "", 0), 0);
    CHECK_EQ(errno, EBADF);
}

TEST("the process id is positive and stays")
{
    CHECK(getpid() > 0);
    CHECK_EQ(getpid(), getpid());
}

/* --- streams ------------------------------------------------------------------------------------
 */
TEST("printf knows floating point, widths and 64-bit numbers")
{
    char text[200];

    snprintf(text, sizeof text, "%.3f %e %g %8.2f|%-6d|%06d|%llx|%zu|%s", 3.14159, 12345.678,
             0.0001, -2.5, 42, -42, 0xfedcba9876543210ull, (size_t)-1, "end");
    CHECK_STRING(text, "3.142 1.234568e+04 0.0001    -2.50|42    |-00042|fedcba9876543210|"
                       "18446744073709551615|end");
}

TEST("scanf and strtod read back what printf wrote")
{
    double value = 0;
    char text[40];

    snprintf(text, sizeof text, "%.17g", 0.1);
    CHECK_EQ(sscanf(text, "%lf", &value), 1);
    CHECK(value == 0.1);
    CHECK(strtod("-1.5e3", NULL) == -1500.0);
}

TEST("a write larger than a message comes out whole")
{
    static char text[5000];

    memset(text, '#', sizeof text);
    for (size_t i = 79; i < sizeof text; i += 80)
        text[i] = '\n';
    text[sizeof text - 1] = '\n';
    CHECK_EQ(write(1, text, sizeof text), sizeof text);
    CHECK_EQ(fwrite(text, 1, sizeof text, stdout), sizeof text);
    CHECK_EQ(fflush(stdout), 0);
}

TEST("fflush(NULL) and setvbuf work")
{
    CHECK_EQ(fflush(NULL), 0);
    CHECK_EQ(setvbuf(stdout, NULL, _IOLBF, 2000), 0);
    printf("# after setvbuf\n");
    CHECK_EQ(fflush(stdout), 0);
}

static uint64_t libos_test_free_frames(void)
{
    uint64_t frames = 0;

    faultline_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES, &frames);
    return frames;
}

/* --- files --------------------------------------------------------------------------------------
 */
TEST("a file of the initrd can be read, sought and closed")
{
    char magic[4], again[4];
    struct stat status;
    int fd = open("hello", O_RDONLY);

    CHECK(fd > 2);
    CHECK_EQ(read(fd, magic, 4), 4);
    CHECK_EQ(memcmp(magic, "\177ELF", 4), 0);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(read(fd, again, 3), 3);
    CHECK_EQ(memcmp(again, "ELF", 3), 0);
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK(S_ISREG(status.st_mode));
    CHECK_EQ(lseek(fd, 0, SEEK_END), status.st_size);
    CHECK_EQ(read(fd, again, 4), 0);
    CHECK_EQ(lseek(fd, -1, SEEK_SET), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(read(fd, again, 1), -1);
    CHECK_EQ(errno, EBADF);
}

TEST("a stream reads the same bytes as read()")
{
    static char by_read[10000], by_stream[10000];
    int fd = open("hello", O_RDONLY);
    FILE *file = fopen("hello", "r");
    ssize_t got = read(fd, by_read, sizeof by_read);

    CHECK(file != NULL);
    CHECK_EQ(fread(by_stream, 1, sizeof by_stream, file), (size_t)got);
    CHECK_EQ(memcmp(by_read, by_stream, (size_t)got), 0);
    CHECK_EQ(fseek(file, 100, SEEK_SET), 0);
    CHECK_EQ(getc(file), (unsigned char)by_read[100]);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(close(fd), 0);
}

TEST("fgets gives the last line of a file, with a newline or without")
{
    char line[64];
    FILE *file = fopen("text_file", "r");

    CHECK(file != NULL);
    CHECK(fgets(line, 5, file) == line);
    CHECK_STRING(line, "This");
    CHECK(fgets(line, sizeof line, file) == line);
    CHECK_STRING(line, " is no program.\n");
    CHECK(fgets(line, sizeof line, file) == line);
    CHECK_STRING(line, "Its last line has no end");
    CHECK(fgets(line, sizeof line, file) == NULL);
    CHECK(feof(file));
    CHECK_EQ(fclose(file), 0);
}

TEST("files are read-only, missing ones are ENOENT")
{
    errno = 0;
    CHECK_EQ(open("no such file", O_RDONLY), -1);
    CHECK_EQ(errno, ENOENT);
    CHECK_EQ(open("hello", O_RDWR), -1);
    CHECK_EQ(errno, EROFS);
    CHECK_EQ(open("new file", O_WRONLY | O_CREAT, 0666), -1);
    CHECK_EQ(errno, EROFS);
    CHECK(fopen("no such file", "r") == NULL);
    CHECK_EQ(errno, ENOENT);
}

TEST("descriptors run out with EMFILE and come back")
{
    int fds[64], count = 0;

    while (count < 64 && (fds[count] = open("/dev/null", O_RDWR)) >= 0)
        count++;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(count, 29);
    CHECK_EQ(write(fds[0], "gone", 4), 4);
    CHECK_EQ(read(fds[0], fds, 4), 0);
    for (int fd = 3; fd < 3 + count; fd++)
        CHECK_EQ(close(fd), 0);
}

/* Bytes of the file with this path in the list of all, or -1. */
static int64_t libos_test_listed(const char *path)
{
    char name[256];
    uint64_t bytes;

    for (unsigned i = 0; faultline_file_name(i, name, sizeof name, &bytes) == 0; i++)
        if (strcmp(name, path) == 0)
            return (int64_t)bytes;
    return -1;
}

TEST("the list of files has those of the initrd, /tmp and /dev/shm, as long as they have a name")
{
    int file = open("/tmp/libos_listed", O_RDWR | O_CREAT | O_EXCL, 0600);
    int shared = shm_open("/libos_listed", O_RDWR | O_CREAT | O_EXCL, 0600);
    struct stat status;

    CHECK_EQ(stat("hello", &status), 0);
    CHECK_EQ(libos_test_listed("/hello"), status.st_size);
    CHECK_EQ(write(file, "five!", 5), 5);
    CHECK_EQ(ftruncate(shared, 5000), 0);
    CHECK_EQ(libos_test_listed("/tmp/libos_listed"), 5);
    CHECK_EQ(libos_test_listed("/dev/shm/libos_listed"), 5000);
    CHECK_EQ(unlink("/tmp/libos_listed"), 0);
    CHECK_EQ(shm_unlink("/libos_listed"), 0);
    CHECK_EQ(libos_test_listed("/tmp/libos_listed"), -1);
    CHECK_EQ(libos_test_listed("/dev/shm/libos_listed"), -1);
    CHECK_EQ(close(file), 0);
    CHECK_EQ(close(shared), 0);
}

TEST("a write that finds memory full tells how much it wrote, then ENOSPC, and unlink gives all "
     "back")
{
    static char part[100000];
    uint64_t before = libos_test_free_frames();
    int fd = open("/tmp/libos_full", O_RDWR | O_CREAT | O_EXCL, 0600);
    struct stat status;
    off_t whole = 0;
    ssize_t count;

    while ((count = write(fd, part, sizeof part)) == (ssize_t)sizeof part)
        whole += count;
    CHECK(count > 0 || errno == ENOSPC);
    whole += count > 0 ? count : 0;
    CHECK_EQ(whole % PAGE, 0);
    CHECK(whole > (1 << 20));
    CHECK_EQ(write(fd, part, 1), -1);
    CHECK_EQ(errno, ENOSPC);
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK_EQ(status.st_size, whole);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), whole);
    CHECK_EQ(unlink("/tmp/libos_full"), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(libos_test_free_frames(), before);
}

TEST("a stream that finds memory full says so when it is closed")
{
    static char part[100000];
    int fd = open("/tmp/libos_full", O_RDWR | O_CREAT | O_EXCL, 0600);
    FILE *file = fopen("/tmp/libos_full", "a");

    while (write(fd, part, sizeof part) > 0)
        ;
    CHECK(fputs("one byte more", file) >= 0);
    CHECK_EQ(fclose(file), EOF);
    CHECK_EQ(errno, ENOSPC);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(remove("/tmp/libos_full"), 0);
}

TEST("the console is a terminal that cannot seek")
{
    CHECK(isatty(0) && isatty(1) && isatty(2));
    CHECK_EQ(lseek(1, 0, SEEK_CUR), -1);
    CHECK_EQ(errno, ESPIPE);
    CHECK_EQ(write(0, "x", 1), -1);
    CHECK_EQ(errno, EBADF);
}

/* --- heap ---------------------------------------------------------------------------------------
 */
#define BLOCKS 200

static size_t heap_size(int i)
{
    return (size_t)(i * 7919 % 6000 + 1);
}

TEST("malloc, realloc and free keep every byte")
{
    unsigned char *blocks[BLOCKS];

    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(heap_size(i));
        CHECK(blocks[i] && (uintptr_t)blocks[i] % 8 == 0);
        memset(blocks[i], i, heap_size(i));
    }
    for (int i = 0; i < BLOCKS; i += 3) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    for (int i = 1; i < BLOCKS; i += 3)
        CHECK((blocks[i] = realloc(blocks[i], heap_size(i) + 3000)) != NULL);
    for (int i = 0; i < BLOCKS; i++)
        for (size_t k = 0; blocks[i] && k < heap_size(i); k++)
            CHECK(blocks[i][k] == (unsigned char)i);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

TEST("calloc gives zeros and memalign alignment")
{
    char *zeros = calloc(300, 100), *aligned = memalign(PAGE, 100);

    CHECK(zeros && aligned);
    for (int i = 0; i < 30000; i++)
        CHECK(zeros[i] == 0);
    CHECK_EQ((uintptr_t)aligned % PAGE, 0);
    free(zeros);
    free(aligned);
}

TEST("malloc of more than there is fails with ENOMEM")
{
    errno = 0;
    CHECK(malloc((size_t)1 << 62) == NULL);
    CHECK_EQ(errno, ENOMEM);
}

TEST("the break moves both ways and gives its frames back")
{
    char *start = sbrk(0), *heap;
    uint64_t before, during;

    CHECK_EQ(brk(start + 64 * PAGE), 0);
    heap = start + PAGE;
    heap[0] = 1; /* the table frames that the range needs are not part of the comparison */
    CHECK_EQ(brk(start), 0);
    before = libos_test_free_frames();
    CHECK(sbrk(64 * PAGE) == start);
    for (int i = 1; i < 64; i++)
        start[(size_t)i * PAGE] = 1;
    during = libos_test_free_frames();
    CHECK(before - during >= 62);
    CHECK(sbrk(-64 * (ptrdiff_t)PAGE) == start + 64 * PAGE);
    CHECK_EQ(libos_test_free_frames(), before);
    CHECK(sbrk(0) == start);
}

TEST("memory that the break gave back is zero when it returns")
{
    unsigned char *start = sbrk(0), *page;

    CHECK_EQ(brk(start + 3 * PAGE), 0);
    page = (unsigned char *)(((uintptr_t)start + PAGE - 1) / PAGE * PAGE);
    memset(page, 0xa5, PAGE);
    CHECK_EQ(brk(start), 0);
    CHECK_EQ(brk(start + 3 * PAGE), 0);
    for (unsigned i = 0; i < PAGE; i++)
        CHECK(page[i] == 0);
    CHECK_EQ(brk(start), 0);
}

TEST("a break that makes no sense is ENOMEM")
{
    errno = 0;
    CHECK(sbrk(PTRDIFF_MAX) == (void *)-1);
    CHECK_EQ(errno, ENOMEM);
    CHECK_EQ(brk((void *)PROGRAM_STACK_END), -1);
    CHECK_EQ(errno, ENOMEM);
}

/* --- memory calls -------------------------------------------------------------------------------
 */
static unsigned char *libos_test_map(size_t pages)
{
    void *memory =
        mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

TEST("mapped memory is zero, keeps what is written, and unmaps in parts")
{
    unsigned char *memory = libos_test_map(5);

    for (unsigned i = 0; i < 5 * PAGE; i++)
        CHECK(memory[i] == 0);
    memset(memory, 9, 5 * PAGE);
    CHECK_EQ(munmap(memory + PAGE, PAGE), 0);
    CHECK_EQ(memory[0], 9);
    CHECK_EQ(memory[2 * PAGE], 9);
    CHECK_EQ(mprotect(memory, PAGE, PROT_READ), 0);
    CHECK_EQ(memory[PAGE - 1], 9);
    CHECK_EQ(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), 0);
    memory[0] = 8;
    CHECK_EQ(memory[0], 8);
    CHECK_EQ(munmap(memory, 5 * PAGE), 0);
}

TEST("MAP_FIXED replaces, MAP_FIXED_NOREPLACE refuses")
{
    unsigned char *memory = libos_test_map(3);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;

    memset(memory, 1, 3 * PAGE);
    CHECK(mmap(memory + PAGE, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0) == memory + PAGE);
    CHECK_EQ(memory[PAGE], 0);
    CHECK_EQ(memory[2 * PAGE], 1);
    errno = 0;
    CHECK(mmap(memory, PAGE, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EEXIST);
    CHECK_EQ(munmap(memory, 3 * PAGE), 0);
}

TEST("bad arguments to the memory calls are EINVAL, files ENODEV or EBADF")
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;

    errno = 0;
    CHECK(mmap(NULL, 0, PROT_READ, flags, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK(mmap((void *)1, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 31, 0) == MAP_FAILED);
    CHECK_EQ(errno, EBADF);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 1, 0) == MAP_FAILED);
    CHECK_EQ(errno, ENODEV);
    errno = 0;
    CHECK_EQ(munmap((void *)1, PAGE), -1);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK_EQ(madvise(NULL, PAGE, 12345), -1);
    CHECK_EQ(errno, EINVAL);
}

TEST("fault counters rise by exactly the pages touched")
{
    struct rusage before, after;
    unsigned char *memory = libos_test_map(32);

    getrusage(RUSAGE_SELF, &before);
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < 32; i++)
        memory[i * PAGE] = 1;
    getrusage(RUSAGE_SELF, &after);
    CHECK_EQ(after.ru_minflt - before.ru_minflt, 32);
    CHECK_EQ(after.ru_majflt, 0);
    CHECK(after.ru_maxrss >= 32 * 4);
    CHECK_EQ(munmap(memory, 32 * PAGE), 0);
}

/* --- signals ------------------------------------------------------------------------------------
 */
static volatile sig_atomic_t caught;

static void libos_test_catch(int number)
{
    caught = number;
}

TEST("a handler sees signals that the program sends itself")
{
    CHECK(signal(SIGUSR1, libos_test_catch) == SIG_DFL);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(caught, SIGUSR1);
    caught = 0;
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(caught, SIGUSR1);
    CHECK(signal(SIGUSR1, SIG_IGN) == libos_test_catch);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    CHECK(signal(SIGKILL, SIG_IGN) == SIG_ERR);
    CHECK_EQ(errno, EINVAL);
}
