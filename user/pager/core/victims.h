/* Pages that may leave memory, and which of them is next: the core's side of replace.h.
 *
 *                 +------ newcomers                                  aside (held)
 *                 |   (a list, in order)                             ^    |
 *   in an object -+            |                    it cannot leave  |    |  now and then
 *                              v                          now        |    v
 *                        given, queued ---next, not in use---> held (a victim) ---> out of memory
 *
 * Pages have a class, by the kind of their object, and each class a struct replace of its own; all follow
 * one policy.  Who leaves first: pages that can be had again without a write, if nobody uses them;
 * anonymous pages; pages of the first class that are in use; what file systems keep of their disks.
 *
 * While pages have nowhere to go nothing is known here.  Then a page that comes into an object is put on a list,
 * a few instructions, and is told to its class when pages must leave.
 *
 * *Accessed bits* are harvested for a window of neighbours at once (accessed.h) and kept in the page record
 * until the policy asks for them.  A page that comes in is *given*, as replace.h has it: its first access is
 * that which brought it, or for which it was read ahead, and says nothing.  One that is not accessed within
 * some time is as any other.  While nothing has to leave, newcomers stay on the list for any time.  So where
 * a step finds more than it tells, their first accesses are long past, and it looks for them: what comes later
 * counts.  Else memory that was filled once would leave in the order in which it was, whatever of it is in use.
 * A page that was given to a fault lately (RECLAIM_FRESH) is no victim, whatever its bit says: the fault itself
 * sets it.
 *
 * What leaves with a victim: pages beside it in its object that nobody used since they were looked at, and
 * that the policy would let go soon after.  What is read back so has neighbours.  A step puts out several victims
 * together, wherever they lie: their writes are few requests, since slots are taken in runs, and looking at what there
 * is to do is shared.
 *
 * A victim that cannot leave now, since it is wired, fresh, or finds no slot, is held aside, so that the policy
 * goes on to others.  When as many pages left as memory has, or no victim is left, those aside come back.
 *
 *  Y1  while pages have nowhere to go (reclaim_is_on) no page is known; else a page in state PAGE_OBJECT of an object whose pages may
 *      leave is on the list, or given, queued, or held; one that is being written is held; no other page is
 *      given, queued, or held, but one whose contents are on their way may be on the list;
 *  Y2  the list holds exactly the pages that are marked so.  Its links are those of struct replace_page,
 *      which the pages that are not told to a class have no other use for. */
#ifndef PAGER_VICTIMS_H
#define PAGER_VICTIMS_H

#include "accessed.h"
#include "replace.h"

struct vm;
struct object;

enum victims_class {
    VICTIMS_NEVER,     /* devices; files in memory, which are the only copy */
    VICTIMS_FILE,      /* whatever was there can be supplied again */
    VICTIMS_ANONYMOUS, /* goes to swap */
    VICTIMS_CACHE,     /* of a file system: as VICTIMS_FILE, but the last to go */
    VICTIMS_CLASSES
};

/* page.known */
#define VICTIMS_LISTED 1u
#define VICTIMS_TOLD   2u /* to its class */

#define VICTIMS_ADMIT \
    64u /* newcomers that one step takes, at most, and windows of them that it looks at */
#define VICTIMS_LOOKS 8u
#define VICTIMS_BATCH \
    8u /* pages that one step puts out at least, if it finds them in so many tries */
#define VICTIMS_TRIES 16u
#define VICTIMS_WALK  256u /* page records that one step looks at for those aside */

struct victims {
    bool on;                         /* read by faults */
    uint8_t policy;                  /* enum replace_policy */
    bool barren;                     /* no victim was left since a page left the last time */
    uint8_t step;                    /* the time that accessed bits are compared with */
    uint32_t begin[VICTIMS_CLASSES]; /* the last stamp before the step */
    uint16_t given;  /* pages that were given to faults, or came in; never 0 afterwards */
    uint32_t oldest; /* of the newcomers, or PAGE_NONE */
    uint32_t newest;
    uint32_t walk;                       /* page records to look at for those aside */
    uint32_t left;                       /* pages that left since the last walk began */
    struct accessed_window window;       /* the last that was looked at */
    struct replace set[VICTIMS_CLASSES]; /* [VICTIMS_NEVER] is not used */
};

/* Bytes for so many pages, zeroed when they are used; aligned as a uint64_t. */
uint64_t victims_bytes(uint64_t pages);
void victims_init(struct vm *vm, void *memory);

/* Pages may leave from now on / do not any more.  Walks over all page records, as swapon and swapoff do. */
void victims_start(struct vm *vm);
void victims_stop(struct vm *vm);

/* Changes the policy.  False: there is none of this name.  Walks over all pages once: it happens when somebody
 * asks for it and else never, and half of the pages under another policy would be a third one. */
bool victims_set_policy(struct vm *vm, const char *name);

/* ---- pages come and go ---- */

/* A page that is not known came into an object: it is put on the list.  vm.h has victims_note, which asks
 * whether that is so. */
void victims_list(struct vm *vm, uint32_t page);

/* A page came into an object as one that somebody waits for. */
void victims_arrive(struct vm *vm, uint32_t page);

/* A page was given to a fault. */
void victims_give(struct vm *vm, uint32_t page);

/* A page leaves its frame, or its object: its contents are no more, or are not one program's any more; or
 * they may come back. */
void victims_forget(struct vm *vm, uint32_t page);
void victims_evict(struct vm *vm, uint32_t page);

/* A page that was written, or should have been, stays. */
void victims_keep(struct vm *vm, uint32_t page);

/* ---- who leaves ---- */

/* Puts out the next victims and those that leave with them: of pages that are to be compressed, which takes long, those
 * of one victim; else VICTIMS_BATCH pages or little more than a request holds.  Returns how many left memory or are on their way.
 * *last: no victim is left. */
uint32_t victims_step(struct vm *vm, bool *last);

/* Puts out pages, at most SWAP_CLUSTER, of anonymous objects, all in PAGE_OBJECT and not wired, whatever their
 * classes think.  Returns how many left memory or are on their way. */
uint32_t victims_put_out(struct vm *vm, const uint32_t *page, uint32_t count);

/* `pages` pages of an anonymous object from `first` on, all between two multiples of SWAP_CLUSTER, are of no use now: they
 * leave, as many as requests can be made for (`out`), or are the next victims.  Returns how many left. */
uint32_t victims_advise(struct vm *vm, struct object *object, uint64_t first, uint32_t pages,
                        bool out);

/* NULL, or the number of the first invariant that does not hold. */
const char *victims_check(const struct vm *vm);

#endif
