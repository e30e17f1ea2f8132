/* Waiting for the kernel's lock, and what harts ask of each other: see lock.h. */
#include "lock.h"

#include "arch.h"
#include "kernel.h"
#include "mmu_hart.h"

struct hart *kernel_lock __attribute__((aligned(64)));
struct hart *lock_stopper;

#define PATIENCE 256u /* pauses; a call of the kernel takes less */
#define NAP_HZ   50000u

/* A hint to the hart (Zihintpause, else it does nothing), and now and then a nap.  That is for emulators, where harts
 * are threads that share fewer processors, or one: whom we wait for may be waiting for ours.  The timer ends the nap, or
 * whoever asks us for something.  Never inlined: a debugger finds here who waits.
 * Spec: RISC-V Privileged 1.12, 3.3.3 and 4.1.3. */
__attribute__((noinline)) void lock_pause(const struct hart *hart, uint32_t rounds)
{
    __asm__ volatile(".word 0x0100000f" ::: "memory");
    if (rounds % PATIENCE != PATIENCE - 1)
        return;
    uint64_t poked = csr_read_clear(sip, SIE_SOFTWARE) & SIE_SOFTWARE; /* it would end the nap */
    arch_timer_set(arch_time() + kernel.timebase_hz / NAP_HZ);
    __asm__ volatile("wfi" ::: "memory");
    arch_timer_set(hart->timer_deadline);
    if (poked != 0)
        csr_set(sip, SIE_SOFTWARE);
}

/* No interrupt ends this. */
_Noreturn static void sleep_for_ever(void)
{
    csr_write(sie, 0ull);
    for (;;)
        __asm__ volatile("wfi");
}

static bool lock_try(struct hart *hart)
{
    if (__atomic_load_n(&kernel_lock, __ATOMIC_RELAXED) != NULL)
        return false;
    return __atomic_exchange_n(&kernel_lock, hart, __ATOMIC_ACQUIRE) == NULL;
}

static void serve(struct hart *hart)
{
    uint32_t requests = __atomic_load_n(&hart->requests, __ATOMIC_ACQUIRE);

    if (requests == 0)
        return;
    if (requests & REQUEST_LEAVE_THREAD)
        arch_fpu_leave(hart);
    if (requests & REQUEST_SAVE_FPU)
        arch_fpu_store(hart, hart->fpu_owner);
    if (requests & REQUEST_LOAD_ROOT)
        mmu_reload(hart);
    __atomic_store_n(&hart->requests, 0, __ATOMIC_RELEASE);
}

void lock_take(struct hart *hart)
{
    for (uint32_t rounds = 0;; rounds++) {
        lock_look_for_stop(hart);
        if (lock_try(hart))
            return;
        serve(hart);
        lock_pause(hart, rounds);
    }
}

void lock_take_from_user(struct hart *hart)
{
    hart->counter[FL_COUNTER_LOCK_WAITS]++;
    lock_take(hart);
}

void lock_drop(void)
{
    __atomic_store_n(&kernel_lock, NULL, __ATOMIC_RELEASE);
}

__attribute__((noinline)) void arch_nap(struct hart *hart)
{
    lock_drop();
    lock_pause(hart, PATIENCE - 1);
    lock_take(hart);
}

unsigned arch_wait_for_interrupt(struct hart *hart, bool sleeps)
{
    lock_drop();
    if (sleeps)
        __asm__ volatile("wfi" ::: "memory");
    else
        lock_pause(hart, 0);
    uint64_t pending = csr_read(sip) & csr_read(sie);
    csr_clear(sip, SIE_SOFTWARE);
    lock_take(hart);
    return (pending & SIE_TIMER ? ARCH_PENDING_TIMER : 0) |
           (pending & SIE_EXTERNAL ? ARCH_PENDING_EXTERNAL : 0);
}

__attribute__((noinline)) void arch_request(struct hart *hart, uint32_t request)
{
    __atomic_store_n(&hart->requests, request, __ATOMIC_RELEASE);
    arch_poke(hart);
    for (uint32_t rounds = 0; __atomic_load_n(&hart->requests, __ATOMIC_ACQUIRE) != 0; rounds++)
        lock_pause(hart_self(), rounds);
}

void arch_note_poke(const struct hart *hart)
{
    csr_clear(sip, SIE_SOFTWARE);
    lock_look_for_stop(hart);
}

void lock_look_for_stop(const struct hart *hart)
{
    const struct hart *by = __atomic_load_n(&lock_stopper, __ATOMIC_ACQUIRE);

    if (by != NULL && by != hart)
        sleep_for_ever();
}

void lock_stop_others(struct hart *hart)
{
    struct hart *nobody = NULL;

    __atomic_compare_exchange_n(&lock_stopper, &nobody, hart, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
    lock_look_for_stop(hart);
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        if (&kernel.harts[i] != hart)
            arch_poke(&kernel.harts[i]);
    }
}

_Noreturn void lock_stay_out(struct hart *hart)
{
    while (__atomic_load_n(&hart->requests, __ATOMIC_ACQUIRE) == 0)
        lock_pause(hart, 0);
    __atomic_store_n(&hart->requests, 0, __ATOMIC_RELEASE);
    sleep_for_ever();
}
