/* The pager of the target, its loop and all, when the N-th call of anything fails: frames, records and promises
 * of its core, tables and other refusals of the kernel, answers, requests to a disk. */
/* sources: user/pager/calls.c user/pager/file_calls.c user/pager/frames.c user/pager/kernel_port.c tests/unit/pager_disks_host.c
 *          user/pager/request.c user/pager/space_objects.c user/pager/system_calls.c user/pager/core/[a-z]*.c
 *          user/common/blk_ring.c user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/fail_nth.c
 *          tests/unit/kernel_fake.c tests/unit/pager_main_host.c tests/unit/pager_fake.c
 *          tests/unit/pager_nth_wrap.c */
/* libs: -Wl,--wrap=page_allocate,--wrap=page_allocate_zeroed,--wrap=page_zero_ahead
 *       -Wl,--wrap=slab_allocate,--wrap=commit_take,--wrap=commit_take_area
 *       -Wl,--wrap=commit_take_copy,--wrap=commit_spares */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail_nth.h"
#include "file_values.h"
#include "harness.h"
#include "kernel_fake.h"
#include "memory_values.h"
#include "pager_disks_host.h"
#include "pager_fake.h"
#include "pager_main_host.h"

#define PAGE ((uint64_t)FL_PAGE_BYTES)
#define TEXT 0x10000ull
#define DATA 0x20000ull
#define FAR  0x40000000ull /* no table is there */
#define KINDS                                                                       \
    (1u << FAIL_FRAME | 1u << FAIL_RECORD | 1u << FAIL_PROMISE | 1u << FAIL_TABLE | \
     1u << FAIL_CALL | 1u << FAIL_REPLY | 1u << FAIL_DISK)

/* What was used up, and what stands where: the same before and after a call that was refused. */
struct image {
    uint8_t cap[KERNEL_SLOTS];
    uint32_t objects;
    uint32_t frames; /* free, or spare ones of the pool */
    uint32_t lent;   /* to the root task */
    uint32_t records;
    uint64_t promised;
};

static struct {
    uint8_t archive[16 * FL_PAGE_BYTES];
    uint64_t archive_bytes;
    struct space *program;
    struct space *child;
    struct space *made; /* by the call under test */
    uint64_t first;     /* frame that was lent */
    bool lent;
    bool ends;           /* the call ends a program besides */
    bool faults_on;      /* the fault that was refused may be answered without a page */
    bool disk;           /* there is one */
    uint32_t free_pages; /* after the start */
    struct image before;
} world;

struct scenario {
    const char *name;
    int (*call)(void);
    void (*prepare)(void);
    bool brings_in; /* a refused one may leave pages that it brought in */
};

/* ---- messages ---- */

static struct vm *pager_vm(void)
{
    return &kernel_fake.pager->vm;
}

/* A call; its errno.  The words of the answer are in kernel_fake.answer. */
static int send(uint64_t badge, uint32_t number, uint64_t a, uint64_t b, uint64_t c)
{
    bool answered = kernel_fake_send(badge, FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, number), 4),
                                     (const uint64_t[4]){a, b, c, 0});

    fail_nth_expect(answered, "a call was not answered");
    return (int)kernel_fake.answer.word[0];
}

static int root(uint32_t number, uint64_t a, uint64_t b, uint64_t c)
{
    return send((uint64_t)PAGER_BADGE_ROOT << 60, number, a, b, c);
}

static uint64_t name_of(const struct space *space)
{
    return (uint64_t)space->generation << 32 | space->id;
}

static int program(uint32_t number, uint64_t a, uint64_t b, uint64_t c)
{
    return send(PAGER_BADGE(PAGER_BADGE_PROGRAM, world.program->id, world.program->generation),
                number, a, b, c);
}

/* False: the call waits.  bytes: of it in the buffer. */
static bool program_asks(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t bytes)
{
    return kernel_fake_send(
        PAGER_BADGE(PAGER_BADGE_PROGRAM, world.program->id, world.program->generation),
        FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, number), 4 + (bytes + 7) / 8),
        (const uint64_t[4]){a, b, c, 0});
}

