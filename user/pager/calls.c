/* Calls of the pager's protocol (pager.def): decode the words, ask the core, put the answer in
 * place.
 *
 * Words 0..3 are in the message; bytes lie in the message buffer, whose contents only the caller's
 * next message changes.  Badges say who speaks: a program speaks for its own space only. */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "core/stock.h"
#include "disks.h"
#include "file_calls.h"
#include "frames.h"
#include "log.h"
#include "pins.h"
#include "memory_values.h"
#include "request.h"
#include "space_objects.h"
#include "system_calls.h"

/* ---- memory calls of programs ---- */

static int calls_mmap(struct call *call)
{
    struct vm_map_request request = {.address = call->in[0],
                                     .bytes = call->in[1],
                                     .protection = (uint32_t)call->in[2],
                                     .flags = (uint32_t)(call->in[2] >> 32),
                                     .offset = call->in[3]};

    if (!(request.flags & MAP_ANONYMOUS))
        return file_calls_map(call, &request);
    return vm_map(&call->pager->vm, call->space, &request, &call->out[0]);
}

static int calls_munmap(struct call *call)
{
    return vm_unmap(&call->pager->vm, call->space, call->in[0], call->in[1]);
}

static int calls_mprotect(struct call *call)
{
    if (call->in[2] > UINT32_MAX)
        return EINVAL;
    return vm_protect(&call->pager->vm, call->space, call->in[0], call->in[1],
                      (uint32_t)call->in[2]);
}

static int calls_brk(struct call *call)
{
    return vm_break(&call->pager->vm, call->space, call->in[0], &call->out[0]);
}

static void calls_tell_usage(struct call *call, const struct space *space)
{
    call->out[0] = space->minor_faults;
    call->out[1] = space->major_faults;
    call->out[2] = space->peak;
}

static int calls_rusage(struct call *call)
{
    calls_tell_usage(call, call->space);
    return 0;
}

static int calls_madvise(struct call *call)
{
    return vm_advise(&call->pager->vm, call->space, call->in[0], call->in[1], call->in[2]);
}

static int calls_mincore(struct call *call)
{
    return vm_resident(&call->pager->vm, call->space, call->in[0], call->in[1], call->in[2],
                       &call->out[0]);
}

static int calls_msync(struct call *call)
{
    return vm_sync(call->space, call->in[0], call->in[1], call->in[2]);
}

static int calls_mlock(struct call *call)
{
    return vm_wire(&call->pager->vm, call->space, call->in[0], call->in[1], call->in[2]);
}

static int calls_munlock(struct call *call)
{
    return vm_unwire(&call->pager->vm, call->space, call->in[0], call->in[1]);
}

static int calls_mlockall(struct call *call)
{
    if (call->in[0] != 0)
        return vm_wire_all(&call->pager->vm, call->space, call->in[0]);
    vm_unwire_all(&call->pager->vm, call->space);
    return 0;
}

static int calls_mremap(struct call *call)
{
    struct vm_remap_request request = {.address = call->in[0],
                                       .old_bytes = call->in[1],
                                       .bytes = call->in[2],
                                       .flags = call->in[3]};

    if ((request.flags & MREMAP_FIXED) && call->sent < 5)
        return EINVAL;
    if (request.flags & MREMAP_FIXED)
        memcpy(&request.to, calls_buffer(), sizeof(request.to));
    return vm_remap(&call->pager->vm, call->space, &request, &call->out[0]);
}

static int calls_rlimit(struct call *call)
{
    const struct limit limit = {call->in[2], call->in[3]};
    struct limit old = {0, 0};
    int error = call->in[1] > 1 ? EINVAL
                                : vm_limit(&call->pager->vm, call->space, call->in[0],
                                           call->in[1] ? &limit : NULL, &old);

    call->out[0] = old.soft;
    call->out[1] = old.hard;
    return error;
}

static int calls_await_reserve(struct call *call)
{
    return wait_for_reserve(&call->pager->vm);
}

/* ---- spaces, for the root task ---- */

/* Names a new space in the answer. */
static int calls_name_space(struct call *call, int error, const struct space *space)
{
    if (error)
        return error;
    call->out[0] = (uint64_t)space->generation << 32 | space->id;
    call->out[1] = pager_slot_tcb(space->id);
    return 0;
}

static int calls_space_create(struct call *call)
{
    struct space *space;
    int error = space_objects_create(call->pager, call->in[0], &space);

    if (!error)
        space->parent = call->in[1];
    return calls_name_space(call, error, space);
}

static int calls_space_fork(struct call *call)
{
    struct space *space;
    int error = space_objects_fork(call->pager, call->space, call->in[1], &space);

    return calls_name_space(call, error, space);
}

