/* See plausible.h.  The lists are plausible.def and plausible_kinds.def. */
#include "plausible.h"

#include <stdbool.h>

#include "arguments.h"
#include "sandbox.h"

struct span {
    uint64_t base, count, step;
};
struct kind {
    const struct span *good, *bad;
    unsigned goods, bads;
};

#define SPANS(...)        \
    (const struct span[]) \
    {                     \
        __VA_ARGS__       \
    }
#define SPAN_COUNT(...) (sizeof SPANS(__VA_ARGS__) / sizeof(struct span))
#define GOOD(...)       .good = SPANS(__VA_ARGS__), .goods = SPAN_COUNT(__VA_ARGS__)
#define BAD(...)        .bad = SPANS(__VA_ARGS__), .bads = SPAN_COUNT(__VA_ARGS__)
#define RUN(base, count, step)  \
    {                           \
        (base), (count), (step) \
    }
#define ONE(value) RUN(value, 1, 1)
/* A slot that is empty, beyond the CSpace, far beyond it. */
#define NO_CAPABILITY \
    RUN(BOX_EMPTY, 8, 1), RUN(BOX_EMPTY, 8, 1), ONE(SANDBOX_SLOTS), ONE(1ull << 32 | 1)

#define KIND(name, good, bad) KIND_##name,
enum kind_number {
#include "plausible_kinds.def"
    KIND_COUNT_OF_ALL
};
#undef KIND

#define KIND(name, ...) [KIND_##name] = {__VA_ARGS__},
static const struct kind kinds[] = {
#include "plausible_kinds.def"
};
#undef KIND

struct line {
    uint8_t arity, weight;
    uint8_t kinds[PLAUSIBLE_ARGUMENTS];
};
#define KINDS(...)                   FL_CAT(KINDS_, FL_ARITY(__VA_ARGS__))(__VA_ARGS__)
#define KINDS_1(a)                   KIND_##a
#define KINDS_2(a, b)                KIND_##a, KIND_##b
#define KINDS_3(a, b, c)             KINDS_2(a, b), KIND_##c
#define KINDS_4(a, b, c, d)          KINDS_3(a, b, c), KIND_##d
#define KINDS_5(a, b, c, d, e)       KINDS_4(a, b, c, d), KIND_##e
#define KINDS_6(a, b, c, d, e, f)    KINDS_5(a, b, c, d, e), KIND_##f
#define KINDS_7(a, b, c, d, e, f, g) KINDS_6(a, b, c, d, e, f), KIND_##g

