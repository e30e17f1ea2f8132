/* /proc/meminfo, /proc/vmstat, /proc/swaps and /proc/buddyinfo.
 *
 * Spec: proc_meminfo(5) of the Linux man-pages; lines without a meaning here are left out.  Every
 * frame is in exactly one class:
 *
 *     MemTotal = MemFree + AnonPages + Cached + Slab + PageTables
 *              + KernelObjects + MessageBuffers + PageRecords + ZeroPage + Zswap */
#include "buddy.h"
#include "view_kinds.h"

static uint32_t system_slab_frames(const struct vm *vm)
{
    return vm->table.counts[PAGE_METADATA] - vm->record_pages - 1;
}

/* Free frames, also those that are kept for who waits. */
static uint64_t system_free_pages(const struct vm *vm)
{
    return (uint64_t)vm->table.counts[PAGE_FREE] + vm->table.counts[PAGE_HELD];
}

/* Anonymous pages, also those on their way in or out, though nobody may want them any more; a merged one once. */
static uint64_t system_anonymous_pages(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;

    return (uint64_t)counts[PAGE_OBJECT] + counts[PAGE_BUSY] + counts[PAGE_WRITING] +
           counts[PAGE_STRAY] + counts[PAGE_MERGED] - vm->file_pages;
}

/* Pages of files in memory; what else files hold are copies of the initrd. */
static uint64_t system_memory_pages(const struct vm *vm)
{
    uint64_t pages = 0;

    for (const struct object *file = vm->files; file; file = file->next_file)
        if (!file->file)
            pages += file->resident;
    return pages;
}

static void system_print_sizes(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const uint32_t *counts = vm->table.counts;
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"MemTotal:", vm->table.count - counts[PAGE_OUTSIDE]},
        {"MemFree:", system_free_pages(vm)},
        {"MemAvailable:", system_free_pages(vm)},
        {"Buffers:", 0},
        {"Cached:", vm->file_pages},
        {"SwapCached:", vm->paging.copies},
        {"SwapTotal:", swap_total(&vm->swap)},
        {"SwapFree:", swap_room(&vm->swap)},
        {"Zswap:", counts[PAGE_PACKED]},
        {"Zswapped:", vm->tier.store.pages},
        {"AnonPages:", system_anonymous_pages(vm)},
        {"Shmem:", system_memory_pages(vm)},
        {"Slab:", system_slab_frames(vm)},
        {"PageTables:", vm->table_frames},
        {"CommitLimit:", commit_limit(vm)},
        {"Committed_AS:", vm->commit.pages},
        {"KernelObjects:", counts[PAGE_LENT] - vm->table_frames},
        {"MessageBuffers:", counts[PAGE_BUFFER]},
        {"PageRecords:", vm->record_pages},
        {"ZeroPage:", 1},
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        view_print(step, "%-16s%8lu kB\n", lines[i].name, view_kib(lines[i].pages));
}

static bool system_tell_meminfo(struct view_step *step)
{
    system_print_sizes(step);
    return true;
}

/* A line of /proc/vmstat. */
struct system_line {
    const char *name;
    uint64_t value;
};

static void system_print_lines(struct view_step *step, const struct system_line *lines,
                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        view_print(step, "%s %lu\n", lines[i].name, lines[i].value);
}

/* Pages as of now. */
static void system_print_levels(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const uint32_t *counts = vm->table.counts;
    const struct system_line lines[] = {
        {"nr_free_pages", system_free_pages(vm)},  {"nr_anon_pages", system_anonymous_pages(vm)},
        {"nr_file_pages", vm->file_pages},         {"nr_shmem", system_memory_pages(vm)},
        {"nr_page_table_pages", vm->table_frames}, {"nr_writeback", counts[PAGE_WRITING]},
        {"nr_swapcached", vm->paging.copies},
    };

    system_print_lines(step, lines, sizeof lines / sizeof lines[0]);
}

/* Faults, and what they and replacement moved. */
static void system_print_paging(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const struct system_line lines[] = {
        {"pgfault", vm->minor_faults + vm->major_faults},
        {"pgmajfault", vm->major_faults},
        {"pswpin", vm->paging.counts.swapped_in},
        {"pswpout", vm->paging.counts.swapped_out},
        {"swap_reads", vm->paging.counts.swap_reads},
        {"swap_writes", vm->paging.counts.swap_writes},
        {"swap_writes_at_zero", vm->paging.counts.at_zero},
        {"swap_clean", vm->paging.counts.put_out_clean},
        {"swap_zero", vm->paging.counts.put_out_zero},
        {"swap_taken_back", vm->paging.counts.taken_back},
        {"swap_read_errors", vm->paging.counts.read_errors},
        {"swap_write_errors", vm->paging.counts.write_errors},
        {"swap_discarded", vm->swap.discarded},
        {"zswpin", vm->tier.counts.got},
        {"zswpout", vm->tier.counts.put},
    };

    system_print_lines(step, lines, sizeof lines / sizeof lines[0]);
}

