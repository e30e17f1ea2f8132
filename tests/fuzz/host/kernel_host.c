/* The hardware under a kernel on the host: see kernel_host.h. */
#include "kernel_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "calls.h"
#include "fault.h"
#include "harness.h"
#include "panic.h"
#include "root.h"
#include "timer.h"
#include "upcall.h"

#define RAM_BASE    0x80000000ull
#define TIMEBASE_HZ 10000000u
#define ASID_BITS   2u /* few: generations end */

struct kernel kernel;
uint8_t kernel_host_memory[KERNEL_HOST_FRAMES * FL_PAGE_BYTES] __attribute__((aligned(4096)));
uint64_t kernel_host_time;
char kernel_host_line[200];

static jmp_buf leave; /* out of a step that the hardware ends */

typedef void (*switching_call)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t);
typedef struct outcome (*plain_call)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                     uint64_t);
extern char *const syscall_table[FL_CALL_COUNT];
void trap_handle(uint64_t cause, uint64_t pc, uint64_t value, struct tcb *thread);

/* The root task's image: a page of text, and nothing else. */
__asm__(".section .rodata\n"
        ".balign 8\n"
        ".globl root_blob_start, root_blob_end\n"
        "root_blob_start:\n"
        ".quad 0x31544f4f52544c46, 0x10000, 4096, 0, 0, 0\n"
        ".zero 4096 - 48\n"
        "root_blob_end:\n"
        ".text\n");

/* ---- what arch/ provides ---- */

uint64_t arch_time(void)
{
    return kernel_host_time;
}

uint64_t arch_cycles(void)
{
    return kernel_host_time;
}

void arch_load_space(struct hart *hart, struct vspace *space)
{
    hart->space = space;
    hart->counter[FL_COUNTER_SWITCHES]++;
    if (space->tag.generation != hart->generation)
        asid_assign(&kernel.asids, &space->tag);
    hart->generation = space->tag.generation;
    space->stale = space->stale_code = 0;
}

void arch_leave_space(struct hart *hart)
{
    hart->space = NULL;
}

void arch_abandon_space(struct vspace *space)
{
    if (kernel.harts[0].space == space)
        arch_leave_space(&kernel.harts[0]);
}

void arch_nap(struct hart *hart)
{
    (void)hart;
}

/* There is no other hart. */
void arch_poke(const struct hart *hart)
{
    panic("hart %u is poked", hart->index);
}

void arch_note_poke(const struct hart *hart)
{
    (void)hart;
}

void arch_request(struct hart *hart, uint32_t request)
{
    panic("hart %u is asked for %x", hart->index, request);
}

void arch_fpu_switch(struct hart *hart, struct tcb *next)
{
    (void)hart, (void)next;
}

bool arch_fpu_first_use(struct hart *hart, struct tcb *thread)
{
    (void)hart, (void)thread;
    return false;
}

void arch_fpu_store(struct hart *hart, struct tcb *thread)
{
    (void)hart, (void)thread;
}

void arch_fpu_leave(struct hart *hart)
{
    (void)hart;
}

void arch_fpu_forget(struct hart *hart, struct tcb *thread)
{
    (void)hart, (void)thread;
}

/* Keeps the last line that is not empty. */
void arch_console_put(char c)
{
    static size_t bytes;

    if (c == '\n' || bytes + 1 == sizeof(kernel_host_line)) {
        bytes = 0;
        return;
    }
    kernel_host_line[bytes++] = c;
    kernel_host_line[bytes] = '\0';
}

int arch_console_get(void)
{
    return -1;
}

void arch_timer_set(uint64_t deadline)
{
    (void)deadline;
}

void arch_power_off(bool failure)
{
    (void)failure;
    longjmp(leave, KERNEL_HOST_OFF);
}

uint64_t arch_stack_used_bytes(const struct hart *hart)
{
    (void)hart;
    return 0;
}

