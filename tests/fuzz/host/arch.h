/* What the kernel needs from the hardware, on the host: the place of arch/riscv/arch.h, and the same promises.
 *
 * There is one hart and no hardware behind it: time stands still until kernel_host.c moves it, fences do
 * nothing, and who sleeps without a timer ends the run. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "csr.h"
#include "kernel.h"
#include "sv39.h"

static inline struct hart *hart_self(void)
{
    return &kernel.harts[0];
}

uint64_t arch_time(void);
uint64_t arch_cycles(void);
void arch_load_space(struct hart *hart, struct vspace *space);
void arch_leave_space(struct hart *hart);
void arch_abandon_space(struct vspace *space);
void arch_poke(const struct hart *hart);
void arch_note_poke(const struct hart *hart);
void arch_request(struct hart *hart, uint32_t request);
void arch_nap(struct hart *hart);
void arch_fpu_switch(struct hart *hart, struct tcb *next);
bool arch_fpu_first_use(struct hart *hart, struct tcb *thread);
void arch_fpu_store(struct hart *hart, struct tcb *thread);
void arch_fpu_leave(struct hart *hart);
void arch_fpu_forget(struct hart *hart, struct tcb *thread);
void arch_console_put(char c);
int arch_console_get(void);
void arch_timer_set(uint64_t deadline);
_Noreturn void arch_power_off(bool failure);
static inline uint32_t arch_zero_block_bytes(void)
{
    return 0;
}

uint64_t arch_stack_used_bytes(const struct hart *hart);

#define ARCH_PENDING_TIMER    1u
#define ARCH_PENDING_EXTERNAL 2u
unsigned arch_wait_for_interrupt(struct hart *hart, bool sleeps);

pte_t arch_kernel_entry(vaddr_t address, unsigned *level);

#endif
