/* The pager's core when the N-th call of anything fails, for every N: frames, records, promises, maps ahead of
 * faults, what fork maps, answers that the kernel refuses. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c user/pager/core/[a-z]*.c
 *          tests/unit/fail_nth.c tests/unit/pager_fake.c tests/unit/pager_slow.c tests/unit/pager_snapshot.c
 *          tests/unit/pager_nth.c tests/unit/pager_nth_wrap.c tests/unit/pager_nth_memory.c tests/unit/pager_nth_fork.c
 *          tests/unit/pager_nth_file.c tests/unit/pager_nth_wait.c */
/* libs: -Wl,--wrap=page_allocate,--wrap=page_allocate_zeroed,--wrap=page_zero_ahead
 *       -Wl,--wrap=slab_allocate,--wrap=commit_take,--wrap=commit_take_area
 *       -Wl,--wrap=commit_take_copy,--wrap=commit_spares */
#include "pager_nth.h"

#include <stdlib.h>

#include "harness.h"

/* Calls between files only are replaced: one that the compiler moved into its caller would not fail. */
TEST("every kind of call fails in some run")
{
    static const enum fail_kind kinds[] = {FAIL_FRAME, FAIL_RECORD, FAIL_PROMISE,
                                           FAIL_MAP,   FAIL_CLONE,  FAIL_REPLY};

    if (getenv("NTH") || fail_nth_runs() == 0)
        SKIP("only some of the runs were asked for");
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        CHECK(fail_nth_met(kinds[i]) > 10);
}
