/* The world and the law of runs in which the N-th call fails: see pager_nth.h. */
#include "pager_nth.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "stock.h"

#define NTH_KINDS                                                                 \
    (1u << FAIL_FRAME | 1u << FAIL_RECORD | 1u << FAIL_PROMISE | 1u << FAIL_MAP | \
     1u << FAIL_CLONE | 1u << FAIL_REPLY)
#define NTH_PARTS_MAX 16u

struct nth nth;
static struct vm_port nth_port; /* of the fake machine */

/* ---- in the place of the port ---- */

static bool nth_port_map(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    return !fail_nth_now(FAIL_MAP) && nth_port.map(context, space, mapping);
}

/* Page by page: any of them may have no table to be mapped in. */
static void nth_port_clone(void *context, uint32_t to, uint32_t from, uint64_t address,
                           uint64_t pages, uint32_t rights)
{
    for (uint64_t end = address + pages * PAGE; address < end; address += PAGE) {
        if (!fake_peek(&nth.slow.fake, nth.vm->spaces[from], address, FL_ACCESS_READ))
            continue;
        nth_port.clone(context, to, from, address, 1, rights);
        if (fail_nth_now(FAIL_CLONE))
            nth_port.unmap(context, to, address, 1);
    }
}

/* ---- programs ---- */

int nth_stopped(const struct space *space)
{
    struct space *stopped = space_next_event(nth.vm);

    fail_nth_expect(stopped && (!space || stopped == space), "no event of a stopped program");
    fake_last_event = stopped->event;
    stopped->stopped = false;
    return stopped->event.kind == PAGER_EVENT_NO_MEMORY ? ENOMEM : EFAULT;
}

/* A refused answer maps nothing: the page that the address shows may be one that was taken back, so it
 * is unmapped, and the thread faults again. */
int nth_touch(struct space *space, uint64_t address, uint32_t access)
{
    const struct vm_fault fault = {.address = address, .access = access};

    for (uint32_t turn = 0; turn < 3; turn++) {
        uint64_t ended = nth.vm->reclaim.ended;
        struct vm_answer answer;

        if (fake_peek(&nth.slow.fake, space, address, access))
            return 0;
        switch (vm_handle_fault(nth.vm, space, &fault, &answer)) {
        case VM_WAIT:
            return nth.vm->reclaim.ended > ended ? nth_stopped(NULL) : EINPROGRESS;
        case VM_STOPPED:
            return nth_stopped(space);
        case VM_RESUME:
            break;
        }
        if (fail_nth_now(FAIL_REPLY))
            nth_port.unmap(&nth.slow.fake, space->id, address / PAGE * PAGE, 1);
        else
            fake_answer(&nth.slow.fake, space->id, address / PAGE * PAGE, &answer);
    }
    return fake_peek(&nth.slow.fake, space, address, access) ? 0 : NTH_REFUSED;
}

void nth_write(struct space *space, uint64_t address, uint8_t byte)
{
    fail_nth_expect(fake_touch(&nth.slow.fake, space, address, FL_ACCESS_WRITE, &byte) == FAKE_DONE,
                    "the world is not as the test needs it: write");
}

uint64_t nth_map(struct space *space, uint64_t address, uint64_t pages, uint32_t protection,
                 uint32_t flags)
{
    struct vm_map_request request = {
        .address = address, .bytes = pages * PAGE, .protection = protection, .flags = flags};
    uint64_t at = 0;

    fail_nth_expect(vm_map(nth.vm, space, &request, &at) == 0,
                    "the world is not as the test needs it: map");
    return at;
}

static void nth_map_file(uint64_t address, enum nth_handle handle, uint64_t pages,
                         uint32_t protection, uint32_t type)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = protection,
                                     .flags = type | MAP_FIXED};
    uint64_t at;

    fail_nth_expect(vm_file_map(nth.vm, nth.a, handle, &request, &at) == 0,
                    "the world is not as the test needs it: map a file");
}

struct space *nth_fork(struct space *parent)
{
    struct space *child = space_create(nth.vm, parent->pid + 1);