/* Moves time to the next deadline.  False: there is none, or it is not of this age. */
static bool find_deadline(void)
{
    const struct timer_node *first = timer_heap_first(&kernel.timers);
    uint64_t next = first != NULL ? first->deadline : TIMER_NEVER;

    if (kernel.harts[0].quantum_end < next)
        next = kernel.harts[0].quantum_end;
    if (next == TIMER_NEVER)
        return false;
    if (next > kernel_host_time)
        kernel_host_time = next;
    return true;
}

unsigned arch_wait_for_interrupt(struct hart *hart, bool sleeps)
{
    (void)hart;
    if (!sleeps)
        return 0;
    if (!find_deadline())
        longjmp(leave, KERNEL_HOST_ASLEEP);
    return ARCH_PENDING_TIMER;
}

pte_t arch_kernel_entry(vaddr_t address, unsigned *level)
{
    (void)address;
    *level = SV39_LEVELS - 1;
    return (pte_t){0};
}

void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    (void)space, (void)address;
}

void mmu_fence_space(struct vspace *space)
{
    (void)space;
}

void mmu_move_root(struct vspace *space)
{
    (void)space;
}

void mmu_fence_code(struct vspace *space)
{
    (void)space;
}

const char *trap_cause_text(uint64_t cause)
{
    (void)cause;
    return "a trap";
}

void panic_thread(const struct tcb *thread, uint64_t cause, uint64_t value)
{
    (void)thread, (void)cause, (void)value;
    longjmp(leave, KERNEL_HOST_OFF);
}

void panic(const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    harness_note("panic: %s", text);
    harness_fail(__FILE__, __LINE__, "the kernel panics");
}

void mm_assert_failed(const char *file, int line, const char *text)
{
    panic("%s:%d: %s", file, line, text);
}

/* ---- start ---- */

/* As boot_kernel does behind the hardware's part of it. */
void kernel_host_boot(void)
{
    static struct machine machine;
    const uint64_t own =
        PAGE_BYTES + sizeof(struct cap) + KERNEL_HOST_FRAMES * sizeof(struct frame);
    const uint64_t end = RAM_BASE + sizeof(kernel_host_memory);
    const uintptr_t base = (uintptr_t)kernel_host_memory - PAGE_BYTES;
    struct ranges ram = {.count = 0, .dropped = false};
    struct cap *root = (struct cap *)(void *)(kernel_host_memory + PAGE_BYTES);

    memset(&kernel, 0, sizeof(kernel));
    memset(kernel_host_memory, 0xee, sizeof(kernel_host_memory));
    memset(kernel_host_memory, 0, PAGE_BYTES);
    kernel_host_time = 1000;
    kernel.harts[0].timer_deadline = kernel.harts[0].quantum_end = TIMER_NEVER;
    machine.timebase_hz = TIMEBASE_HZ;
    machine.hart_count = 1;
    kernel.hart_count = 1;
    kernel.harts[0].generation = HART_NO_GENERATION;
    machine.device_count = 1;
    machine.devices[0] = (struct fl_boot_device){.physical = 0x10000000, .bytes = 2 * PAGE_BYTES};
    *root = (struct cap){0};
    kernel.root_table = frame_containing((paddr_t){RAM_BASE});
    derivation_start(&kernel.derivation, base, root);
    timer_heap_start(&kernel.timers, base + offsetof(struct timer, node));
    frame_table_init(&kernel.frames, (struct frame *)(void *)(root + 1), kernel.root_table,
                     KERNEL_HOST_FRAMES, (uintptr_t)kernel_host_memory - RAM_BASE);
    ranges_append(&ram, RAM_BASE, end);
    ranges_subtract(&ram, RAM_BASE, RAM_BASE + own);
    frame_table_keep_range(&kernel.frames, kernel.root_table,
                           (ram.at[0].start - RAM_BASE) / PAGE_BYTES);
    asid_init(&kernel.asids, ASID_BITS);
    kernel.timebase_hz = TIMEBASE_HZ;
    kernel.quantum_ticks = TIMEBASE_HZ / 100;
    root_start(&machine, &ram);
}

