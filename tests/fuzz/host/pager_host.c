/* See pager_host.h. */
#include "pager_host.h"

/* Its loop: main() is the test's. */
int pager_host_main(void);
#define main pager_host_main
#include "../../../user/pager/main.c"
#undef main
#include "../../../user/pager/kernel_port.h"

#include <setjmp.h>
#include <string.h>

#include "harness.h"
#include "pager_fake.h"

#define FILES    8u
#define ACCESSES (FL_ACCESS_READ | FL_ACCESS_WRITE | FL_ACCESS_EXEC)

static struct pager saved;
static struct {
    const struct pager_host_client *client;
    struct pager_world world;
    struct fl_message received[WAIT_RECORDS]; /* by token: what its Reply is for */
    uint64_t initrd_bytes;
    bool restored; /* it waits already */
    jmp_buf leave;
} host;

static struct cpio_file files[FILES];

/* ---- the way into the kernel ---- */

/* The window, which is at an address of programs there, is the memory itself here. */
static uint64_t translate(uint64_t address)
{
    return address - (uint64_t)(uintptr_t)host.world.window + PAGER_WINDOW;
}

void *fl_buffer_data(void)
{
    return (char *)pager_world_pager_buffer() + FL_BUFFER_DATA;
}

uint64_t fl_rdcycle(void)
{
    static uint64_t calls;

    return ++calls;
}

uint64_t fl_rdtime(void)
{
    return fl_rdcycle();
}

static bool waits(void)
{
    return pager_world_current() < PAGER_WORLD_CLIENTS;
}

static struct fl_message enter(uint64_t number, const uint64_t argument[7])
{
    const uint64_t *a = pager_world_pager_registers();

    CHECK(!waits());
    if (number == FL_CALL_system_reset) { /* G5 */
        harness_note("%s", pager_world_line());
        harness_fail(__FILE__, __LINE__, "the pager gives up");
    }
    if (!pager_world_call(number, argument))
        longjmp(host.leave, 1);
    return (struct fl_message){a[0], a[1], {a[2], a[3], a[4], a[5]}, a[6]};
}

static uint32_t token_of(uint64_t reply)
{
    return (uint32_t)(reply - PAGER_SLOT_REPLIES);
}

/* G3, and what the test has to say of errors. */
static void check_answer(uint64_t reply, uint64_t info, const uint64_t word[4])
{
    const struct fl_message *asked = &host.received[token_of(reply)];
    uint32_t access =
        (uint32_t)asked->word[2] & (FL_ACCESS_READ | FL_ACCESS_WRITE | FL_ACCESS_EXEC);

    if (asked->badge >> 60 != PAGER_BADGE_FAULT)
        CHECK_EQ(FL_INFO_LABEL(info), 0);
    host.client->answered(&pager.vm, asked, FL_INFO_LABEL(info), word[0]);
    if (FL_INFO_ITEM_COUNT(info) == 0)
        return;
    CHECK_EQ(asked->badge >> 60, PAGER_BADGE_FAULT);
    CHECK_EQ(FL_INFO_LABEL(info), FL_LABEL_RESUME);
    CHECK_EQ(FL_INFO_LABEL(asked->info), FL_LABEL_PAGE_FAULT);
    CHECK(asked->word[0] < FL_USER_END);
    CHECK_EQ(word[0] / FL_PAGE_BYTES, asked->word[0] / FL_PAGE_BYTES);
    CHECK((word[0] & access) == access);
}

/* G1 and G2; `running` holds the message that is answered now, or WAIT_NONE. */
static void check_tokens(uint32_t running)
{
    for (uint32_t token = 0; token < WAIT_RECORDS; token++) {
        bool holds = pager_world_reply_holds(request_reply(token));
        uint8_t state = pager.vm.waits.record[token].state;

        CHECK(!holds || token == running || state != WAIT_FREE);
        CHECK(state != WAIT_RUNNING || token == running);
    }
    CHECK(!pager_world_forgot());
}

/* G4. */
static void check_status(uint64_t reply, uint64_t status)
{
    const struct fl_message *asked = &host.received[token_of(reply)];
    uint64_t code = FL_STATUS_CODE(status);

    if (code == FL_OUT_OF_RANGE && asked->badge >> 60 == PAGER_BADGE_FAULT &&
        (asked->word[2] & ACCESSES) == 0)
        return;
    if (code != FL_OK && code != FL_NO_TABLE && code != FL_GONE)
        harness_note("an answer is refused: status 0x%lx", (unsigned long)status);
    CHECK(code == FL_OK || code == FL_NO_TABLE || code == FL_GONE);
}

struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                          uint64_t r4, uint64_t r5, uint64_t r6)
{
    uint64_t argument[7] = {r0, r1, r2, r3, r4, r5, r6};
    struct fl_message result;

    if (r0 == PAGER_SLOT_VSPACE && number == FL_CALL_vspace_map)
        argument[3] = translate(r3);
    if (r0 == PAGER_SLOT_VSPACE && number == FL_CALL_vspace_unmap)
        argument[1] = translate(r1);
    if (number == FL_CALL_ipc_reply)
        check_answer(r0, r1, &argument[2]);
    result = enter(number, argument);
    if (number == FL_CALL_ipc_reply)
        check_status(r0, result.status);
    CHECK(!waits());
    return (struct fl_result){result.status, result.info};
}

/* The pager waits until a client has something for it. */
static void serve_clients(void)
{
    while (waits())
        if (!host.client->step())
            longjmp(host.leave, 1);
}

static void note_received(uint64_t reply, struct fl_message *out)
{
    const uint64_t *a = pager_world_pager_registers();

    *out = (struct fl_message){a[0], a[1], {a[2], a[3], a[4], a[5]}, a[6]};
    host.received[token_of(reply)] = *out;
}

void fl_ipc(uint64_t number, uint64_t r0, uint64_t info, const uint64_t word[4], uint64_t r6,
            struct fl_message *out)
{
    const uint64_t argument[7] = {r0, info, word[0], word[1], word[2], word[3], r6};
    bool answers = number == FL_CALL_ipc_reply_recv;
    uint64_t reply = answers ? r6 : info;

    if (number == FL_CALL_ipc_call) { /* its log: there is no console driver */
        *out = enter(number, argument);
        return;
    }
    if (!host.restored) {
        if (answers)
            check_answer(reply, info, word);
        check_tokens(answers ? token_of(reply) : WAIT_NONE);
        host.client->check(&pager.vm);
        *out = enter(number, argument);
    }
    if (answers && !host.restored && !waits() && out->status != FL_OK) {
        check_status(reply, out->status);
        return;
    }
    host.restored = false;
    serve_clients();
    note_received(reply, out);
}

/* ---- start ---- */

/* As start.c, but that what the boot information would say is known. */
void pager_start(struct pager *started)
{
    struct vm_config config = {.range_count = 1,
                               .archive_bytes = host.initrd_bytes,
                               .archive_slot = PAGER_SLOT_INITRD,
                               .archive_files = &started->files,
                               .zero_slot = PAGER_SLOT_ZERO_PAGE,
                               .port = kernel_port_make(started)};
    const struct pager_world *world = &host.world;
    struct object_page zero;

    if (host.restored) {
        *started = saved;
        return;
    }
    config.window = world->window;
    config.archive = world->window + world->initrd_page * FL_PAGE_BYTES;
    config.range[0] = (struct page_range){
        .pages = world->pages, .first_free = world->first_free, .slot = PAGER_SLOT_RAM};
    CHECK_EQ(frames_map_own(PAGER_SLOT_RAM, world->first_free,
                            (uintptr_t)world->window + world->first_free * FL_PAGE_BYTES,
                            world->pages - world->first_free, FL_RIGHT_READ | FL_RIGHT_WRITE),
             FL_OK);
    memset(started, 0, sizeof(*started));
    CHECK(vm_init(&started->vm, &config));
    vm_page_locate(&started->vm, started->vm.zero_page, &zero);
    CHECK_EQ(flr_memory_derive(zero.slot, zero.page, 1, FL_RIGHT_READ | FL_RIGHT_MAP,
                               PAGER_SLOT_CNODE, PAGER_SLOT_ZERO_PAGE)
                 .status,
             FL_OK);
    started->files = (struct cpio_index){.files = files, .capacity = FILES};
    CHECK_EQ(cpio_index_build(&started->files, started->vm.archive, host.initrd_bytes), CPIO_OK);
    frames_settle_tables(started);
}

static void make_initrd(void)
{
    static const struct fake_segment segments[] = {{0x10000, 0, 0x200, 0x200, 5},
                                                   {0x11200, 0x200, 0x80, 0x2000, 6}};
    uint8_t *memory = host.world.window + host.world.initrd_page * FL_PAGE_BYTES, elf[0x300] = {0};

    fake_make_elf(elf, segments, 2, 0x10100);
    host.initrd_bytes = fake_cpio_member(memory, "program", 8, 0100755, elf, sizeof(elf));
    host.initrd_bytes +=
        fake_cpio_member(memory + host.initrd_bytes, "text", 5, 0100644, "a text\n", 7);
    host.initrd_bytes += fake_cpio_member(memory + host.initrd_bytes, "TRAILER!!!", 11, 0, NULL, 0);
}

void pager_host_boot(void)
{
    memset(&host, 0, sizeof(host));
    host.world = pager_world_boot();
    make_initrd();
}

void pager_host_save(void)
{
    pager_world_save();
    saved = pager;
}

void pager_host_restore(void)
{
    pager_world_restore();
    host.restored = true;
}

void pager_host_run(const struct pager_host_client *client)
{
    host.client = client;
    if (setjmp(host.leave) == 0)
        pager_host_main();
}
