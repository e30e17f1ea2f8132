/* What Faultline has and POSIX does not: starting programs of the initrd, listing files, reading the
 * system's counters, ending the system.  Errors are -1 and errno, as in POSIX. */
#ifndef FAULTLINE_PROCESS_H
#define FAULTLINE_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the program of the initrd that argv[0] names, with the arguments argv (ends with NULL).
 * Returns its process id.  Errors: ENOENT (no such program), ENOEXEC (not a program of ours),
 * ENOMEM, EAGAIN (too many processes), E2BIG. */
pid_t faultline_spawn(char *const argv[]);

/* Ends the whole system; `status` is what the machine reports if it can. */
_Noreturn void faultline_poweroff(int status);

enum faultline_source {
    FAULTLINE_KERNEL, /* enum fl_counter of abi.h */
    FAULTLINE_PAGER   /* enum pager_statistic of protocol.h */
};
/* Reads one counter into *value.  Returns 0, or -1 with EINVAL when there is no such counter. */
int faultline_counter(enum faultline_source source, unsigned which, uint64_t *value);

/* The processor's cycle counter; under `-icount shift=0` it counts instructions. */
uint64_t faultline_cycles(void);

/* Path (NUL-terminated, cut at `name_bytes`) and size of the file number `index` of all that have a
 * name: those of the initrd, devices, those of /tmp and /dev/shm.  Returns 0, or -1 with ENOENT behind the last one. */
int faultline_file_name(unsigned index, char *name, size_t name_bytes, uint64_t *file_bytes);

#ifdef __cplusplus
}
#endif

#endif
