/* The N-th failure of everything in faults and memory calls. */
#include "pager_nth.h"

#include <string.h>

#include "harness.h"
#include "stock.h"

#define COUNT(table) (uint32_t)(sizeof(table) / sizeof((table)[0]))

/* ---- the start, spaces, programs ---- */

static int call_create(void)
{
    if (!nth.child)
        nth.child = space_create(nth.vm, 9);
    return nth.child ? 0 : ENOMEM;
}

static void prepare_child(void)
{
    nth.child = space_create(nth.vm, 9);
    nth.mask = (struct snapshot_mask){.space = nth.child, .whole = true};
}

static int call_buffer(void)
{
    return space_take_buffer(nth.vm, nth.child) == PAGE_NONE ? ENOMEM : 0;
}

/* A program that could not be loaded goes, and is loaded anew. */
static int call_load(void)
{
    struct vm_program program;

    if (nth.child->map.count > 0) {
        nth_destroy(nth.child);
        nth.child = space_create(nth.vm, 9);
    }
    return vm_load(nth.vm, nth.child, fake_find_file(&nth.slow.fake, "program"), &program);
}

static int call_stock(void)
{
    while (stock_fill(nth.vm) > 0)
        ;
    return 0;
}

static const struct nth_scenario starts[] = {
    {"space-create", call_create, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"space-buffer", call_buffer, NTH_NO_MEMORY, NTH_EXACT, prepare_child, NULL},
    {"load", call_load, NTH_NO_MEMORY, NTH_PARTIAL, prepare_child, NULL},
    {"stock", call_stock, 0, NTH_EXACT, NULL, NULL},
};

TEST("a program that cannot be made or loaded for want of anything leaves nothing behind")
{
    nth_sweep(starts, COUNT(starts));
}

/* A core with so many frames, of which the first `taken` are not its own. */
static bool start(struct vm *vm, uint8_t *memory, uint64_t pages, uint64_t taken)
{
    const struct vm_config config = {.range = {{.pages = pages, .first_free = taken, .slot = 9}},
                                     .range_count = 1,
                                     .window = memory,
                                     .zero_slot = FAKE_SLOT_ZERO};

    memset(memory, 0xee, 40 * PAGE);
    return vm_init(vm, &config);
}

TEST("the core starts if there is a frame for its records and one of zeros, and else does not")
{
    static uint8_t memory[40 * FL_PAGE_BYTES] __attribute__((aligned(FL_PAGE_BYTES)));
    static struct vm vm;

    for (uint64_t pages = 0; pages <= 40; pages++)
        for (uint64_t taken = 0; taken <= pages; taken++) {
            bool started = start(&vm, memory, pages, taken);

            CHECK_EQ(started, pages - taken >= 2);
            CHECK(!started || !vm_check(&vm));
            for (uint64_t at = 0; at < taken * PAGE; at += PAGE)
                CHECK_EQ(memory[at], 0xee); /* not ours */
            for (uint64_t at = pages * PAGE; at < sizeof memory; at += PAGE)
                CHECK_EQ(memory[at], 0xee); /* nobody's */
        }
}

/* ---- faults ---- */

