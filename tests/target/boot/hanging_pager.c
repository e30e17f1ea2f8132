/* The system's pager with a vice, for watch_test.py: from one fault or call on it does not answer as
 * it should.  The boot argument vice=NAME,N says which vice, and from which one on.
 *
 *   loop    loops at fault N
 *   sleep   waits at fault N for a notification that nobody signals
 *   slow    answers fault N and the SLOW_FAULTS - 1 after it after SLOW_SECONDS each
 *   call    waits so at call N
 *   drop    lets fault N and all later ones wait for a disk that has nothing to do, and answers calls
 *
 * The linker puts the two functions below in place of the pager's own (--wrap). */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../../user/pager/core/wait.h"
#include "../../../user/pager/pager.h"

#define SLOW_SECONDS 5u
#define SLOW_FAULTS  3u /* longer together than the watch waits for one */

enum vm_verdict __real_vm_handle_fault(struct vm *vm, struct space *space,
                                       const struct vm_fault *fault, struct vm_answer *out);
enum vm_verdict __wrap_vm_handle_fault(struct vm *vm, struct space *space,
                                       const struct vm_fault *fault, struct vm_answer *out);
void __real_pager_call(struct pager *pager, struct fl_message *message);
void __wrap_pager_call(struct pager *pager, struct fl_message *message);

static unsigned long faults, calls;

static const struct fl_boot_info *vice_info(void)
{
    return (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
}

/* Whether the boot arguments name this vice and the time for it has come. */
static bool vice_is(const char *name, unsigned long number)
{
    const char *word = strstr(vice_info()->bootargs, "vice=");
    size_t bytes = strlen(name);

    if (!word || strncmp(word + 5, name, bytes) != 0 || word[5 + bytes] != ',')
        return false;
    return number >= strtoul(word + 5 + bytes + 1, NULL, 10);
}

static void vice_loop(void)
{
    for (volatile bool for_ever = true; for_ever;)
        ;
}

static void vice_sleep(void)
{
    const struct fl_boot_ram *ram = &vice_info()->ram[0];
    uint64_t status;

    (void)flr_vspace_unmap(PAGER_SLOT_VSPACE, PAGER_WINDOW + (ram->pages - 1) * FL_PAGE_BYTES, 1);
    status = flr_memory_retype(PAGER_SLOT_RAM, ram->pages - 1, FL_OBJECT_NOTIFICATION, 1,
                               PAGER_SLOT_CNODE, PAGER_SLOT_SCRATCH + 1)
                 .status;
    if (status != FL_OK)
        __builtin_trap();
    for (;;)
        (void)flr_notification_wait(PAGER_SLOT_SCRATCH + 1);
}

/* An emulator that counts instructions is slow to tell the time: it is asked for after each 10,000 turns. */
static void vice_dawdle(void)
{
    static unsigned dawdled;
    uint64_t end = fl_rdtime() + SLOW_SECONDS * vice_info()->timebase_hz;

    if (dawdled++ < SLOW_FAULTS)
        while (fl_rdtime() < end)
            for (volatile unsigned turn = 0; turn < 10000; turn++)
                ;
}

enum vm_verdict __wrap_vm_handle_fault(struct vm *vm, struct space *space,
                                       const struct vm_fault *fault, struct vm_answer *out)
{
    faults++;
    if (vice_is("loop", faults))
        vice_loop();
    if (vice_is("sleep", faults))
        vice_sleep();
    if (vice_is("slow", faults))
        vice_dawdle();
    if (vice_is("drop", faults)) {
        (void)wait_for_disk(vm);
        return VM_WAIT;
    }
    return __real_vm_handle_fault(vm, space, fault, out);
}

void __wrap_pager_call(struct pager *pager, struct fl_message *message)
{
    calls += message->badge >> 60 != PAGER_BADGE_IDLE; /* those come when they may */
    if (vice_is("call", calls))
        vice_sleep();
    __real_pager_call(pager, message);
}
