/* libos, inside: the calls that its files share.  Programs never include this.
 *
 * libos is the POSIX layer of programs: it turns libc's calls into messages to the pager (memory)
 * and to the process server (the rest).  A program has one thread today, so nothing here locks. */
#ifndef LIBOS_H
#define LIBOS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* One call to a server: words out and in, and bytes in the message buffer. */
struct libos_call {
    uint64_t word[4];  /* out: the request's words; in: the answer's, word[0] = errno value */
    const void *bytes; /* sent behind the words; may be NULL */
    size_t byte_count; /* at most FL_PROTOCOL_BYTES */
};

/* Makes a call.  Returns 0 or an errno value (EIO when the server is not there). */
int libos_call_pager(enum pager_call number, struct libos_call *call);
int libos_call_posix(enum posix_call number, struct libos_call *call);

/* Copies bytes of the last answer; at most FL_PROTOCOL_BYTES. */
void libos_answer_bytes(void *destination, size_t bytes);

/* Sets errno if `error` is not 0.  Returns 0 or -1. */
int libos_result(int error);

/* 0, or EFAULT unless the program may read, or write, all of it. */
int libos_check_read(const void *memory, size_t bytes);
int libos_check_write(const void *memory, size_t bytes);

/* *length: of a string that the program may read.  0, EFAULT, or ENAMETOOLONG (more than `most` bytes
 * without the NUL). */
int libos_check_string(const char *text, size_t most, size_t *length);

/* Asks the process server, by ask(what, call), to start a program or a copy of one.  The server cannot wait for frames:
 * when it says ENOMEM we do, and ask again, a few times.  Returns what `ask` said last: 0, and the answer in *call; or
 * an errno value. */
int libos_start_program(int (*ask)(const void *what, struct libos_call *call), const void *what,
                        struct libos_call *call);

/* Ends the program: `status` as in <sys/wait.h>. */
_Noreturn void libos_end(unsigned status);

/* What libos_start prepares before the first constructor runs. */
void libos_start_time(void);
void libos_start_files(void);
void libos_start_streams(void);

/* Nanoseconds since the system started. */
uint64_t libos_time_ns(void);

/* Microseconds since the program started, and in so many ticks of `time`. */
uint64_t libos_time_since_start_us(void);
uint64_t libos_time_us(uint64_t ticks);

#endif
