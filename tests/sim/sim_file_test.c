/* Files whose pages are fetched from a disk that is slow, fails and lies, whatever becomes of the page
 * meanwhile: who waited is answered once, never with a wrong byte, and nothing is lost. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c tests/sim/sim_file.c mm/frame.c */
#include "sim_file_kit.h"

TEST("a page that is missed is fetched from the disk, and every byte of it is the file's")
{
    struct space *space;

    kit_begin(1, PAGES, false, NULL);
    space = kit_space(1);
    CHECK_EQ(kit_map(space, AT, 0, PAGES, false), 0);
    CHECK_EQ(kit_fault(0, space, AT + 3 * PAGE + 5, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(kit_frames.pins, 1);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(space->major_faults, 1);
    for (uint64_t offset = 0; offset < PAGE; offset++)
        CHECK_EQ(kit_read(space, AT + 3 * PAGE + offset), sim_file_byte(3, offset));
    kit_end();
}
