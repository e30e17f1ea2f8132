/* Processes: one program each, with one thread and one space.  A new one is a program of the initrd
 * (process_start) or a copy of a process (process_fork).
 *
 * Life of a process:
 *
 *   1  free       the record is nobody's
 *   2  (starting) it takes, in this order: frames for its objects and a space, from the pager, which
 *                 is empty or a copy of its parent's; a CNode; a TCB, which the pager binds to the
 *                 space; then, unless it is a copy, the program is loaded and its start-up stack
 *                 written; its thread is started.  A step that fails undoes itself and those before
 *                 it, last first: 1
 *   3  running    until it calls EXIT, or the pager reports that it stopped it
 *   4  ended      process_end has undone all of step 2; the pid and the status stay until the
 *                 parent collects them: 1.  A child of the root task goes to 1 at once
 *
 *  P1  a record that is not free has a pid that no other one has;
 *  P2  `parent` is the pid of a running process, or PROCESS_ROOT;
 *  P3  a record that is free or ended holds no object, frame, space or slot;
 *  P4  notification and timer i belong to record i for good; they are silent while it is not
 *      running;
 *  P5  `children` is the sum of what those used that the process has waited for; those that nobody
 *      waits for are counted nowhere;
 *  P6  a process shares no capability with another one, not even with the one that it is a copy of.
 *
 * Who is parked in which call is the server's affair. */
#ifndef INIT_PROCESS_H
#define INIT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "pager_client.h"
#include "startup_stack.h"

#define PROCESS_NAME_BYTES 32u /* of the name in log lines, its NUL included */

enum process_state { PROCESS_FREE, PROCESS_RUNNING, PROCESS_ENDED };

/* What its frames are for. */
enum process_frame { PROCESS_FRAME_TCB, PROCESS_FRAME_CNODE, PROCESS_FRAMES };

struct process {
    enum process_state state;
    uint32_t pid;
    uint32_t parent;
    uint32_t status;             /* ended: as in <sys/wait.h> */
    uint64_t started;            /* value of `time` */
    struct posix_usage usage;    /* ended: its own */
    struct posix_usage children; /* of those that it has waited for, with theirs */
    char name[PROCESS_NAME_BYTES];
    /* What it holds. */
    struct pager_frames frames[PROCESS_FRAMES]; /* pages = 0: none */
    bool has_space;
    uint64_t space;
    uint64_t pager_slot; /* of the TCB, in the pager's CSpace */
    uint64_t entry;
    uint64_t stack_end;
    uint64_t stack_pointer;
};

/* Binds each record's timer to its notification; once, at boot. */
void process_init(uint64_t timebase_hz);

/* Starts the program that the first argument names.
 * Returns: 0 and *process; or an errno value, and nothing is left behind: EAGAIN (no record),
 * ENOMEM, ENOENT, ENOEXEC, E2BIG, and what the pager says. */
int process_start(const struct startup_strings *arguments, uint32_t parent,
                  struct process **process);

/* Starts a copy of a running process whose thread waits for our answer: its memory as it is now, the
 * thread at `pc` with `stack_pointer` and its pid as argument, other registers zero.
 * Returns: 0 and *process; or EAGAIN (no record), or what the pager says (ENOMEM), and nothing is left
 * behind. */
int process_fork(const struct process *parent, uint64_t pc, uint64_t stack_pointer,
                 struct process **process);

/* Ends a running process.  Its children become the root task's, which collects those that have ended
 * already. */
void process_end(struct process *process, uint32_t status);

/* Frees the record of an ended process. */
void process_collect(struct process *process);

/* What an ended child and its children used becomes part of what its parent's children used, and
 * *usage. */
void process_inherit_usage(struct process *parent, const struct process *child,
                           struct posix_usage *usage);

/* The badge of a process's capabilities to us, and the running process behind one; NULL if none. */
uint64_t process_badge(const struct process *process);
struct process *process_by_badge(uint64_t badge);
struct process *process_by_space(uint64_t space);

/* The running process with that pid, NULL if there is none. */
struct process *process_by_pid(uint32_t pid);

/* A child of `parent` with that pid (0 = any): an ended one before a running one, then the one that
 * is first in the table; NULL if there is none. */
struct process *process_find_child(uint32_t parent, uint32_t pid);

/* The process's place in the table, 0..PROCESSES_MAX - 1, and the record at a place. */
unsigned process_index(const struct process *process);
const struct process *process_at(unsigned index);

/* The slot of its TCB; empty while it has none. */
uint64_t process_tcb_slot(const struct process *process);

#endif
