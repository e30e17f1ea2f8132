/* What calls answer to pointers that are not the program's own, and that nothing is done by halves then;
 * a line a case: "group | case | answer".  The same source runs on Linux, and files_test.py compares the
 * two.  With `own` behind the folder: calls that on Linux are no system calls, or do half.
 * usage: bad_pointers FOLDER [own] */
#include "answers.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define PAGE       4096ul
#define KERNEL     0xffff800000000000ul
#define FILE_BYTES 600000
#define READ_BYTES 300
#define BIG_BYTES  (100 * PAGE) /* more than one message to the pager copies */

static char path[100], contents[FILE_BYTES];
static int file;

/* A good page, one that is read-only, a hole behind each. */
static unsigned char *good, *constant;

static const struct {
    const char *name;
    int place;
} kinds[] = {{"null", 0},        {"hole", 1},   {"read-only", 2},
             {"half a hole", 3}, {"kernel", 4}, {"last page", 5}};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void *bad_pointer(size_t kind)
{
    void *const places[] = {NULL,           good + PAGE,
                            constant,       good + PAGE - 2,
                            (void *)KERNEL, (void *)(SIZE_MAX - PAGE + 1)};

    return places[kinds[kind].place];
}

static void make_pages(void)
{
    good = mmap(NULL, 200 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    constant = good + 2 * PAGE;
    memset(good, 7, PAGE);
    memset(constant, 7, PAGE);
    mprotect(constant, PAGE, PROT_READ);
    munmap(good + PAGE, PAGE);
    munmap(constant + PAGE, PAGE);
    munmap(good + 199 * PAGE, PAGE); /* pages 4 to 198 are good */
}

/* --- calls that read or write memory at a pointer --- */
static long call_read(void *pointer)
{
    return read(file, pointer, READ_BYTES);
}
static long call_read_big(void *pointer)
{
    return read(file, pointer, BIG_BYTES);
}
static long call_pread(void *pointer)
{
    return pread(file, pointer, READ_BYTES, 5);
}
static long call_write(void *pointer)
{
    return write(file, pointer, READ_BYTES);
}
static long call_write_big(void *pointer)
{
    return write(file, pointer, BIG_BYTES);
}
static long call_pwrite(void *pointer)
{
    return pwrite(file, pointer, READ_BYTES, 5);
}
static long call_read_nothing(void *pointer)
{
    return pointer == (void *)KERNEL || (uintptr_t)pointer > KERNEL ? 0 : read(file, pointer, 0);
}
static long call_fstat(void *pointer)
{
    return fstat(file, pointer);
}
static long call_stat(void *pointer)
{
    return stat(path, pointer);
}
static long call_getrusage(void *pointer)
{
    return getrusage(RUSAGE_SELF, pointer);
}
static long call_getrlimit(void *pointer)
{
    return getrlimit(RLIMIT_DATA, pointer);
}
static long call_setrlimit(void *pointer)
{
    return pointer == constant ? -1 : setrlimit(RLIMIT_DATA, pointer); /* it holds no limit */
}
static long call_nanosleep(void *pointer)
{
    return nanosleep(pointer, NULL);
}
static long call_mincore(void *pointer)
{
    return mincore(good + 4 * PAGE, 8 * PAGE, pointer);
}

static const struct {
    const char *name;
    long (*call)(void *pointer);
} calls[] = {{"read", call_read},
             {"pread", call_pread},
             {"read of nothing", call_read_nothing},
             {"write", call_write},
             {"pwrite", call_pwrite},
             {"fstat", call_fstat},
             {"stat", call_stat},
             {"getrusage", call_getrusage},
             {"getrlimit", call_getrlimit},
             {"setrlimit", call_setrlimit},
             {"nanosleep", call_nanosleep},
             {"mincore", call_mincore},
             {"read of much", call_read_big},
             {"write of much", call_write_big}};

/* Tells a call, and whether anything came of it all the same. */
static void tell_call(const char *group, const char *text, long (*call)(void *), void *pointer)
{
    static char now[FILE_BYTES];
    char answer[80];
    const char *result;
    int changed = 0;
    long count;

    pwrite(file, contents, FILE_BYTES, 0);
    lseek(file, 10, SEEK_SET);
    memset(good, 7, PAGE);
    errno = 0;
    count = call(pointer);
    result = answer_result(count);
    for (unsigned i = 0; i < PAGE; i++)
        changed += good[i] != 7 || constant[i] != 7;
    if (pread(file, now, FILE_BYTES, 0) != FILE_BYTES || memcmp(now, contents, FILE_BYTES) != 0)
        changed = 1;
    snprintf(answer, sizeof answer, "%s, at %ld, %s", result, (long)lseek(file, 0, SEEK_CUR),
             changed ? "memory or file changed" : "nothing changed");
    tell_text(group, text, answer);
}

static void tell_calls(void)
{
    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
        for (size_t k = 0; k < KINDS; k++) {
            char text[80];

            snprintf(text, sizeof text, "%s: %s", calls[c].name, kinds[k].name);
            tell_call("pointers", text, calls[c].call, bad_pointer(k));
        }
    tell_call("pointers", "read of much: its last page is a hole", call_read_big,
              good + 199 * PAGE - BIG_BYTES + 10);
    tell_call("pointers", "write of much: its last page is a hole", call_write_big,
              good + 199 * PAGE - BIG_BYTES + 10);
    tell_count("pointers", "console write: hole", write(1, good + PAGE, 10));
    tell_count("pointers", "console write: half a hole", write(1, good + PAGE - 2, 10));
    tell_count("pointers", "console write: null", write(1, NULL, 10));
    tell_count("pointers", "console write: nothing", write(1, NULL, 0));
}

/* --- paths --- */
static int path_open(const char *name)
{
    return open(name, O_RDWR | O_CREAT, 0666);
}
static int path_stat(const char *name)
{
    struct stat status;

    return stat(name, &status);
}
static int path_access(const char *name)
{
    return access(name, R_OK);
}
static int path_truncate(const char *name)
{
    return truncate(name, 1);
}
static int path_rename_from(const char *name)
{
    return rename(name, path);
}
static int path_rename_to(const char *name)
{
    return rename(path, name);
}

static void tell_paths(void)
{
    static const struct {
        const char *name;
        int (*call)(const char *name);
    } takers[] = {{"open", path_open},          {"stat", path_stat},
                  {"access", path_access},      {"truncate", path_truncate},
                  {"unlink", unlink},           {"rename from", path_rename_from},
                  {"rename to", path_rename_to}};

    for (size_t c = 0; c < sizeof takers / sizeof takers[0]; c++)
        for (size_t k = 0; k < KINDS; k++) {
            char text[80];

            if (bad_pointer(k) == constant)
                continue; /* may be read */
            memset(good, 'x', PAGE);
            snprintf(text, sizeof text, "%s: %s", takers[c].name, kinds[k].name);
            tell("paths", text, takers[c].call(bad_pointer(k)));
        }
    memset(good, 0, PAGE);
    strcpy((char *)good + PAGE - strlen(path) - 1, path);
    tell("paths", "open: the string ends where its page does",
         path_stat((char *)good + PAGE - strlen(path) - 1));
}

/* --- what Faultline does otherwise --- */
static long call_clock(void *pointer)
{
    return clock_gettime(CLOCK_MONOTONIC, pointer);
}
static long call_resolution(void *pointer)
{
    return pointer ? clock_getres(CLOCK_MONOTONIC, pointer) : -1;
}
static long call_time_of_day(void *pointer)
{
    return pointer ? gettimeofday(pointer, NULL) : -1;
}
static long call_times(void *pointer)
{
    return pointer ? (long)times(pointer) : -1;
}
static long call_wait(void *pointer)
{
    return pointer ? waitpid(-1, pointer, 0) : -1;
}
static long call_console_read(void *pointer)
{
    return read(0, pointer, 100);
}

static void tell_own(void)
{
    static const struct {
        const char *name;
        long (*call)(void *pointer);
    } own[] = {{"clock_gettime", call_clock},
               {"clock_getres", call_resolution},
               {"gettimeofday", call_time_of_day},
               {"times", call_times},
               {"waitpid", call_wait},
               {"console read", call_console_read}};
    int status = 0;

    fflush(stdout);
    if (fork() == 0)
        _exit(3);
    for (size_t c = 0; c < sizeof own / sizeof own[0]; c++)
        for (size_t k = 1; k < KINDS; k++) {
            char text[80];

            snprintf(text, sizeof text, "%s: %s", own[c].name, kinds[k].name);
            tell("own", text, own[c].call(bad_pointer(k)));
        }
    tell_value("own", "the child is still to be waited for",
               wait(&status) > 0 && WEXITSTATUS(status) == 3);
    for (size_t c = 0; c < 2; c++)
        tell_call("own", c ? "write" : "read", c ? call_write_big : call_read_big,
                  good + 199 * PAGE - BIG_BYTES + 10);
}

int main(int argc, char **argv)
{
    static char buffer[4096];

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    snprintf(path, sizeof path, "%s/pointers_a", argc > 1 ? argv[1] : "/tmp");
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    for (unsigned i = 0; i < FILE_BYTES; i++)
        contents[i] = (char)(i * 5 + i / 4096);
    make_pages();
    if (argc > 2) {
        tell_own();
    } else {
        tell_calls();
        tell_paths();
    }
    close(file);
    unlink(path);
    return 0;
}