/* ---- steps ---- */

/* As trap_return: an upcall that is pending is carried out before user mode runs. */
static void enter_user(void)
{
    if (upcall_is_pending(kernel.harts[0].current))
        upcall_enter(kernel.harts[0].current);
}

enum kernel_host_end kernel_host_trap(uint64_t cause, uint64_t value)
{
    struct tcb *thread = kernel.harts[0].current;
    int end = setjmp(leave);

    if (end != 0)
        return (enum kernel_host_end)end;
    thread->full_frame = FRAME_FULL;
    trap_handle(cause, thread->regs[REG_PC], value, thread);
    enter_user();
    return KERNEL_HOST_RUNS;
}

enum kernel_host_end kernel_host_fault(uint32_t label, uint64_t value, uint64_t detail)
{
    struct tcb *thread = kernel.harts[0].current;
    int end = setjmp(leave);

    if (end != 0)
        return (enum kernel_host_end)end;
    thread->full_frame = FRAME_FULL;
    fault_send(thread, (enum fl_label)label, value, thread->regs[REG_PC], detail, 0);
    enter_user();
    return KERNEL_HOST_RUNS;
}

/* As trap.S does for a known call. */
static void make_call(uint64_t number, const uint64_t a[7])
{
    char *entry = syscall_table[number];

    if (((uintptr_t)entry & SYSCALL_PLAIN) == 0) {
        ((switching_call)(void *)entry)(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
        return;
    }
    entry -= SYSCALL_PLAIN;
    struct outcome outcome = ((plain_call)(void *)entry)(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    syscall_finish(outcome.status, outcome.value);
}

enum kernel_host_end kernel_host_call(uint64_t number, const uint64_t argument[7])
{
    struct tcb *thread = kernel.harts[0].current;
    int end;

    if (number >= FL_CALL_COUNT) {
        memcpy(&thread->regs[REG_A0], argument, 7 * sizeof(argument[0]));
        thread->regs[REG_A7] = number;
        return kernel_host_trap(CAUSE_USER_ECALL, 0);
    }
    end = setjmp(leave);
    if (end != 0)
        return (enum kernel_host_end)end;
    thread->full_frame = 0;
    thread->regs[REG_PC] += 4;
    make_call(number, argument);
    enter_user();
    return KERNEL_HOST_RUNS;
}

enum kernel_host_end kernel_host_tick(void)
{
    return find_deadline() ? kernel_host_trap(CAUSE_TIMER, 0) : KERNEL_HOST_RUNS;
}

uint64_t kernel_host_must(uint64_t number, const uint64_t argument[7])
{
    const struct tcb *caller = kernel.harts[0].current;

    CHECK_EQ(kernel_host_call(number, argument), KERNEL_HOST_RUNS);
    if (caller->regs[REG_A0] != FL_OK)
        harness_note("call %u at the start", (unsigned)number);
    CHECK_EQ(caller->regs[REG_A0], FL_OK);
    return caller->regs[REG_A0 + 1];
}

uint64_t kernel_host_find_free(uint64_t frames)
{
    uint64_t found = 0, i = 0;

    for (; i < KERNEL_HOST_FRAMES && found < frames; i++)
        found = kernel.frames.frames[i].type == FRAME_FREE ? found + 1 : 0;
    CHECK_EQ(found, frames);
    return i - frames -
           (kernel.harts[0].current->cspace->slots[FL_BOOT_RAM].first_frame -
            kernel.frames.first.value);
}

void kernel_host_save(struct kernel_host_state *state)
{
    state->kernel = kernel;
    state->time = kernel_host_time;
    memcpy(state->memory, kernel_host_memory, sizeof(kernel_host_memory));
}

void kernel_host_load(const struct kernel_host_state *state)
{
    kernel = state->kernel;
    kernel_host_time = state->time;
    memcpy(kernel_host_memory, state->memory, sizeof(kernel_host_memory));
}
