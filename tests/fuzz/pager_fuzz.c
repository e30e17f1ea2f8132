/* Fuzz target: bytes as messages to the pager, faults and calls alike, by the root task, by three programs and by
 * badges that nobody has; the pager and the kernel are those of the target (pager_host.h, which also says what
 * every answer is held against).
 *
 * After each message every invariant of the core holds.  A call that was refused has changed nothing that
 * programs can see, nor has a fault that was resumed.  Faults come as processors make them, and forged: with
 * labels, addresses and accesses that none would make.
 *
 * A step is three bytes, who, what and where from, and then what the message says. */
/* sources: user/pager/calls.c user/pager/clock.c user/pager/disks.c user/pager/file_calls.c user/pager/frames.c user/pager/kernel_port.c user/pager/pins.c */
/* sources: user/pager/log.c user/pager/request.c user/pager/space_objects.c user/pager/system_calls.c user/pager/core/[a-z]*.c */
/* sources: user/common/blk_ring.c user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: kernel/[a-z]*.c mm/[a-z]*.c drivers/plic.c tests/fuzz/host/[a-z]*.c */
#include "pager_host.h"

#include <errno.h>
#include <string.h>

#include "fl_calls.h"
#include "fuzz.h"
#include "memory_values.h"
#include "protocol.h"
#include "visible.h"

#define STEPS 60u
#define PAGE  ((uint64_t)FL_PAGE_BYTES)

enum { WHAT_FAULT = 0xc0, WHAT_FORGED = 0xe0, WHAT_TRAP = 0xe8, WHAT_THREAD = 0xf0 };
enum { VALUE_PAGE = 0x60, VALUE_LISTED = 0x80, VALUE_LONG = 0xf0 };

const char fuzz_name[] = "pager";

static struct {
    struct fuzz_input input;
    uint64_t digest; /* after the last message */
    unsigned steps;
    unsigned stage; /* of the start */
    uint64_t space[PAGER_WORLD_PROGRAMS];
} run;

/* ---- what is held against it ---- */

/* Calls of which a part may be done when they say an error. */
static bool may_do_a_part(uint32_t number, uint64_t error)
{
    switch (number) {
    case PAGER_SPACE_WRITE: /* vm.h: what lies before the failing page is written */
        return error == EFAULT || error == ENOMEM;
    case PAGER_SPACE_LOAD: /* vm.h: ENOMEM, and the space has some entries */
    case PAGER_MADVISE:    /* as on Linux: ENOMEM tells of holes, the rest is done */
        return error == ENOMEM;
    default:
        return false;
    }
}

/* Who may make a call: the badge's kind, told by the first letter. */
static uint32_t who_may(uint32_t number)
{
    static const char *const who[] = {
#define PAGER_CALL(number, name, who, in, out, doc) [number] = who,
#include "pager.def"
#undef PAGER_CALL
    };
    const char *letter = number < sizeof(who) / sizeof(who[0]) && who[number] ? who[number] : "?";

    return *letter == 'P'   ? PAGER_BADGE_PROGRAM
           : *letter == 'R' ? PAGER_BADGE_ROOT
           : *letter == 'I' ? PAGER_BADGE_IDLE
                            : 0;
}

static void pager_answered(struct vm *vm, const struct fl_message *asked, uint32_t label,
                           uint64_t word)
{
    bool fault = asked->badge >> 60 == PAGER_BADGE_FAULT;
    uint32_t number = FL_INFO_LABEL(asked->info) & 0xffff;
    uint64_t digest = visible_digest(vm);
    bool kept = fault ? label == FL_LABEL_RESUME : word != 0 && !may_do_a_part(number, word);

    if (!fault && word == 0)
        CHECK_EQ(asked->badge >> 60, who_may(number));
    if (kept && digest != run.digest) {
        harness_note("badge 0x%lx, info 0x%lx, words 0x%lx 0x%lx 0x%lx 0x%lx: %s, word 0x%lx",
                     (unsigned long)asked->badge, (unsigned long)asked->info,
                     (unsigned long)asked->word[0], (unsigned long)asked->word[1],
                     (unsigned long)asked->word[2], (unsigned long)asked->word[3],
                     fault ? "resumed" : "refused", (unsigned long)word);
        CHECK(digest == run.digest);
    }
    run.digest = digest;
}

static void pager_waits(const struct vm *vm)
{
    const char *broken = vm_check(vm);

    CHECK_STRING(broken ? broken : "sound", "sound");
}

/* ---- the start ---- */

