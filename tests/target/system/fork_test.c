/* Processes that copy themselves, checked by one: what a copy has of its parent's and what is its
 * own.  Ends and limits: wait_test.c. */
#include "fork_kit.h"

#include <fcntl.h>
#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define FORK_DEEP_FRAMES 64 /* of a page each, and more */

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: objects", FAULTLINE_KERNEL, FL_COUNTER_OBJECTS)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("kernel: pins", FAULTLINE_KERNEL, FL_COUNTER_PINS)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* Forks put new records in the place of old ones, which may spread over one frame more. */
TEST_LAW("pager: frames that are free or hold records")
{
    return fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) +
           fork_counter(FAULTLINE_PAGER, PAGER_STAT_METADATA_FRAMES);
}

/* --- who is who ---------------------------------------------------------------------------------
 */
TEST("fork returns twice: 0 in the child, the child's id in the parent")
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        CHILD_CHECK(getpid() != parent);
        CHILD_CHECK(getppid() == parent);
        CHILD_CHECK(kill(getpid(), 0) == 0);
        _exit(getpid() & 0xff);
    }
    CHECK(pid > 0 && pid != parent);
    CHECK_EQ(getpid(), parent);
    CHECK_EQ(fork_wait(pid), EXITED(pid & 0xff));
}

TEST("vfork is a fork whose child may do anything")
{
    volatile int value = 1;
    pid_t pid = vfork();

    if (pid == 0) {
        value = 2;
        _exit(value);
    }
    CHECK_EQ(fork_wait(pid), EXITED(2));
    CHECK_EQ(value, 1);
}

/* --- memory -------------------------------------------------------------------------------------
 */
static int fork_data = 11;
static int fork_zero[3 * FORK_PAGE / sizeof(int)];
static _Thread_local int fork_local = 33;

/* One word of each kind of memory. */
static volatile int *fork_words[6];
#define FORK_WORDS (sizeof fork_words / sizeof fork_words[0])

static void fork_set_words(int base)
{
    for (size_t i = 0; i < FORK_WORDS; i++)
        *fork_words[i] = base + (int)i;
}

static bool fork_words_are(int base)
{
    for (size_t i = 0; i < FORK_WORDS; i++)
        if (*fork_words[i] != base + (int)i)
            return false;
    return true;
}

/* The parent's part of a test whose child looks again after the parent has written. */
static int fork_write_beside(pid_t child, uint64_t spaces)
{
    pid_t gate;
    int status;

    fork_set_words(500);
    gate = fork_open_gate(spaces + 1);
    status = fork_wait(child);
    CHECK_EQ(fork_wait(gate), EXITED(0));
    return status;
}