/* A call of a program that may wait for a disk. */
static int program_waits(uint32_t number, uint64_t a, uint64_t b)
{
    uint32_t late = kernel_fake.late;

    if (program_asks(number, a, b, 0, 0))
        return (int)kernel_fake.answer.word[0];
    while (kernel_fake.late == late) {
        fail_nth_expect(pager_disks_host_serve(kernel_fake.pager),
                        "a call waits, and the disk has no request");
        (void)kernel_fake_send(0, FL_INFO(FL_LABEL_NOTIFICATION, 4), (const uint64_t[4]){0});
    }
    return (int)kernel_fake.late_answer.word[0];
}

static int program_sets(const char *name, const char *value)
{
    uint64_t bytes = strlen(name), more = strlen(value);

    memcpy(fl_buffer_data(), name, bytes);
    memcpy((char *)fl_buffer_data() + bytes, value, more);
    fail_nth_expect(program_asks(PAGER_SETTING, bytes, more, 0, bytes + more),
                    "a setting was not answered");
    return (int)kernel_fake.answer.word[0];
}

static struct space *answered_space(void)
{
    return pager_vm()->spaces[(uint32_t)kernel_fake.answer.word[1]];
}

/* ---- the calls ---- */

static int call_create(void)
{
    int error = world.made ? 0 : root(PAGER_SPACE_CREATE, 7, 1, 0);

    if (!error && !world.made)
        world.made = answered_space();
    return error;
}

static int call_load(void)
{
    memcpy(fl_buffer_data(), "program", 7);
    return root(PAGER_SPACE_LOAD, name_of(world.made), 7, 0);
}

static int call_destroy(void)
{
    int error = world.made ? root(PAGER_SPACE_DESTROY, name_of(world.made), 0, 0) : 0;

    if (!error)
        world.made = NULL;
    return error;
}

/* As the root task starts a program; when any of it fails, the space goes. */
static int call_start(void)
{
    int error = call_create();

    if (!error)
        error = call_load();
    if (!error) {
        kernel_fake_put_tcb(pager_slot_tcb(world.made->id));
        error = root(PAGER_SPACE_ATTACH, name_of(world.made), 0, 0);
    }
    if (error)
        (void)call_destroy();
    return error;
}

static int call_fork(void)
{
    int error = root(PAGER_SPACE_FORK, name_of(world.program), 8, 0);

    if (!error)
        world.made = answered_space();
    return error;
}

/* Takes the event of a program, which goes on: the one that faulted, or the largest, which was ended for it.
 * EAGAIN: there is none, it faults on, as it may while frames are on their way. */
static int stopped(void)
{
    if (root(PAGER_NEXT_EVENT, 0, 0, 0) != 0)
        return EAGAIN;
    answered_space()->stopped = false;
    return ENOMEM;
}

static int touch(const struct space *space, uint64_t address, uint32_t access)
{
    return kernel_fake_touch(space, address, access, 8) ? 0 : stopped();
}

/* A program that was stopped still has frames: the fault may wait until it is destroyed.  Then it is served,
 * or stopped. */
