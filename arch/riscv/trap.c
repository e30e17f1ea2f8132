/* What a trap from user mode means.  Spec: RISC-V Privileged 1.12, 4.1.8 and table 4.2. */
#include "arch.h"
#include "cpu.h"
#include "errata.h"
#include "fault.h"
#include "irq.h"
#include "kernel.h"
#include "log.h"
#include "sched.h"
#include "timer.h"
#include "upcall.h"

void trap_handle(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread);

_Static_assert(PTE_V << 4 == FL_ACCESS_PRESENT && PTE_R << 4 == FL_ACCESS_MAY_R, "entry to access");
_Static_assert(PTE_W << 4 == FL_ACCESS_MAY_W && PTE_X << 4 == FL_ACCESS_MAY_X, "entry to access");

static uint32_t entry_flags(pte_t entry)
{
    return sv39_is_valid(entry) ? (uint32_t)(entry.bits & (PTE_V | PTE_RWX)) << 4 : 0;
}

/* One look at the entry, then a message if the look does not settle it.  Out of line, and no call but
 * the last on its usual way: so that way has no stack frame. */
static __attribute__((noinline)) void page_fault(uint64_t cause, uint64_t pc, uint64_t value,
                                                 struct tcb *thread)
{
    struct vspace *space = &thread->space->space;
    uint32_t access = cause == CAUSE_STORE_PAGE_FAULT  ? FL_ACCESS_WRITE
                      : cause == CAUSE_LOAD_PAGE_FAULT ? FL_ACCESS_READ
                                                       : FL_ACCESS_EXEC;
    pte_t entry = {0};

    if (access == FL_ACCESS_EXEC && cpu_features.value_is_short)
        value = errata_full_value(value, pc);
    if (value < FL_USER_END) {
        switch (vspace_look_at_fault(space, (vaddr_t){value}, access, &entry)) {
        case LOOK_SPURIOUS:
            hart_self()->counter[FL_COUNTER_SPURIOUS_FAULTS]++;
            return;
        case LOOK_SET_AD:
            hart_self()->counter[FL_COUNTER_AD_FAULTS]++;
            return;
        case LOOK_ABSENT:
        case LOOK_DENIED:
            break;
        }
    }
    access |= entry_flags(entry);
    if (space->pool->spare < FL_POOL_LOW)
        access |= FL_ACCESS_POOL_LOW;
    if (upcall_is_busy(thread))
        access |= FL_ACCESS_UPCALL;
    fault_send(thread, FL_LABEL_PAGE_FAULT, value, pc, access, cause);
}

static void access_fault(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread)
{
    uint32_t access = cause == CAUSE_STORE_ACCESS  ? FL_ACCESS_WRITE
                      : cause == CAUSE_LOAD_ACCESS ? FL_ACCESS_READ
                                                   : FL_ACCESS_EXEC;

    access |= FL_ACCESS_PHYSICAL;
    if (upcall_is_busy(thread))
        access |= FL_ACCESS_UPCALL;
    fault_send(thread, FL_LABEL_PAGE_FAULT, value, pc, access, cause);
}

/* A fault of another kind than page faults. */
static void other_fault(struct tcb *thread, enum fl_label label, uint64_t value, uint64_t detail,
                        uint64_t cause)
{
    kernel.other_faults++;
    fault_send(thread, label, value, thread->regs[REG_PC], detail, cause);
}

static void exception(uint64_t cause, uint64_t value, struct tcb *thread)
{
    other_fault(thread, FL_LABEL_USER_EXCEPTION, value, cause, cause);
}

static __attribute__((noinline)) void other_trap(uint64_t cause, uint64_t pc, uint64_t value,
                                                 struct tcb *thread)
{
    struct hart *hart = hart_self();

    if (sched_somebody_waits_for_less())
        hart->counter[FL_COUNTER_IDLE_BESIDE_WORK]++;
    switch (cause) {
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS:
        access_fault(cause, pc, value, thread);
        break;
    case CAUSE_USER_ECALL:
        other_fault(thread, FL_LABEL_UNKNOWN_SYSCALL, thread->regs[REG_A7], thread->regs[REG_A0],
                    cause);
        break;
    case CAUSE_BREAKPOINT:
        other_fault(thread, FL_LABEL_BREAKPOINT, value, 0, cause);
        break;
    case CAUSE_SOFTWARE:
        arch_note_poke(hart);
        break;
    case CAUSE_TIMER:
        timer_interrupt(hart);
        break;
    case CAUSE_EXTERNAL:
        irq_interrupt(hart);
        break;
    case CAUSE_ILLEGAL:
        if (!arch_fpu_first_use(hart, thread))
            exception(cause, value, thread);
        break;
    default:
        exception(cause, value, thread);
        break;
    }
    sched_if_asked(hart);
}

void trap_handle(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread)
{
    if (cause - CAUSE_FETCH_PAGE_FAULT <= CAUSE_STORE_PAGE_FAULT - CAUSE_FETCH_PAGE_FAULT)
        page_fault(cause, pc, value, thread); /* 14 between them is reserved and never comes */
    else
        other_trap(cause, pc, value, thread);
}
