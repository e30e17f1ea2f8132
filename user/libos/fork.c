/* Owns the copying of a program, and the names of itself and its parent.
 *
 * I1. `fork_pid` is 0 (nobody asked yet) or the process id of the program that reads it.
 *
 * Memory is copied by the pager, registers by program_fork() in arch/riscv/user; nothing of libos's
 * own needs care in the copy but the id and the time since the start. */
#include "libos.h"

#include <sys/auxv.h>
#include <unistd.h>

/* program_fork.S */
pid_t program_fork(pid_t (*ask)(uint64_t pc, uint64_t sp), pid_t (*child)(uint64_t pid));

static pid_t fork_pid;

static int fork_ask_once(const void *start, struct libos_call *call)
{
    const uint64_t *words = start;

    *call = (struct libos_call){.word = {words[0], words[1]}};
    return libos_call_posix(POSIX_FORK, call);
}

static pid_t fork_ask(uint64_t pc, uint64_t sp)
{
    const uint64_t start[] = {pc, sp};
    struct libos_call call;
    int error = libos_start_program(fork_ask_once, start, &call);

    return libos_result(error) ? -1 : (pid_t)call.word[1];
}

static pid_t fork_child(uint64_t pid)
{
    fork_pid = (pid_t)pid;
    libos_start_time();
    return 0;
}

/* Returns: the copy's process id, in the copy 0; or -1 with EAGAIN (too many processes) or ENOMEM. */
pid_t fork(void)
{
    return program_fork(fork_ask, fork_child);
}

/* POSIX let the two share memory; nobody may rely on it. */
pid_t vfork(void)
{
    return fork();
}

pid_t getpid(void)
{
    if (!fork_pid)
        fork_pid = (pid_t)getauxval(PROGRAM_AT_PID);
    return fork_pid;
}

/* The process server's own id, 1, when the parent has ended or the system started the program. */
pid_t getppid(void)
{
    struct libos_call call = {0};

    libos_call_posix(POSIX_GETPPID, &call);
    return (pid_t)call.word[1];
}