static int call_fault_waits(void)
{
    uint32_t late = kernel_fake.late, stops = kernel_fake.stops;
    bool served = kernel_fake_touch(world.program, DATA + PAGE, FL_ACCESS_WRITE, 8);
    bool parked = !served && pager_vm()->waits.active > 0;

    if (world.made) {
        (void)root(PAGER_SPACE_DESTROY, name_of(world.made), 0, 0);
        world.made = NULL;
    }
    if (parked && kernel_fake.late != late + 1)
        return EIO;
    if (served || (parked && kernel_fake.stops == stops))
        return 0;
    return stopped();
}
static int call_fault(void)
{
    return touch(world.program, DATA + PAGE, FL_ACCESS_WRITE);
}
static int call_fault_far(void)
{
    return touch(world.program, FAR + PAGE, FL_ACCESS_WRITE);
}
static int call_fault_around(void)
{
    return touch(world.child, TEXT + PAGE, FL_ACCESS_EXEC);
}
static int call_fault_copy(void)
{
    return touch(world.child, DATA, FL_ACCESS_WRITE);
}
static int call_populate(void)
{
    return program(PAGER_MMAP, 0, 4 * PAGE,
                   PROT_READ | PROT_WRITE |
                       (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE) << 32);
}
static int call_unmap(void)
{
    return program(PAGER_MUNMAP, DATA, PAGE, 0);
}
static int call_take(void)
{
    int error = root(PAGER_FRAME_TAKE, 3, 0, 0);

    world.lent = world.lent || !error;
    world.first = kernel_fake.answer.word[2];
    return error;
}
static int call_give(void)
{
    int error = world.lent ? root(PAGER_FRAME_GIVE, 0, world.first, 3) : 0;

    world.lent = world.lent && error;
    return error;
}
static void prepare_made(void)
{
    fail_nth_expect(call_start() == 0, "the world is not as the test needs it: a program");
    (void)touch(world.made, DATA, FL_ACCESS_WRITE);
}
static void prepare_stopped(void)
{
    const struct space_event event = {.kind = PAGER_EVENT_EXCEPTION, .signal = 4};

    prepare_made();
    vm_stop_space(pager_vm(), world.made, &event);
    (void)root(PAGER_NEXT_EVENT, 0, 0, 0);
    world.ends = world.faults_on = true;
}
/* The child shows the page that it will copy. */
static void prepare_read(void)
{
    (void)touch(world.child, DATA, FL_ACCESS_READ);
}
static void prepare_lent(void)
{
    fail_nth_expect(call_take() == 0, "the world is not as the test needs it: a loan");
}
/* The pool has no frame: the next table is asked for in a fault. */
static void prepare_low(void)
{
    for (uint32_t i = KERNEL_OUTSIDE; i < KERNEL_FRAMES; i++)
        if (kernel_fake.use[i] == KERNEL_SPARE) {
            kernel_fake.use[i] = KERNEL_WINDOW;
            page_release(&pager_vm()->table, i);
        }
}
static void prepare_low_made(void)
{
    prepare_made();
    prepare_low();
}

static int call_swapon(void)
{
    return program_waits(PAGER_SWAPON, 0, 0);
}
static int call_swapoff(void)
{
    return program_waits(PAGER_SWAPOFF, 0, 0);
}
static void prepare_disk(void)
{
    pager_disks_host_start(kernel_fake.pager);
    world.disk = true;
}
/* A page of the program is on the disk. */
static void prepare_out(void)
{
    prepare_disk();
    fail_nth_expect(call_swapon() == 0, "the world is not as the test needs it: swap");
    (void)vm_write(pager_vm(), world.program, FAR, "out", 3);
    fail_nth_expect(program(PAGER_MADVISE, FAR, PAGE, MADV_PAGEOUT) == 0 &&
                        pager_disks_host_serve(kernel_fake.pager),
                    "the world is not as the test needs it: a page out");
    (void)kernel_fake_send(0, FL_INFO(FL_LABEL_NOTIFICATION, 4), (const uint64_t[4]){0});
    fail_nth_expect(pager_vm()->swap.used == 1 && world.program->swapped == 1,
                    "the world is not as the test needs it: a page on the disk");
}
/* The page comes from the disk while its program waits.  A kernel that refuses every answer for want of a table,
 * with a pool full of frames, lets it fault on: pages may leave for the pool as long as there is a disk. */
