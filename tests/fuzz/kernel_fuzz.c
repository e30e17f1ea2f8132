/* Fuzz target: bytes as calls with any number and any arguments, made by four threads of which each has
 * all of the world's capabilities, on the kernel itself (kernel_host.h).
 *
 * No invariant of the kernel's checker is broken then; a call answers only what failures.def
 * names; and a call that was refused has left every byte of the kernel and of memory as it was, but the
 * caller's results and what its value tells (failures.def).
 *
 * A step is a byte: the number of a call, or above STEP_FAULT another entry into the kernel.  An argument
 * is a byte: a small number, one of a list, or how many bytes behind it are the number. */
/* sources: kernel/[a-z]*.c mm/[a-z]*.c drivers/plic.c */
/* sources: tests/fuzz/host/kernel_[a-z]*.c tests/fuzz/host/trap_host.c */
#include <inttypes.h>
#include <string.h>

#include "arch.h"
#include "arguments.h"
#include "census.h"
#include "fuzz.h"
#include "invariants.h"
#include "kernel_world.h"

#define STEPS       100u
#define CHECK_STEPS 8u  /* between two walks of the checker, which take longer than all else */
#define CODES       64u /* of a status */

enum { STEP_FAULT = 0xe0, STEP_TICK = 0xf0, STEP_BUFFER = 0xf4 };
enum { VALUE_LISTED = 0x80, VALUE_LONG = 0xf0 };

const char fuzz_name[] = "kernel";

static struct kernel_host_state start, before;

/* ---- what the lists say ---- */

static const uint8_t arity[FL_CALL_COUNT] = {
#define FL_CALL(number, name, args, doc) [number] = FL_ARITY args,
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
};

/* Codes that a call may answer with, as bits. */
static uint64_t allowed[FL_CALL_COUNT];

static void allow_answers(void)
{
    for (unsigned i = 0; i < FL_CALL_COUNT; i++)
        allowed[i] = 1ull << (arity[i] == 0 ? FL_RESERVED_CALL : FL_OK);
#define FL_FAILURE(call, code, condition) allowed[FL_CALL_##call] |= 1ull << FL_##code;
#include "failures.def"
#undef FL_FAILURE
}

/* Whether an error may tell of progress: the value counts it, or another call goes on. */
static bool made_progress(uint64_t number, uint64_t code, uint64_t value)
{
    switch (number) {
    case FL_CALL_vspace_map:
    case FL_CALL_vspace_unmap:
    case FL_CALL_vspace_protect:
    case FL_CALL_vspace_clone:
    case FL_CALL_vspace_harvest:
    case FL_CALL_memory_harvest:
    case FL_CALL_pool_donate:
        return value > 0;
    default:
        return code == FL_MORE;
    }
}

/* ---- the input ---- */

static uint64_t take_value(struct fuzz_input *input)
{
    static const uint64_t list[] = {
        WORLD_AREA,
        WORLD_AREA + FL_PAGE_BYTES,
        FL_USER_BASE,
        FL_USER_END,
        FL_USER_END - FL_PAGE_BYTES,
        0x10000,
        0x40000000,
        UINT64_MAX,
        UINT32_MAX,
        FL_RIGHTS_ALL,
        FL_RIGHT_READ | FL_RIGHT_WRITE | FL_MAP_REPLACE,
        FL_RIGHT_READ | FL_RIGHT_MAP | FL_RIGHT_REVOKE,
        FL_INFO(1, 4),
        FL_INFO(1, 20),
        FL_INFO(FL_LABEL_RESUME, 0),
        FL_INFO(FL_LABEL_STOP, 0),
        FL_INFO(FL_LABEL_UPCALL, 3),
        FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1),
        FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 2),
        FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 17),
        FL_ITEM_ADDRESS(WORLD_AREA, FL_RIGHT_READ | FL_RIGHT_WRITE),
        FL_ITEM_ADDRESS(WORLD_AREA + 4 * FL_PAGE_BYTES, FL_RIGHT_READ | FL_MAP_REPLACE),
        FL_ITEM_SOURCE(WORLD_MEMORY, 1),
        FL_ITEM_SOURCE(WORLD_MEMORY, 3),
        FL_ITEM_SOURCE(WORLD_MEMORY_READ, 1),
        FL_RANGE_PAGES,
        FL_CLONE_PROTECT | FL_RIGHT_READ,
        1100,
        5000,
        1000000,
        0xffffffc000000000ull,
        FL_PIN_PAGES,
    };
    uint64_t byte = fuzz_take(input, 1);

    if (byte >= VALUE_LONG)
        return fuzz_take(input, (unsigned)(byte - VALUE_LONG) % 8 + 1);
    if (byte >= VALUE_LISTED)
        return list[(byte - VALUE_LISTED) % (sizeof(list) / sizeof(list[0]))];
    return byte;
}

