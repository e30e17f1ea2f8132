/* See fault_world.h. */
#include "fault_world.h"

#include <string.h>

struct fault_world fw;

void fault_setup(void)
{
    refusal_begin();
    fw.endpoint = kit_object(FL_OBJECT_ENDPOINT);
    fw.reply = kit_object(FL_OBJECT_REPLY);
    fw.handler = kit_copy(fw.endpoint, FL_RIGHT_SEND, FAULT_BADGE);
    fw.pool = kit_pool(24);
    fw.space = kit_space(fw.pool);
    fw.page = kit_frames(70);
    refusal_watch_frame(fw.page);
    refusal_watch_frame(fw.page + 1);
    refusal_watch_entry(fw.space, AREA);
    refusal_watch_entry(fw.space, AREA + PAGE);
    fw.progress = 0;
}

void fault_read_word(uint64_t address)
{
    fw.value = *(volatile uint64_t *)(uintptr_t)address;
    fw.progress++;
    kit_sleep();
}

void fault_write_word(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 0x1234567890ull;
    fw.progress++;
    kit_sleep();
}

void fault_run_code(uint64_t address)
{
    fw.value = ((uint64_t(*)(uint64_t))(uintptr_t)address)(41);
    fw.progress++;
    kit_sleep();
}

struct kit_thread *fault_thread(void (*function)(uint64_t), uint64_t argument)
{
    return kit_thread(fw.space, fw.handler, KIT_PRIORITY, function, argument);
}

struct kit_thread *fault_run(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = fault_thread(function, argument);

    kit_start(thread);
    return thread;
}

void fault_without_buffer(struct kit_thread *thread)
{
    uint64_t tcb = kit_object(FL_OBJECT_TCB);

    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    CHECK_DONE(flr_tcb_set_space(tcb, thread->space, fw.handler));
    CHECK_DONE(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, KIT_PRIORITY));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, thread->tcb, CNODE, tcb));
}

void fault_take(uint64_t info)
{
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
    CHECK_EQ(fw.fault.info, info);
    CHECK_EQ(fw.fault.badge, FAULT_BADGE);
}

void fault_expect(uint64_t address, uint64_t access)
{
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0], address);
    CHECK_EQ(fw.fault.word[2], access);
}

struct kit_thread *fault_reader(uint64_t address)
{
    struct kit_thread *thread = fault_run(fault_read_word, address);

    fault_expect(address, FL_ACCESS_READ);
    return thread;
}

uint64_t fault_entry(uint64_t address)
{
    return flr_vspace_entry(fw.space, address).value;
}

uint64_t fault_frame(uint64_t page)
{
    return flr_memory_frame_state(RAM, page).value;
}

void fault_set_spare(uint64_t frames)
{
    while (flr_pool_withdraw(fw.pool, RAM).status == FL_OK)
        ;
    if (frames > 0)
        CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(frames), frames));
}

void fault_put_code(uint64_t index, uint64_t offset, const uint32_t *code, unsigned words)
{
    uint8_t *window = kit_window(fw.page + index);

    memcpy(window + offset, code, words * sizeof *code);
    CHECK_DONE(flr_vspace_unmap(FL_BOOT_VSPACE, (uint64_t)(uintptr_t)window, 1));
}

struct fl_item fault_item(uint64_t address, uint64_t rights, uint64_t pages, uint64_t first)
{
    return (struct fl_item){FL_ITEM_ADDRESS(address, rights), FL_ITEM_SOURCE(RAM, pages), first};
}

struct fl_result fault_answer(const struct fl_item *items, unsigned count)
{
    uint64_t *buffer = (uint64_t *)(uintptr_t)FL_BUFFER + 4;

    for (unsigned i = 1; i < count; i++)
        memcpy(buffer + (size_t)3 * (i - 1), &items[i], sizeof items[i]);
    return (struct fl_result){
        fl_ipc_reply(fw.reply, RESUME(count), items[0].address, items[0].source, items[0].page, 0),
        0};
}

struct fl_result fault_answer_one(uint64_t address, uint64_t rights, uint64_t pages, uint64_t first)
{
    struct fl_item one = fault_item(address, rights, pages, first);

    return fault_answer(&one, 1);
}

struct fl_result fault_answer_info(uint64_t info)
{
    return (struct fl_result){fl_ipc_reply(fw.reply, info, 0, 0, 0, 0), 0};
}

void fault_finish(uint64_t address, uint64_t rights)
{
    uint64_t before = fw.progress;

    CHECK_DONE(fault_answer_one(address & ~(PAGE - 1), rights, 1, fw.page));
    kit_settle();
    CHECK_EQ(fw.progress, before + 1);
}

bool fault_none_waits(void)
{
    kit_settle();
    return flr_ipc_poll(fw.endpoint, fw.reply).status == FL_WOULD_BLOCK;
}