#define PLAUSIBLE(call, weight, ...) \
    [FL_CALL_##call] = {FL_ARITY(__VA_ARGS__), weight, {KINDS(__VA_ARGS__)}},
static const struct line lines[FL_CALL_COUNT] = {
#include "plausible.def"
};
#undef PLAUSIBLE

/* L1: a call without a line, or with another number of arguments, does not compile. */
#define PLAUSIBLE(call, weight, ...) ARITY_##call = FL_ARITY(__VA_ARGS__),
enum arity {
#include "plausible.def"
};
#undef PLAUSIBLE
#define FL_CALL(number, name, args, doc) \
    _Static_assert((int)ARITY_##name == (int)FL_ARITY args, "plausible.def: " #name);
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED

static const uint64_t constants[] = {0,
                                     1,
                                     2,
                                     7,
                                     63,
                                     64,
                                     127,
                                     128,
                                     255,
                                     256,
                                     4095,
                                     4096,
                                     FL_USER_BASE + 8,
                                     BOX_AREA,
                                     BOX_AREA + 4096,
                                     BOX_AREA + (1ull << 21),
                                     BOX_AREA + 7,
                                     FL_USER_END - 4096,
                                     FL_USER_END,
                                     1ull << 39,
                                     0xffffffc000000000ull,
                                     0xffffffff80200000ull,
                                     UINT64_MAX,
                                     UINT64_MAX - 1,
                                     UINT64_MAX - 4095,
                                     INT64_MAX,
                                     1ull << 63,
                                     1ull << 52,
                                     1ull << 48,
                                     1ull << 32,
                                     UINT32_MAX,
                                     FL_RIGHTS_ALL,
                                     FL_RIGHTS_ALL + 1,
                                     FL_RANGE_PAGES + 1,
                                     FL_INFO(1, 4),
                                     FL_INFO(1, 100),
                                     FL_INFO(1, 101),
                                     FL_INFO(FL_LABEL_RESUME, 0),
                                     FL_INFO_ITEMS(FL_LABEL_RESUME, 0, 1),
                                     FL_INFO_ITEMS(FL_LABEL_RESUME, 0, 16),
                                     FL_INFO(FL_LABEL_STOP, 0),
                                     FL_ITEM_ADDRESS(BOX_AREA, 3),
                                     FL_ITEM_SOURCE(BOX_MEMORY, 1),
                                     FL_ITEM_SOURCE(BOX_MEMORY, 64),
                                     FL_MAP_REPLACE | 3};
#define CONSTANTS     ((unsigned)(sizeof constants / sizeof constants[0]))
#define SMALL_NUMBERS 16u /* all priorities of the sandbox, all types of objects */

/* L2.  The image lies below 32 MiB, what the kit maps from KIT_WINDOWS on. */
static uint64_t keep_off(uint64_t value)
{
    bool in_image = value >= KIT_IMAGE && value < KIT_IMAGE + (32u << 20);
    bool in_kit = value >= KIT_WINDOWS && value < FL_USER_END - FL_PAGE_BYTES;

    return in_image || in_kit ? BOX_AREA : value;
}

static uint64_t span_value(const struct span *span, uint64_t index)
{
    return span->base + index * span->step;
}

static uint64_t choose(struct random *random, const struct span *spans, unsigned count)
{
    const struct span *span = &spans[random_below(random, count)];

    return span_value(span, random_below(random, span->count));
}

static const struct kind *kind_of(uint64_t number, unsigned argument)
{
    return &kinds[lines[number].kinds[argument]];
}

unsigned plausible_arity(uint64_t number)
{
    return lines[number].arity;
}

unsigned plausible_weight(uint64_t number)
{
    return lines[number].weight;
}

uint64_t plausible_good(struct random *random, uint64_t number, unsigned argument)
{
    const struct kind *kind = kind_of(number, argument);

    return choose(random, kind->good, kind->goods);
}

uint64_t plausible_bad(struct random *random, uint64_t number, unsigned argument)
{
    const struct kind *kind = kind_of(number, argument);

    return choose(random, kind->bad, kind->bads);
}

uint64_t plausible_any(struct random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return constants[random_below(random, CONSTANTS)];
    case 1:
        return keep_off(random_next(random) >> random_below(random, 64));
    case 2:
        return random_below(random, SANDBOX_SLOTS);
    default:
        return random_below(random, BOX_USED);
    }
}

/* Every slot in use where a slot is asked for; elsewhere they are small numbers, of which a few do. */
static unsigned slots_of(uint64_t number, unsigned argument)
{
    return lines[number].kinds[argument] < KIND_INFO ? BOX_USED : SMALL_NUMBERS;
}

unsigned plausible_garbage_count(uint64_t number, unsigned argument)
{
    return CONSTANTS + slots_of(number, argument) + kind_of(number, argument)->bads;
}

uint64_t plausible_garbage(uint64_t number, unsigned argument, unsigned index)
{
    if (index < CONSTANTS)
        return constants[index];
    index -= CONSTANTS;
    if (index < slots_of(number, argument))
        return index;
    return kind_of(number, argument)->bad[index - slots_of(number, argument)].base;
}

uint64_t plausible_first(uint64_t number, unsigned argument)
{
    return kind_of(number, argument)->good[0].base;
}