static int call_fault_out(void)
{
    uint32_t stops = kernel_fake.stops, late;
    bool served, goes_on;

    do {
        late = kernel_fake.late;
        served = kernel_fake_touch(world.program, FAR, FL_ACCESS_WRITE, 8);
        goes_on = pager_disks_host_serve(kernel_fake.pager);
        if (goes_on)
            (void)kernel_fake_send(0, FL_INFO(FL_LABEL_NOTIFICATION, 4), (const uint64_t[4]){0});
    } while (!served && kernel_fake.stops == stops && (goes_on || kernel_fake.late != late));
    fail_nth_expect(pager_vm()->waits.active == 0, "a fault waits, and the disk has no request");
    world.faults_on = fail_nth_is_lasting();
    return served ? 0 : stopped();
}
static int call_set_compress(void)
{
    return program_sets("compress", "20");
}
static int call_set_merge(void)
{
    return program_sets("merge", "on");
}
static int call_set_replacement(void)
{
    return program_sets("replacement", "fifo");
}

/* ---- the world and the law ---- */

static void make_archive(void)
{
    static const struct fake_segment segments[] = {{TEXT, 4096, 3 * 4096, 3 * 4096, 5},
                                                   {DATA, 16384, 4096, 3 * 4096, 6}};
    static uint8_t file[8 * FL_PAGE_BYTES];
    uint64_t bytes = fake_make_elf(file, segments, 2, TEXT);

    memset(file + 4096, 0x13, bytes - 4096);
    world.archive_bytes = fake_cpio_member(world.archive, "program", 8, 0100755, file, bytes);
    world.archive_bytes +=
        fake_cpio_member(world.archive + world.archive_bytes, "TRAILER!!!", 11, 0, NULL, 0);
}

static void take_image(struct image *image)
{
    const struct vm *vm = pager_vm();

    memset(image, 0, sizeof *image);
    memcpy(image->cap, kernel_fake.cap, sizeof image->cap);
    image->objects = kernel_fake_count(KERNEL_OBJECT);
    image->frames = vm->table.counts[PAGE_FREE] + kernel_fake_count(KERNEL_SPARE);
    image->lent = kernel_fake_count(KERNEL_CLOSED);
    image->records = vm->entries.used + vm->objects.used + vm->nodes.used + vm->space_records.used +
                     vm->descriptions.used;
    image->promised = vm->commit.pages;
}

static void expect_sound(void)
{
    const char *broken = kernel_fake_check();

    fail_nth_expect(!broken, broken ? broken : "");
    broken = pager_disks_host_check();
    fail_nth_expect(!broken, broken ? broken : "");
    for (uint32_t slot = 0; slot < KERNEL_SLOTS; slot++)
        fail_nth_expect(kernel_fake.cap[slot] != KERNEL_TCB, "a thread's capability was kept");
}

static void expect_image(bool brought_in)
{
    struct image now;

    take_image(&now);
    fail_nth_expect(memcmp(now.cap, world.before.cap, sizeof now.cap) == 0,
                    "a refused call left a capability, or took one");
    fail_nth_expect(now.objects == world.before.objects && now.lent == world.before.lent,
                    "a refused call left an object, or a frame out of the window");
    fail_nth_expect(now.promised == world.before.promised, "a refused call left a promise");
    fail_nth_expect(brought_in ||
                        (now.frames == world.before.frames && now.records == world.before.records),
                    "a refused call left a frame or a record");
}

