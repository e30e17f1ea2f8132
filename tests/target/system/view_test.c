/* Views as programs read them: what a process and its relatives are told to be, views as files, and views of
 * large spaces. */
#include "fork_kit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define AREAS 3000u

FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)

static char view_text[64 * 1024];

/* Reads all of a view whose text fits.  Returns: errno, or 0. */
static int view_read(const char *path)
{
    size_t used = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return errno;
    while (got > 0) {
        got = read(fd, view_text + used, sizeof view_text - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    view_text[used] = '\0';
    close(fd);
    return got < 0 ? errno : 0;
}

static int view_read_of(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return view_read(path);
}

/* The number on the line of `view_text` that begins with a name, or -1. */
static long view_figure(const char *name)
{
    const char *at = strstr(view_text, name);

    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static long view_sum(const char *name)
{
    long sum = 0;

    for (const char *at = view_text; (at = strstr(at, name)) != NULL; at += strlen(name))
        sum += strtol(at + strlen(name), NULL, 10);
    return sum;
}

/* --- processes ------------------------------------------------------------------------------------
 */
static int view_check_child(void)
{
    CHILD_CHECK(view_read("/proc/self/status") == 0);
    CHILD_CHECK(strncmp(view_text, "Name:\tview_test\n", 16) == 0);
    CHILD_CHECK(view_figure("\nPid:\t") == getpid());
    CHILD_CHECK(view_figure("\nPPid:\t") == getppid());
    return 0;
}

TEST("status of a fork's child names its program, itself and its parent")
{
    CHECK_EQ(view_read("/proc/self/status"), 0);
    CHECK_EQ(view_figure("\nPid:\t"), getpid());
    CHECK_EQ(view_figure("\nPPid:\t"), getppid());
    CHECK_EQ(fork_run(view_check_child), EXITED(0));
}

TEST("a program that was started has its own name, and who started it as its parent")
{
    pid_t pid = faultline_spawn((char *[]){"sleep", "1", NULL});

    CHECK(pid > 0);
    CHECK_EQ(view_read_of(pid, "status"), 0);
    CHECK(strncmp(view_text, "Name:\tsleep\n", 12) == 0);
    CHECK_EQ(view_figure("\nPPid:\t"), getpid());
    CHECK_EQ(view_read_of(pid, "maps"), 0);
    CHECK(strstr(view_text, " /sleep\n"));
    CHECK_EQ(fork_wait(pid), EXITED(0));
}

/* Ends at once; its own child stays and looks who its parent is then. */
static int view_leave_child(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid != 0)
        return 0;
    while (getppid() == parent)
        sched_yield();
    CHILD_CHECK(view_read("/proc/self/status") == 0);
    CHILD_CHECK(view_figure("\nPPid:\t") == 1);
    _exit(0);
}

TEST("the parent of an orphan is process 1")
{
    uint64_t spaces = fork_spaces();

    CHECK_EQ(fork_run(view_leave_child), EXITED(0));
    fork_await_spaces(spaces);
}

TEST("a process that ended has no views, waited for or not")
{
    uint64_t spaces = fork_spaces();
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    fork_await_spaces(spaces);
    CHECK_EQ(view_read_of(pid, "maps"), ENOENT);
    CHECK_EQ(fork_wait(pid), EXITED(0));
    CHECK_EQ(view_read_of(pid, "maps"), ENOENT);
}

/* --- views as files -------------------------------------------------------------------------------
 */
TEST("a view is read-only, and its text is that of its opening")
{
    int fd = open("/proc/self/maps", O_RDONLY);
    char first[32] = "", again[32] = "";
    void *more;

    CHECK(fd >= 0);
    CHECK_EQ(read(fd, first, 20), 20);
    more = mmap(NULL, FORK_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(read(fd, again, 20), 20);
    CHECK_STRING(again, first);
    CHECK_EQ(write(fd, "x", 1), -1);
    CHECK_EQ(errno, EBADF);
    close(fd);
    CHECK_EQ(munmap(more, FORK_PAGE), 0);
    CHECK_EQ(open("/proc/self/maps", O_RDWR), -1);
    CHECK_EQ(errno, EACCES);
    CHECK_EQ(open("/proc/self/mops", O_RDONLY), -1);
    CHECK_EQ(errno, ENOENT);
}

TEST("a view says what getrusage says, and smaps adds up to status")
{
    struct rusage usage;
    long resident, anonymous;

    CHECK_EQ(view_read("/proc/self/smaps"), 0); /* brings in the memory for all of it */
    CHECK_EQ(view_read("/proc/self/status"), 0);
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    CHECK_EQ(view_figure("\nMinorFaults:\t"), usage.ru_minflt);
    CHECK_EQ(view_figure("\nChargedPeak:\t"), usage.ru_maxrss);
    resident = view_figure("\nVmRSS:\t");
    anonymous = view_figure("\nRssAnon:\t");
    CHECK_EQ(view_read("/proc/self/smaps"), 0);
    CHECK_EQ(view_sum("\nRss:"), resident);
    CHECK_EQ(view_sum("\nAnonymous:"), anonymous);
}

static int view_check_share(void)
{
    CHILD_CHECK(view_read("/proc/self/smaps") == 0);
    CHILD_CHECK(view_sum("\nPss:") < view_sum("\nRss:"));
    CHILD_CHECK(view_sum("\nShared_Dirty:") > 0);
    return 0;
}

TEST("what a child shares with its parent is half of it its own share")
{
    char *memory =
        mmap(NULL, 8 * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(memory, 1, 8 * FORK_PAGE);
    CHECK_EQ(view_read("/proc/self/smaps"), 0);
    CHECK_EQ(view_sum("\nShared_Dirty:"), 0);
    CHECK_EQ(fork_run(view_check_share), EXITED(0));
    CHECK_EQ(munmap(memory, 8 * FORK_PAGE), 0);
}

/* --- large spaces ---------------------------------------------------------------------------------
 */
/* Lines of a view that begin with an address, read in small parts. */
static unsigned view_count_areas(const char *path)
{
    FILE *file = fopen(path, "r");
    static char line[512];
    unsigned long start, end;
    unsigned count = 0;

    CHECK(file);
    while (fgets(line, sizeof line, file))
        count += sscanf(line, "%lx-%lx", &start, &end) == 2;
    fclose(file);
    return count;
}

static int view_check_many(void)
{
    char *memory = mmap(NULL, 2 * AREAS * FORK_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned before = view_count_areas("/proc/self/maps");

    for (unsigned i = 0; i < AREAS; i++)
        CHILD_CHECK(mprotect(memory + 2 * i * FORK_PAGE, FORK_PAGE, PROT_NONE) == 0);
    CHILD_CHECK(view_count_areas("/proc/self/maps") == before + 2 * AREAS - 1);
    CHILD_CHECK(view_count_areas("/proc/self/smaps") == before + 2 * AREAS - 1);
    CHILD_CHECK(view_read("/proc/self/status") == 0);
    CHILD_CHECK(view_figure("\nVmRSS:\t") > 0);
    return 0;
}

TEST("a program with six thousand areas reads all of its views")
{
    CHECK_EQ(fork_run(view_check_many), EXITED(0));
}

static int view_check_pages(void)
{
    char *memory =
        mmap(NULL, 2000 * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(memory, 1, 2000 * FORK_PAGE);
    CHILD_CHECK(view_read("/proc/self/status") == 0); /* no line before all pages are counted */
    CHILD_CHECK(view_figure("\nRssAnon:\t") >= 8000);
    return 0;
}

TEST("a view whose first line takes several calls is no empty file")
{
    CHECK_EQ(fork_run(view_check_pages), EXITED(0));
}
