/* Brings the machine up: device tree, memory, final tables, the harts; then the root task.
 *
 * The other harts were parked by the firmware (SBI HSM: STOPPED) and are started one by one.  Each looks at itself, and
 * then waits for the kernel's lock, which this one holds until it enters user mode. */
#include "boot.h"

#include <string.h>

#include "arch.h"
#include "boot_word.h"
#include "cpu.h"
#include "kernel.h"
#include "layout.h"
#include "lock.h"
#include "log.h"
#include "paging.h"
#include "panic.h"
#include "root.h"
#include "timer.h"

#define COUNTERS_READABLE 7u /* scounteren: cycle, time, instret */
#define QUANTUM_HZ        100u

#define ARRIVAL_SECONDS 10u /* for a hart that the firmware has started: less than one will do */

/* Why a hart is left out; the firmware's errors are between them.  Spec: SBI 1.0, table 1. */
#define HART_HAS_NO_ROOM (-1)
#define HART_DIFFERS     INT64_MIN
#define HART_STAYS_AWAY  INT64_MAX

extern char boot_stack_end[];
extern const char image_start[], image_end[], boot_other_entry[];
extern uint64_t boot_satp;
extern struct hart *boot_starting;

struct kernel kernel;
uint64_t boot_satp;         /* for harts that start */
struct hart *boot_starting; /* the one that does; it takes this when it comes */
static struct machine machine;
static struct ranges ram;

static void read_machine(uint64_t tree)
{
    uint64_t offset = tree % (FDT_WINDOW_BYTES / 2);
    const char *blob = (const char *)(uintptr_t)(FDT_WINDOW + offset);
    enum machine_error error = machine_read(&machine, blob, FDT_WINDOW_BYTES - offset);

    if (error == MACHINE_OK && machine.harts_dropped > 0)
        log_write_line("%u harts are left out: %u are as many as are known", machine.harts_dropped,
                       MACHINE_MAX_HARTS);
    if (error == MACHINE_OK && machine.harts_skipped > 0)
        log_write_line("%u harts cannot run this system, by the device tree",
                       machine.harts_skipped);
    if (error == MACHINE_OK && machine.bootargs_truncated)
        log_write_line("boot arguments are cut to their first %u bytes",
                       MACHINE_BOOTARGS_BYTES - 1);
    if (error == MACHINE_OK)
        return;
    panic("device tree at %lx: %s (%s at offset %u; range %lx bytes %lx)", tree,
          machine_error_text(error), fdt_error_text(machine.fault.tree), machine.fault.tree_offset,
          machine.fault.range.base, machine.fault.range.bytes);
}

/* RAM that is ours: banks less what firmware reserved, less everything up to the end of the image
 * in the image's bank, less the initrd. */
static void find_ram(uint64_t load)
{
    uint64_t image_bytes = (uint64_t)(image_end - image_start);

    for (unsigned i = 0; i < machine.bank_count; i++)
        ranges_append(&ram, machine.banks[i].base, machine.banks[i].base + machine.banks[i].bytes);
    for (unsigned i = 0; i < machine.bank_count; i++) {
        const struct machine_range *bank = &machine.banks[i];

        if (load - bank->base < bank->bytes)
            ranges_subtract(&ram, bank->base, load + image_bytes);
    }
    for (unsigned i = 0; i < machine.reserved_count; i++)
        ranges_subtract(&ram, machine.reserved[i].base,
                        machine.reserved[i].base + machine.reserved[i].bytes);
}

/* Whether the initrd lies wholly in RAM that is ours; an initrd anywhere else is not trusted. */
static bool initrd_in_ram(void)
{
    uint64_t start = machine.initrd.base & ~(PAGE_BYTES - 1);
    uint64_t end = machine.initrd.base + machine.initrd.bytes;

    for (unsigned i = 0; i < ram.count; i++) {
        if (start >= ram.at[i].start && end <= ram.at[i].end)
            return true;
    }
    return false;
}

/* Frames [start, end) are nobody's but the firmware's. */
static void keep_frames(uint64_t start, uint64_t end)
{
    frame_table_keep_range(&kernel.frames, frame_containing((paddr_t){start}),
                           (end - start) / PAGE_BYTES);
}

