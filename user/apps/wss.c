/* Working sets of a program while it runs.
 *
 * usage: wss MS PROGRAM [ARG...]
 *
 * Windows of MS milliseconds of the pager's clock are switched on, and the program is started.  About every
 * window a line tells which window it was, the pages that the program used in it, its pages in memory, and its
 * major faults.  In the end, of the pages that were in memory last: which part of all uses (a page used in a
 * window is one) the most used ones had. */
#include <errno.h>
#include <faultline/process.h>
#include <faultline/setting.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WSS_BYTES   (64u * 1024)
#define WSS_USES    256u /* as /proc/PID/uses counts them */
#define WSS_DECILES 10u
#define WSS_PAGE_KB 4u

static char wss_text[WSS_BYTES];
static uint32_t wss_pages[WSS_USES]; /* with so many uses */

/* Reads a view of a process.  False: it is gone. */
static bool wss_read(pid_t pid, const char *view)
{
    char path[40];
    size_t used = 0;
    ssize_t got = 1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, view);
    fd = open(path, O_RDONLY);
    while (fd >= 0 && got > 0 && used < sizeof wss_text - 1) {
        got = read(fd, wss_text + used, sizeof wss_text - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    wss_text[used] = '\0';
    return fd >= 0 && used > 0;
}

/* A figure of the view that was read last. */
static unsigned long wss_figure(const char *name)
{
    const char *at = strstr(wss_text, name);

    return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static void wss_count_uses(void)
{
    memset(wss_pages, 0, sizeof wss_pages);
    for (char *line = wss_text; *line; line += strcspn(line, "\n") + 1) {
        char *at = strchr(line, ' '), *next;

        while (at && *at == ' ') {
            wss_pages[strtoul(at, &next, 10) % WSS_USES]++;
            at = next;
        }
        if (!strchr(line, '\n'))
            break;
    }
}

static void wss_show_sample(pid_t pid)
{
    unsigned long pages, faults;

    if (!wss_read(pid, "status") || !strstr(wss_text, "WorkingSet:"))
        return;
    pages = wss_figure("WorkingSet:") / WSS_PAGE_KB;
    faults = wss_figure("WindowFaults:");
    printf("%8lu  %8lu  %8lu%s\n", pages, wss_figure("RssAnon:") / WSS_PAGE_KB, faults,
           strstr(wss_text, "Suspended:") ? "  suspended" : "");
    if (wss_read(pid, "uses"))
        wss_count_uses();
}

static void wss_show_uses(void)
{
    uint64_t pages = 0, uses = 0, told = 0, seen = 0;
    unsigned decile = 1;

    for (unsigned i = 0; i < WSS_USES; i++) {
        pages += wss_pages[i];
        uses += (uint64_t)i * wss_pages[i];
    }
    if (uses == 0)
        return;
    printf("%-24s  %s\n", "of the pages, the most", "of the uses");
    for (unsigned i = WSS_USES; i-- > 0;)
        for (uint32_t k = 0; k < wss_pages[i]; k++) {
            told += i;
            seen++;
            for (; decile <= WSS_DECILES && seen >= pages * decile / WSS_DECILES; decile++)
                printf("%20u %%  %9lu %%\n", 100 * decile / WSS_DECILES,
                       (unsigned long)(100 * told / uses));
        }
}

int main(int argc, char **argv)
{
    unsigned long milliseconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    struct timespec pause = {.tv_sec = (time_t)(milliseconds / 1000),
                             .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    int status = 0;
    pid_t pid;

    if (argc < 3 || milliseconds == 0) {
        fprintf(stderr, "usage: wss MS PROGRAM [ARG...]\n");
        return 2;
    }
    if (faultline_setting_write("window", argv[1]) != 0) {
        perror("wss: vm.window");
        return 2;
    }
    printf("%8s  %8s  %8s\n", "used", "resident", "faults");
    fflush(stdout);
    pid = faultline_spawn(argv + 2);
    if (pid < 0) {
        perror(argv[2]);
        return 127;
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        wss_show_sample(pid);
        nanosleep(&pause, NULL);
    }
    faultline_setting_write("window", "0");
    wss_show_uses();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
