/* What the tests of compressed pages share: pages of programs that pack well, badly or not at all, whose
 * every byte is known, and a machine with the store on. */
#ifndef SIM_TIER_KIT_H
#define SIM_TIER_KIT_H

#include "sim_swap_kit.h"

#define TIER_WORDS (FL_PAGE_BYTES / sizeof(uint64_t))

enum tier_kind { TIER_SAME, TIER_PACKS, TIER_DENSE, TIER_KINDS };

static inline uint64_t tier_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (x ^ x >> 31) | 1;
}

/* A word of what a page holds. */
static inline uint64_t tier_word(enum tier_kind kind, uint64_t address, uint32_t salt, uint64_t i)
{
    uint64_t base = tier_mix(address / PAGE * 0x9e3779b97f4a7c15ull + salt + 1);

    if (kind == TIER_SAME || (kind == TIER_PACKS && i % 6 != 0))
        return base;
    return tier_mix(base + i);
}

/* A program fills the page at this address.  False: it is stopped.  Where memory is short the page may
 * have left again before it is filled. */
static inline bool tier_try_to_fill(struct space *space, uint64_t address, enum tier_kind kind,
                                    uint32_t salt)
{
    uint8_t *bytes = NULL, byte = 1;

    for (uint32_t turn = 0; !bytes; turn++) {
        CHECK(turn < 20);
        if (kit_touch(space, address, FL_ACCESS_WRITE, &byte) != FAKE_DONE)
            return false;
        bytes = (uint8_t *)(uintptr_t)fake_peek(&slow.fake, space, address, FL_ACCESS_WRITE);
    }
    for (uint64_t i = 0; i < TIER_WORDS; i++) {
        uint64_t word = tier_word(kind, address, salt, i);

        memcpy(bytes + i * sizeof word, &word, sizeof word);
    }
    return true;
}

static inline void tier_fill(struct space *space, uint64_t address, enum tier_kind kind,
                             uint32_t salt)
{
    CHECK(tier_try_to_fill(space, address, kind, salt));
}

/* True if the page is as it was filled. */
static inline bool tier_is_whole(struct space *space, uint64_t address, enum tier_kind kind,
                                 uint32_t salt)
{
    const uint8_t *bytes = NULL;

    for (uint32_t turn = 0; !bytes; turn++) {
        CHECK(turn < 20);
        kit_read(space, address);
        bytes = fake_peek(&slow.fake, space, address, FL_ACCESS_READ);
    }
    for (uint64_t i = 0; i < TIER_WORDS; i++) {
        uint64_t word = tier_word(kind, address, salt, i);

        if (memcmp(bytes + i * sizeof word, &word, sizeof word) != 0)
            return false;
    }
    return true;
}

/* The same of pages side by side. */
static inline void tier_fill_all(struct space *space, uint64_t pages, enum tier_kind kind,
                                 uint32_t salt)
{
    for (uint64_t i = 0; i < pages; i++)
        tier_fill(space, AT + i * PAGE, kind, salt);
}

static inline void tier_check_all(struct space *space, uint64_t pages, enum tier_kind kind,
                                  uint32_t salt)
{
    for (uint64_t i = 0; i < pages; i++)
        CHECK(tier_is_whole(space, AT + i * PAGE, kind, salt));
}

/* A machine with the store and no disk, and a program with so many pages. */
static inline struct space *tier_begin(uint32_t frames, uint32_t percent, uint64_t pages)
{
    struct space *space;

    kit_begin(frames);
    CHECK_EQ(tier_set(kit_vm(), percent), 0);
    kit_sound();
    space = kit_space(1);
    kit_map(space, AT, pages, MAP_PRIVATE);
    return space;
}

static inline const struct compress *tier_store(void)
{
    return &kit_vm()->tier.store;
}

#endif