/* Of what lies between the ranges of RAM, all but the initrd. */
static void keep_gap(uint64_t start, uint64_t end)
{
    uint64_t initrd = machine.initrd.base & ~(PAGE_BYTES - 1);
    uint64_t initrd_end =
        (machine.initrd.base + machine.initrd.bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

    if (machine.initrd.bytes != 0 && initrd >= start && initrd < end) {
        keep_frames(start, initrd);
        start = initrd_end;
    }
    keep_frames(start, end);
}

/* Takes the kernel's root table, its root capability and the frame table from the start of the longest
 * range. */
static void make_frame_table(uint64_t direct_offset)
{
    unsigned home = ranges_longest(&ram);
    uint64_t start = ram.at[home].start;
    uint64_t first = ram.at[0].start, last = ram.at[ram.count - 1].end;

    if (machine.initrd.bytes != 0) {
        uint64_t initrd_end = machine.initrd.base + machine.initrd.bytes;

        first = machine.initrd.base < first ? machine.initrd.base : first;
        last = initrd_end > last ? initrd_end : last;
    }
    frame_t first_frame = frame_containing((paddr_t){first});
    uint64_t frames = frame_containing((paddr_t){last + PAGE_BYTES - 1}).value - first_frame.value;
    uint64_t bytes = PAGE_BYTES + sizeof(struct cap) + frames * sizeof(struct frame);
    if (bytes > (ram.at[home].end - start) / 2)
        panic("too little memory: the frame table needs %lu bytes, the largest free range has %lu",
              bytes, ram.at[home].end - start);
    kernel.root_table = frame_containing((paddr_t){start});
    paging_move_root(kernel.root_table, direct_offset);
    struct cap *root_cap = (struct cap *)(uintptr_t)(start + PAGE_BYTES + direct_offset);
    *root_cap = (struct cap){0};
    derivation_start(&kernel.derivation, DIRECT_BASE, root_cap);
    timer_heap_start(&kernel.timers, DIRECT_BASE + offsetof(struct timer, node));
    struct frame *table = (struct frame *)(void *)(root_cap + 1);
    frame_table_init(&kernel.frames, table, first_frame, frames, direct_offset);
    ranges_subtract(&ram, start, start + bytes);
    uint64_t at = frame_address(first_frame).value;
    for (unsigned i = 0; i < ram.count; at = ram.at[i++].end)
        keep_gap(at, ram.at[i].start);
    keep_gap(at, (first_frame.value + frames) * PAGE_BYTES);
}

static bool is_over_image(uint64_t base, uint64_t bytes, uint64_t load)
{
    uint64_t image_bytes = (uint64_t)(image_end - image_start);

    return (base & ~(PAGE_BYTES - 1)) < load + image_bytes && base + bytes > load;
}

/* What lies in a bank of RAM is no device (M6), but the image need not lie in one: a tree may tell of
 * other memory only.  Neither a device nor the interrupt controller may be over us all the same. */
static void drop_what_is_over_image(uint64_t load)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < machine.device_count; i++) {
        const struct fl_boot_device *device = &machine.devices[i];

        if (!is_over_image(device->physical, device->bytes, load))
            machine.devices[kept++] = *device;
    }
    machine.device_count = kept;
    if (is_over_image(machine.plic.range.base, machine.plic.range.bytes, load))
        machine.plic.sources = 0;
}

/* What a hart is before it runs. */
static struct hart *describe_hart(uint32_t index, uint64_t id)
{
    struct hart *hart = &kernel.harts[index];

    *hart = (struct hart){.index = index,
                          .id = id,
                          .lock = &kernel_lock,
                          .generation = HART_NO_GENERATION,
                          .stack_end = (uint64_t)(uintptr_t)boot_stack_end +
                                       (uint64_t)index * HART_STACK_STEP,
                          .timer_deadline = TIMER_NEVER,
                          .quantum_end = TIMER_NEVER};
    return hart;
}

/* The registers of the hart that runs this. */
static void set_registers(struct hart *hart)
{
    csr_write(scounteren, (uint64_t)COUNTERS_READABLE);
    csr_clear(sstatus,
              SSTATUS_SIE | SSTATUS_SPP | SSTATUS_VS | SSTATUS_FS | SSTATUS_SUM | SSTATUS_MXR);
    arch_fpu_probe(hart);
    csr_set(sstatus, SSTATUS_SPIE);
    arch_timer_set(TIMER_NEVER);
    csr_write(sie, SIE_TIMER | SIE_SOFTWARE);
}

static void start_first_hart(uint64_t id)
{
    struct hart *hart = describe_hart(0, id);

    __asm__ volatile("mv tp, %0" ::"r"(hart) : "tp");
    kernel.hart_count = 1;
    lock_take(hart);
    cpu_start(hart);
    set_registers(hart);
}

/* Nobody is awaited any more.  Returns: false when a hart has come before. */
static bool withdraw(void)
{
    return __atomic_exchange_n(&boot_starting, NULL, __ATOMIC_RELAXED) != NULL;
}

/* Whether the hart that was started comes in time. */
static bool has_come(void)
{
    uint64_t last = arch_time() + ARRIVAL_SECONDS * kernel.timebase_hz;

    for (uint32_t rounds = 0; __atomic_load_n(&boot_starting, __ATOMIC_RELAXED) != NULL; rounds++) {
        if (arch_time() > last)
            return !withdraw();
        lock_pause(hart_self(), rounds);
    }
    return true;
}

/* Starts a hart and waits until it has looked at itself, which it does alone.  It finds by itself which one it is: some
 * firmware lets it go before it has noted what we pass.  Returns: 0, the firmware's error, or HART_*. */
static int64_t start_hart(struct hart *hart, uint64_t load)
{
    uint64_t entry = (uint64_t)(uintptr_t)boot_other_entry - IMAGE_BASE + load;

    __atomic_store_n(&boot_starting, hart, __ATOMIC_SEQ_CST);
    int64_t error = arch_start_hart(hart->id, entry);
    if (error != 0 && withdraw())
        return error; /* else one that was awaited before came in its place */
    if (!has_come())
        return HART_STAYS_AWAY;
    arch_request(hart, REQUEST_ANSWER);
    return hart->differs ? HART_DIFFERS : 0;
}