/* Who left, and why. */
static void system_print_reclaim(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const struct system_line lines[] = {
        {"pgscan", vm->reclaim.scanned},
        {"pgsteal", vm->paging.counts.swapped_out + vm->paging.counts.put_out_clean +
                        vm->paging.counts.put_out_zero + vm->paging.counts.dropped +
                        vm->tier.counts.put},
        {"pgscan_kswapd", vm->reclaim.background.scanned},
        {"pgscan_direct", vm->reclaim.direct.scanned},
        {"pgsteal_kswapd", vm->reclaim.background.stolen},
        {"pgsteal_direct", vm->reclaim.direct.stolen},
        {"allocstall", vm->reclaim.stalls},
        {"oom_kill", vm->reclaim.ended},
        {"windows", vm->windows.ended},
        {"load_suspended", vm->load.suspended},
        {"load_suspensions", vm->load.suspensions},
        {"load_resumptions", vm->load.resumptions},
    };

    system_print_lines(step, lines, sizeof lines / sizeof lines[0]);
}

static void system_print_merging(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const uint32_t *counts = vm->table.counts;
    const struct system_line lines[] = {
        {"ksm_pages_shared", counts[PAGE_MERGED]},
        {"ksm_pages_sharing", samepage_saved(vm)},
        {"ksm_pages_scanned", vm->samepage.counts.scanned},
        {"ksm_full_scans", vm->samepage.counts.full_scans},
        {"ksm_pages_changing", vm->samepage.counts.changing},
        {"ksm_merged", vm->samepage.counts.merged},
        {"ksm_zero_merged", vm->samepage.counts.zero},
        {"cow_ksm", vm->samepage.counts.copied},
    };

    system_print_lines(step, lines, sizeof lines / sizeof lines[0]);
}

/* Forks, files, zeroed frames, and the records of all this. */
static void system_print_records(struct view_step *step)
{
    const struct vm *vm = step->vm;
    const struct system_line lines[] = {
        {"cow_copies", vm->counts.copies},          {"cow_takes", vm->counts.takes},
        {"file_neighbours", vm->counts.neighbours}, {"zeroed_ahead", vm->counts.zeroed_ahead},
        {"zeroed_taken", vm->counts.zeroed_taken},  {"nr_zeroed_pages", vm->table.zeroed},
        {"shadow_objects", vm->counts.shadows},     {"shadow_merges", vm->counts.merges},
        {"nr_waiting", vm->waits.active},           {"nr_spaces", vm->space_records.used},
        {"nr_entries", vm->entries.used},           {"nr_objects", vm->objects.used},
        {"nr_index_nodes", vm->nodes.used},
    };

    system_print_lines(step, lines, sizeof lines / sizeof lines[0]);
}

static bool system_tell_vmstat(struct view_step *step)
{
    system_print_levels(step);
    system_print_paging(step);
    system_print_reclaim(step);
    system_print_merging(step);
    system_print_records(step);
    return true;
}

/* As Linux prints it: columns of tabs, whatever the names' lengths. */
static void system_print_area(struct view_step *step, const struct swap_area *area)
{
    uint64_t size = view_kib(area->pages - area->bad), used = view_kib(area->used);

    view_print(step, SWAP_DISK_PATH "%c%-32spartition\t%lu\t%s%lu\t%s%d\n",
               (char)('a' + area->device), "", size, size < 10000000 ? "\t" : "", used,
               used < 10000000 ? "\t" : "", (int)area->priority);
}

static bool system_tell_swaps(struct view_step *step)
{
    const struct swap *swap = &step->vm->swap;

    view_print(step, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (swap->area[i].state != SWAP_UNUSED)
            system_print_area(step, &swap->area[i]);
    return true;
}

/* Memory is one zone here: nothing asks for frames below some address.  All is counted before the text takes
 * a frame. */
static bool system_tell_buddyinfo(struct view_step *step)
{
    uint64_t blocks[BUDDY_ORDERS + 1];

    for (uint32_t order = 0; order <= BUDDY_ORDERS; order++)
        blocks[order] = buddy_count(&step->vm->table, order);
    view_print(step, "Node 0, zone %8s ", "Normal");
    for (uint32_t order = 0; order <= BUDDY_ORDERS; order++)
        view_print(step, "%6lu ", blocks[order]);
    view_print(step, "\n");
    return true;
}

const struct view_kind view_swaps = {"swaps", false, system_tell_swaps};
const struct view_kind view_meminfo = {"meminfo", false, system_tell_meminfo};
const struct view_kind view_vmstat = {"vmstat", false, system_tell_vmstat};
const struct view_kind view_buddyinfo = {"buddyinfo", false, system_tell_buddyinfo};