static void begin(const struct scenario *scenario)
{
    memset(&world, 0, sizeof world);
    make_archive();
    kernel_fake_start(world.archive, world.archive_bytes);
    fail_nth_expect(root(PAGER_STATISTICS, 0, 0, 0) == 0, "the pager does not answer");
    world.free_pages = pager_vm()->table.counts[PAGE_FREE];
    prepare_made();
    world.program = world.made;
    fail_nth_expect(call_fork() == 0, "the world is not as the test needs it: fork");
    world.child = world.made;
    world.made = NULL;
    fail_nth_expect(
        vm_map(pager_vm(), world.program,
               &(struct vm_map_request){.address = FAR,
                                        .bytes = 4 * PAGE,
                                        .protection = PROT_READ | PROT_WRITE,
                                        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
               &(uint64_t){0}) == 0,
        "the world is not as the test needs it: map");
    if (scenario->prepare)
        scenario->prepare();
    expect_sound();
    take_image(&world.before);
}

/* The law of all: when programs are gone, all frames are back, and the pool has what it had.  The last one makes
 * the calls: frames that the pool has too many of are back when another one has ended. */
static void end(void)
{
    if (world.lent)
        fail_nth_expect(call_give() == 0, "a loan does not come back");
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (pager_vm()->spaces[id] && pager_vm()->spaces[id] != world.program)
            fail_nth_expect(root(PAGER_SPACE_DESTROY, name_of(pager_vm()->spaces[id]), 0, 0) == 0,
                            "a program cannot be ended");
    if (pager_vm()->swap.areas > 0) {
        fail_nth_expect(call_swapoff() == 0, "a disk stays in use");
        expect_sound();
    }
    fail_nth_expect(program_sets("compress", "0") == 0 && program_sets("merge", "off") == 0,
                    "a setting does not go back");
    fail_nth_expect(root(PAGER_SPACE_DESTROY, name_of(world.program), 0, 0) == 0,
                    "a program cannot be ended");
    expect_sound();
    fail_nth_expect(kernel_fake_count(KERNEL_OBJECT) + kernel_fake_count(KERNEL_TABLE) +
                            kernel_fake_count(KERNEL_CLOSED) ==
                        0,
                    "kernel objects or tables are lost");
    fail_nth_expect(pager_vm()->table.counts[PAGE_FREE] == world.free_pages, "frames are lost");
    fail_nth_expect(pager_vm()->commit.pages == 0, "promises are lost");
}

/* Who was ended for another goes on, and the fault of the other is made again. */
static void go_on(void)
{
    while (root(PAGER_NEXT_EVENT, 0, 0, 0) == 0)
        answered_space()->stopped = false;
    (void)root(PAGER_STATISTICS, 0, 0, 0);
}

static enum fail_run run(const void *context)
{
    const struct scenario *scenario = context;
    bool met;
    int error;

    begin(scenario);
    fail_nth_arm();
    error = scenario->call();
    met = fail_nth_disarm();
    go_on();
    expect_sound();
    fail_nth_expect(met || error == 0, "the scenario fails without a failure");
    if (error) {
        fail_nth_expect(error == ENOMEM || error == EINVAL || error == EBUSY ||
                            (error == EAGAIN && world.faults_on) || (error == EIO && world.disk),
                        "an error that is not documented");
        if (!world.ends)
            expect_image(scenario->brings_in);
        fail_nth_expect(scenario->call() == 0, "the same call fails without a failure");
        expect_sound();
    }
    end();
    return met ? FAIL_RUN_MET : FAIL_RUN_CLEAN;
}

static const struct scenario scenarios[] = {
    {"create", call_create, NULL, false},
    {"start", call_start, NULL, false},
    {"start-low", call_start, prepare_low, false},
    {"fork", call_fork, NULL, false},
    {"fork-low", call_fork, prepare_low, false},
    {"destroy", call_destroy, prepare_made, false},
    {"destroy-low", call_destroy, prepare_low_made, false},
    {"fault", call_fault, NULL, true},
    {"fault-far", call_fault_far, NULL, true},
    {"fault-low", call_fault_far, prepare_low, true},
    {"fault-waits", call_fault_waits, prepare_stopped, true},
    {"fault-around", call_fault_around, NULL, true},
    {"fault-copy", call_fault_copy, NULL, true},
    {"fault-copy-over", call_fault_copy, prepare_read, true},
    {"populate", call_populate, NULL, false},
    {"populate-low", call_populate, prepare_low, false},
    {"unmap", call_unmap, NULL, false},
    {"frame-take", call_take, NULL, false},
    {"frame-give", call_give, prepare_lent, false},
    {"swapon", call_swapon, prepare_disk, false},
    {"swapoff", call_swapoff, prepare_out, true},
    {"fault-out", call_fault_out, prepare_out, true},
    {"set-compress", call_set_compress, NULL, false},
    {"set-merge", call_set_merge, NULL, false},
    {"set-replacement", call_set_replacement, NULL, false},
};

TEST("whatever the pager lacks, it answers once, keeps no capability, frame or Reply, and goes on")
{
    for (uint32_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        fail_nth_sweep(scenarios[i].name, KINDS, run, &scenarios[i]);
    harness_note("%u runs", (unsigned)fail_nth_runs());
}

TEST("more requests than a disk's ring holds wait for the driver to make room, whenever it does")
{
    begin(&(struct scenario){.prepare = prepare_disk});
    CHECK_EQ(pager_disks_host_flood(kernel_fake.pager), PAGING_REQUESTS);
}

TEST("every kind of call fails in some run")
{
    if (getenv("NTH") || fail_nth_runs() == 0)
        SKIP("only some of the runs were asked for");
    for (uint32_t kind = 0; kind < FAIL_KINDS; kind++)
        CHECK(!(KINDS >> kind & 1) || fail_nth_met((enum fail_kind)kind) > 2);
}

static bool send_open(const char *path)
{
    memcpy(fl_buffer_data(), path, strlen(path));
    return program_asks(PAGER_OPEN, FILE_O_RDONLY, strlen(path), 0, strlen(path));
}

TEST("a call that finds no frame waits while the disk has a request, unless it brought bytes")
{
    const uint64_t last = FAR + 1000 * PAGE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    uint32_t taken[KERNEL_FRAMES], count = 0, page, late;
    uint64_t at = FAR + 64 * PAGE;
    struct vm *vm;

    begin(&(struct scenario){.prepare = prepare_disk});
    CHECK_EQ(call_swapon(), 0);
    vm = pager_vm();
    CHECK_EQ(vm_write(vm, world.program, FAR, "out", 3), 0);
    CHECK_EQ(program(PAGER_MADVISE, FAR, PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(paging_requests(vm), 1);
    while ((page = page_allocate(&vm->table, PAGE_LENT)) != PAGE_NONE)
        taken[count++] = page;
    while (at < last && program_asks(PAGER_MMAP, at, PAGE, PROT_READ | flags << 32, 0))
        at += 2 * PAGE;
    CHECK(at < last);
    CHECK_EQ(vm->waits.counts[WAIT_RESERVE], 1);
    CHECK(send_open("/proc/meminfo"));
    CHECK_EQ(kernel_fake.answer.word[0], ENOMEM);
    late = kernel_fake.late;
    while (count > 0)
        page_release(&vm->table, taken[--count]);
    CHECK(send_open("/proc/meminfo"));
    CHECK_EQ(kernel_fake.answer.word[0], 0);
    CHECK_EQ(kernel_fake.late, late + 1);
    CHECK_EQ(kernel_fake.late_answer.word[0], 0);
    CHECK_EQ(kernel_fake.late_answer.word[1], at);
    CHECK_EQ(vm->waits.active, 0);
}

TEST("a fault that says that the pool is low, and waits, has it filled once")
{
    uint32_t spare;

    begin(&(struct scenario){.prepare = prepare_out});
    prepare_low();
    CHECK(!kernel_fake_touch(world.program, FAR, FL_ACCESS_WRITE, 1));
    CHECK_EQ(pager_vm()->waits.counts[WAIT_PAGE], 1);
    spare = kernel_fake_count(KERNEL_SPARE);
    CHECK(spare >= FL_POOL_LOW);
    CHECK(pager_disks_host_serve(kernel_fake.pager));
    (void)kernel_fake_send(0, FL_INFO(FL_LABEL_NOTIFICATION, 4), (const uint64_t[4]){0});
    CHECK_EQ(pager_vm()->waits.active, 0);
    CHECK(kernel_fake_count(KERNEL_SPARE) <= spare);
}
