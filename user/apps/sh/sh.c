/* The shell: reads lines, runs programs of the initrd by name, says how they ended.
 *
 * Its own exit status is that of the last command.  At the end of its input it ends; programs in
 * the background are not waited for (`wait` does that). */
#include <errno.h>
#include <faultline/process.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "jobs.h"
#include "words.h"

struct builtin {
    const char *name;
    int (*run)(const struct words *words, int last);
    const char *doc;
};

static int sh_help(const struct words *words, int last);
static int sh_time(const struct words *words, int last);

static int sh_exit(const struct words *words, int last)
{
    exit(words->count > 1 ? atoi(words->word[1]) : last);
}

static int sh_poweroff(const struct words *words, int last)
{
    fflush(NULL);
    faultline_poweroff(words->count > 1 ? atoi(words->word[1]) : last);
}

static int sh_wait(const struct words *words, int last)
{
    (void)words, (void)last;
    return jobs_wait_all();
}

static int sh_jobs(const struct words *words, int last)
{
    (void)words, (void)last;
    jobs_list();
    return 0;
}

static const struct builtin sh_builtins[] = {
    {"help", sh_help, "this text"},
    {"time", sh_time, "run a program, and say how long it took and its page faults"},
    {"jobs", sh_jobs, "programs in the background"},
    {"wait", sh_wait, "wait for all of them"},
    {"exit", sh_exit, "leave the shell [with a status]"},
    {"poweroff", sh_poweroff, "end the system [with a status]"},
};
#define SH_BUILTINS (sizeof sh_builtins / sizeof sh_builtins[0])

static int sh_help(const struct words *words, int last)
{
    (void)words, (void)last;
    printf("NAME [ARGUMENT...] [&]   runs a program; `ls` lists them; & = in the background\n");
    for (size_t i = 0; i < SH_BUILTINS; i++)
        printf("%-24s %s\n", sh_builtins[i].name, sh_builtins[i].doc);
    return 0;
}

static const struct builtin *sh_find_builtin(const char *name)
{
    for (size_t i = 0; i < SH_BUILTINS; i++)
        if (strcmp(sh_builtins[i].name, name) == 0)
            return &sh_builtins[i];
    return NULL;
}

static int sh_start_failed(const char *name)
{
    if (errno == ENOENT)
        printf("sh: %s: no such program (try `ls` or `help`)\n", name);
    else
        printf("sh: %s: %s\n", name, strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

static int sh_run_program(const struct words *words)
{
    pid_t pid = jobs_start(words->word);

    if (pid < 0)
        return sh_start_failed(words->word[0]);
    if (!words->background)
        return jobs_wait(pid);
    printf("[%d] %s\n", (int)pid, words->word[0]);
    return 0;
}

static int sh_run_words(const struct words *words, int last)
{
    const struct builtin *builtin = sh_find_builtin(words->word[0]);

    return builtin ? builtin->run(words, last) : sh_run_program(words);
}

/* As `time -p` of POSIX says it; what a program's processor time is nobody counts (README.md). */
static void sh_tell_time(double seconds, const struct rusage *before, const struct rusage *after)
{
    double user = (double)(after->ru_utime.tv_sec - before->ru_utime.tv_sec) +
                  (double)(after->ru_utime.tv_usec - before->ru_utime.tv_usec) / 1e6;

    fprintf(stderr, "real %.2f\nuser %.2f\nsys %.2f\nminor faults %ld\nmajor faults %ld\n", seconds,
            user, 0.0, after->ru_minflt - before->ru_minflt, after->ru_majflt - before->ru_majflt);
}

static double sh_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* time [-p] [NAME ARGUMENT...] */
static int sh_time(const struct words *words, int last)
{
    struct words rest = {.background = false};
    struct rusage before, after;
    double start = sh_seconds();
    int first = words->count > 1 && strcmp(words->word[1], "-p") == 0 ? 2 : 1;
    int status = last;

    for (int i = first; i <= words->count; i++)
        rest.word[rest.count++] = words->word[i];
    rest.count--; /* the NULL */
    getrusage(RUSAGE_CHILDREN, &before);
    if (rest.count > 0)
        status = sh_run_words(&rest, last);
    getrusage(RUSAGE_CHILDREN, &after);
    sh_tell_time(sh_seconds() - start, &before, &after);
    return status;
}

/* Returns: the status of the line, `last` if there was nothing to do. */
static int sh_run_line(const char *line, int last)
{
    static struct words words;
    const char *wrong = words_split(line, &words);

    if (wrong) {
        printf("sh: %s\n", wrong);
        return 2;
    }
    return words.count == 0 ? last : sh_run_words(&words, last);
}

/* Reads a line without its end.  A line that does not fit is read to its end and refused.
 * Returns: false at the end of the input. */
static bool sh_read_line(char line[SH_LINE_BYTES])
{
    int c, length = 0;

    while ((c = getchar()) != EOF && c != '\n')
        if (length < SH_LINE_BYTES)
            line[length++] = (char)c;
    if (c == EOF && length == 0)
        return false;
    if (length == SH_LINE_BYTES) {
        printf("sh: the line is longer than %d bytes\n", SH_LINE_BYTES - 1);
        length = 0;
    }
    line[length] = '\0';
    return true;
}

int main(void)
{
    static char line[SH_LINE_BYTES];
    int last = 0;

    for (;;) {
        jobs_report_ended();
        printf("faultline$ ");
        fflush(stdout);
        if (!sh_read_line(line))
            break;
        last = sh_run_line(line, last);
    }
    printf("\n");
    return last;
}
