/* What the kernel needs from the hardware. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "csr.h"
#include "hart.h"
#include "sv39.h"

static inline struct hart *hart_self(void)
{
    struct hart *hart;

    __asm__("mv %0, tp" : "=r"(hart));
    return hart;
}

static inline uint64_t arch_time(void)
{
    return csr_read(time);
}

static inline uint64_t arch_cycles(void)
{
    return csr_read(cycle);
}

/* What user mode may clear by one instruction; 0: there is none. */
static inline uint32_t arch_zero_block_bytes(void)
{
    return cpu_features.zero_block_bytes;
}

/* Loads a space into satp with what it owes in fences; leaving it loads the kernel's own root. */
void arch_load_space(struct hart *hart, struct vspace *space);
void arch_leave_space(struct hart *hart);
/* No hart has it in satp afterwards; no thread that could run is in it. */
void arch_abandon_space(struct vspace *space);

/* Other harts.  arch_poke interrupts one: it looks at hart->reschedule and, if it sleeps, for work.  The one that
 * was interrupted calls arch_note_poke.
 * arch_request has another hart do what REQUEST_* says, and returns when it is done; the caller holds the
 * kernel's lock and goes on holding it.  arch_nap drops the lock for 20 us, or until something ends
 * that sooner; `current` may be NULL afterwards.  The rest is the firmware's: it starts a hart, at
 * boot.S's entry for it; how it fences them is in mmu_hart.h. */
void arch_poke(const struct hart *hart);
void arch_note_poke(const struct hart *hart);
void arch_request(struct hart *hart, uint32_t request);
void arch_nap(struct hart *hart);
int64_t arch_start_hart(uint64_t id, uint64_t physical_entry);

/* Floating point.  arch_fpu_switch makes the hardware fit `next`; arch_fpu_first_use gives a thread
 * fresh registers and returns true, or false when it had them already; arch_fpu_store brings
 * tcb->fp of a thread that does not run up to date; arch_fpu_forget drops a thread that ends or gets
 * other registers; arch_fpu_leave lets go of the thread that runs, and its registers stay in the hart;
 * arch_fpu_probe learns at boot whether the hart has floating point. */
void arch_fpu_probe(struct hart *hart);
void arch_fpu_switch_slow(struct hart *hart, struct tcb *next);
bool arch_fpu_first_use(struct hart *hart, struct tcb *thread);
void arch_fpu_store(struct hart *hart, struct tcb *thread);
void arch_fpu_forget(struct hart *hart, struct tcb *thread);
void arch_fpu_leave(struct hart *hart);

static inline void arch_fpu_switch(struct hart *hart, struct tcb *next)
{
    if (hart->fpu_on || next->uses_fp)
        arch_fpu_switch_slow(hart, next);
}

/* Firmware.  Spec: SBI 2.0, chapters 4 to 6, 10 and 12. */
enum firmware_fact { /* the functions of the base extension */
                     FIRMWARE_CPU_VENDOR = 4,
                     FIRMWARE_CPU_ARCHITECTURE = 5,
                     FIRMWARE_CPU_IMPLEMENTATION = 6
};
uint64_t arch_firmware_fact(enum firmware_fact fact); /* of the running hart */
void arch_console_put(char c);
int arch_console_get(void); /* next input byte, -1 when there is none */
void arch_timer_set(
    uint64_t deadline); /* absolute; UINT64_MAX = none: it may come all the same, late */
/* Where the firmware can't, the last line says `faultline: halted`, and the hart is. */
_Noreturn void arch_power_off(bool failure);

/* The most bytes of the hart's kernel stack that were in use at once; reads up to all of it. */
uint64_t arch_stack_used_bytes(const struct hart *hart);

/* Sleeps until an enabled interrupt is pending, or lets others in for a moment; returns which are pending:
 * ARCH_PENDING_*.  The kernel's lock is free meanwhile. */
#define ARCH_PENDING_TIMER    1u
#define ARCH_PENDING_EXTERNAL 2u
unsigned arch_wait_for_interrupt(struct hart *hart, bool sleeps);

/* The leaf of the kernel's own tables that maps an address of the kernel half, and the level it
 * stands at; an invalid entry at the level where the walk ended when there is none. */
pte_t arch_kernel_entry(vaddr_t address, unsigned *level);

/* Leaves the boot stack and enters user mode with the hart's current thread. */
_Noreturn void arch_enter_user(struct hart *hart);

#endif
