/* Errors of processors, for chips whose numbers are known. */
/* sources: arch/riscv/errata.c */
#include "errata.h"

#include <stddef.h>

#include "harness.h"

struct chip {
    const char *name;
    struct cpu_identity identity;
    bool short_value;
    bool fence_all;
};

#define U7 0x8000000000000007ull

static const struct chip chips[] = {
    {"JH7110 (VisionFive 2)", {0x489, U7, 0x4210427}, false, false},
    {"FU740 (HiFive Unmatched)", {0x489, U7, 0x20181004}, true, true},
    {"a U74 of the last version with short values", {0x489, U7, 0x20191105}, true, true},
    {"a U74 of the day after", {0x489, U7, 0x20191106}, false, true},
    {"a U74 of the day before the first", {0x489, U7, 0x20181003}, false, true},
    {"FU540 (HiFive Unleashed)", {0x489, 1, 0x20180000}, false, true},
    {"a U74 of the last version with the fence's error", {0x489, U7, 0x05200630}, false, true},
    {"a U74 of the first version without", {0x489, U7, 0x05200631}, false, false},
    {"a U74 that was mended before", {0x489, U7, 0x01200626}, false, false},
    {"a U74 that tells no version (JH7100, perhaps)", {0x489, U7, 0}, false, true},
    {"another core of SiFive's", {0x489, 0x8000000000000008ull, 0x20181004}, false, false},
    {"another maker's with the same numbers", {0x5b7, U7, 0x20181004}, false, false},
    {"QEMU's virt", {0, 0x70200, 0x70200}, false, false},
    {"nothing told", {0, 0, 0}, false, false},
};

#define SHORT(address) ((address) & ((1ull << 39) - 1))

/* Faults of an instruction at pc, in either half of it. */
static void check_value(uint64_t pc)
{
    CHECK_EQ(errata_full_value(SHORT(pc), pc), pc);
    CHECK_EQ(errata_full_value(SHORT(pc + 2), pc), pc + 2);
    CHECK_EQ(errata_full_value(pc + 2, pc), pc + 2); /* a processor without the error */
    CHECK_EQ(errata_full_value(SHORT(pc & ~7ull), pc), pc & ~7ull); /* what is fetched at once */
}

TEST("a short value is that of the instruction's half, wherever it lies")
{
    static const uint64_t ends[] = {0x1000,     1ull << 38,         1ull << 39,
                                    1ull << 63, 0xffffffc000000000, 0xffffffff80200000};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (uint64_t before = 0; before <= 8; before += 2)
            check_value(ends[i] - before);
    }
}

static void check(const char *name, bool got, bool expected)
{
    if (got != expected)
        harness_fail(__FILE__, __LINE__, name);
}

TEST("each known chip has the errors that its maker tells, and no other")
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        const struct chip *chip = &chips[i];

        check(chip->name, errata_value_is_short(&chip->identity), chip->short_value);
        check(chip->name, errata_fence_takes_all(&chip->identity), chip->fence_all);
    }
}
