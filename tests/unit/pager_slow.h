/* What the tests of waiting share: an object kind whose pages come slowly, and a driver that parks
 * requests as the pager's loop on the target does.
 *
 * The kind is a file of the fake machine's archive whose pages are fetched: `supply` begins a fetch,
 * and the test decides when and how it ends.  Page i holds slow_byte(i) everywhere.
 *
 * A request comes from a thread and is answered once, or never if its space goes: slow_check says
 * when that does not hold. */
#ifndef PAGER_SLOW_H
#define PAGER_SLOW_H

#include "pager_fake.h"

#define SLOW_PAGES   8u
#define SLOW_THREADS 80u
#define SLOW_FETCHES 64u

enum slow_state {
    SLOW_IDLE,
    SLOW_WAITS,
    SLOW_SERVED,  /* mapped, or the call is done */
    SLOW_STOPPED, /* its space has an event */
    SLOW_AGAIN,   /* not parked: resumed with nothing, or EAGAIN */
    SLOW_FAILED,  /* a call: another error */
    SLOW_GONE     /* its space was destroyed before the answer */
};

/* A fault, or a call: vm_write, vm_write_start, wait_for_reserve. */
enum slow_kind { SLOW_FAULT, SLOW_WRITE, SLOW_WRITE_START, SLOW_WAIT_FOR_RESERVE };

/* A thread and its last request. */
struct slow_thread {
    struct space *space;
    uint64_t address;
    uint32_t access; /* FL_ACCESS_* */
    enum slow_kind kind;
    uint8_t byte; /* of a write */
    enum slow_state state;
    int error; /* of a call */
    uint32_t answers;
    uint32_t token;
    uint64_t order; /* of the answer, over all */
};

struct slow {
    struct fake fake;
    struct slow_thread thread[SLOW_THREADS];
    struct slow_thread *parked[WAIT_RECORDS];
    uint32_t fetch[SLOW_FETCHES]; /* pages of those that did not end */
    uint64_t fetch_index[SLOW_FETCHES];
    uint32_t fetches;       /* of those */
    uint32_t fetches_begun; /* since the start */
    uint64_t answers;
    const char *broken;
};

/* A machine with so many frames and the slow file. */
void slow_begin(struct slow *slow, uint32_t frames);

/* The same, which starts with fake_start: other files may be added before. */
void slow_init(struct slow *slow, uint32_t frames);

/* When the pages of the slow file leave, while nobody shows them; VICTIMS_FILE at the start. */
void slow_set_leaves(enum victims_class leaves);

/* Ends all fetches and destroys all spaces. */
void slow_end(struct slow *slow);

uint8_t slow_byte(uint64_t index);

/* The object of the slow file while somebody shows it, or NULL. */
struct object *slow_object(struct slow *slow);

/* Maps `pages` pages of the file from `first` on: shared and for reading, or private and writable.
 * False: no memory. */
bool slow_map(struct slow *slow, struct space *space, uint64_t address, uint64_t first,
              uint64_t pages, bool private);

/* Cuts the file to so many pages, as far as programs see it, or lengthens it again. */
void slow_truncate(struct slow *slow, uint64_t pages);

/* The page that is fetched for this index of the file, or PAGE_NONE. */
uint32_t slow_find_fetch(const struct slow *slow, uint64_t index);

/* Notes a fetch that the test began itself. */
void slow_note_fetch(struct slow *slow, uint32_t page, uint64_t index);

/* A fetch ends; then the driver starts again what is ready. */
void slow_end_fetch(struct slow *slow, uint32_t page, bool ok);

/* A thread makes a fault or a call; then the driver starts again what is ready.  Returns its state. */
enum slow_state slow_fault(struct slow *slow, struct slow_thread *thread, struct space *space,
                           uint64_t address, uint32_t access);
enum slow_state slow_write(struct slow *slow, struct slow_thread *thread, struct space *space,
                           uint64_t address, uint8_t byte);
enum slow_state slow_write_start(struct slow *slow, struct slow_thread *thread, struct space *space,
                                 uint64_t address, uint8_t byte);
enum slow_state slow_wait_for_reserve(struct slow *slow, struct slow_thread *thread,
                                      struct space *space);

/* What the driver does after each message.  Call it after anything else that may make one ready. */
void slow_serve(struct slow *slow);

/* Destroys a space as the root task does; its threads are gone. */
void slow_destroy(struct slow *slow, struct space *space);

/* NULL, or what is wrong: the core, the fake machine, or how requests were answered.  For states
 * between messages only. */
const char *slow_check(struct slow *slow);

#endif
