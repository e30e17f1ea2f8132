/* Frames, and pages of every kind of contents, for tests of the store of compressed pages. */
#ifndef FAULTLINE_TESTS_COMPRESS_KIT_H
#define FAULTLINE_TESTS_COMPRESS_KIT_H

#include "compress.h"

#define KIT_FRAMES 512u
#define KIT_WORDS  (FL_PAGE_BYTES / 8u)

enum kit_kind {
    KIT_ZERO,
    KIT_FILLED,  /* one word, not 0 */
    KIT_TEXT,    /* words of a language */
    KIT_RECORDS, /* numbers and addresses, as a heap has them */
    KIT_SPARSE,  /* a few words in zeros */
    KIT_NOISY,   /* part random: takes nearly as much as pays */
    KIT_RANDOM,  /* does not pay */
    KIT_KINDS
};

/* A store with a window of KIT_FRAMES frames, of which `lendable` may be lent. */
struct kit {
    struct compress store;
    struct page_table table;
    struct page pages[KIT_FRAMES];
    uint32_t free[KIT_FRAMES];
    uint32_t free_count;
    uint64_t seed; /* of what kit_random gives next; not 0 */
};

extern const char *const kit_kind_names[KIT_KINDS];

/* The memory is static: one kit at a time. */
void kit_begin(struct kit *kit, uint32_t lendable, uint32_t limit, uint64_t seed);
uint64_t kit_random(struct kit *kit);

/* Writes a page of this kind. */
void kit_write(struct kit *kit, enum kit_kind kind, void *contents);

/* Lends frames until `spare` are spare, as far as there are any; takes back what is more. */
void kit_settle(struct kit *kit, uint32_t spare);

/* Units that these contents need, by themselves. */
uint32_t kit_units(const void *contents);

#endif
