/* Floating-point ownership.  Each hart has an owner, whose registers stay in it while threads
 * without floating point (every server) run; FS is off for those.
 *
 *  F1  the registers of hart->fpu_owner are in the hart, which is tcb->fp_home; everybody else's are in
 *      tcb->fp, and fp_home is 0;
 *  F2  FS is on only while the owner runs; fpu_on mirrors it;
 *  F3  fp_dirty is set whenever the hart's copy may be newer than tcb->fp and FS does not say so.
 * Spec: RISC-V Privileged 1.12, 3.1.6.6. */
#include "arch.h"
#include "kernel.h"

void fpu_save(uint64_t *registers);
void fpu_load(const uint64_t *registers);

static inline void fpu_turn_off(struct hart *hart)
{
    uint64_t before = csr_read_clear(sstatus, SSTATUS_FS);

    if ((before & SSTATUS_FS) == SSTATUS_FS_DIRTY && hart->fpu_owner != NULL)
        hart->fpu_owner->fp_dirty = 1;
    hart->fpu_on = false;
}

/* Gets the registers of a thread out of another hart, where it does not run. */
static void fpu_fetch(struct tcb *thread)
{
    struct hart *home = &kernel.harts[thread->fp_home - 1];

    if (thread->fp_dirty)
        arch_request(home, REQUEST_SAVE_FPU);
    home->fpu_owner = NULL;
    thread->fp_home = 0;
}

/* Another owner.  Apart from the switch, which is on the way of every fault of a program that once
 * calculated: so that one saves no registers of its own. */
__attribute__((noinline)) static void fpu_change_owner(struct hart *hart, struct tcb *next)
{
    struct tcb *before = hart->fpu_owner;

    if (next->fp_home != 0)
        fpu_fetch(next);
    if (before != NULL && before->fp_dirty)
        fpu_save(before->fp);
    if (before != NULL)
        before->fp_dirty = before->fp_home = 0;
    fpu_load(next->fp);
    hart->fpu_owner = next;
    next->fp_home = (uint8_t)(hart->index + 1);
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
    if (thread == NULL || thread->fp_home == 0 || !thread->fp_dirty)
        return;
    if (thread->fp_home != hart->index + 1) {
        arch_request(&kernel.harts[thread->fp_home - 1], REQUEST_SAVE_FPU);
        return;
    }
    csr_set(sstatus, SSTATUS_FS_CLEAN); /* it was off: the owner does not run (F2) */
    fpu_save(thread->fp);
    csr_clear(sstatus, SSTATUS_FS);
    thread->fp_dirty = 0;
}

void arch_fpu_forget(struct hart *hart, struct tcb *thread)
{
    if (thread->fp_home == 0)
        return;
    if (hart->fpu_on && hart->fpu_owner == thread)
        fpu_turn_off(hart);
    kernel.harts[thread->fp_home - 1].fpu_owner = NULL; /* FS is off there: it does not run */
    thread->fp_home = 0;
    thread->fp_dirty = 0;
}

void arch_fpu_leave(struct hart *hart)
{
    if (hart->fpu_on)
        fpu_turn_off(hart);
}