static int calls_space_attach(struct call *call)
{
    return space_objects_attach(call->pager, call->space);
}

static int calls_space_load(struct call *call)
{
    const struct cpio_file *file;
    struct vm_program program;
    int error;

    if (call->in[1] > FL_PROTOCOL_BYTES)
        return EINVAL;
    file = cpio_index_find(&call->pager->files, calls_buffer(), (uint32_t)call->in[1]);
    if (!file)
        return ENOENT;
    error = vm_load(&call->pager->vm, call->space, file, &program);
    if (error == ENOEXEC) {
        const char *text = elf_error_text(program.error);

        call->out[2] = strlen(text);
        memcpy(calls_buffer(), text, call->out[2]);
        calls_send_bytes(call, call->out[2]);
    } else if (!error) {
        call->out[0] = program.entry;
        call->out[1] = program.stack_end;
    }
    return error;
}

static int calls_space_write(struct call *call)
{
    if (call->in[2] > FL_PROTOCOL_BYTES)
        return EINVAL;
    return vm_write_start(&call->pager->vm, call->space, call->in[1], calls_buffer(), call->in[2]);
}

static int calls_space_destroy(struct call *call)
{
    calls_tell_usage(call, call->space);
    return space_objects_destroy(call->pager, call->space);
}

static int calls_next_event(struct call *call)
{
    const struct space *space = space_next_event(&call->pager->vm);
    uint64_t rest[3];

    if (!space)
        return EAGAIN;
    call->out[0] = (uint64_t)space->generation << 32 | space->id;
    call->out[1] = space->event.signal;
    call->out[2] = space->event.address;
    rest[0] = space->event.pc;
    rest[1] = space->event.access;
    rest[2] = space->event.kind;
    memcpy(calls_buffer(), rest, sizeof(rest));
    calls_send_bytes(call, sizeof(rest));
    return 0;
}

/* ---- frames and counters, for the root task ---- */

static int calls_frame_take(struct call *call)
{
    struct vm *vm = &call->pager->vm;
    uint32_t page;

    if (call->in[0] == 0 || call->in[0] > vm->table.count)
        return EINVAL;
    page = frames_lend(call->pager, (uint32_t)call->in[0]);
    if (page == PAGE_NONE)
        return ENOMEM;
    call->out[0] = vm->table.pages[page].range;
    call->out[1] = page - vm->table.range[vm->table.pages[page].range].base;
    return 0;
}

static int calls_frame_give(struct call *call)
{
    const struct page_table *table = &call->pager->vm.table;
    uint32_t first = page_number(table, call->in[0], call->in[1]);

    if (first == PAGE_NONE || call->in[2] > table->range[call->in[0]].pages - call->in[1])
        return EINVAL;
    for (uint32_t i = 0; i < call->in[2]; i++)
        if (table->pages[first + i].state != PAGE_LENT)
            return EINVAL;
    return frames_return(call->pager, first, (uint32_t)call->in[2]) == FL_OK ? 0 : EBUSY;
}

static int calls_statistics(struct call *call)
{
    const struct vm *vm = &call->pager->vm;
    const uint32_t *counts = vm->table.counts;
    uint32_t pinned, pins = pins_chunks(&pinned);
    const uint64_t values[PAGER_STAT_COUNT] = {
        [PAGER_STAT_FREE_FRAMES] = counts[PAGE_FREE],
        [PAGER_STAT_TOTAL_FRAMES] = vm->table.count - counts[PAGE_OUTSIDE],
        [PAGER_STAT_SPACES] = vm->space_records.used,
        [PAGER_STAT_ENTRIES] = vm->entries.used,
        [PAGER_STAT_OBJECTS] = vm->objects.used,
        [PAGER_STAT_MINOR_FAULTS] = vm->minor_faults,
        [PAGER_STAT_MAJOR_FAULTS] = vm->major_faults,
        [PAGER_STAT_METADATA_FRAMES] = counts[PAGE_METADATA],
        [PAGER_STAT_SHADOWS_MADE] = vm->counts.shadows,
        [PAGER_STAT_PAGES_COPIED] = vm->counts.copies,
        [PAGER_STAT_PAGES_TAKEN] = vm->counts.takes,
        [PAGER_STAT_OBJECTS_MERGED] = vm->counts.merges,
        [PAGER_STAT_NEIGHBOURS] = vm->counts.neighbours,
        [PAGER_STAT_COMMITTED] = vm->commit.pages,
        [PAGER_STAT_COMMIT_LIMIT] = commit_limit(vm),
        [PAGER_STAT_WAITS] = vm->waits.parked,
        [PAGER_STAT_ZEROED_AHEAD] = vm->counts.zeroed_ahead,
        [PAGER_STAT_ZEROED_TAKEN] = vm->counts.zeroed_taken,
        [PAGER_STAT_ZEROED_FRAMES] = vm->table.zeroed,
        [PAGER_STAT_DISK_REQUESTS] = paging_requests(vm) + disks_headers(),
        [PAGER_STAT_SUSPENDED] = vm->load.suspended,
        [PAGER_STAT_SWAP_USED] = vm->swap.used,
        [PAGER_STAT_SWAP_IN] = vm->paging.counts.swapped_in,
        [PAGER_STAT_SWAP_READS] = vm->paging.counts.swap_reads,
        [PAGER_STAT_SWAP_OUT] = vm->paging.counts.swapped_out,
        [PAGER_STAT_SWAP_WRITES] = vm->paging.counts.swap_writes,
        [PAGER_STAT_OUT_CYCLES] = call->pager->out_cycles,
        [PAGER_STAT_PINS] = pins,
        [PAGER_STAT_PINNED] = pinned,
    };

    if (call->in[0] >= PAGER_STAT_COUNT)
        return EINVAL;
    call->out[0] = values[call->in[0]];
    return 0;
}

