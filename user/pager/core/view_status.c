/* /proc/PID/status: sums over all entries of a space.
 *
 * Spec: proc_pid_status(5) of the Linux man-pages, as far as the pager knows the figure, and behind
 * that some of our own.  The text stands in the file when the last page is counted. */
#include <string.h>

#include "protocol.h"
#include "view_kinds.h"

#define STATUS_NAME_BYTES 16u /* with its NUL, as on Linux */

/* What stands behind the last "/" of the name of the program's file. */
static void status_name(const struct cpio_file *program, char name[STATUS_NAME_BYTES])
{
    uint32_t bytes = program ? program->name_bytes : 0, first = bytes;

    while (first > 0 && program->name[first - 1] != '/')
        first--;
    bytes -= first;
    if (bytes >= STATUS_NAME_BYTES)
        bytes = STATUS_NAME_BYTES - 1;
    if (bytes > 0)
        memcpy(name, program->name + first, bytes);
    name[bytes] = '\0';
}

/* The parent's pid; a parent that is gone has left its children to the root task. */
static uint64_t status_parent(const struct view_step *step)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (step->vm->spaces[id] && step->vm->spaces[id]->pid == step->space->parent)
            return step->space->parent;
    return PROCESS_ROOT;
}

/* Bytes of the entries that hold a program's text. */
static uint64_t status_text(const struct space *space)
{
    uint64_t bytes = 0;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        if (entry->use == ENTRY_PROGRAM && (entry->protection & FL_RIGHT_EXEC))
            bytes += entry->end - entry->start;
    return bytes;
}

static void status_print_size(struct view_step *step, const char *name, uint64_t bytes)
{
    view_print(step, "%s:\t%8lu kB\n", name, bytes / 1024);
}

static void status_print_memory(struct view_step *step)
{
    const struct view_pages *pages = &step->view->pages;
    const struct space *space = step->space;
    uint64_t files = pages->resident - pages->anonymous - pages->in_memory;

    status_print_size(step, "VmSize", limit_use(space, LIMIT_AS, 0, 0));
    status_print_size(step, "VmLck", limit_use(space, LIMIT_MEMLOCK, 0, 0));
    status_print_size(step, "VmRSS", pages->resident * FL_PAGE_BYTES);
    status_print_size(step, "RssAnon", pages->anonymous * FL_PAGE_BYTES);
    status_print_size(step, "RssFile", files * FL_PAGE_BYTES);
    status_print_size(step, "RssShmem", pages->in_memory * FL_PAGE_BYTES);
    status_print_size(step, "VmData", limit_use(space, LIMIT_DATA, 0, 0));
    status_print_size(step, "VmStk", limit_use(space, LIMIT_STACK, 0, 0));
    status_print_size(step, "VmExe", status_text(space));
    status_print_size(step, "VmSwap", pages->swapped * FL_PAGE_BYTES);
}

/* While windows run (window.h). */
static void status_print_windows(struct view_step *step)
{
    const struct windows *windows = &step->vm->windows;
    const struct space *space = step->space;

    if (windows->due == 0)
        return;
    status_print_size(step, "WorkingSet", (uint64_t)space->set.pages * FL_PAGE_BYTES);
    view_print(step, "WindowFaults:\t%u\n", space->set.faults);
    if (space->load.suspended)
        view_print(step, "Suspended:\t%lu windows, %s\n", windows->ended - space->load.since,
                   load_reason_name(space->load.reason));
}

static void status_print(struct view_step *step)
{
    const struct space *space = step->space;
    char name[STATUS_NAME_BYTES];

    status_name(space->program, name);
    view_print(step, "Name:\t%s\nTgid:\t%lu\nPid:\t%lu\nPPid:\t%lu\n", name, space->pid, space->pid,
               status_parent(step));
    status_print_memory(step);
    view_print(step, "Threads:\t1\n");
    status_print_size(step, "Charged", space->resident * FL_PAGE_BYTES);
    status_print_size(step, "ChargedPeak", space->peak * FL_PAGE_BYTES);
    view_print(step, "Entries:\t%u\nMinorFaults:\t%lu\nMajorFaults:\t%lu\n", space->map.count,
               space->minor_faults, space->major_faults);
    status_print_windows(step);
}

static bool status_tell(struct view_step *step)
{
    struct view_area area;

    if (!view_find_area(step->space, step->view->next, &area)) {
        status_print(step);
        return true;
    }
    step->view->next = area.start;
    view_count_pages(step, area.entry, area.end);
    return false;
}

const struct view_kind view_status = {"status", true, status_tell};
