/* The system's promises to programs, checked by a program: what starts, how it ends, and that
 * nothing is lost or seen by others afterwards. */
#include "harness.h"

#include <errno.h>
#include <faultline/process.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

#define PROGRAMS_MAX 16

static uint64_t system_counter(enum faultline_source source, unsigned which)
{
    uint64_t value = UINT64_MAX;

    CHECK_EQ(faultline_counter(source, which, &value), 0);
    return value;
}

TEST_LAW("kernel: free frames")
{
    return system_counter(FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE);
}
TEST_LAW("kernel: objects")
{
    return system_counter(FAULTLINE_KERNEL, FL_COUNTER_OBJECTS);
}
TEST_LAW("kernel: capabilities")
{
    return system_counter(FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES);
}
TEST_LAW("kernel: mappings")
{
    return system_counter(FAULTLINE_KERNEL, FL_COUNTER_MAPPINGS);
}
TEST_LAW("kernel: pins")
{
    return system_counter(FAULTLINE_KERNEL, FL_COUNTER_PINS);
}
TEST_LAW("pager: free frames")
{
    return system_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
}
TEST_LAW("pager: spaces")
{
    return system_counter(FAULTLINE_PAGER, PAGER_STAT_SPACES);
}
TEST_LAW("pager: entries")
{
    return system_counter(FAULTLINE_PAGER, PAGER_STAT_ENTRIES);
}
TEST_LAW("pager: objects")
{
    return system_counter(FAULTLINE_PAGER, PAGER_STAT_OBJECTS);
}

/* Starts a program.  Returns: its process id, or -1 with errno. */
static pid_t system_start(char *const argv[])
{
    return faultline_spawn(argv);
}

static int system_wait(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

static int system_run(char *const argv[])
{
    pid_t pid = system_start(argv);

    CHECK(pid > 0);
    return system_wait(pid);
}

/* Pages of this program and what the servers keep for reuse (tables, records) are there before the
 * laws are measured for the first time. */
static void __attribute__((constructor)) system_warm_up(void)
{
    volatile char stack[16 * 4096];
    int status;

    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 1;
    if (waitpid(system_start((char *[]){"true", NULL}), &status, 0) < 0)
        perror("system_test: warm-up");
}

#define RUN(...)      system_run((char *[]){__VA_ARGS__, NULL})
#define EXITED(code)  ((code) << 8)
#define SIGNALED(sig) (sig)

/* --- starting and ending ------------------------------------------------------------------------
 */
TEST("a program ends with the status that it returns")
{
    CHECK_EQ(RUN("true"), EXITED(0));
    CHECK_EQ(RUN("false"), EXITED(1));
    CHECK_EQ(RUN("exitwith", "42"), EXITED(42));
    CHECK_EQ(RUN("exitwith", "255"), EXITED(255));
    CHECK_EQ(RUN("exitwith", "256"), EXITED(0));
}

TEST("a program that sends itself a signal is ended by it")
{
    CHECK_EQ(RUN("exitwith", "signal", "6"), SIGNALED(SIGABRT));
    CHECK_EQ(RUN("exitwith", "signal", "9"), SIGNALED(SIGKILL));
    CHECK_EQ(RUN("exitwith", "signal", "15"), SIGNALED(SIGTERM));
}

TEST("a program that does not exist is ENOENT")
{
    errno = 0;
    CHECK_EQ(system_start((char *[]){"no such program", NULL}), -1);
    CHECK_EQ(errno, ENOENT);
}

TEST("a file that is no program is ENOEXEC")
{
    static char *const files[] = {"text_file", "truncated_elf", "overlapping_elf", "kernel_elf"};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        errno = 0;
        CHECK_EQ(system_start((char *[]){files[i], NULL}), -1);
        CHECK_EQ(errno, ENOEXEC);
    }
}