/* What is done in idle time. */
static int calls_zero_ahead(struct call *call)
{
    struct vm *vm = &call->pager->vm;

    call->out[0] = stock_fill(vm);
    if (call->out[0] == 0)
        call->out[0] = samepage_step(vm);
    if (call->out[0] == 0)
        call->out[0] = vm_discard_step(vm);
    return 0;
}

/* ---- dispatch ---- */

/* Whom a call is for, and which space it is about. */
enum call_subject { CALL_OWN_SPACE, CALL_NAMED_SPACE, CALL_SYSTEM, CALL_IDLE };

/* Who may make the calls about a subject. */
static const uint8_t call_callers[] = {[CALL_OWN_SPACE] = PAGER_BADGE_PROGRAM,
                                       [CALL_NAMED_SPACE] = PAGER_BADGE_ROOT,
                                       [CALL_SYSTEM] = PAGER_BADGE_ROOT,
                                       [CALL_IDLE] = PAGER_BADGE_IDLE};

struct call_entry {
    int (*answer)(struct call *call);
    enum call_subject subject;
};

static const struct call_entry call_table[] = {
    [PAGER_MMAP] = {calls_mmap, CALL_OWN_SPACE},
    [PAGER_MUNMAP] = {calls_munmap, CALL_OWN_SPACE},
    [PAGER_MPROTECT] = {calls_mprotect, CALL_OWN_SPACE},
    [PAGER_BRK] = {calls_brk, CALL_OWN_SPACE},
    [PAGER_RUSAGE] = {calls_rusage, CALL_OWN_SPACE},
    [PAGER_SPACE_CREATE] = {calls_space_create, CALL_SYSTEM},
    [PAGER_SPACE_ATTACH] = {calls_space_attach, CALL_NAMED_SPACE},
    [PAGER_SPACE_LOAD] = {calls_space_load, CALL_NAMED_SPACE},
    [PAGER_SPACE_WRITE] = {calls_space_write, CALL_NAMED_SPACE},
    [PAGER_SPACE_DESTROY] = {calls_space_destroy, CALL_NAMED_SPACE},
    [PAGER_NEXT_EVENT] = {calls_next_event, CALL_SYSTEM},
    [PAGER_FRAME_TAKE] = {calls_frame_take, CALL_SYSTEM},
    [PAGER_FRAME_GIVE] = {calls_frame_give, CALL_SYSTEM},
    [PAGER_STATISTICS] = {calls_statistics, CALL_SYSTEM},
    [PAGER_MADVISE] = {calls_madvise, CALL_OWN_SPACE},
    [PAGER_MINCORE] = {calls_mincore, CALL_OWN_SPACE},
    [PAGER_MSYNC] = {calls_msync, CALL_OWN_SPACE},
    [PAGER_MLOCK] = {calls_mlock, CALL_OWN_SPACE},
    [PAGER_MUNLOCK] = {calls_munlock, CALL_OWN_SPACE},
    [PAGER_MLOCKALL] = {calls_mlockall, CALL_OWN_SPACE},
    [PAGER_MREMAP] = {calls_mremap, CALL_OWN_SPACE},
    [PAGER_RLIMIT] = {calls_rlimit, CALL_OWN_SPACE},
    [PAGER_SPACE_FORK] = {calls_space_fork, CALL_NAMED_SPACE},
    [PAGER_ZERO_AHEAD] = {calls_zero_ahead, CALL_IDLE},
    [PAGER_OPEN] = {file_calls_open, CALL_OWN_SPACE},
    [PAGER_CLOSE] = {file_calls_close, CALL_OWN_SPACE},
    [PAGER_READ] = {file_calls_read, CALL_OWN_SPACE},
    [PAGER_WRITE] = {file_calls_write, CALL_OWN_SPACE},
    [PAGER_SEEK] = {file_calls_seek, CALL_OWN_SPACE},
    [PAGER_TRUNCATE] = {file_calls_truncate, CALL_OWN_SPACE},
    [PAGER_STATUS] = {file_calls_status, CALL_OWN_SPACE},
    [PAGER_PATH_STATUS] = {file_calls_path_status, CALL_OWN_SPACE},
    [PAGER_UNLINK] = {file_calls_unlink, CALL_OWN_SPACE},
    [PAGER_RENAME] = {file_calls_rename, CALL_OWN_SPACE},
    [PAGER_NAME] = {file_calls_name, CALL_OWN_SPACE},
    [PAGER_CHECK_ACCESS] = {file_calls_check_access, CALL_OWN_SPACE},
    [PAGER_SETTING] = {system_calls_setting, CALL_OWN_SPACE},
    [PAGER_SETTING_NAME] = {system_calls_setting_name, CALL_OWN_SPACE},
    [PAGER_DISK] = {system_calls_disk, CALL_OWN_SPACE},
    [PAGER_SWAPON] = {system_calls_swapon, CALL_OWN_SPACE},
    [PAGER_SWAPOFF] = {system_calls_swapoff, CALL_OWN_SPACE},
    [PAGER_AWAIT_RESERVE] = {calls_await_reserve, CALL_OWN_SPACE},
};
#define CALLS (sizeof(call_table) / sizeof(call_table[0]))

