/* Rules V: what stays the same from one kernel to the next.  The numbers are written out here, on purpose a
 * second time: what is published once is never given another meaning. */
#include "fault_world.h"

TEST("V1: the boot information says version 1")
{
    fault_setup();
    CHECK_EQ(FL_ABI_VERSION, 1);
    CHECK_EQ(kit_boot_info()->version, 1);
}

TEST("V2: the labels have the numbers of version 1")
{
    fault_setup();
    CHECK_EQ(FL_LABEL_PAGE_FAULT, 1);
    CHECK_EQ(FL_LABEL_UNKNOWN_SYSCALL, 2);
    CHECK_EQ(FL_LABEL_USER_EXCEPTION, 3);
    CHECK_EQ(FL_LABEL_BREAKPOINT, 4);
    CHECK_EQ(FL_LABEL_RESUME, 16);
    CHECK_EQ(FL_LABEL_UPCALL, 17);
    CHECK_EQ(FL_LABEL_STOP, 18);
    CHECK_EQ(FL_LABEL_NOTIFICATION, 0xffffffffu);
}

TEST("V2: the bits of the access word are those of version 1")
{
    fault_setup();
    CHECK_EQ(FL_ACCESS_READ, 0x1);
    CHECK_EQ(FL_ACCESS_WRITE, 0x2);
    CHECK_EQ(FL_ACCESS_EXEC, 0x4);
    CHECK_EQ(FL_ACCESS_PRESENT, 0x10);
    CHECK_EQ(FL_ACCESS_MAY_R, 0x20);
    CHECK_EQ(FL_ACCESS_MAY_W, 0x40);
    CHECK_EQ(FL_ACCESS_MAY_X, 0x80);
    CHECK_EQ(FL_ACCESS_POOL_LOW, 0x100);
    CHECK_EQ(FL_ACCESS_UPCALL, 0x200);
    CHECK_EQ(FL_ACCESS_PHYSICAL, 0x400);
    CHECK_EQ(FL_POOL_LOW, 8);
}

TEST("V2: items, flags and limits are those of version 1")
{
    fault_setup();
    CHECK_EQ(FL_MAP_REPLACE, 0x100);
    CHECK_EQ(FL_MAP_ACCESSED, 0x200);
    CHECK_EQ(FL_MAP_DIRTY, 0x400);
    CHECK_EQ(FL_ITEM_ADDRESS(0x5000, 3), 0x5003);
    CHECK_EQ(FL_ITEM_SOURCE(7, 2), 0x200000007ull);
    CHECK_EQ(FL_INFO_ITEMS(16, 0, 3), 0x30000000010ull);
    CHECK_EQ(FL_ITEMS, 16);
    CHECK_EQ(FL_ITEM_PAGES, 64);
    CHECK_EQ(sizeof(struct fl_item), 24);
    CHECK_EQ(FL_UPCALL_WORD, 100);
}

TEST("V2: the status codes of answers have the numbers of version 1")
{
    static const uint8_t codes[] = {FL_OK,           FL_BAD_SLOT,  FL_BAD_TYPE,      FL_NO_RIGHT,
                                    FL_OUT_OF_RANGE, FL_UNALIGNED, FL_RESERVED,      FL_OCCUPIED,
                                    FL_BAD_FRAME,    FL_BUSY,      FL_NO_TABLE,      FL_OVERFLOW,
                                    FL_GONE,         FL_NOT_READY, FL_MORE,          FL_CANCELLED,
                                    FL_WOULD_BLOCK,  FL_NO_BUFFER, FL_RESERVED_CALL, FL_CEILING};

    fault_setup();
    for (unsigned i = 0; i < sizeof codes; i++)
        CHECK_EQ(codes[i], i);
}

TEST("V2: the calls of the protocol have the numbers of version 1")
{
    fault_setup();
    CHECK_EQ(FL_CALL_ipc_call, 0);
    CHECK_EQ(FL_CALL_ipc_reply_recv, 1);
    CHECK_EQ(FL_CALL_ipc_recv, 2);
    CHECK_EQ(FL_CALL_ipc_send, 3);
    CHECK_EQ(FL_CALL_ipc_reply, 4);
    CHECK_EQ(FL_CALL_ipc_poll, 5);
    CHECK_EQ(FL_CALL_thread_resume_upcall, 7);
    CHECK_EQ(FL_CALL_tcb_set_space, 49);
    CHECK_EQ(FL_CALL_tcb_read_registers, 56);
    CHECK_EQ(FL_CALL_tcb_write_registers, 57);
    CHECK_EQ(FL_CALL_tcb_upcall, 58);
    CHECK_EQ(FL_CALL_tcb_set_upcall, 59);
    CHECK_EQ(FL_CALL_tcb_state, 60);
}

static void call_number(uint64_t number)
{
    fw.value = fl_ecall(number, 0, 0, 0, 0, 0, 0, 0).status;
    fw.progress++;
    kit_sleep();
}

static void check_reserved(uint64_t number)
{
    fault_setup();
    fault_run(call_number, number);
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, FL_RESERVED_CALL);
}

TEST("V3: a number that is reserved answers RESERVED_CALL and is no fault")
{
    check_reserved(FL_CALL_memory_revoke);
}

TEST("V3: a number between the calls answers RESERVED_CALL and is no fault")
{
    check_reserved(11);
}

TEST("V4: the info word of a fault has no bit beside label and count of words")
{
    fault_setup();
    fault_run(call_number, UINT64_MAX);
    fault_take(FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4));
    CHECK_EQ(fw.fault.info >> 40, 0);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("V4: the access word has no bit that is not named")
{
    fault_setup();
    struct kit_thread *thread = fault_thread(fault_write_word, AREA);
    fault_set_spare(0);
    kit_start(thread);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[2] & ~0x7f7ull, 0);
    CHECK(fw.fault.word[2] & FL_ACCESS_POOL_LOW);
    CHECK_DONE(fault_answer_info(STOP));
}
