/* What a trap from user mode means.  Spec: RISC-V Privileged 1.12, 4.1.8 and table 4.2. */
#include "arch.h"
#include "fault.h"
#include "irq.h"
#include "kernel.h"
#include "log.h"
#include "sched.h"
#include "timer.h"

void trap_handle(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread);

static uint32_t entry_flags(pte_t entry)
{
    uint32_t flags = FL_ACCESS_PRESENT;

    if ((entry.bits & PTE_V) == 0)
        return 0;
    if (entry.bits & PTE_R)
        flags |= FL_ACCESS_MAY_R;
    if (entry.bits & PTE_W)
        flags |= FL_ACCESS_MAY_W;
    if (entry.bits & PTE_X)
        flags |= FL_ACCESS_MAY_X;
    return flags;
}

/* One look at the entry, then a message if the look does not settle it. */
static void page_fault(struct tcb *thread, uint64_t cause, uint64_t pc, uint64_t value)
{
    struct hart *hart = hart_self();
    struct vspace *space = &thread->space->space;
    uint32_t access = cause == CAUSE_STORE_PAGE_FAULT  ? FL_ACCESS_WRITE
                      : cause == CAUSE_LOAD_PAGE_FAULT ? FL_ACCESS_READ
                                                       : FL_ACCESS_EXEC;
    pte_t entry = {0};

    if (value < FL_USER_END) {
        switch (vspace_look_at_fault(space, (vaddr_t){value}, access, &entry)) {
        case LOOK_SPURIOUS:
            hart->counter[FL_COUNTER_SPURIOUS_FAULTS]++;
            return;
        case LOOK_SET_AD:
            hart->counter[FL_COUNTER_AD_FAULTS]++;
            return;
        case LOOK_ABSENT:
        case LOOK_DENIED:
            break;
        }
    }
    access |= entry_flags(entry);
    if (space->pool->spare < FL_POOL_LOW)
        access |= FL_ACCESS_POOL_LOW;
    hart->counter[FL_COUNTER_PAGE_FAULTS]++;
    struct message message = {
        FL_INFO(FL_LABEL_PAGE_FAULT, 4), {value, pc, access, thread->regs[REG_SP]}, 0};
    fault_send(thread, &message, cause, value);
}

static void access_fault(struct tcb *thread, uint64_t cause, uint64_t pc, uint64_t value)
{
    uint32_t access = cause == CAUSE_STORE_ACCESS  ? FL_ACCESS_WRITE
                      : cause == CAUSE_LOAD_ACCESS ? FL_ACCESS_READ
                                                   : FL_ACCESS_EXEC;
    struct message message = {FL_INFO(FL_LABEL_PAGE_FAULT, 4),
                              {value, pc, access | FL_ACCESS_PHYSICAL, thread->regs[REG_SP]},
                              0};

    fault_send(thread, &message, cause, value);
}

static void exception(struct tcb *thread, uint64_t cause, uint64_t pc, uint64_t value)
{
    struct message message = {
        FL_INFO(FL_LABEL_USER_EXCEPTION, 4), {value, pc, cause, thread->regs[REG_SP]}, 0};

    fault_send(thread, &message, cause, value);
}

static void unknown_call(struct tcb *thread, uint64_t pc)
{
    struct message message = {
        FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4),
        {thread->regs[REG_A7], pc, thread->regs[REG_A0], thread->regs[REG_SP]},
        0};

    fault_send(thread, &message, CAUSE_USER_ECALL, thread->regs[REG_A7]);
}

void trap_handle(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread)
{
    struct hart *hart = hart_self();

    if (cause - CAUSE_FETCH_PAGE_FAULT <= CAUSE_STORE_PAGE_FAULT - CAUSE_FETCH_PAGE_FAULT) {
        page_fault(thread, cause, pc, value); /* 14 between them is reserved and never comes */
        sched_if_asked(hart);
        return;
    }
    switch (cause) {
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS:
        access_fault(thread, cause, pc, value);
        break;
    case CAUSE_USER_ECALL:
        unknown_call(thread, pc);
        break;
    case CAUSE_TIMER:
        timer_interrupt(hart);
        break;
    case CAUSE_EXTERNAL:
        irq_interrupt(hart);
        break;
    case CAUSE_ILLEGAL:
        if (!arch_fpu_first_use(hart, thread))
            exception(thread, cause, pc, value);
        break;
    default:
        exception(thread, cause, pc, value);
        break;
    }
    sched_if_asked(hart);
}
