/* The TLB and the cached code of one simulated hart: see sim_tlb.h. */
#include "sim_tlb.h"

const struct sim_translation *sim_tlb_find(const struct sim_tlb *tlb, uint64_t key)
{
    for (uint32_t i = 0; i < tlb->used; i++)
        if (tlb->entry[i].key == key)
            return &tlb->entry[i];
    return NULL;
}

void sim_tlb_keep(struct sim_tlb *tlb, const struct sim_translation *translation, uint32_t victim)
{
    uint32_t at = 0;

    while (at < tlb->used && tlb->entry[at].key != translation->key)
        at++;
    if (at == SIM_TLB_ENTRIES)
        at = victim;
    else if (at == tlb->used)
        tlb->used++;
    tlb->entry[at] = *translation;
}

void sim_tlb_evict(struct sim_tlb *tlb, uint32_t victim)
{
    tlb->entry[victim] = tlb->entry[--tlb->used];
}

void sim_tlb_drop_all(struct sim_tlb *tlb)
{
    tlb->used = 0;
}

void sim_tlb_drop_asid(struct sim_tlb *tlb, asid_t asid)
{
    for (uint32_t i = tlb->used; i-- > 0;)
        if (sim_tlb_asid(&tlb->entry[i]).value == asid.value)
            sim_tlb_evict(tlb, i);
}

void sim_tlb_drop_page(struct sim_tlb *tlb, asid_t asid, vaddr_t address)
{
    uint64_t key = sim_tlb_key(asid, 0, address);

    for (uint32_t i = tlb->used; i-- > 0;)
        if (tlb->entry[i].key == key)
            sim_tlb_evict(tlb, i);
}

uint8_t *sim_code_fetch(struct sim_code *code, paddr_t address, uint8_t byte)
{
    uint32_t at;

    for (uint32_t i = 0; i < code->used && i < SIM_CODE_BYTES; i++)
        if (code->entry[i].address.value == address.value)
            return &code->entry[i].byte;
    at = code->used++ % SIM_CODE_BYTES;
    code->entry[at] = (struct sim_code_byte){address, byte};
    return &code->entry[at].byte;
}
