/* The world of a test: one pager, started anew under the contract of pager_contract.h, and clients,
 * whose every access is watched to its end.
 *
 *  W1  nothing that a pager does lasts longer than the contract allows: the root task has the highest
 *      priority and waits for its own timer alone;
 *  W2  a fault of the pager's comes to an endpoint of ours, it ends nobody else;
 *  W3  all frames of the pager hold WORLD_FOREIGN when it starts;
 *  W4  between world_hold and world_release the pager executes no instruction, so what clients do meanwhile waits
 *      together; that holds with any number of harts. */
#ifndef PAGERTEST_WORLD_H
#define PAGERTEST_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "kit.h"
#include "pager_contract.h"
#include "rules.h"

#define PAGE          ((uint64_t)FL_PAGE_BYTES)
#define WORLD_FRAMES  192u /* of the pager, unless a test wants few */
#define WORLD_FOREIGN 0xa5u

/* Badges: equal in their low half. */
#define BADGE_A        0x0000000100000007ull
#define BADGE_B        0x0000000200000007ull
#define BADGE_STRANGER 0x0000000300000007ull /* has no region */

/* Regions of A; DATA is one of B's too, B_ONLY B's alone. */
#define DATA       KIT_AREA
#define DATA_PAGES 128u
#define DATA_END   (DATA + DATA_PAGES * PAGE)
#define CONST      DATA_END /* read */
#define SMALL      8u       /* pages of CONST, TEXT, CODE, B_ONLY */
#define CONST_END  (CONST + SMALL * PAGE)
#define GAP        CONST_END
#define TEXT       (DATA + 144 * PAGE)   /* read, execute */
#define CODE       (TEXT + SMALL * PAGE) /* read, write, execute */
#define CODE_END   (CODE + SMALL * PAGE)
#define B_ONLY     (DATA + 256 * PAGE)
#define B_FIRST    (B_ONLY + 4 * PAGE)           /* the page of world_begin */
#define HOLE       (DATA + (1ull << 30))         /* nobody's, and much of it */
#define LOWEST     FL_USER_BASE                  /* one page */
#define HIGHEST    (FL_USER_END - FL_PAGE_BYTES) /* one page */
#define WIDE       (DATA + (4ull << 30))         /* 24 GiB */
#define WIDE_STEP  (1ull << 30)                  /* pages so far apart need two tables each */
#define WIDE_STEPS 24u

/* How a client's deed ended. */
enum deed {
    DEED_SERVED,  /* it was done */
    DEED_STOPPED, /* the pager answered STOP */
    DEED_NOTHING, /* no answer, and nobody works on one */
    DEED_ENDLESS, /* the pager's time was over */
    DEED_CRASHED  /* the pager faulted */
};

struct client {
    struct kit_thread *thread;
    uint64_t (*function)(uint64_t address, uint64_t value);
    uint64_t address;
    uint64_t value;
    volatile uint64_t result; /* what it read */
    volatile uint64_t cycles; /* that the deed took */
    volatile bool done;
};

/* How a deed must end (else the rule is broken), or how it needs to end (else the condition is not
 * reached). */
#define MUST_SERVE(deed) world_check(__FILE__, __LINE__, #deed, deed, DEED_SERVED, RULE_BROKEN)
#define MUST_STOP(deed)  world_check(__FILE__, __LINE__, #deed, deed, DEED_STOPPED, RULE_BROKEN)
#define NEEDS_SERVE(deed) \
    world_check(__FILE__, __LINE__, #deed, deed, DEED_SERVED, RULE_NOT_REACHED)
#define NEEDS_STOP(deed) \
    world_check(__FILE__, __LINE__, #deed, deed, DEED_STOPPED, RULE_NOT_REACHED)
void world_check(const char *file, int line, const char *text, enum deed got, enum deed wanted,
                 enum rule_verdict verdict);

/* A new pager with `frames` frames, and the spaces of A and B. */
void world_start(uint64_t frames);
/* The same for the rules behind P1, which need a pager that serves: it must, once. */
void world_begin(uint64_t frames);
/* Leaves `spare` frames in the clients' pool. */
void world_set_tables(uint64_t spare);
uint64_t world_space(uint64_t badge);
/* The pager's endpoint, with a badge, for messages that are no faults. */
uint64_t world_endpoint(uint64_t badge);
/* The notification that is bound to the pager's thread. */
uint64_t world_notification(void);

/* A new thread whose faults carry the badge, in B's space if that is B's, else in A's. */
struct client *world_client(uint64_t badge);

/* What clients do. */
uint64_t deed_read(uint64_t address, uint64_t unused);
uint64_t deed_write(uint64_t address, uint64_t value);
uint64_t deed_run(uint64_t address, uint64_t value);    /* calls code there: value + 1 */
uint64_t deed_count(uint64_t address, uint64_t unused); /* words of the page that are not zero */
uint64_t deed_jump(uint64_t address, uint64_t unused);

/* Begins a deed, which is done when world_settle returns, if the pager lets it. */
void client_prepare(struct client *client, uint64_t (*function)(uint64_t, uint64_t),
                    uint64_t address, uint64_t value);
/* Lets everybody run until all wait, PAGER_PATIENCE_MS at most. */
void world_settle(void);
enum deed client_deed(struct client *client);

/* All three in one. */
enum deed client_do(struct client *client, uint64_t (*function)(uint64_t, uint64_t),
                    uint64_t address, uint64_t value);
enum deed client_read(struct client *client, uint64_t address);
enum deed client_write(struct client *client, uint64_t address, uint64_t value);
enum deed client_jump(struct client *client, uint64_t address);

/* Holds the pager where it is: its program may not be run, so that it faults as soon as it would go on, with the first
 * message in its hands. */
void world_hold(void);
/* Waits until all that was begun since waits for the pager, then lets it go on, and waits for the end of that. */
void world_release(void);

/* While the pager is held: waits until this client's deed, which was begun first, waits for the pager, and stops it. */
void world_lose(struct client *client);
/* Holds the pager, loses a client that is to read an address, and lets the pager go on. */
void world_lose_client(struct client *client, uint64_t address);

/* Removes a page's entry from the tables of a badge's space, behind the pager's back. */
void world_unmap(uint64_t badge, uint64_t address);
/* FL_ENTRY_* of a badge's space. */
uint64_t world_entry(uint64_t badge, uint64_t address);

#endif