TEST("waiting without a child is ECHILD")
{
    int status;

    errno = 0;
    CHECK_EQ(waitpid(-1, &status, 0), -1);
    CHECK_EQ(errno, ECHILD);
    errno = 0;
    CHECK_EQ(waitpid(12345, &status, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

TEST("WNOHANG says 0 while the child runs")
{
    pid_t pid = system_start((char *[]){"sleep", "0.2", NULL});
    int status;

    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(system_wait(pid), EXITED(0));
}

TEST("40 programs run one after the other")
{
    for (int i = 0; i < 40; i++)
        CHECK_EQ(RUN("exitwith", i % 2 ? "7" : "9"), EXITED(i % 2 ? 7 : 9));
}

TEST("8 programs run at once and each ends in its own way")
{
    static char *const codes[] = {"10", "11", "12", "13", "14", "15", "16", "17"};
    int statuses[8];
    pid_t pids[8];

    for (int i = 0; i < 8; i++) {
        pids[i] = system_start((char *[]){"exitwith", codes[i], NULL});
        CHECK(pids[i] > 0);
    }
    for (int i = 7; i >= 0; i--)
        statuses[i] = system_wait(pids[i]); /* all of them, before a check ends the test */
    for (int i = 0; i < 8; i++)
        CHECK_EQ(statuses[i], EXITED(10 + i));
}

TEST("wait for any child returns each once")
{
    pid_t pids[4], pid;
    int seen = 0, status;

    for (int i = 0; i < 4; i++)
        pids[i] = system_start((char *[]){"true", NULL});
    for (int left = 4; left > 0; left--) {
        pid = wait(&status);
        for (int i = 0; i < 4; i++)
            if (pids[i] == pid)
                seen |= 1 << i;
    }
    CHECK_EQ(seen, 15);
    CHECK_EQ(wait(&status), -1);
}

TEST("long arguments arrive whole")
{
    char big[1500];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    CHECK_EQ(RUN("check_args", "", big, "a b"), EXITED(0));
}

/* --- bad accesses -------------------------------------------------------------------------------
 */
static void system_check_segv(const char *mode)
{
    CHECK_EQ(RUN("segv", (char *)mode), SIGNALED(SIGSEGV));
}

TEST("an ebreak ends a program with SIGTRAP")
{
    CHECK_EQ(RUN("breakpoint"), SIGNALED(SIGTRAP));
}

TEST("an atomic operation that is not aligned ends a program with SIGBUS")
{
    CHECK_EQ(RUN("misaligned", "add"), SIGNALED(SIGBUS));
    CHECK_EQ(RUN("misaligned", "swap"), SIGNALED(SIGBUS));
}

TEST("reading address 0 ends a program with SIGSEGV")
{
    system_check_segv("null-read");
}
TEST("writing address 0 ends a program with SIGSEGV")
{
    system_check_segv("null-write");
}
TEST("reading a kernel address ends a program with SIGSEGV")
{
    system_check_segv("kernel-read");
}
TEST("writing a kernel address ends a program with SIGSEGV")
{
    system_check_segv("kernel-write");
}
TEST("writing its own text ends a program with SIGSEGV")
{
    system_check_segv("text-write");
}
TEST("writing a constant ends a program with SIGSEGV")
{
    system_check_segv("constant-write");
}
TEST("executing its stack ends a program with SIGSEGV")
{
    system_check_segv("stack-exec");
}
TEST("reading where nothing is mapped ends a program with SIGSEGV")
{
    system_check_segv("unmapped-read");
}
TEST("executing where nothing is mapped ends a program with SIGSEGV")
{
    system_check_segv("unmapped-exec");
}
TEST("writing past the break ends a program with SIGSEGV")
{
    system_check_segv("beyond-brk");
}
TEST("a stack that grows without end ends a program with SIGSEGV")
{
    system_check_segv("stack-guard");
}

TEST("a bad access ends one program and no other")
{
    pid_t bystander = system_start((char *[]){"floats", "5", "2000", NULL});

    CHECK(bystander > 0);
    CHECK_EQ(RUN("segv", "null-write"), SIGNALED(SIGSEGV));
    CHECK_EQ(RUN("segv", "kernel-write"), SIGNALED(SIGSEGV));
    CHECK_EQ(system_wait(bystander), EXITED(0));
}

/* --- what the course programs show --------------------------------------------------------------
 */
/* What they print is judged in tests/target/course. */
TEST("the course's programs leave nothing behind")
{
    static char *const programs[] = {"timing",       "demand_zero", "segments", "stack_heap",
                                     "minor_faults", "prefetch",    "fork_cow", "snapshot",
                                     "table_cache",  "protections", "mappings", "memory_advice"};

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        CHECK_EQ(RUN(programs[i]), EXITED(0));
}

TEST("a page that one program dirtied is zero for the next")
{
    uint64_t free_frames = system_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
    char pages[24];

    snprintf(pages, sizeof pages, "%llu", (unsigned long long)free_frames / 4 * 3);
    CHECK_EQ(RUN("dirty_reuse", "fill", pages), EXITED(0));
    CHECK_EQ(RUN("dirty_reuse", "check", pages), EXITED(0));
}

TEST("floating-point registers survive other programs' use of them")
{
    static char *const seeds[] = {"1", "2", "3", "4"};
    pid_t pids[4];

    int statuses = 0;

    for (int i = 0; i < 4; i++)
        pids[i] = system_start((char *[]){"floats", seeds[i], "3000", NULL});
    for (int i = 0; i < 4; i++)
        statuses |= system_wait(pids[i]);
    CHECK_EQ(statuses, EXITED(0));
}

TEST("a program that asks for more memory than there is gets an end or an error, alone")
{
    uint64_t total = system_counter(FAULTLINE_PAGER, PAGER_STAT_TOTAL_FRAMES);
    char pages[24];

    snprintf(pages, sizeof pages, "%llu", (unsigned long long)total * 2); /* refused at once */
    CHECK_EQ(RUN("dirty_reuse", "fill", pages), EXITED(2));
    snprintf(pages, sizeof pages, "%llu", (unsigned long long)total); /* promised, not there */
    CHECK_EQ(RUN("dirty_reuse", "fill", pages), SIGNALED(SIGKILL));
    CHECK_EQ(RUN("true"), EXITED(0));
}

/* --- time ---------------------------------------------------------------------------------------
 */
TEST("a sleep lasts at least what was asked")
{
    static const long wanted_ns[] = {0, 1, 99, 100, 1000000, 30000000};

    for (size_t i = 0; i < sizeof wanted_ns / sizeof wanted_ns[0]; i++) {
        struct timespec before, after, wanted = {.tv_nsec = wanted_ns[i]};

        clock_gettime(CLOCK_MONOTONIC, &before);
        CHECK_EQ(nanosleep(&wanted, NULL), 0);
        clock_gettime(CLOCK_MONOTONIC, &after);
        CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
              wanted_ns[i]);
    }
}

TEST("sleeps of several programs overlap")
{
    struct timespec before, after;
    pid_t pids[4];

    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 4; i++)
        pids[i] = system_start((char *[]){"sleep", "1", NULL});
    for (int i = 0; i < 4; i++)
        CHECK_EQ(system_wait(pids[i]), EXITED(0));
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 4);
}