static int call_fault_zero(void)
{
    return nth_touch(nth.a, ANON + 7 * PAGE, FL_ACCESS_WRITE);
}
static int call_fault_zero_page(void)
{
    return nth_touch(nth.a, ANON + 8 * PAGE, FL_ACCESS_READ);
}
static int call_fault_far(void)
{
    return nth_touch(nth.a, FREE_AT + 262144 * PAGE, FL_ACCESS_WRITE);
}
static void prepare_far(void)
{
    nth_map(nth.a, FREE_AT, 270000, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE);
}
static int call_fault_file_copy(void)
{
    return nth_touch(nth.a, ODD + PAGE, FL_ACCESS_READ);
}
static int call_fault_file_end(void)
{
    return nth_touch(nth.a, ODD + 3 * PAGE, FL_ACCESS_READ);
}
static int call_fault_file_write(void)
{
    return nth_touch(nth.a, ODD, FL_ACCESS_WRITE);
}
static int call_fault_turns_zero(void)
{
    return nth_touch(nth.a, PROGRAM_DATA + PAGE, FL_ACCESS_READ);
}
static int call_fault_around(void)
{
    return nth_touch(nth.b, TEXT + PAGE, FL_ACCESS_EXEC);
}
static int call_fault_hole(void)
{
    return nth_touch(nth.a, FILE_SHARED + PAGE, FL_ACCESS_READ);
}
static int call_fault_hole_private(void)
{
    return nth_touch(nth.a, FILE_PRIVATE + PAGE, FL_ACCESS_WRITE);
}
static int call_fault_shared(void)
{
    return nth_touch(nth.b, SHARED + 3 * PAGE, FL_ACCESS_READ);
}
static int call_fault_copy(void)
{
    return nth_touch(nth.b, ANON, FL_ACCESS_WRITE);
}
/* A and C have copies of their own: B takes what is left. */
static void prepare_take(void)
{
    nth_write(nth.a, ANON, 1);
    nth_write(nth.c, ANON, 2);
}
static int call_fault_stack(void)
{
    return nth_touch(nth.a, PROGRAM_STACK_END - 700 * PAGE, FL_ACCESS_WRITE);
}
static int call_fault_device(void)
{
    return nth_touch(nth.a, REGISTERS + PAGE, FL_ACCESS_WRITE);
}
static int call_fault_wired(void)
{
    return nth_touch(nth.b, WIRED, FL_ACCESS_WRITE);
}

