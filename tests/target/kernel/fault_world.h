/* The world of the tests of faults: the root task is the handler of threads in a space of their own,
 * which read, write or run where nothing is mapped.  Serves the conformance suite too. */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include "refusal.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define R       FL_RIGHT_READ
#define W       FL_RIGHT_WRITE
#define X       FL_RIGHT_EXEC
#define RW      (R | W)
#define NO_SLOT 63u
#define ALL     FL_RIGHTS_ALL
#define AREA    KIT_AREA
#define FAULT   FL_INFO(FL_LABEL_PAGE_FAULT, 4)
#define STOP    FL_INFO(FL_LABEL_STOP, 0)

#define FAULT_BADGE 0xfa017ull
#define RESUME(n)   FL_INFO_ITEMS(FL_LABEL_RESUME, 0, n)

struct fault_world {
    uint64_t endpoint;
    uint64_t reply;
    uint64_t handler; /* the endpoint, badged: what the threads name */
    uint64_t pool;
    uint64_t space;
    uint64_t page;             /* 70 free frames */
    struct fl_message fault;   /* the last one taken */
    _Atomic uint64_t progress; /* threads that came to their end */
    volatile uint64_t value;   /* what the last one read */
};
extern struct fault_world fw;

void fault_setup(void);

/* What threads do, once: a load, a store, a call of the function there with argument 41, whose result
 * is the value. */
void fault_read_word(uint64_t address);
void fault_write_word(uint64_t address);
void fault_run_code(uint64_t address);
/* A thread that will do it, to be started by kit_start; the same, started (see kit_run). */
struct kit_thread *fault_thread(void (*function)(uint64_t), uint64_t argument);
struct kit_thread *fault_run(void (*function)(uint64_t), uint64_t argument);

/* Gives a thread that was not started yet another TCB, which has no message buffer. */
void fault_without_buffer(struct kit_thread *thread);

/* Waits for a message and checks its status, info word and badge. */
void fault_take(uint64_t info);
/* Waits for a page fault and checks all that it tells, but pc and sp. */
void fault_expect(uint64_t address, uint64_t access);
/* fault_run of a load at this address, whose fault is taken. */
struct kit_thread *fault_reader(uint64_t address);
/* True when no thread is ready and no fault waits to be taken. */
bool fault_none_waits(void);

/* Answers to the fault that the Reply holds; the kernel's status in a structure, as CHECK_REFUSED
 * wants it. */
struct fl_item fault_item(uint64_t address, uint64_t rights, uint64_t pages, uint64_t first);
struct fl_result fault_answer(const struct fl_item *items, unsigned count);
struct fl_result fault_answer_one(uint64_t address, uint64_t rights, uint64_t pages,
                                  uint64_t first);
struct fl_result fault_answer_info(uint64_t info);
/* What the space's entry at an address is; what the frame table says of a page. */
uint64_t fault_entry(uint64_t address);
uint64_t fault_frame(uint64_t page);
/* Takes all spare frames out of the pool and donates as many: for faults that come afterwards.  To be called when all
 * threads are made, which takes frames, and not started yet, or stand in a fault that was taken. */
void fault_set_spare(uint64_t frames);
/* Copies code to an offset of fw.page + index. */
void fault_put_code(uint64_t index, uint64_t offset, const uint32_t *code, unsigned words);
/* One good answer for the page of `address`, after which the thread must come to its end. */
void fault_finish(uint64_t address, uint64_t rights);

#endif
