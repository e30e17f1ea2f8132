/* Devices of the boot information: who may map them, and what else nobody may do with them. */
#include <stddef.h>

#include "refusal.h"

#define RAM   FL_BOOT_RAM
#define CNODE FL_BOOT_CNODE
#define PAGE  ((uint64_t)FL_PAGE_BYTES)
#define R     FL_RIGHT_READ
#define W     FL_RIGHT_WRITE
#define X     FL_RIGHT_EXEC
#define RW    (R | W)

static const struct fl_boot_device *device_at(uint64_t i)
{
    return (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO + i;
}

static uint64_t pages_of(const struct fl_boot_device *device)
{
    return (device->physical % PAGE + device->bytes + PAGE - 1) / PAGE;
}

/* A copy of part of a range shows by its success how far the range goes. */
static uint64_t derive(uint64_t slot, uint64_t pages, uint64_t rights)
{
    return flr_memory_derive(slot, 0, pages, rights, CNODE, kit_slots(1)).status;
}

TEST("every device has a capability for its whole pages, with read, write, map and revoke alone")
{
    refusal_begin();
    CHECK(kit_boot_info()->device_count > 0);
    CHECK(kit_boot_info()->device_count <= FL_BOOT_DEVICES_MAX);
    for (uint64_t i = 0; i < kit_boot_info()->device_count; i++) {
        uint64_t slot = FL_BOOT_DEVICES + i, pages = pages_of(device_at(i));
        CHECK_EQ(derive(slot, pages, RW | FL_RIGHT_MAP), FL_OK);
        CHECK_EQ(derive(slot, pages + 1, R), FL_STATUS(FL_OUT_OF_RANGE, 2));
        for (unsigned right = 0; (1u << right) <= FL_RIGHTS_ALL; right++) {
            bool has = ((RW | FL_RIGHT_MAP | FL_RIGHT_REVOKE) >> right & 1) != 0;
            CHECK_EQ(derive(slot, 1, 1u << right), has ? FL_OK : FL_STATUS(FL_NO_RIGHT, 4));
        }
    }
    uint64_t after = FL_BOOT_DEVICES + kit_boot_info()->device_count;
    CHECK_EQ(derive(after, 1, R), FL_STATUS(FL_BAD_SLOT, 1));
}

TEST("no device is RAM, and none lies in a page of RAM")
{
    const struct fl_boot_info *info = kit_boot_info();
    for (uint64_t i = 0; i < info->device_count; i++) {
        uint64_t start = device_at(i)->physical / PAGE, end = start + pages_of(device_at(i));
        for (uint64_t j = 0; j < info->ram_count; j++) {
            uint64_t first = info->ram[j].physical / PAGE;
            CHECK(end <= first || start >= first + info->ram[j].pages);
        }
    }
}

TEST("the serial port's registers are those of a serial port")
{
    refusal_begin();
    const struct fl_boot_device *uart = kit_find_device("ns16550a");
    if (uart == NULL)
        SKIP("this machine has no ns16550a");
    CHECK_EQ(uart->physical, 0x10000000);
    CHECK(uart->bytes >= 0x100);
    CHECK_EQ(uart->clock_hz, 3686400);
    volatile uint8_t *registers = kit_device_window(uart);
    CHECK((registers[5] & 0x20) != 0); /* LSR: room in the transmitter */
    registers[7] = 0x5a;               /* the scratch register keeps what it is given */
    CHECK_EQ(registers[7], 0x5a);
    volatile uint8_t *again = kit_device_window(uart);
    CHECK_EQ(again[7], 0x5a);
}

TEST("a device is mapped, lowered and unmapped like memory, counted nowhere, never executable")
{
    refusal_begin();
    const struct fl_boot_device *uart = kit_find_device("ns16550a");
    if (uart == NULL)
        SKIP("this machine has no ns16550a");
    uint64_t slot = kit_device_slot(uart), space = kit_bare_space(kit_pool(8));
    uint64_t mappings = kit_counter(FL_COUNTER_MAPPINGS);
    CHECK_DONE(flr_vspace_map(space, slot, 0, KIT_AREA, 1, RW));
    CHECK_EQ(flr_vspace_entry(space, KIT_AREA).value, RW | FL_ENTRY_VALID | FL_ENTRY_CEIL_W);
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings);
    CHECK_REFUSED(flr_memory_frame_state(slot, 0), BAD_FRAME, 2);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
    CHECK_REFUSED(flr_vspace_map(space, slot, 0, KIT_AREA + PAGE, 1, R | X), NO_RIGHT, 6);
    CHECK_REFUSED(flr_vspace_map(space, slot, 1, KIT_AREA + PAGE, 1, R), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, R | X), CEILING, 4);
    CHECK_DONE(flr_vspace_protect(space, KIT_AREA, 1, R));
    CHECK_DONE(flr_vspace_map(space, RAM, kit_frames(1), KIT_AREA, 1, RW | FL_MAP_REPLACE));
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + 1);
    CHECK_DONE(flr_vspace_map(space, slot, 0, KIT_AREA, 1, RW | FL_MAP_REPLACE));
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings);
    CHECK_DONE(flr_vspace_unmap(space, KIT_AREA, 1));
    CHECK_DONE(flr_vspace_map(space, slot, 0, KIT_AREA, 1, RW));
    CHECK_EQ(kit_delete(space), FL_OK);
}

TEST("a device is neither retyped nor donated nor anybody's message buffer")
{
    refusal_begin();
    uint64_t slot = FL_BOOT_DEVICES, pool = kit_pool(2), tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_memory_retype(slot, 0, FL_OBJECT_TCB, 1, CNODE, kit_slots(1)), NO_RIGHT, 1);
    CHECK_REFUSED(flr_pool_donate(pool, slot, 0, 1), NO_RIGHT, 2);
    CHECK_REFUSED(flr_pool_withdraw(pool, slot), NO_RIGHT, 2);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, slot, 0, 0), NO_RIGHT, 2);
}
