/* Owns the table of programs that the shell has started.
 *
 * I1. A child is in the table from its start until its end was collected. */
#include "jobs.h"

#include <errno.h>
#include <faultline/process.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define JOBS_MAX 32

struct job {
    pid_t pid; /* 0: free */
    char name[32];
};

static struct job jobs_table[JOBS_MAX];

static struct job *jobs_find(pid_t pid)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (jobs_table[i].pid == pid)
            return &jobs_table[i];
    return NULL;
}

pid_t jobs_start(char *const argv[])
{
    struct job *job = jobs_find(0);
    pid_t pid;

    if (!job) {
        errno = EAGAIN;
        return -1;
    }
    pid = faultline_spawn(argv);
    if (pid < 0)
        return -1;
    job->pid = pid;
    snprintf(job->name, sizeof job->name, "%s", argv[0]);
    return pid;
}

static const char *jobs_signal_name(int number)
{
    static const char *const names[] = {
        [SIGILL] = "SIGILL",   [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
        [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL", [SIGBUS] = "SIGBUS",
        [SIGSEGV] = "SIGSEGV", [SIGSYS] = "SIGSYS",   [SIGTERM] = "SIGTERM",
    };

    if (number < (int)(sizeof names / sizeof names[0]) && names[number])
        return names[number];
    return strsignal(number);
}

static int jobs_end(struct job *job, int status, int say)
{
    const char *name = job ? job->name : "?";
    pid_t pid = job ? job->pid : 0;

    if (say && WIFEXITED(status))
        printf("[%d] %s: exited with status %d\n", (int)pid, name, WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        printf("[%d] %s: ended by signal %d (%s)\n", (int)pid, name, WTERMSIG(status),
               jobs_signal_name(WTERMSIG(status)));
    if (job)
        job->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int jobs_wait(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) < 0) {
        printf("sh: waiting for [%d]: %s\n", (int)pid, strerror(errno));
        return 1;
    }
    return jobs_end(jobs_find(pid), status, status != 0);
}

void jobs_report_ended(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        jobs_end(jobs_find(pid), status, 1);
}

int jobs_wait_all(void)
{
    int status, last = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, 0)) > 0)
        last = jobs_end(jobs_find(pid), status, 1);
    return last;
}

void jobs_list(void)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (jobs_table[i].pid)
            printf("[%d] %s\n", (int)jobs_table[i].pid, jobs_table[i].name);
}