/* The message buffer holds all words of the pager's last answer, and zeros of ours behind them. */
static bool system_is_padded(const char *name)
{
    const char *answer = (const char *)FL_BUFFER + FL_BUFFER_DATA;

    for (size_t i = strlen(name); i < FL_PROTOCOL_BYTES; i++)
        if (answer[i])
            return false;
    return true;
}

TEST("behind the bytes of an answer stand none of what another program sent")
{
    char name[256];
    unsigned odd = 0;

    CHECK_EQ(RUN("cat", "/tmp/a-long-name-that-is-nobody-else's-to-read"), EXITED(1));
    memset((char *)FL_BUFFER + FL_BUFFER_DATA, 0, FL_PROTOCOL_BYTES);
    for (unsigned i = 0; faultline_file_name(i, name, sizeof name, NULL) == 0; i++) {
        odd += strlen(name) % 8 != 0;
        CHECK(system_is_padded(name));
        memset((char *)FL_BUFFER + FL_BUFFER_DATA, 0, FL_PROTOCOL_BYTES);
    }
    CHECK(odd > 0);
}

TEST("an invalid duration is EINVAL")
{
    struct timespec wanted = {.tv_nsec = 1000000000};

    errno = 0;
    CHECK_EQ(nanosleep(&wanted, NULL), -1);
    CHECK_EQ(errno, EINVAL);
}

TEST("a program may close its streams and go on printing")
{
    CHECK_EQ(RUN("streams_closed"), EXITED(0));
}

/* Two words whose middles are the ends of pages, in memory that nobody touched. */
#define CROSSING(memory, page) ((volatile uint64_t *)((memory) + ((page) + 1) * 4096ul - 4))

TEST("a load or a store that is not aligned does what its bytes would, also across two untouched "
     "pages")
{
    char *memory =
        mmap(NULL, 8 * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    CHECK(memory != MAP_FAILED);
    CHECK_EQ(*CROSSING(memory, 0), 0);
    *CROSSING(memory, 2) = 0x0807060504030201ull;
    CHECK_EQ(memcmp((const char *)CROSSING(memory, 2), bytes, sizeof bytes), 0);
    for (unsigned at = 1; at < 8; at++) {
        volatile uint64_t *word = (volatile uint64_t *)(memory + 5 * 4096ul + at);

        *word = 0x0807060504030201ull;
        CHECK_EQ(memcmp((const char *)word, bytes, sizeof bytes), 0);
        CHECK_EQ(*(volatile uint32_t *)(memory + 5 * 4096ul + at + 3), 0x07060504);
    }
    munmap(memory, 8 * 4096ul);
}
