/* Why an access faults, and what comes of it: each cause provoked once.
 *
 * A fault that the pager can serve is seen in the program's own counter; what it must not allow ends
 * a child, and the log says how the kernel described it.
 * usage: causes */
#include <faultline/process.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fl_calls.h"

#define PAGE     4096
#define NO_CALL  1000u /* a number that no kernel call has */
#define FORMAT   "%-8s %-42s %s\n"
#define AROUND   65536 /* a fault on text maps the pages of so many aligned bytes */
#define FAR_CODE __attribute__((noinline, aligned(AROUND)))

static int causes_wrong;

/* Three functions far from each other, so that nothing else brings the middle one's page in. */
static FAR_CODE int causes_before(int value)
{
    return value + 1;
}

static FAR_CODE int causes_far(int value)
{
    return value + 2;
}

static FAR_CODE int causes_behind(int value)
{
    return value + 3;
}

static int (*volatile const causes_code[])(int) = {causes_before, causes_far, causes_behind};

static long causes_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void causes_tell(const char *access, const char *found, const char *outcome, int expected)
{
    printf(FORMAT, access, found, outcome);
    causes_wrong += !expected;
}

/* Tells an access that was just served; `before` is the counter before it. */
static void causes_served(const char *access, const char *found, long before)
{
    long faults = causes_faults() - before;
    char outcome[40];

    snprintf(outcome, sizeof outcome, "served, %ld fault%s", faults, faults == 1 ? "" : "s");
    causes_tell(access, found, outcome, faults == 1);
}

static void causes_serve_all(void)
{
    volatile char *page =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long before;

    if (page == MAP_FAILED) {
        perror("causes: mmap");
        exit(2);
    }
    causes_faults(); /* the counter's own pages come in here */
    before = causes_faults();
    (void)page[0];
    causes_served("read", "absent: never touched", before);
    before = causes_faults();
    page[0] = 1;
    causes_served("write", "present, read-only: the page of zeros", before);
    before = causes_faults();
    page[PAGE] = 1;
    causes_served("write", "absent: never touched", before);
    before = causes_faults();
    causes_wrong += causes_code[1](40) != 42;
    causes_served("execute", "absent: text not yet run", before);
}

/* Runs a child that goes too far and tells the signal that ended it. */
static void causes_end(const char *access, const char *found, int signal_number, char *program,
                       char *mode)
{
    char *words[] = {program, mode, NULL};
    char outcome[40];
    int status = 0;

    fflush(stdout);
    if (waitpid(faultline_spawn(words), &status, 0) < 0) {
        causes_tell(access, found, "no child", 0);
        return;
    }
    snprintf(outcome, sizeof outcome,
             WIFSIGNALED(status) ? "ended by signal %d" : "went on, status %d",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    causes_tell(access, found, outcome, WIFSIGNALED(status) && WTERMSIG(status) == signal_number);
}

/* The child's side of what `segv` has no mode for. */
static int causes_child(const char *mode)
{
    static const uint32_t illegal = 0; /* defined to be no instruction */

    if (strcmp(mode, "illegal") == 0) {
        void *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        memcpy(code, &illegal, sizeof illegal);
        mprotect(code, PAGE, PROT_READ | PROT_EXEC);
        ((void (*)(void))(uintptr_t)code)();
    } else if (strcmp(mode, "call") == 0) {
        fl_ecall(NO_CALL, 0, 0, 0, 0, 0, 0, 0);
    }
    return 3;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return causes_child(argv[1]);
    printf(FORMAT, "access", "what the page table said", "what came of it");
    causes_serve_all();
    causes_end("read", "absent: nobody's address", SIGSEGV, "segv", "unmapped-read");
    causes_end("execute", "absent: nobody's address", SIGSEGV, "segv", "unmapped-exec");
    causes_end("write", "absent: page 0, never mapped", SIGSEGV, "segv", "null-write");
    causes_end("write", "present, read and execute: text", SIGSEGV, "segv", "text-write");
    causes_end("write", "present, read only: a constant", SIGSEGV, "segv", "constant-write");
    causes_end("execute", "present, read and write: the stack", SIGSEGV, "segv", "stack-exec");
    causes_end("read", "the kernel's half", SIGSEGV, "segv", "kernel-read");
    causes_end("write", "the kernel's half", SIGSEGV, "segv", "kernel-write");
    causes_end("execute", "fine, but no instruction", SIGILL, argv[0], "illegal");
    causes_end("ecall", "fine, but no call has that number", SIGSYS, argv[0], "call");
    return causes_wrong != 0;
}
