/* What a proof (NAME_proof.c) is written in.
 *
 *     PROOF(frame_is_kept, "an entry names the frame that it was made for")
 *     {
 *         frame_t frame = {proof_any("frame")};
 *         proof_assume(frame.value < FRAMES);
 *         proof_claim(sv39_frame(sv39_table_entry(frame)).value == frame.value, "the same frame");
 *     }
 *
 * symbolic.py executes it for all values of its inputs at once.  replay.c gives inputs to the same proof as
 * the host's compiler builds it, so that a failure can be looked at with a debugger.
 * A proof includes the C files that it is about, so that it can call what is static there. */
#ifndef FAULTLINE_PROOFS_PROOF_H
#define FAULTLINE_PROOFS_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#define PROOF(name, sentence) \
    void proof_##name(void);  \
    void proof_##name(void)

/* An input: any value at all.  The name appears in reports. */
uint64_t proof_any(const char *name);
/* From here on only of inputs for which it holds. */
void proof_assume(bool condition);
/* What must hold for all of them. */
void proof_claim(bool condition, const char *text);

/* An input below `end`. */
static inline uint64_t proof_below(const char *name, uint64_t end)
{
    uint64_t value = proof_any(name);
    proof_assume(value < end);
    return value;
}

#endif