    fail_nth_expect(child && vm_fork(nth.vm, parent, child) == 0,
                    "the world is not as the test needs it: fork");
    return child;
}

void nth_destroy(struct space *space)
{
    slow_destroy(&nth.slow, space);
}

/* ---- the world ---- */

static void nth_add_files(struct fake *fake)
{
    static const struct fake_segment segments[] = {{0x10000, 4096, 4096, 4096, 5},
                                                   {PROGRAM_DATA, 8192, 4096 + 200, 3 * 4096, 6}};
    static uint8_t data[6 * FL_PAGE_BYTES];
    uint64_t bytes;

    for (uint64_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i / PAGE + 1);
    fake_add_file(fake, "text", data, 6 * PAGE - 300, true);
    fake_add_file(fake, "odd", data, 4 * PAGE - 300, false);
    memset(data, 0x5a, sizeof data);
    bytes = fake_make_elf(data, segments, 2, 0x10000);
    fake_add_file(fake, "program", data, bytes, true);
    fake_add_device(fake, "maker,clock", 0x10010000, FAKE_DEVICE_PAGES * PAGE);
}

static void nth_open(const char *path, uint32_t flags, enum nth_handle handle)
{
    fail_nth_expect(kit_open(&nth.slow.fake, nth.a, path, flags) == (int)handle,
                    "the world is not as the test needs it: open");
}

static void nth_make_files(void)
{
    static uint8_t bytes[3 * FL_PAGE_BYTES + 100];
    uint64_t done;

    nth_open("/tmp/f", FILE_O_RDWR | FILE_O_CREAT, NTH_F);
    nth_open("/odd", FILE_O_RDONLY, NTH_ODD);
    nth_open("/dev/maker,clock@10010000", FILE_O_RDWR, NTH_DEVICE);
    nth_open("/tmp/gone", FILE_O_RDWR | FILE_O_CREAT, NTH_GONE);
    nth_open("/dev/shm/s", FILE_O_RDWR | FILE_O_CREAT, NTH_SHM);
    nth_open("/text", FILE_O_RDONLY, NTH_TEXT);
    memset(bytes, 0x31, sizeof bytes);
    for (uint64_t page = 0; page < 4; page++) /* page 1 is a hole */
        if (page != 1)
            (void)object_write(nth.vm, nth.a->handles[NTH_F]->file, page * PAGE, bytes,
                               page < 3 ? PAGE : 100, &done);
    (void)object_write(nth.vm, nth.a->handles[NTH_GONE]->file, 0, bytes, 5, &done);
    (void)kit_unlink(&nth.slow.fake, nth.a, "/tmp/gone");
}

