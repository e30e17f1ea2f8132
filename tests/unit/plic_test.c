/* The PLIC driver against an array that stands for the registers. */
/* sources: drivers/plic.c */
#include <string.h>

#include "harness.h"
#include "plic.h"

#define CONTEXTS 4u
#define WORDS    ((0x200000u + CONTEXTS * 0x1000u) / 4)

static uint32_t registers[WORDS], before[WORDS];
static struct plic plic;

/* Every register holds a pattern of its own. */
static void setup(uint32_t sources)
{
    for (uint32_t i = 0; i < WORDS; i++)
        registers[i] = i * 2654435761u;
    memcpy(before, registers, sizeof registers);
    plic = (struct plic){registers, sources};
}

/* Offsets are the specification's; RISC-V PLIC 1.0, chapter 3. */
static uint32_t *enables(uint32_t context)
{
    return &registers[(0x2000 + context * 0x80) / 4];
}

static uint32_t *context_word(uint32_t context, uint32_t offset)
{
    return &registers[(0x200000 + context * 0x1000 + offset) / 4];
}

/* Apart from `count` words from `first` on, nothing was written. */
static void check_untouched_but(const uint32_t *first, uint32_t count, const uint32_t *also)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        const uint32_t *word = &registers[i];

        if ((word < first || word >= first + count) && word != also)
            CHECK_EQ(registers[i], before[i]);
    }
}

TEST("the registers of a context end where the next context's begin")
{
    CHECK_EQ(plic_bytes(0), 0x201000);
    CHECK_EQ(plic_bytes(15871), 0x4000000);
}

TEST("a context starts with nothing enabled, threshold 0, and other contexts as they were")
{
    static const uint32_t sources[][2] = {{1, 1}, {31, 1}, {32, 2}, {53, 2}, {1023, 32}};

    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        setup(sources[i][0]);
        plic_init_context(&plic, 1);
        for (uint32_t word = 0; word < sources[i][1]; word++)
            CHECK_EQ(enables(1)[word], 0);
        CHECK_EQ(*context_word(1, 0), 0);
        check_untouched_but(enables(1), sources[i][1], context_word(1, 0));
    }
}

TEST("a source is enabled by its bit and a priority above 0, and disabled by its bit")
{
    static const uint32_t sources[] = {1, 10, 31, 32, 33, 63, 64, 1023};

    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        uint32_t source = sources[i], bit = 1u << source % 32;

        for (uint32_t context = 0; context < CONTEXTS; context += 3) {
            setup(1023);
            uint32_t *word = &enables(context)[source / 32], old = *word;
            plic_enable(&plic, context, source);
            CHECK_EQ(*word, old | bit);
            CHECK_EQ(registers[source], 1);
            check_untouched_but(word, 1, &registers[source]);
            plic_disable(&plic, context, source);
            CHECK_EQ(*word, old & ~bit);
            CHECK_EQ(registers[source], 1);
            check_untouched_but(word, 1, &registers[source]);
        }
    }
}

TEST("claim reads and complete writes the claim register of the context")
{
    for (uint32_t context = 0; context < CONTEXTS; context++) {
        setup(53);
        *context_word(context, 4) = 17;
        CHECK_EQ(plic_claim(&plic, context), 17);
        check_untouched_but(context_word(context, 4), 1, NULL);
        plic_complete(&plic, context, 42);
        CHECK_EQ(*context_word(context, 4), 42);
        check_untouched_but(context_word(context, 4), 1, NULL);
    }
}