static bool call_pager(uint64_t slot, uint64_t info, const uint64_t word[4])
{
    const uint64_t argument[7] = {slot, info, word[0], word[1], word[2], word[3]};

    return pager_world_call(FL_CALL_ipc_call, argument);
}

static void must(uint64_t number, const uint64_t argument[7])
{
    CHECK(pager_world_call(number, argument));
    CHECK_EQ(pager_world_registers()[0], FL_OK);
}
#define MUST(name, ...) must(FL_CALL_##name, (const uint64_t[7]){__VA_ARGS__})

static bool ask(uint32_t number, uint64_t w0, uint64_t w1)
{
    return call_pager(WORLD_CALL, FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, number), 6),
                      (const uint64_t[4]){w0, w1});
}

/* The root task starts a program: as init does, one call to the pager at a time. */
static bool start_step(void)
{
    const uint64_t *answer = &pager_world_registers()[2];
    uint64_t i = run.stage / 4, *space = &run.space[i];

    if (run.stage > 0)
        CHECK_EQ(answer[0], 0);
    if (i == PAGER_WORLD_PROGRAMS) {
        pager_host_save();
        return false;
    }
    switch (run.stage++ % 4) {
    case 0:
        return ask(PAGER_SPACE_CREATE, 2 + i, PROCESS_ROOT);
    case 1:
        *space = answer[1];
        MUST(cnode_copy, WORLD_CNODE, answer[2], FL_BOOT_CNODE, WORLD_PROGRAM + i, FL_RIGHTS_ALL);
        MUST(cnode_copy, WORLD_PROGRAM_CNODE + i, PROGRAM_SLOT_PAGER, FL_BOOT_CNODE, WORLD_ENDPOINT,
             FL_RIGHTS_ALL, (uint64_t)PAGER_BADGE_PROGRAM << 60 | *space);
        memcpy(pager_world_buffer() + 4, "program", 7);
        return ask(PAGER_SPACE_LOAD, *space, 7);
    case 2:
        return ask(PAGER_SPACE_ATTACH, *space, 0);
    default:
        MUST(tcb_start, WORLD_PROGRAM + i, 0x10100, PROGRAM_STACK_END);
        pager_world_registers()[2] = 0;
        return true;
    }
}

/* ---- the input ---- */

static uint64_t take_value(void)
{
    static const uint64_t list[] = {
        PROGRAM_STACK_END - PAGE,
        PROGRAM_STACK_END,
        PROGRAM_STACK_END - PROGRAM_STACK_BYTES - PAGE,
        0x10000,
        0x11200,
        0x12000,
        0x13280,
        FL_BUFFER,
        FL_USER_END,
        FL_USER_END - PAGE,
        UINT64_MAX,
        UINT64_MAX - 0xfff,
        0xffffffc000000000ull,
        PROT_READ | PROT_WRITE | (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS) << 32,
        PROT_READ | PROT_WRITE | (uint64_t)(MAP_SHARED | MAP_ANONYMOUS) << 32,
        PROT_READ | PROT_WRITE | (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) << 32,
        PROT_READ | PROT_WRITE | (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE) << 32,
        PROT_READ | PROT_WRITE | (uint64_t)MAP_SHARED << 32,
        PROT_READ | PROT_EXEC | (uint64_t)MAP_PRIVATE << 32,
        PROT_READ | PROT_WRITE | (uint64_t)MAP_PRIVATE << 32,
        MREMAP_MAYMOVE,
        MREMAP_MAYMOVE | MREMAP_FIXED,
        FL_PROTOCOL_BYTES,
        FL_PROTOCOL_BYTES + 1,
        0x42, /* O_RDWR | O_CREAT */
        64 * PAGE,
        2000 * PAGE,
        1ull << 42,
        1ull << 62,
    };
    uint64_t byte = fuzz_take(&run.input, 1);

    if (byte >= VALUE_LONG)
        return fuzz_take(&run.input, (unsigned)(byte - VALUE_LONG) % 8 + 1);
    if (byte >= VALUE_LISTED + 0x40)
        return PROGRAM_MMAP_BASE + (byte - VALUE_LISTED - 0x40) * PAGE;
    if (byte >= VALUE_LISTED)
        return list[(byte - VALUE_LISTED) % (sizeof(list) / sizeof(list[0]))];
    if (byte >= VALUE_PAGE)
        return (byte - VALUE_PAGE) * PAGE;
    return byte;
}