/* Where a page of a file was made for all first, and the program's own copy failed, the file keeps it. */
static const struct nth_scenario faults[] = {
    {"fault-zero", call_fault_zero, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-zero-page", call_fault_zero_page, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-far", call_fault_far, NTH_NO_MEMORY, NTH_EXACT, prepare_far, NULL},
    {"fault-file-copy", call_fault_file_copy, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-file-end", call_fault_file_end, NTH_NO_MEMORY, NTH_VISIBLE, NULL, NULL},
    {"fault-file-write", call_fault_file_write, NTH_NO_MEMORY, NTH_VISIBLE, NULL, NULL},
    {"fault-turns-zero", call_fault_turns_zero, NTH_NO_MEMORY, NTH_VISIBLE, NULL, NULL},
    {"fault-around", call_fault_around, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-hole", call_fault_hole, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-hole-private", call_fault_hole_private, NTH_NO_MEMORY, NTH_VISIBLE, NULL, NULL},
    {"fault-shared", call_fault_shared, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-copy", call_fault_copy, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-take", call_fault_copy, NTH_NO_MEMORY, NTH_EXACT, prepare_take, NULL},
    {"fault-stack", call_fault_stack, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-device", call_fault_device, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"fault-wired", call_fault_wired, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
};

TEST("a fault for which anything is missing changes nothing that a program sees")
{
    nth_sweep(faults, COUNT(faults));
}

/* ---- mmap, munmap, mprotect, brk ---- */

static int map(const struct vm_map_request *request)
{
    return vm_map(nth.vm, nth.a, request, &nth.at);
}

static int map_anonymous(uint64_t address, uint64_t pages, uint32_t flags)
{
    const struct vm_map_request request = {.address = address,
                                           .bytes = pages * PAGE,
                                           .protection = RW,
                                           .flags = flags | MAP_ANONYMOUS};

    return map(&request);
}

static int map_file(uint64_t handle, uint64_t address, uint32_t protection, uint32_t flags)
{
    struct vm_map_request request = {
        .address = address, .bytes = 3 * PAGE, .protection = protection, .flags = flags};

    return vm_file_map(nth.vm, nth.a, handle, &request, &nth.at);
}

static int call_map_private(void)
{
    return map_anonymous(0, 5, MAP_PRIVATE);
}
static int call_map_extend(void)
{
    return map_anonymous(nth.at + PAGE, 2, MAP_PRIVATE | MAP_FIXED);
}
static void prepare_extend(void)
{
    nth.at = nth_map(nth.a, 0, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS);
    nth_write(nth.a, nth.at, 1);
}
static int call_map_shared(void)
{
    return map_anonymous(0, 5, MAP_SHARED);
}
static int call_map_populate(void)
{
    return map_anonymous(FREE_AT, 5, MAP_PRIVATE | MAP_POPULATE | MAP_FIXED);
}
static int call_map_locked(void)
{
    return map_anonymous(FREE_AT, 3, MAP_PRIVATE | MAP_LOCKED | MAP_FIXED);
}
static int call_map_no_replace(void)
{
    return map_anonymous(FREE_AT, 3, MAP_PRIVATE | MAP_FIXED_NOREPLACE);
}
static int call_map_over(void)
{
    return map_anonymous(SPLIT + PAGE, 6, MAP_PRIVATE | MAP_FIXED);
}
static int call_map_inside(void)
{
    return map_anonymous(ANON + 2 * PAGE, 3, MAP_PRIVATE | MAP_FIXED);
}
static int call_map_file(void)
{
    return map_file(NTH_ODD, 0, RW, MAP_PRIVATE);
}
static int call_map_file_over(void)
{
    return map_file(NTH_F, SPLIT + PAGE, RW, MAP_PRIVATE | MAP_FIXED);
}
static int call_map_file_shared(void)
{
    return map_file(NTH_F, ANON + PAGE, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE);
}
static int call_map_text(void)
{
    return map_file(NTH_TEXT, FREE_AT, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE);
}
static int call_map_device(void)
{
    return map_file(NTH_DEVICE, WIRED, RW, MAP_SHARED | MAP_FIXED);
}
static int call_unmap_middle(void)
{
    return vm_unmap(nth.vm, nth.a, ANON + PAGE, 3 * PAGE);
}
static int call_unmap_several(void)
{
    return vm_unmap(nth.vm, nth.a, SPLIT + PAGE, 6 * PAGE);
}
static int call_unmap_all(void)
{
    return vm_unmap(nth.vm, nth.a, FL_USER_BASE, PROGRAM_MMAP_BASE);
}
static int call_protect_middle(void)
{
    return vm_protect(nth.vm, nth.a, ANON + PAGE, 3 * PAGE, PROT_NONE);
}
static int call_protect_several(void)
{
    return vm_protect(nth.vm, nth.a, SPLIT + PAGE, 6 * PAGE, RW | PROT_EXEC);
}
static int call_protect_charged(void)
{
    return vm_protect(nth.vm, nth.a, READ_ONLY + PAGE, 2 * PAGE, RW);
}
static int call_break_grow(void)
{
    return vm_break(nth.vm, nth.a, nth.a->heap_start + 6 * PAGE, &nth.at);
}
static int call_break_shrink(void)
{
    return vm_break(nth.vm, nth.a, nth.a->heap_start + PAGE, &nth.at);
}
static int call_break_wired(void)
{
    return vm_break(nth.vm, nth.a, nth.a->heap_start + 5 * PAGE, &nth.at);
}
static void prepare_wires(void)
{
    (void)vm_wire_all(nth.vm, nth.a, MCL_FUTURE);
}

static const struct nth_scenario calls[] = {
    {"map-private", call_map_private, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-extend", call_map_extend, NTH_NO_MEMORY, NTH_EXACT, prepare_extend, NULL},
    {"map-shared", call_map_shared, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-populate", call_map_populate, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-locked", call_map_locked, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-no-replace", call_map_no_replace, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-over", call_map_over, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-inside", call_map_inside, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-file", call_map_file, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-file-over", call_map_file_over, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-file-shared", call_map_file_shared, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-text", call_map_text, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"map-device", call_map_device, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"unmap-middle", call_unmap_middle, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"unmap-several", call_unmap_several, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"unmap-all", call_unmap_all, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"protect-middle", call_protect_middle, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"protect-several", call_protect_several, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"protect-charged", call_protect_charged, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"break-grow", call_break_grow, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"break-shrink", call_break_shrink, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"break-wired", call_break_wired, NTH_NO_MEMORY, NTH_EXACT, prepare_wires, NULL},
};

TEST("mmap, munmap, mprotect and brk that fail change nothing")
{
    nth_sweep(calls, COUNT(calls));
}