/* ---- steps ---- */

/* What differs is the thread's registers only, as far as an entry into the kernel changes them. */
static bool is_unchanged(const struct tcb *caller)
{
    uint64_t at = (uint64_t)((const uint8_t *)caller - kernel_host_memory);
    struct tcb *old = (struct tcb *)(void *)(before.memory + at);

    old->full_frame = caller->full_frame;
    old->regs[REG_PC] = caller->regs[REG_PC];
    memcpy(&old->regs[REG_A0], &caller->regs[REG_A0], 7 * sizeof(old->regs[0]));
    return kernel_host_time == before.time &&
           memcmp(&kernel, &before.kernel, sizeof(kernel)) == 0 &&
           memcmp(kernel_host_memory, before.memory, sizeof(kernel_host_memory)) == 0;
}

static bool is_named(uint64_t number, uint64_t status)
{
    uint64_t code = FL_STATUS_CODE(status);

    return code < CODES && (allowed[number] >> code & 1) && FL_STATUS_ARG(status) <= arity[number];
}

static void check_fails(uint64_t number, const uint64_t argument[7], uint64_t status,
                        const char *text)
{
    harness_note("call %u: status 0x%" PRIx64, (unsigned)number, status);
    for (unsigned i = 0; i < arity[number]; i++)
        harness_note("argument %u: 0x%" PRIx64, i + 1, argument[i]);
    harness_fail(__FILE__, __LINE__, text);
}

static enum kernel_host_end step_call(struct fuzz_input *input, uint64_t number)
{
    const struct tcb *caller = kernel.harts[0].current;
    uint64_t argument[7] = {0}, status, code;
    enum kernel_host_end end;

    for (unsigned i = 0; number < FL_CALL_COUNT && i < arity[number]; i++)
        argument[i] = take_value(input);
    kernel_host_save(&before);
    end = kernel_host_call(number, argument);
    if (end != KERNEL_HOST_RUNS || number >= FL_CALL_COUNT || kernel.harts[0].current != caller)
        return end;
    status = caller->regs[REG_A0];
    code = FL_STATUS_CODE(status);
    if (number == FL_CALL_thread_resume_upcall && caller->full_frame)
        return end; /* it went to where the save area says */
    if (!is_named(number, status))
        check_fails(number, argument, status, "an answer that failures.def does not name");
    if (code != FL_OK && !made_progress(number, code, caller->regs[REG_A0 + 1]) &&
        !is_unchanged(caller))
        check_fails(number, argument, status, "a refused call has changed something");
    return end;
}

static enum kernel_host_end step_trap(struct fuzz_input *input, uint64_t step)
{
    static const uint8_t faults[] = {
        CAUSE_FETCH_PAGE_FAULT, CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, CAUSE_FETCH_ACCESS,
        CAUSE_LOAD_ACCESS,      CAUSE_STORE_ACCESS,    CAUSE_BREAKPOINT,       CAUSE_ILLEGAL};

    return kernel_host_trap(faults[step % 8], take_value(input));
}

/* The program writes a word of its message buffer. */
static void step_write_buffer(struct fuzz_input *input)
{
    uint64_t *buffer = kernel.harts[0].current->buffer;
    uint64_t word = fuzz_take(input, 1) % FL_BUFFER_WORDS, value = take_value(input);

    if (buffer != NULL)
        buffer[word] = value;
}

static enum kernel_host_end step(struct fuzz_input *input)
{
    uint64_t number = fuzz_take(input, 1);

    if (number >= STEP_BUFFER)
        step_write_buffer(input);
    else if (number >= STEP_TICK)
        return kernel_host_tick();
    else if (number >= STEP_FAULT)
        return step_trap(input, number);
    else
        return step_call(input, number % (FL_CALL_COUNT + 1));
    return KERNEL_HOST_RUNS;
}

static void check_invariants(void)
{
    const char *broken = invariants_check();

    CHECK_STRING(broken ? broken : "sound", "sound");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size, 0};
    bool runs = true;

    if (start.time == 0) {
        allow_answers();
        kernel_world_start();
        kernel_host_save(&start);
    }
    kernel_host_load(&start);
    for (unsigned i = 0; i < STEPS && runs && !fuzz_is_empty(&input); i++) {
        runs = step(&input) == KERNEL_HOST_RUNS;
        if (runs && (i % CHECK_STEPS == 0 || fuzz_is_empty(&input)))
            check_invariants();
    }
    return 0;
}
