/* Small worlds: the model of pages that lie in a chain of objects, some of them on their way, or out of memory.
 *
 * What a space shows at a page is a stack of cells: the first one is seen, those behind it come to light when
 * it goes.  Below all of them lies a page of a file, or zeros.  Forks copy stacks; so a cell in several of
 * them is one page.  A cell that is first in no stack is seen by nobody, and gone.
 *
 * Each space has one thread, which makes a request at a time. */
#ifndef SIM_WORLD_CHAIN_H
#define SIM_WORLD_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#define CHAIN_SPACES 3u
#define CHAIN_PAGES  2u
#define CHAIN_CELLS  32u
#define CHAIN_DEPTH  8u
#define CHAIN_PAGE   1u /* the one whose states are tried; page 0 keeps objects from being empty */

/* How a page is. */
enum chain_state {
    CHAIN_ABSENT,
    CHAIN_PRESENT,
    CHAIN_BUSY,    /* it comes, from its file or from swap */
    CHAIN_OUT,     /* in a slot of swap */
    CHAIN_PACKED,  /* in the store of compressed pages */
    CHAIN_WRITING, /* on its way to a slot */
    CHAIN_STRAY,   /* on its way to nobody */
    CHAIN_STATES
};

enum chain_outcome {
    CHAIN_IDLE,
    CHAIN_WAITS,
    CHAIN_SERVED,
    CHAIN_UNMAPPED,
    CHAIN_BEYOND_END,
    CHAIN_UNREADABLE
};

struct chain_cell {
    enum chain_state state;
    bool slot;  /* it has one ... */
    bool clean; /* ... which holds, or will hold, what the page does */
    bool taken; /* CHAIN_WRITING: somebody found it, and it stays */
    uint8_t byte;
};

struct chain_stack {
    bool mapped;
    uint8_t cells;
    uint8_t cell[CHAIN_DEPTH]; /* the first is seen */
};

struct chain_thread {
    enum chain_outcome outcome; /* of its last request */
    bool write;
    uint8_t page;
    uint8_t cell; /* CHAIN_WAITS: the one that it waits for */
    bool failed;  /* the page that it waited for did not come, and can be had from nowhere else */
    uint64_t turn;
};

struct chain_space {
    bool lives;
    bool locked; /* a fork copies what it holds alone */
    struct chain_stack stack[CHAIN_PAGES];
    struct chain_thread thread;
};

struct chain {
    bool file;
    bool cut;          /* the file ends before CHAIN_PAGE */
    uint8_t file_cell; /* 0: absent */
    uint8_t file_byte;
    uint8_t began[CHAIN_SPACES]; /* cells that requests began to fetch since the list was emptied */
    uint8_t begun;
    uint64_t turns;
    struct chain_space space[CHAIN_SPACES];
    struct chain_cell cell[CHAIN_CELLS];
};

/* Puts a page on top of what a space shows.  Returns its cell. */
uint8_t chain_put(struct chain *chain, uint32_t space, uint32_t page, enum chain_state state,
                  uint8_t byte);
uint8_t chain_put_in_file(struct chain *chain, enum chain_state state);

/* The cell that a space sees, 0 if there is none. */
uint8_t chain_find(const struct chain *chain, uint32_t space, uint32_t page);

/* A space that does not live, or CHAIN_SPACES. */
uint32_t chain_find_free(const struct chain *chain);

void chain_fork(struct chain *chain, uint32_t parent, uint32_t child);
void chain_exit(struct chain *chain, uint32_t space);
void chain_drop(struct chain *chain, uint32_t space, uint32_t page);
void chain_unmap(struct chain *chain, uint32_t space, uint32_t page);
void chain_cut(struct chain *chain);

/* The thread of a space makes a request: its outcome is in the thread. */
void chain_touch(struct chain *chain, uint32_t space, uint32_t page, bool write);

/* What a space sees is written. */
void chain_write(struct chain *chain, uint32_t space, uint32_t page, uint8_t byte);

/* A page that is present leaves, for a slot. */
void chain_put_out(struct chain *chain, uint8_t cell);

/* True if it has to be written then. */
bool chain_is_dirty(const struct chain *chain, uint8_t cell);

/* What was on its way came, from a file or swap, or is written, or will not be. */
void chain_fetched(struct chain *chain, uint8_t cell, bool ok);

uint32_t chain_count(const struct chain *chain, enum chain_state state);
uint32_t chain_count_slots(const struct chain *chain);

#endif
