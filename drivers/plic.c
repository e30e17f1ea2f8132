/* See plic.h.  Spec: RISC-V PLIC 1.0, chapters 3 to 9. */
#include "plic.h"

/* Offsets in bytes. */
#define PRIORITY              0x0u /* one word a source */
#define ENABLE                0x2000u
#define ENABLE_BYTES          0x80u /* of a context: one bit a source */
#define CONTEXT               0x200000u
#define CONTEXT_BYTES         0x1000u
#define CONTEXT_THRESHOLD     0u
#define CONTEXT_CLAIM         4u
#define LEAST_PRIORITY        1u /* 0 = never interrupts */
#define SOURCES_PER_WORD      32u
#define CONTEXT_OFFSET(which) (CONTEXT + (uint64_t)(which)*CONTEXT_BYTES)

static volatile uint32_t *at(const struct plic *plic, uint64_t offset)
{
    return plic->registers + offset / sizeof *plic->registers;
}

static volatile uint32_t *enable_word(const struct plic *plic, uint32_t context, uint32_t source)
{
    return at(plic, ENABLE + (uint64_t)context * ENABLE_BYTES) + source / SOURCES_PER_WORD;
}

uint64_t plic_bytes(uint32_t context)
{
    return CONTEXT_OFFSET(context) + CONTEXT_BYTES;
}

void plic_init_context(const struct plic *plic, uint32_t context)
{
    for (uint32_t source = 0; source <= plic->sources; source += SOURCES_PER_WORD)
        *enable_word(plic, context, source) = 0;
    *at(plic, CONTEXT_OFFSET(context) + CONTEXT_THRESHOLD) = 0;
}

void plic_enable(const struct plic *plic, uint32_t context, uint32_t source)
{
    volatile uint32_t *word = enable_word(plic, context, source);

    *word |= 1u << source % SOURCES_PER_WORD;
    at(plic, PRIORITY)[source] = LEAST_PRIORITY; /* last: QEMU looks at what is pending here only */
}

void plic_disable(const struct plic *plic, uint32_t context, uint32_t source)
{
    volatile uint32_t *word = enable_word(plic, context, source);

    *word &= ~(1u << source % SOURCES_PER_WORD);
}

uint32_t plic_claim(const struct plic *plic, uint32_t context)
{
    return *at(plic, CONTEXT_OFFSET(context) + CONTEXT_CLAIM);
}

void plic_complete(const struct plic *plic, uint32_t context, uint32_t source)
{
    *at(plic, CONTEXT_OFFSET(context) + CONTEXT_CLAIM) = source;
}
