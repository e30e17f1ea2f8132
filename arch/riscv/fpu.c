/* Floating-point ownership.  Each hart has an owner, whose registers stay in it while threads
 * without floating point (every server) run; FS is off for those.
 *
 *  F1  the registers of hart->fpu_owner are in the hart, everybody else's are in tcb->fp;
 *  F2  FS is on only while the owner runs; fpu_on mirrors it;
 *  F3  fp_dirty is set whenever the hart's copy may be newer than tcb->fp and FS does not say so.
 * Spec: RISC-V Privileged 1.12, 3.1.6.6. */
#include "arch.h"

void fpu_save(uint64_t *registers);
void fpu_load(const uint64_t *registers);

static inline void fpu_turn_off(struct hart *hart)
{
    uint64_t before = csr_read_clear(sstatus, SSTATUS_FS);

    if ((before & SSTATUS_FS) == SSTATUS_FS_DIRTY && hart->fpu_owner != NULL)
        hart->fpu_owner->fp_dirty = 1;
    hart->fpu_on = false;
}

/* Another owner.  Apart from the switch, which is on the way of every fault of a program that once
 * calculated: so that one saves no registers of its own. */
__attribute__((noinline)) static void fpu_change_owner(struct hart *hart, struct tcb *next)
{
    if (hart->fpu_owner != NULL && hart->fpu_owner->fp_dirty) {
        fpu_save(hart->fpu_owner->fp);
        hart->fpu_owner->fp_dirty = 0;
    }
    fpu_load(next->fp);
    hart->fpu_owner = next;
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
}

void arch_fpu_switch_slow(struct hart *hart, struct tcb *next)
{
    if (hart->fpu_on) {
        if (hart->fpu_owner == next)
            return;
        fpu_turn_off(hart);
    }
    if (!next->uses_fp)
        return;
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    hart->fpu_on = true;
    if (hart->fpu_owner != next)
        fpu_change_owner(hart, next);
}

void arch_fpu_probe(struct hart *hart)
{
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    hart->has_fpu = (csr_read_clear(sstatus, SSTATUS_FS) & SSTATUS_FS) != 0;
}

bool arch_fpu_first_use(struct hart *hart, struct tcb *thread)
{
    if (thread->uses_fp || !hart->has_fpu)
        return false;
    thread->uses_fp = 1; /* fp[] is zero since the TCB was made or started */
    arch_fpu_switch_slow(hart, thread);
    return true;
}

void arch_fpu_store(struct hart *hart, struct tcb *thread)
{
    if (hart->fpu_owner != thread || !thread->fp_dirty)
        return;
    csr_set(sstatus, SSTATUS_FS_CLEAN); /* it was off: the owner does not run (F2) */
    fpu_save(thread->fp);
    csr_clear(sstatus, SSTATUS_FS);
    thread->fp_dirty = 0;
}

void arch_fpu_forget(struct hart *hart, struct tcb *thread)
{
    if (hart->fpu_owner != thread)
        return;
    if (hart->fpu_on)
        fpu_turn_off(hart);
    hart->fpu_owner = NULL;
    thread->fp_dirty = 0;
}
