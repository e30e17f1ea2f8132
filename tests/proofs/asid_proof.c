/* ASIDs: one assignment from any state that the invariants allow, for 0 to 16 bits.  What is claimed of two
 * spaces holds for any number of them, since the invariants speak of pairs.
 *
 * Each of these must be found:
 *   bug: the last ASID is given out twice: mm/asid.c: `allocator->next >= allocator->limit` => `allocator->next > allocator->limit`
 *   bug: a generation begins with the kernel's ASID: mm/asid.c: `        allocator->next = 1;` => `        allocator->next = 0;`
 *   bug: a rollover keeps its generation: mm/asid.c: `allocator->generation++;` => ``
 *   bug: a rollover asks for no flush: mm/asid.c: `return rollover;` => `return false;`
 *   bug: with 0 bits a tag stays valid: mm/asid.c: ` && allocator->limit > 1;` => `;`
 */
#include "mm/asid.c"
#include "proof.h"

/* What asid_init and each assignment leave. */
static bool allocator_is_right(const struct asid_allocator *allocator, unsigned bits)
{
    return allocator->limit == 1u << bits && allocator->generation > 0 && allocator->next >= 1 &&
           allocator->next <= allocator->limit;
}

/* What is true of the tag of any space: of this generation, an ASID that was given out in it; or of one
 * before, or none. */
static bool tag_is_right(const struct asid_allocator *allocator, const struct asid_tag *tag)
{
    if (tag->generation != allocator->generation)
        return tag->generation < allocator->generation;
    return allocator->limit == 1 ? tag->asid.value == 0
                                 : tag->asid.value > 0 && tag->asid.value < allocator->next;
}

static struct asid_tag any_tag(const struct asid_allocator *allocator)
{
    struct asid_tag tag = {.generation = proof_any("generation of a tag"),
                           .asid = {(uint16_t)proof_any("asid")}};
    proof_assume(tag_is_right(allocator, &tag));
    return tag;
}

PROOF(init, "the first state is one that the invariants allow")
{
    unsigned bits = (unsigned)proof_below("bits", 17);
    struct asid_allocator allocator;
    asid_init(&allocator, bits);
    struct asid_tag none = {0};
    proof_claim(allocator_is_right(&allocator, bits), "allocator");
    proof_claim(tag_is_right(&allocator, &none), "a tag that was never assigned");
}

PROOF(assign, "an assignment keeps A1, A2 and A3, from any state, for 0 to 16 bits")
{
    unsigned bits = (unsigned)proof_below("bits", 17);
    struct asid_allocator allocator = {.generation = proof_any("generation"),
                                       .next = (uint32_t)proof_any("next"),
                                       .limit = 1u << bits};
    proof_assume(allocator_is_right(&allocator, bits) && allocator.generation < UINT64_MAX);
    struct asid_tag tag = any_tag(&allocator), other = any_tag(&allocator);
    proof_assume(tag.generation != allocator.generation || other.generation != tag.generation ||
                 bits == 0 || tag.asid.value != other.asid.value);
    const uint64_t generation = allocator.generation;
    const struct asid_tag before = tag;

    bool flush = asid_assign(&allocator, &tag);
    proof_claim(allocator_is_right(&allocator, bits), "the allocator is right again");
    proof_claim(tag.generation == allocator.generation, "the space has the current generation");
    proof_claim(tag_is_right(&allocator, &tag) && tag_is_right(&allocator, &other), "the tags too");
    proof_claim(bits == 0 || other.generation != tag.generation ||
                    other.asid.value != tag.asid.value,
                "A1: no other space has its ASID in this generation");
    proof_claim(bits == 0 || tag.asid.value != 0, "A2: 0 is the kernel's");
    proof_claim(tag.asid.value < allocator.limit, "it fits the bits");
    proof_claim(flush == (allocator.generation != generation),
                "A3: a new generation asks for a flush");
    proof_claim(bits > 0 || flush, "with 0 bits each assignment does");
    proof_claim(before.generation != generation || bits == 0 ||
                    (!flush && tag.asid.value == before.asid.value),
                "a space that has an ASID keeps it");
}