/* What the message carries behind its registers: a path, or words. */
static void fill_buffer(uint64_t *buffer, uint64_t what)
{
    static const char *const paths[] = {
        "/tmp/a", "/tmp/b",         "/tmp/a/tmp/c", "program",       "/proc/self/maps",
        "text",   "/proc/2/status", "/dev/shm/x",   "/proc/meminfo", "/tmp/../tmp//a/.",
        "/dev",   "program/x"};

    if (buffer == NULL)
        return;
    if (what < 12) {
        strcpy((char *)(buffer + 4), paths[what]);
        return;
    }
    for (uint64_t i = 4; i < 4 + what % 4; i++)
        buffer[i] = take_value();
}

/* ---- steps ---- */

/* Whom a call of the root task names, rightly or not. */
static uint64_t take_space(void)
{
    uint64_t byte = fuzz_take(&run.input, 1);

    if (byte < 0xc0)
        return run.space[byte % PAGER_WORLD_PROGRAMS];
    return byte < 0xe0 ? byte % 8 : take_value();
}

/* Programs have one way to the pager; the root task has all. */
static uint64_t choose_way(uint64_t from)
{
    if (pager_world_current() != 0)
        return PROGRAM_SLOT_PAGER;
    if (from < 0xc0)
        return WORLD_CALL;
    if (from < 0xd0)
        return WORLD_IDLE;
    return WORLD_STRANGE + (from % 16 == PAGER_BADGE_FAULT ? 0 : from % 16);
}

static bool step_message(uint64_t number, uint64_t from)
{
    uint64_t words = fuzz_take(&run.input, 1), slot = choose_way(from), word[4];
    uint32_t label = FL_PROTOCOL_LABEL(PAGER_VERSION, number % 64);

    for (unsigned i = 0; i < 4; i++)
        word[i] = i == 0 && slot == WORLD_CALL ? take_space() : take_value();
    if (words % 8 > 0)
        fill_buffer(pager_world_buffer(), words / 8);
    if (number >= 128)
        label = (uint32_t)take_value();
    return call_pager(slot, FL_INFO(label, words % 8 > 0 ? 4 + words % 8 * 4 : 4), word);
}

/* The root task does something to a program's thread. */
static bool step_thread(uint64_t what, uint64_t from)
{
    uint64_t tcb = WORLD_PROGRAM + from % PAGER_WORLD_PROGRAMS;

    if (what % 4 == 0)
        return pager_world_call(FL_CALL_tcb_suspend, (const uint64_t[7]){tcb});
    if (what % 4 == 1)
        return pager_world_call(FL_CALL_tcb_resume, (const uint64_t[7]){tcb});
    if (what % 4 == 2)
        return pager_world_end((unsigned)from % PAGER_WORLD_PROGRAMS);
    return pager_world_call(FL_CALL_notification_poll, (const uint64_t[7]){take_value()});
}

static bool step_fault(uint64_t what)
{
    static const uint8_t causes[] = {12, 13, 15, 15, 1, 5, 7, 13}; /* scause */

    if (what < WHAT_FORGED)
        return pager_world_trap(causes[what % 8], take_value());
    if (what < WHAT_TRAP) {
        uint32_t label = what % 8 < 4 ? (uint32_t)FL_LABEL_PAGE_FAULT : (uint32_t)take_value();
        uint64_t value = take_value();

        return pager_world_fault(label, value, take_value());
    }
    return pager_world_trap(what % 2 ? 3 : 2, take_value());
}

static bool fuzz_step(void)
{
    uint64_t who = fuzz_take(&run.input, 1), what = fuzz_take(&run.input, 1);
    uint64_t from = fuzz_take(&run.input, 1);

    if (fuzz_is_empty(&run.input) || run.steps++ == STEPS)
        return false;
    pager_world_switch((unsigned)who % PAGER_WORLD_CLIENTS); /* or whoever runs */
    if (pager_world_current() >= PAGER_WORLD_CLIENTS)
        return true;
    if (what < WHAT_FAULT)
        return step_message(what, from);
    if (pager_world_current() == 0)
        return step_thread(what, from);
    return step_fault(what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pager_host_client starter = {start_step, pager_answered, pager_waits};
    static const struct pager_host_client fuzzer = {fuzz_step, pager_answered, pager_waits};
    static uint64_t start_digest;

    if (run.stage == 0) {
        pager_host_boot();
        pager_host_run(&starter);
        CHECK_EQ(run.stage, 4 * PAGER_WORLD_PROGRAMS);
        start_digest = run.digest;
    }
    run.input = (struct fuzz_input){data, size, 0};
    run.steps = 0;
    run.digest = start_digest;
    pager_host_restore();
    pager_host_run(&fuzzer);
    return 0;
}
