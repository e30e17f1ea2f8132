/* What a test of the kernel needs of it: objects, spaces and threads by the line.
 *
 *  K1  every slot and frame taken between kit_begin and kit_end is given back by kit_end (or by
 *      the next kit_begin, after a test that failed half-way), last one first;
 *  K2  all spaces share the root task's image, data included, so threads of other spaces share
 *      its variables; each thread has a stack of its own and a message buffer at FL_BUFFER.
 * All addresses and slots are those of the root task's CSpace, which its threads share. */
#ifndef KIT_H
#define KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#define KIT_PRIORITY      20u /* of kit_run's threads; the root task has KIT_ROOT_PRIORITY */
#define KIT_ROOT_PRIORITY 30u

#define KIT_IMAGE   0x10000ull      /* where the image lies in every space */
#define KIT_AREA    0x2000000000ull /* free for tests in every space, the root task's own too */
#define KIT_WINDOWS 0x2800000000ull /* from here on the kit's windows, stacks and buffers */

static inline const struct fl_boot_info *kit_boot_info(void)
{
    return (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
}

void kit_begin(void);
void kit_end(void);

/* Next free slot; the next `count` slots. */
uint64_t kit_slots(uint64_t count);
/* Next free page of RAM 0 (of capability FL_BOOT_RAM); `count` consecutive ones. */
uint64_t kit_frames(uint64_t count);

/* One new object in a frame of its own. */
uint64_t kit_object(enum fl_object type);
/* A TablePool of `frames` frames; a space of that pool, with the image mapped. */
uint64_t kit_pool(uint64_t frames);
uint64_t kit_space(uint64_t pool);
/* Gives a space that has none a pool, and maps the image. */
void kit_fill_space(uint64_t space, uint64_t pool);
/* A space of that pool with nothing mapped. */
uint64_t kit_bare_space(uint64_t pool);
/* A copy of a capability with these rights and this badge. */
uint64_t kit_copy(uint64_t slot, uint64_t rights, uint64_t badge);

/* A thread that will run function(argument); `handler` = endpoint slot or 0.  Started by kit_start.
 */
struct kit_thread {
    uint64_t tcb;
    uint64_t space;
    uint64_t handler;
    uint64_t buffer_page; /* of RAM 0 */
    unsigned priority;
    uint64_t start[2]; /* function, argument */
};
struct kit_thread *kit_thread(uint64_t space, uint64_t handler, unsigned priority,
                              void (*function)(uint64_t), uint64_t argument);
/* The same without a message buffer. */
struct kit_thread *kit_thread_without_buffer(uint64_t space, uint64_t handler, unsigned priority,
                                             void (*function)(uint64_t), uint64_t argument);
/* With several harts it runs at once, whatever its priority, beside the caller. */
void kit_start(struct kit_thread *thread);
/* Gives another TCB in `tcb` what kit_thread gave the first. */
void kit_equip(struct kit_thread *thread);
/* kit_thread with a priority below the root task's, started.  With one hart it runs when the caller next waits, with
 * several at once: what must hold before it runs is done between kit_thread and kit_start. */
struct kit_thread *kit_run(uint64_t space, uint64_t handler, void (*function)(uint64_t),
                           uint64_t argument);
/* The end of a thread's function: sleeps for ever. */
_Noreturn void kit_sleep(void);

/* Lets threads of lower priority run until they signal, or all sleep: waits for kit_signal. */
void kit_signal(void);
uint64_t kit_wait(void);
/* Lets lower threads run until none is ready and every hart sleeps, which ends condemned CNodes, too: waits for a timer a
 * moment ahead. */
void kit_settle(void);
/* Lets lower threads run for a millisecond. */
void kit_nap(void);
/* The same for so many ticks of the `time` counter. */
void kit_nap_ticks(uint64_t ticks);

/* When what takes milliseconds must have come, on however busy a host: a test that waits for it fails then. */
uint64_t kit_deadline(void);

/* cnode_delete of a slot of the root task's CNode, repeated while it says MORE; returns the last
 * status. */
uint64_t kit_delete(uint64_t slot);

/* One page mapped in the root task's own space at an address it chooses; NULL when there is no
 * room. */
void *kit_window(uint64_t page);

/* The first device of the boot information with this compatible string; NULL when there is none. */
const struct fl_boot_device *kit_find_device(const char *compatible);
/* Its Memory capability; its first page mapped like kit_window: where its registers begin. */
uint64_t kit_device_slot(const struct fl_boot_device *device);
void *kit_device_window(const struct fl_boot_device *device);

uint64_t kit_counter(enum fl_counter which);

/* Whether the machine has one hart: then threads below the root task stand still until it waits. */
bool kit_alone(void);

#endif
