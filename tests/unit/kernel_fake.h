/* The kernel as the pager on the target sees it (user/pager), on the host: slots, what frames are, tables of
 * spaces and the pool that they come from, Replies.  The pager's own loop runs (main.c): kernel_fake_send gives
 * it one message and comes back when it wants the next one.
 *
 *  K1  a frame is used for one thing: the window, the pool, a table, an object, or the root task's;
 *      what needs another use of it is refused as the kernel does, and notes a broken rule;
 *  K2  a Reply that holds a thread is answered once; a message is received with an idle one;
 *  K3  a table is there for each 2 MiB of a space that has an entry, and a root for each space.
 * What a call may be refused for want of (a table, or what FAIL_CALL stands for) asks fail_nth_now(). */
#ifndef KERNEL_FAKE_H
#define KERNEL_FAKE_H

#include "fl_calls.h"
#include "vm.h"

#define KERNEL_FRAMES  400u /* of RAM, in one range */
#define KERNEL_OUTSIDE 3u   /* the first ones, of the root task */
#define KERNEL_SLOTS   256u
#define KERNEL_ENTRIES 2048u

struct pager;

enum kernel_use { KERNEL_WINDOW, KERNEL_CLOSED, KERNEL_SPARE, KERNEL_TABLE, KERNEL_OBJECT };
enum kernel_cap { KERNEL_EMPTY, KERNEL_FIXED, KERNEL_VSPACE, KERNEL_TCB, KERNEL_HANDLER };

struct kernel_entry {
    uint64_t vspace; /* slot */
    uint64_t address;
    uint64_t frame; /* or KERNEL_FRAMES: of other memory */
    uint32_t rights;
};

struct kernel_fake {
    struct pager *pager; /* after the first message */
    uint8_t cap[KERNEL_SLOTS];
    uint64_t object[KERNEL_SLOTS]; /* KERNEL_VSPACE: its frame */
    bool has_root[KERNEL_SLOTS];   /* and whether it has a pool */
    uint8_t use[KERNEL_FRAMES];
    struct kernel_entry entry[KERNEL_ENTRIES];
    uint32_t entries;
    uint32_t signals;              /* to the root task: NEXT_EVENT has something */
    uint32_t stops;                /* threads that were left where they are */
    bool holds[KERNEL_SLOTS];      /* a Reply holds a thread */
    uint32_t refused;              /* answers */
    uint32_t late;                 /* answers to messages before the last one */
    struct fl_message answer;      /* the last one */
    struct fl_message late_answer; /* the last one of these */
    /* What the disk driver answers to a call with these words; NULL: there is no driver. */
    void (*driver)(const uint64_t word[4], struct fl_message *answer);
    const char *broken; /* the first rule that was broken, or NULL */
};

extern struct kernel_fake kernel_fake;

/* A fresh machine with the archive; the pager starts with the first message. */
void kernel_fake_start(uint8_t *archive, uint64_t archive_bytes);

/* Sends a message to the pager.  False: it was not answered, but parked. */
bool kernel_fake_send(uint64_t badge, uint64_t info, const uint64_t word[4]);

/* A thread of a space uses an address until it can: the faults that this takes.  False: it was stopped, is
 * parked, or faulted `turns` times for nothing. */
bool kernel_fake_touch(const struct space *space, uint64_t address, uint32_t access,
                       uint32_t turns);

/* The root task puts a TCB where the pager looks for it. */
void kernel_fake_put_tcb(uint64_t slot);

/* Frames by use. */
uint32_t kernel_fake_count(enum kernel_use use);

/* NULL, or what is wrong: K1 to K3, W1 of frames.h, R1 of request.h, and the core's own. */
const char *kernel_fake_check(void);

#endif