static void tell_left_out(uint64_t id, int64_t error)
{
    log_write("faultline: hart %lu is left out", id);
    if (error == HART_DIFFERS)
        log_write(": it differs from the first one\n");
    else if (error == HART_STAYS_AWAY)
        log_write(": it was started and did not come\n");
    else
        log_write(", error %d\n", (int)error);
}

/* The other harts that the device tree names, but those that the firmware does not start or that differ. */
static void start_other_harts(uint64_t load)
{
    boot_satp = SATP_SV39 | kernel.root_table.value;
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        uint64_t id = machine.harts[i];
        int64_t error = HART_HAS_NO_ROOM;

        if (id == kernel.harts[0].id)
            continue;
        if (kernel.hart_count < HARTS_MAX)
            error = start_hart(describe_hart(kernel.hart_count, id), load);
        if (error == 0)
            kernel.hart_count++;
        else
            tell_left_out(id, error);
    }
}

/* Looks at itself before it takes the lock, which answers REQUEST_ANSWER. */
void boot_other_hart(struct hart *hart)
{
    hart->differs = !cpu_start(hart);
    set_registers(hart);
    hart->differs |=
        hart->has_fpu != kernel.harts[0].has_fpu || 1u << paging_asid_bits() < kernel.asids.limit;
    if (hart->differs)
        lock_stay_out(hart);
    lock_take(hart);
}

/* Where the PLIC claims interrupts for a hart. */
static uint32_t find_context(uint64_t hart_id)
{
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (machine.harts[i] == hart_id)
            return machine.plic.context[i];
    return MACHINE_NO_CONTEXT;
}

/* Maps the PLIC and lets its interrupts in.  Without one that is of use there are no sources. */
static void start_interrupts(void)
{
    struct hart *hart = &kernel.harts[0];
    uint32_t context = find_context(hart->id);

    if (machine.plic.sources == 0 || context == MACHINE_NO_CONTEXT ||
        plic_bytes(context) > machine.plic.range.bytes) {
        log_write_line("no interrupt controller for hart %lu: devices cannot interrupt", hart->id);
        return;
    }
    kernel.plic.registers = paging_map_device(machine.plic.range.base, plic_bytes(context));
    if (kernel.plic.registers == NULL)
        panic("the interrupt controller at %lx, %lu bytes, finds no page table",
              machine.plic.range.base, plic_bytes(context));
    kernel.plic.sources = machine.plic.sources;
    hart->plic_context = context;
    plic_init_context(&kernel.plic, context);
    csr_set(sie, SIE_EXTERNAL);
}

/* Address-space identifiers to use: those that the hart has, or fewer if the boot arguments ask for
 * it. */
static unsigned choose_asid_bits(void)
{
    unsigned bits = paging_asid_bits();
    uint64_t asked = 0;

    switch (boot_word_number(machine.bootargs, "asid=", SATP_ASID_BITS, &asked)) {
    case BOOT_WORD_FOUND:
        return asked < bits ? (unsigned)asked : bits;
    case BOOT_WORD_BAD:
        log_write_line("boot argument asid= takes 0 to %u: ignored", SATP_ASID_BITS);
        break;
    case BOOT_WORD_ABSENT:
        break;
    }
    return bits;
}

void boot_kernel(uint64_t hart_id, uint64_t tree, uint64_t load, uint64_t instret)
{
    start_first_hart(hart_id);
    read_machine(tree);
    drop_what_is_over_image(load);
    find_ram(load);
    if (machine.initrd.bytes != 0 && !initrd_in_ram()) {
        log_write_line("initrd at %lx, %lu bytes: not in free RAM, ignored", machine.initrd.base,
                       machine.initrd.bytes);
        machine.initrd.bytes = 0;
    }
    ranges_subtract(&ram, machine.initrd.base, machine.initrd.base + machine.initrd.bytes);
    if (ram.count == 0)
        panic("too little memory: of %lu bytes at %lx nothing is left beside firmware, image (it "
              "ends at "
              "%lx) and initrd (%lu bytes)",
              machine.banks[0].bytes, machine.banks[0].base,
              load + (uint64_t)(image_end - image_start), machine.initrd.bytes);
    uint64_t direct_offset = paging_finish(&ram, load);
    if (ram.count == 0)
        panic("no RAM could be mapped: the first bank is at %lx", machine.banks[0].base);
    start_interrupts();
    make_frame_table(direct_offset);
    asid_init(&kernel.asids, choose_asid_bits());
    kernel.timebase_hz = machine.timebase_hz;
    kernel.quantum_ticks = machine.timebase_hz / QUANTUM_HZ;
    kernel.boot_instructions = instret;
    start_other_harts(load);
    root_start(&machine, &ram);
    arch_enter_user(&kernel.harts[0]);
}

void boot_over(void)
{
    kernel.boot_instructions = csr_read(instret) - kernel.boot_instructions;
}
