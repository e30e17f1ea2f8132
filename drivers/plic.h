/* The platform-level interrupt controller: one gateway a source, one set of registers a context (a
 * hart in one mode).  Spec: RISC-V PLIC 1.0.
 *
 * Life of an interrupt: the device raises its line; the gateway makes it pending, once; a context for
 * which the source is enabled is interrupted; plic_claim takes it, and the gateway passes on
 * nothing more of that source; plic_complete opens the gateway again, and a line that is still
 * raised is pending at once.
 *
 * Reaches the registers through the pointer it was given, so a test may give it an array.  Knows
 * nothing of who is interested in a source. */
#ifndef DRIVERS_PLIC_H
#define DRIVERS_PLIC_H

#include <stdint.h>

#define PLIC_SOURCES_MAX 1023u

struct plic {
    volatile uint32_t *registers; /* NULL: there is none */
    uint32_t sources;             /* 1 to `sources` exist; 0: there is no controller */
};

/* Bytes from the start of the registers that the functions below reach for this context. */
uint64_t plic_bytes(uint32_t context);

/* Makes a context ready: no source enabled, every enabled one gets through. */
void plic_init_context(const struct plic *plic, uint32_t context);
/* Lets a source, 1 to plic->sources, interrupt the context, or no more. */
void plic_enable(const struct plic *plic, uint32_t context, uint32_t source);
void plic_disable(const struct plic *plic, uint32_t context, uint32_t source);
/* Takes a pending interrupt; returns its source, or 0 when none is pending. */
uint32_t plic_claim(const struct plic *plic, uint32_t context);
/* Done with a claimed source.  The context must be the one that claimed it, and the source enabled
 * there: otherwise the controller ignores it, and the source is lost. */
void plic_complete(const struct plic *plic, uint32_t context, uint32_t source);

#endif
