/* Owns the start and the end of a program: what stands on its first stack, constructors, main,
 * exit.
 *
 * I1. When libos_start runs, tp already names the block of thread-local variables, so errno works
 *     in constructors. */
#include "libos.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

_Noreturn void libos_start(uint64_t *image);
int main(int argc, char **argv, char **envp);
void __libc_init_array(void); /* picolibc's: runs the constructors */

/* Names one function of each file that replaces a part of libc, so that the linker takes libos's
 * before it searches libc. */
static void *const libos_replacements[] __attribute__((used)) = {sbrk, fdopen, fgets, raise};

static const uint64_t *libos_auxv; /* pairs of type and value; type 0 ends them */

/* Returns: the value of an entry that the process server gave the program, 0 without such one. */
unsigned long getauxval(unsigned long type)
{
    for (const uint64_t *entry = libos_auxv; entry[0] != 0; entry += 2)
        if (entry[0] == type)
            return entry[1];
    errno = ENOENT;
    return 0;
}

_Noreturn void libos_end(unsigned status)
{
    struct libos_call call = {.word = {status}};

    libos_call_posix(POSIX_EXIT, &call);
    __builtin_trap(); /* no server to tell: the pager ends the program for the exception */
}

_Noreturn void _exit(int status)
{
    libos_end(((unsigned)status & 0xff) << 8);
}

/* `image` is the stack as the process server left it: argc, argv, NULL, environment, NULL, auxv. */
_Noreturn void libos_start(uint64_t *image)
{
    int argc = (int)image[0];
    char **argv = (char **)(image + 1);
    char **envp = argv + argc + 1;
    char **end = envp;

    while (*end)
        end++;
    libos_auxv = (const uint64_t *)(end + 1);
    environ = envp;
    libos_start_time();
    libos_start_files();
    libos_start_streams();
    __libc_init_array();
    exit(main(argc, argv, envp));
}
