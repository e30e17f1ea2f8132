/* sources: mm/asid.c mm/vspace.c mm/vspace_range.c mm/vspace_check.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* ASIDs: a TLB of whole spaces shows that no ASID is seen by two. */
#include "asid.h"

#include <string.h>

#include "harness.h"
#include "mm_fake.h"

#define SPACES 40u

/* Which space left translations under each ASID (0 = none) since the last flush. */
static unsigned char tlb_of[1u << 16];

static void tlb_flush(void)
{
    memset(tlb_of, 0, sizeof(tlb_of));
}

static void run_spaces(unsigned bits, unsigned switches)
{
    struct asid_allocator allocator;
    struct asid_tag tags[SPACES] = {0};
    uint64_t flushes = 0;
    fake.random = bits + 1;
    tlb_flush();
    asid_init(&allocator, bits);
    for (unsigned i = 0; i < switches; i++) {
        unsigned space = (unsigned)fake_random(SPACES);
        if (asid_assign(&allocator, &tags[space])) {
            flushes++;
            tlb_flush();
        }
        uint16_t asid = tags[space].asid.value;
        CHECK(bits == 0 ? asid == 0 : asid != 0);
        CHECK(asid < 1u << bits);
        CHECK(tlb_of[asid] == 0 || tlb_of[asid] == space + 1);
        CHECK_EQ(tags[space].generation, allocator.generation);
        tlb_of[asid] = (unsigned char)(space + 1);
    }
    CHECK(bits != 0 || flushes == switches);
    CHECK(bits < 6 || flushes == 0);
}

TEST("no translation of one space is seen by another, with 0 to 16 ASID bits")
{
    for (unsigned bits = 0; bits <= 16; bits++)
        run_spaces(bits, 20000);
}

TEST("a space keeps its ASID until the numbers run out")
{
    struct asid_allocator allocator;
    struct asid_tag a = {0};
    struct asid_tag b = {0};
    struct asid_tag c = {0};
    struct asid_tag d = {0};
    asid_init(&allocator, 2);
    CHECK(!asid_assign(&allocator, &a));
    CHECK(!asid_assign(&allocator, &b));
    CHECK(!asid_assign(&allocator, &a));
    CHECK_EQ(a.asid.value, 1);
    CHECK(!asid_assign(&allocator, &c));
    CHECK_EQ(c.asid.value, 3);
    CHECK(asid_assign(&allocator, &d));
    CHECK_EQ(d.asid.value, 1);
    CHECK_EQ(d.generation, a.generation + 1);
    CHECK(!asid_assign(&allocator, &a));
    CHECK_EQ(a.asid.value, 2);
}
