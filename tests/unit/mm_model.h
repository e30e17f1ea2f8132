/* What the spaces of the fake machine hold, as plain arrays: what each page maps, with which rights,
 * ceiling, A and D.  For mm_random_test.c, which keeps it up to date. */
#ifndef TESTS_MM_MODEL_H
#define TESTS_MM_MODEL_H

#include "mm_fake.h"

#define MODEL_PART_PAGES 160u /* around a border of 2 MiB, of 1 GiB, and at the end of user space */
#define MODEL_PARTS      3u
#define MODEL_PAGES      (MODEL_PARTS * MODEL_PART_PAGES)
#define MODEL_FRAMES     40u /* that are mapped */
#define MODEL_SPACES     3u
#define MODEL_SWEEPS     2u
#define MODEL_KNOWN \
    (FAKE_FRAMES + 2u + FL_ITEM_PAGES) /* frames that a step may name: devices' last */

struct model_page {
    bool valid, accessed, dirty;
    unsigned born; /* step in which a map made it, or the one that it was cloned from */
    uint64_t frame;
    uint32_t rights, ceiling;
};

struct model {
    struct model_page page[MODEL_SPACES][MODEL_PAGES];
    bool alive[MODEL_SPACES];
    uint32_t maps[MODEL_KNOWN];
    uint32_t pins[MODEL_KNOWN];
    bool claimed[MODEL_KNOWN]; /* a table of the pool or a test object */
    uint8_t sticky[MODEL_KNOWN];
    bool revoking[MODEL_KNOWN];
    unsigned donated[MODEL_KNOWN]; /* step */
    unsigned now;                  /* step */
    struct {
        bool active;
        uint64_t first, pages, cursor;
        unsigned start;
    } sweep[MODEL_SWEEPS];
    unsigned sweeps_ended;
    unsigned happened[32]; /* outcomes seen: none may stay untested */
};

extern struct model model;

/* The address of the page-th page that the model knows. */
uint64_t model_address(uint64_t page);
/* Tables that a space needs: its root and those above valid pages. */
uint64_t model_tables(uint64_t s);
/* After counts were dropped: all at once, since a frame that only moves in one run is never free. */
void model_free_unused(void);
/* What a map through a capability would answer, what it does, and the end of a page. */
enum fl_error model_check(const struct model_page *page, uint64_t frame, uint32_t rights);
void model_map(struct model_page *page, uint64_t frame, uint32_t rights, uint32_t ceiling);
void model_drop(struct model_page *page);
/* Fails unless the machine is as the model says, and fake_check holds. */
void model_compare(void);

#endif
