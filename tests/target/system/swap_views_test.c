/* What views tell of swap, page for page: memory is large enough for nothing to leave unless it is told to.
 * One disk of 16 MiB. */
#include "swap_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define PAGES 64u
#define KIB   (FORK_PAGE / 1024)

static char views_text[16 * 1024];

static void views_read(const char *path)
{
    int fd = open(path, O_RDONLY);
    size_t used = 0;
    ssize_t got = 1;

    CHILD_CHECK(fd >= 0);
    while (got > 0) {
        got = read(fd, views_text + used, sizeof views_text - 1 - used);
        CHILD_CHECK(got >= 0);
        used += (size_t)got;
    }
    views_text[used] = '\0';
    close(fd);
}

/* The sum of the numbers on all lines that begin with a name. */
static long views_figure(const char *path, const char *name)
{
    size_t bytes = strlen(name);
    long sum = 0;

    views_read(path);
    for (const char *line = views_text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, bytes) == 0 && (line[bytes] == ':' || line[bytes] == ' '))
            sum += strtol(line + bytes + 1, NULL, 10);
    }
    return sum;
}

static long views_vmstat(const char *name)
{
    return views_figure("/proc/vmstat", name);
}

struct views_counts {
    long in, out, writes, reads, steals, swap_free, anonymous, major;
};

static struct views_counts views_now(void)
{
    struct rusage usage;

    swap_settle();
    CHILD_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (struct views_counts){.in = views_vmstat("pswpin"),
                                 .out = views_vmstat("pswpout"),
                                 .writes = views_vmstat("swap_writes"),
                                 .reads = views_vmstat("swap_reads"),
                                 .steals = views_vmstat("pgsteal"),
                                 .swap_free = views_figure("/proc/meminfo", "SwapFree"),
                                 .anonymous = views_figure("/proc/meminfo", "AnonPages"),
                                 .major = usage.ru_majflt};
}

static int out_and_in(void)
{
    uint64_t *memory = swap_map(PAGES, MAP_PRIVATE);
    struct views_counts before, out, in;

    swap_write(memory, 0, PAGES, 1);
    (void)views_now(); /* what counting itself needs */
    before = views_now();
    CHILD_CHECK(madvise(memory, PAGES * FORK_PAGE, MADV_PAGEOUT) == 0);
    out = views_now();
    CHILD_CHECK(out.out - before.out == PAGES);
    CHILD_CHECK(out.writes - before.writes <= PAGES / 32 + 1); /* as they lie in windows of 32 */
    CHILD_CHECK(out.steals - before.steals == PAGES);
    CHILD_CHECK(before.swap_free - out.swap_free == (long)(PAGES * KIB));
    CHILD_CHECK(before.anonymous - out.anonymous == (long)(PAGES * KIB));
    CHILD_CHECK(out.in == before.in && out.major == before.major);
    CHILD_CHECK(views_figure("/proc/self/status", "VmSwap") == (long)(PAGES * KIB));
    CHILD_CHECK(views_figure("/proc/self/smaps", "Swap") == (long)(PAGES * KIB));
    CHILD_CHECK(swap_wrong(memory, 0, PAGES, 1) == 0);
    in = views_now();
    CHILD_CHECK(in.in - out.in == PAGES);
    CHILD_CHECK(in.reads - out.reads == in.major - out.major);
    CHILD_CHECK(in.out == out.out && in.swap_free == out.swap_free);
    CHILD_CHECK(in.anonymous == before.anonymous);
    CHILD_CHECK(views_figure("/proc/self/status", "VmSwap") == 0);
    CHILD_CHECK(views_figure("/proc/meminfo", "SwapCached") == (long)(PAGES * KIB));
    CHILD_CHECK(views_vmstat("nr_swapcached") == PAGES);
    CHILD_CHECK(madvise(memory, PAGES * FORK_PAGE, MADV_PAGEOUT) == 0); /* clean: not written */
    out = views_now();
    CHILD_CHECK(out.out == in.out && out.steals - in.steals == PAGES);
    return 0;
}

TEST("each page that goes to swap and comes back is counted once, in every view")
{
    CHECK_EQ(swap_run(out_and_in), EXITED(0));
}

static int as_counted(void)
{
    (void)views_now();
    CHILD_CHECK(views_vmstat("pswpin") == (long)fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_IN));
    CHILD_CHECK(views_vmstat("pswpout") ==
                (long)fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_OUT));
    CHILD_CHECK(views_vmstat("swap_reads") ==
                (long)fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_READS));
    CHILD_CHECK(views_vmstat("swap_writes") ==
                (long)fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_WRITES));
    CHILD_CHECK(views_vmstat("nr_writeback") == 0 && views_vmstat("nr_waiting") == 0);
    CHILD_CHECK(views_figure("/proc/meminfo", "SwapTotal") == 16 * 1024 - 4);
    CHILD_CHECK(views_figure("/proc/meminfo", "SwapTotal") ==
                views_figure("/proc/meminfo", "SwapFree") +
                    (long)(fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_USED) * KIB));
    return 0;
}

TEST("views and the pager's counters tell the same")
{
    CHECK_EQ(swap_run(as_counted), EXITED(0));
}

static int half_shared(void)
{
    uint64_t *memory = swap_map(PAGES, MAP_PRIVATE);
    char status[64], smaps[64];
    pid_t pid;

    swap_write(memory, 0, PAGES, 1);
    CHILD_CHECK(madvise(memory, PAGES * FORK_PAGE, MADV_PAGEOUT) == 0);
    swap_settle();
    snprintf(status, sizeof status, "/proc/%d/status", (int)getpid());
    snprintf(smaps, sizeof smaps, "/proc/%d/smaps", (int)getpid());
    pid = fork();
    if (pid == 0) {
        CHILD_CHECK(views_figure(status, "VmSwap") == (long)(PAGES * KIB));
        CHILD_CHECK(views_figure("/proc/self/status", "VmSwap") == (long)(PAGES * KIB));
        CHILD_CHECK(views_figure("/proc/self/smaps", "SwapPss") == (long)(PAGES * KIB / 2));
        CHILD_CHECK(swap_wrong(memory, 0, PAGES, 1) == 0);
        CHILD_CHECK(views_figure(smaps, "Swap") == 0);
        _exit(0);
    }
    CHILD_CHECK(pid > 0 && fork_wait(pid) == EXITED(0));
    return 0;
}

TEST("VmSwap and Swap count for each who shares what is out, SwapPss a part")
{
    CHECK_EQ(swap_run(half_shared), EXITED(0));
}