static void nth_make_areas(void)
{
    const uint32_t fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    uint8_t byte;

    nth_map(nth.a, ANON, 12, RW, fixed);
    nth_map(nth.a, SHARED, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    nth_map_file(FILE_SHARED, NTH_F, 4, RW, MAP_SHARED);
    nth_map_file(FILE_PRIVATE, NTH_F, 4, RW, MAP_PRIVATE);
    nth_map_file(ODD, NTH_ODD, 4, RW, MAP_PRIVATE);
    nth_map_file(TEXT, NTH_TEXT, 6, PROT_READ | PROT_EXEC, MAP_SHARED);
    nth_map_file(REGISTERS, NTH_DEVICE, 2, RW, MAP_SHARED);
    nth_map_file(READ_ONLY, NTH_TEXT, 4, PROT_READ, MAP_PRIVATE);
    nth_map(nth.a, WIRED, 3, RW, fixed | MAP_LOCKED);
    nth_map(nth.a, SPLIT, 8, RW, fixed);
    for (uint64_t i = 0; i < 3; i++) {
        nth_write(nth.a, ANON + i * PAGE, (uint8_t)(0x10 + i));
        nth_write(nth.a, SPLIT + 3 * i * PAGE, (uint8_t)(0x20 + i));
        nth_write(nth.a, WIRED + i * PAGE, (uint8_t)(0x30 + i));
    }
    (void)vm_protect(nth.vm, nth.a, SPLIT + 2 * PAGE, 3 * PAGE, PROT_READ);
    nth_write(nth.a, ANON + 5 * PAGE, 0x15);
    nth_write(nth.a, SHARED, 0x40);
    nth_write(nth.a, SHARED + PAGE, 0x41);
    nth_write(nth.a, FILE_SHARED, 0x50);
    nth_write(nth.a, FILE_PRIVATE, 0x51);
    nth_write(nth.a, ODD + 2 * PAGE, 0x52);
    nth_write(nth.a, PROGRAM_DATA, 0x53);
    nth_write(nth.a, PROGRAM_STACK_END - PAGE, 0x54);
    (void)fake_touch(&nth.slow.fake, nth.a, ANON + 3 * PAGE, FL_ACCESS_READ, &byte);
}

static void nth_make_programs(void)
{
    struct vm_program program;
    uint64_t end;

    nth.a = space_create(nth.vm, 2);
    fail_nth_expect(
        nth.a && vm_load(nth.vm, nth.a, fake_find_file(&nth.slow.fake, "program"), &program) == 0,
        "the world is not as the test needs it: load");
    (void)vm_break(nth.vm, nth.a, nth.a->heap_start + 3 * PAGE, &end);
    nth_write(nth.a, nth.a->heap_start, 0x60);
    nth_make_files();
    nth_make_areas();
    nth.b = nth_fork(nth.a);
    nth_write(nth.b, ANON + PAGE, 0x71);
    nth_write(nth.a, ANON + 2 * PAGE, 0x72);
    nth_write(nth.b, SPLIT, 0x73);
    nth.c = nth_fork(nth.b);
    nth_write(nth.c, ANON + 5 * PAGE, 0x75);
    nth_write(nth.c, ANON + 9 * PAGE, 0x79);
    nth_write(nth.b, FILE_PRIVATE + PAGE, 0x76);
    (void)stock_fill(nth.vm);
}

static void nth_begin(const struct nth_scenario *scenario)
{
    memset(&nth, 0, sizeof nth);
    nth.vm = &nth.slow.fake.vm;
    slow_init(&nth.slow, NTH_FRAMES);
    nth_add_files(&nth.slow.fake);
    fake_start(&nth.slow.fake);
    nth_port = nth.vm->port;
    nth.vm->port.map = nth_port_map;
    nth.vm->port.clone = nth_port_clone;
    nth_make_programs();
    if (scenario->prepare)
        scenario->prepare();
}

/* ---- the law ---- */

static struct {
    struct snapshot before, after; /* of a run without failures */
    struct snapshot resources_before, resources_after;
    struct snapshot masked; /* before, without what a partial call may change */
    struct snapshot now;
} law;

static void nth_expect_sound(void)
{
    const char *broken = slow_check(&nth.slow);

    if (!broken)
        broken = snapshot_check_tables(&nth.slow.fake);
    fail_nth_expect(!broken, broken ? broken : "");
}

static void nth_expect_state(const struct snapshot *was, const char *what)
{
    char line[400];
    const char *differs;

    snapshot_take(&law.now, &nth.slow.fake, NULL);
    differs = snapshot_differs(was, &law.now);
    snprintf(line, sizeof line, "%s: %s", what, differs ? differs : "");
    fail_nth_expect(!differs, line);
}

static void nth_expect_resources(const struct snapshot *was, const char *what)
{
    char line[400];
    const char *differs;

    snapshot_take_resources(&law.now, &nth.slow.fake);
    differs = snapshot_differs(was, &law.now);
    snprintf(line, sizeof line, "%s: %s", what, differs ? differs : "");
    fail_nth_expect(!differs, line);
}

static void nth_end(void)
{
    const struct vm *vm = nth.vm;

    while (vm->names.first)
        names_remove(nth.vm, vm->names.first);
    slow_end(&nth.slow);
    nth_expect_sound();
    fail_nth_expect(vm->table.counts[PAGE_FREE] == nth.slow.fake.free_pages, "frames are lost");
    fail_nth_expect(vm->commit.pages == 0, "promises are lost");
    fail_nth_expect(!vm->files && vm->file_pages == 0, "files are lost");
    fail_nth_expect(vm->entries.used + vm->objects.used + vm->nodes.used + vm->name_records.used +
                            vm->space_records.used + vm->descriptions.used + vm->views.used ==
                        0,
                    "records are lost");
    fail_nth_expect(vm->waits.active == 0, "a request is lost");
    fake_free(&nth.slow.fake);
}

/* A run without failures: what the others are compared with. */
static enum fail_run nth_reference(const struct nth_scenario *scenario)
{
    int result;

    nth_begin(scenario);
    nth_expect_sound();
    snapshot_take(&law.before, &nth.slow.fake, NULL);
    snapshot_take_resources(&law.resources_before, &nth.slow.fake);
    for (uint32_t part = 0; (result = scenario->call()) == NTH_PART && part < NTH_PARTS_MAX; part++)
        ;
    fail_nth_expect(result == 0, "the scenario fails without a failure");
    nth_expect_sound();
    snapshot_take(&law.after, &nth.slow.fake, NULL);
    snapshot_take_resources(&law.resources_after, &nth.slow.fake);
    nth_end();
    return FAIL_RUN_CLEAN;
}

static bool nth_is_documented(const struct nth_scenario *scenario, int result)
{
    if (result == NTH_PART)
        return scenario->law == NTH_PARTIAL;
    if (result == NTH_REFUSED)
        return true;
    return result > 0 && result < 64 && (scenario->errors >> result & 1);
}

/* Only what the scenario allows differs from the state before. */
static void nth_expect_part(const struct nth_scenario *scenario)
{
    const char *broken = scenario->check ? scenario->check() : NULL;

    fail_nth_expect(!broken, broken ? broken : "");
    snapshot_take(&law.now, &nth.slow.fake, &nth.mask);
    broken = snapshot_differs(&law.masked, &law.now);
    fail_nth_expect(!broken, broken ? broken : "");
}

/* The call was refused: as before, then made again. */
static void nth_expect_refused(const struct nth_scenario *scenario, int result)
{
    bool exact = scenario->law == NTH_EXACT && result != NTH_REFUSED;
    char line[80];

    snprintf(line, sizeof line, "an error that is not documented: %d", result);
    fail_nth_expect(nth_is_documented(scenario, result), line);
    if (scenario->law == NTH_PARTIAL)
        nth_expect_part(scenario);
    else
        nth_expect_state(&law.before, "a refused call changed what programs see");
    if (exact)
        nth_expect_resources(&law.resources_before, "a refused call kept something");
    for (uint32_t part = 0; part < NTH_PARTS_MAX; part++)
        if ((result = scenario->call()) != NTH_PART)
            break;
    fail_nth_expect(result == 0, "the same call fails without a failure");
    nth_expect_sound();
    if (exact)
        nth_expect_resources(&law.resources_after, "a refused call left something");
}

static enum fail_run nth_run(const void *context)
{
    const struct nth_scenario *scenario = context;
    bool met;
    int result;

    if (fail_nth_is_reference())
        return nth_reference(scenario);
    nth_begin(scenario);
    if (scenario->law == NTH_PARTIAL)
        snapshot_take(&law.masked, &nth.slow.fake, &nth.mask);
    fail_nth_arm();
    result = scenario->call();
    met = fail_nth_disarm();
    nth_expect_sound();
    fail_nth_expect(met || result == 0 || result == NTH_PART,
                    "the scenario fails without a failure");
    if (result != 0)
        nth_expect_refused(scenario, result);
    nth_expect_state(&law.after, "the state differs from that of a run without failures");
    nth_end();
    return met ? FAIL_RUN_MET : FAIL_RUN_CLEAN;
}

void nth_sweep(const struct nth_scenario *scenarios, uint32_t count)
{
    uint64_t runs = fail_nth_runs();

    for (uint32_t i = 0; i < count; i++)
        fail_nth_sweep(scenarios[i].name, NTH_KINDS, nth_run, &scenarios[i]);
    harness_note("%u scenarios, %u runs", (unsigned)count, (unsigned)(fail_nth_runs() - runs));
}