static int calls_dispatch(struct call *call, uint32_t label, uint64_t badge)
{
    bool program = badge >> 60 == PAGER_BADGE_PROGRAM;
    const struct call_entry *entry;
    uint64_t named = program ? badge : call->in[0];

    if (label >> 16 != PAGER_VERSION || (label & 0xffff) >= CALLS)
        return ENOSYS;
    entry = &call_table[label & 0xffff];
    if (!entry->answer)
        return ENOSYS;
    if (badge >> 60 != call_callers[entry->subject])
        return EPERM;
    if (entry->subject <= CALL_NAMED_SPACE) {
        call->space = space_find(&call->pager->vm, (uint32_t)named,
                                 (uint32_t)(named >> 32) & SPACE_GENERATION_MASK);
        if (!call->space)
            return ESRCH;
    }
    return entry->answer(call);
}

/* A call for which there was no frame did nothing that may not be done again, and waits until some are there, unless it
 * brought bytes, which would be gone by then (request.h).  failures: of page_allocate, before the call. */
static bool calls_wait_for_frames(const struct call *call, uint64_t failures)
{
    struct vm *vm = &call->pager->vm;

    return vm->table.failures != failures && !call->final && calls_sent_bytes(call) == 0 &&
           wait_for_reserve(vm) == EINPROGRESS;
}

/* Parks a call that has to wait.  False: it can't be. */
static bool calls_park(const struct call *call, struct fl_message *message)
{
    bool program = message->badge >> 60 == PAGER_BADGE_PROGRAM;

    memcpy(message->word, call->in, sizeof(call->in));
    /* Who ends programs must not wait for what their end would bring. */
    return program && request_park(call->pager, call->space, message);
}

void pager_call(struct pager *pager, struct fl_message *message)
{
    uint64_t error, failures = pager->vm.table.failures;
    struct call call = {
        .pager = pager, .sent = FL_INFO_WORDS(message->info), .out = &message->word[1], .words = 4};

    memcpy(call.in, message->word, sizeof(call.in));
    memset(message->word, 0, sizeof(message->word));
    error = (uint64_t)calls_dispatch(&call, FL_INFO_LABEL(message->info), message->badge);
    if (error == ENOMEM && message->badge >> 60 == PAGER_BADGE_PROGRAM &&
        calls_wait_for_frames(&call, failures))
        error = EINPROGRESS;
    if (error == EINPROGRESS) {
        if (calls_park(&call, message))
            return;
        memset(message->word, 0, sizeof(message->word));
        error = EAGAIN;
    }
    if (error)
        pager->attention |= pager->vm.paging.mishaps > 0;
    message->word[0] = error;
    message->info = FL_INFO(0, call.words);
    if (samepage_is_on(&pager->vm))
        samepage_note_call(&pager->vm);
}
