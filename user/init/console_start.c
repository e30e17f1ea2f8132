/* Owns the start of the console driver, see console_start.h. */
#include "console_start.h"

#include "console.h"
#include "console_device.h"
#include "fl_calls.h"
#include "initrd.h"
#include "log.h"
#include "pinned.h"
#include "slots.h"

#define DRIVER_TABLES \
    5u /* the root; two levels each for the image and for stack, buffer, registers */
#define SLOT_DRIVER_NOTIFICATION (SLOT_NOTIFICATIONS + STOCK_OBJECTS - 1)

static const struct pinned driver = {"console", SLOT_CONSOLE_TCB, SLOT_CONSOLE_VSPACE,
                                     SLOT_CONSOLE_CNODE, 1};

static const char driver_stays[] = "the firmware's console stays";

/* Returns: whether there is a UART that the driver knows, with an interrupt; else says what is
 * there. */
static bool driver_find_device(const struct fl_boot_info *info, struct console_device *found)
{
    const struct fl_boot_device *devices =
        (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO;

    *found = console_device_find(devices, info->device_count, info->console);
    if (!found->device)
        log_line("console: no UART among %lu devices: %s", info->device_count, driver_stays);
    else if (found->kind == 0)
        log_line("console: no driver for `%s` at 0x%lx: %s", found->device->compatible,
                 found->device->physical, driver_stays);
    else if (found->device->interrupt == 0)
        log_line("console: `%s` at 0x%lx has no interrupt: %s", found->device->compatible,
                 found->device->physical, driver_stays);
    else
        return true;
    return false;
}

static const char *driver_find_image(struct elf_image *image)
{
    const struct cpio_file *file = initrd_find(driver.name);
    enum elf_error error;

    if (!file) {
        log_line("initrd: no file `%s`: %s", driver.name, driver_stays);
        return NULL;
    }
    error = elf_decode(initrd_contents(file), file->size_bytes, CONSOLE_REGISTERS, image);
    if (error == ELF_OK)
        return initrd_contents(file);
    log_line("initrd: %s: %s (%lu bytes): %s", driver.name, elf_error_text(error), file->size_bytes,
             driver_stays);
    return NULL;
}

static bool driver_take_interrupt(uint64_t source)
{
    uint64_t status;

    frames_make_objects(FL_OBJECT_IRQ_HANDLER, 1, SLOT_CONSOLE_IRQ);
    status = flr_system_irq(FL_BOOT_SYSTEM, source, SLOT_CONSOLE_IRQ).status;
    if (status != FL_OK)
        log_line("console: interrupt %lu: status 0x%lx: %s", source, status, driver_stays);
    return status == FL_OK;
}

static void driver_expect(const char *what, uint64_t status)
{
    if (status != FL_OK)
        log_stop("%s: %s: status 0x%lx", driver.name, what, status);
}

static void driver_fill_cspace(void)
{
    frames_make_objects(FL_OBJECT_CNODE, 1, SLOT_CONSOLE_CNODE);
    frames_make_objects(FL_OBJECT_REPLY, CONSOLE_CLIENTS + 1, SLOT_CONSOLE_REPLIES);
    pinned_give(&driver, CONSOLE_SLOT_ENDPOINT, SLOT_CONSOLE, FL_RIGHT_RECV, 0, "endpoint");
    pinned_give(&driver, CONSOLE_SLOT_IRQ, SLOT_CONSOLE_IRQ, FL_RIGHTS_ALL, 0, "interrupt");
    pinned_give(&driver, CONSOLE_SLOT_INPUT, SLOT_WAKE_CONSOLE, FL_RIGHT_SEND, 0, "input");
    for (uint64_t i = 0; i < CONSOLE_CLIENTS + 1; i++)
        pinned_hand_over(&driver, CONSOLE_SLOT_REPLIES + i, SLOT_CONSOLE_REPLIES + i, "reply");
    driver_expect("our endpoint", flr_cnode_copy(FL_BOOT_CNODE, SLOT_CONSOLE_ROOT, FL_BOOT_CNODE,
                                                 SLOT_CONSOLE, FL_RIGHT_CALL, CONSOLE_BADGE_ROOT)
                                      .status);
}

/* The driver's first call.  Its first interrupt can come only after that. */
static void driver_hand_over(const struct console_device *found)
{
    const struct fl_boot_device *device = found->device;
    struct fl_message answer = fl_ipc_call(
        SLOT_CONSOLE_ROOT, FL_INFO(FL_PROTOCOL_LABEL(CONSOLE_VERSION, CONSOLE_START), 4),
        found->kind, device->physical % FL_PAGE_BYTES, device->reg_shift, device->io_width);

    driver_expect("START", answer.status);
    if (answer.word[0] != 0) {
        log_line("console: `%s` at 0x%lx, reg-shift %u, reg-io-width %u: error %lu: %s",
                 device->compatible, device->physical, device->reg_shift, device->io_width,
                 answer.word[0], driver_stays);
        return;
    }
    console_use_driver();
    driver_expect("its interrupt", flr_irq_bind(SLOT_CONSOLE_IRQ, SLOT_DRIVER_NOTIFICATION).status);
}

uint64_t console_start(const struct fl_boot_info *info)
{
    struct console_device found;
    struct elf_image image;
    const char *file;

    if (!driver_find_device(info, &found))
        return 0;
    file = driver_find_image(&image);
    if (!file || !driver_take_interrupt(found.device->interrupt))
        return 0;
    frames_donate(FL_BOOT_POOL, DRIVER_TABLES);
    pinned_load(&driver, FL_BOOT_POOL, &image, file);
    frames_map(SLOT_CONSOLE_VSPACE, FL_BOOT_DEVICES + found.index, 0, CONSOLE_REGISTERS, 1,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    driver_fill_cspace();
    driver_expect("notification",
                  flr_tcb_bind_notification(SLOT_CONSOLE_TCB, SLOT_DRIVER_NOTIFICATION).status);
    pinned_run(&driver, image.entry, PRIORITY_CONSOLE);
    driver_hand_over(&found);
    return 1ull << found.index;
}