TEST("a child has the parent's memory as of the fork, and what either writes is its own")
{
    uint64_t spaces = fork_spaces();
    void *mapped =
        mmap(NULL, 2 * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *heap = malloc(64), stack;
    pid_t pid;

    CHECK(mapped != MAP_FAILED && heap);
    fork_words[0] = &fork_data;
    fork_words[1] = &fork_zero[2 * FORK_PAGE / sizeof(int)];
    fork_words[2] = &fork_local;
    fork_words[3] = heap;
    fork_words[4] = &stack;
    fork_words[5] = mapped;
    fork_set_words(100);
    pid = fork();
    if (pid == 0) {
        CHILD_CHECK(fork_words_are(100));
        fork_await_spaces(spaces + 2); /* now the parent has written */
        CHILD_CHECK(fork_words_are(100));
        fork_set_words(900);
        CHILD_CHECK(((volatile int *)mapped)[FORK_PAGE / sizeof(int)] == 0);
        _exit(7);
    }
    CHECK(pid > 0);
    CHECK_EQ(fork_write_beside(pid, spaces), EXITED(7));
    CHECK(fork_words_are(500));
    free(heap);
    CHECK_EQ(munmap(mapped, 2 * FORK_PAGE), 0);
}

static int fork_change_heap(void)
{
    char *end = sbrk(0), *more = sbrk(5 * FORK_PAGE);
    char *block = malloc(20000);

    CHILD_CHECK(more == end && block);
    memset(more, 1, 5 * FORK_PAGE);
    memset(block, 2, 20000);
    free(block);
    return 0;
}

TEST("a child's heap grows alone")
{
    char *end = sbrk(0);

    CHECK_EQ(fork_run(fork_change_heap), EXITED(0));
    CHECK_EQ((uintptr_t)sbrk(0), (uintptr_t)end);
}

static int fork_unmap_and_protect(void)
{
    CHILD_CHECK(munmap((void *)fork_words[0], FORK_PAGE) == 0);
    CHILD_CHECK(mprotect((void *)fork_words[1], FORK_PAGE, PROT_READ) == 0);
    return *fork_words[1];
}

TEST("what a child unmaps or protects stays as it was in the parent")
{
    char *mapped =
        mmap(NULL, 2 * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(mapped != MAP_FAILED);
    fork_words[0] = (int *)(void *)mapped;
    fork_words[1] = (int *)(void *)(mapped + FORK_PAGE);
    *fork_words[0] = 5;
    *fork_words[1] = 6;
    CHECK_EQ(fork_run(fork_unmap_and_protect), EXITED(6));
    CHECK_EQ(*fork_words[0], 5);
    *fork_words[1] = 8;
    CHECK_EQ(munmap(mapped, 2 * FORK_PAGE), 0);
}

/* A page and more of stack each time; forks at the bottom.  Returns: the number of wrong frames. */
static int fork_deep(int frames, int *pid)
{
    volatile int page[FORK_PAGE / sizeof(int)];
    int wrong = 0;

    for (size_t i = 0; i < sizeof page / sizeof page[0]; i += 100)
        page[i] = frames;
    if (frames == 0)
        *pid = fork();
    else
        wrong = fork_deep(frames - 1, pid);
    for (size_t i = 0; i < sizeof page / sizeof page[0]; i += 100)
        if (page[i] != frames) {
            wrong++;
            break;
        }
    return wrong;
}

/* In a child, whose stack nobody misses. */
static int fork_from_deep_stack(void)
{
    int pid = -1, wrong = fork_deep(FORK_DEEP_FRAMES, &pid), status = -1;

    if (pid == 0)
        _exit(wrong);
    CHILD_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHILD_CHECK(status == EXITED(0));
    return wrong;
}

TEST("a fork deep in the stack returns through all of it, in both")
{
    CHECK_EQ(fork_run(fork_from_deep_stack), EXITED(0));
}

/* --- registers and what else goes along ---------------------------------------------------------
 */
static volatile long fork_seed = 1;

/* More values than there are registers that calls preserve; they live across the fork in those. */
static int fork_with_full_registers(void)
{
    long a = fork_seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13, g = a * 17,
         h = a * 19, i = a * 23, j = a * 29, k = a * 31;
    double p = (double)a / 3, q = p / 5, r = p / 7, s = p / 11, t = p / 13, u = p / 17, v = p / 19,
           w = p / 23, x = p / 29, y = p / 31, z = p / 37;
    pid_t pid = fork();
    int status = 0;

    if (b != a * 3 || c != a * 5 || d != a * 7 || e != a * 11 || f != a * 13 || g != a * 17 ||
        h != a * 19 || i != a * 23 || j != a * 29 || k != a * 31)
        status = 1;
    if (p != (double)fork_seed / 3 || q != p / 5 || r != p / 7 || s != p / 11 || t != p / 13 ||
        u != p / 17 || v != p / 19 || w != p / 23 || x != p / 29 || y != p / 31 || z != p / 37)
        status |= 2;
    if (pid == 0)
        _exit(status);
    CHECK(pid > 0);
    CHECK_EQ(status, 0);
    return fork_wait(pid);
}

TEST("integer and floating-point registers survive in both")
{
    CHECK_EQ(fork_with_full_registers(), EXITED(0));
}

static int fork_rounding(void)
{
    volatile double one = 1, three = 3;
    double up = one / three;

    CHILD_CHECK(fegetround() == FE_UPWARD);
    CHILD_CHECK(up * 3 > 1 || up > 0.33333333333333331);
    return 0;
}

TEST("the rounding mode survives in both")
{
    int status, mode;

    CHECK_EQ(fesetround(FE_UPWARD), 0);
    status = fork_run(fork_rounding);
    mode = fegetround();
    fesetround(FE_TONEAREST);
    CHECK_EQ(status, EXITED(0));
    CHECK_EQ(mode, FE_UPWARD);
}

static int fork_look_at_errno(void)
{
    CHILD_CHECK(errno == 77 && fork_local == 44);
    fork_local = 55;
    CHILD_CHECK(close(-1) == -1 && errno == EBADF);
    return 0;
}

TEST("errno and thread-local variables survive, and are each one's own")
{
    int status, seen;

    fork_local = 44;
    errno = 77;
    status = fork_run(fork_look_at_errno);
    seen = errno;
    CHECK_EQ(status, EXITED(0));
    CHECK_EQ(seen, 77);
    CHECK_EQ(fork_local, 44);
}

static void fork_handle(int number)
{
    fork_data = number;
}

static int fork_raise(void)
{
    CHILD_CHECK(raise(SIGUSR1) == 0);
    return fork_data == SIGUSR1 ? 0 : 1;
}

TEST("a child has the parent's signal handlers")
{
    CHECK(signal(SIGUSR1, fork_handle) != SIG_ERR);
    CHECK_EQ(fork_run(fork_raise), EXITED(0));
    signal(SIGUSR1, SIG_DFL);
}

static int fork_use_files(void)
{
    char text[4] = "";

    CHILD_CHECK(isatty(0) && isatty(1) && isatty(2));
    CHILD_CHECK(write(1, "# written by a child\n", 21) == 21);
    CHILD_CHECK(read(fork_data, text, 3) == 3 && strcmp(text, "LF\x02") == 0);
    return close(fork_data);
}

TEST("a child has the console and the open files")
{
    char text[3] = "";

    fork_data = open("true", O_RDONLY);
    CHECK(fork_data > 2);
    CHECK_EQ(read(fork_data, text, 2), 2);
    CHECK_EQ(fork_run(fork_use_files), EXITED(0));
    CHECK_EQ(lseek(fork_data, 0, SEEK_CUR), 5); /* the offset is one for both */
    CHECK_EQ(close(fork_data), 0);
}

static int fork_start_program(void)
{
    pid_t pid = faultline_spawn((char *[]){"exitwith", "43", NULL});
    int status = -1;

    CHILD_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WEXITSTATUS(status);
}

TEST("a child starts programs")
{
    CHECK_EQ(fork_run(fork_start_program), EXITED(43));
}

/* --- time ---------------------------------------------------------------------------------------
 */
static int fork_sleep(void)
{
    struct timespec before, after, wanted = {.tv_nsec = 5000000};

    clock_gettime(CLOCK_MONOTONIC, &before);
    CHILD_CHECK(nanosleep(&wanted, NULL) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec < 5000000;
}

static int64_t fork_microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

TEST("a child's own time starts at its fork")
{
    int64_t before = fork_microseconds();
    pid_t pid = fork();

    if (pid == 0) {
        clock_t used = clock();

        _exit(fork_microseconds() - (int64_t)used < before);
    }
    CHECK(pid > 0);
    CHECK_EQ(fork_wait(pid), EXITED(0));
}

TEST("parent and child sleep at the same time")
{
    pid_t pid = fork();
    int early = fork_sleep();

    if (pid == 0)
        _exit(early);
    CHECK(pid > 0);
    CHECK_EQ(early, 0);
    CHECK_EQ(fork_wait(pid), EXITED(0));
}

static int fork_use_timer(void)
{
    struct fl_result bits = flr_notification_poll(PROGRAM_SLOT_NOTIFICATION);

    CHILD_CHECK(bits.status == FL_OK && bits.value == 0);
    CHILD_CHECK(flr_timer_set(PROGRAM_SLOT_TIMER, fl_rdtime() + 100).status == FL_OK);
    bits = flr_notification_wait(PROGRAM_SLOT_NOTIFICATION);
    CHILD_CHECK(bits.status == FL_OK && bits.value != 0);
    CHILD_CHECK(flr_timer_set(PROGRAM_SLOT_TIMER, UINT64_MAX / 2).status == FL_OK);
    return 0;
}

TEST("timer and notification are each one's own")
{
    struct fl_result bits;

    CHECK_EQ(flr_notification_signal(PROGRAM_SLOT_NOTIFICATION).status, FL_OK);
    CHECK_EQ(flr_timer_set(PROGRAM_SLOT_TIMER, UINT64_MAX / 2).status, FL_OK);
    CHECK_EQ(fork_run(fork_use_timer), EXITED(0));
    bits = flr_notification_poll(PROGRAM_SLOT_NOTIFICATION);
    CHECK_EQ(bits.value, 1); /* the signal of before, and nothing of the child's */
    CHECK_EQ(flr_timer_set(PROGRAM_SLOT_TIMER, fl_rdtime() + 100).status, FL_OK);
    CHECK(flr_notification_wait(PROGRAM_SLOT_NOTIFICATION).value != 0);
}
