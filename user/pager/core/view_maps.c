/* /proc/PID/maps and /proc/PID/smaps.
 *
 * Spec: proc_pid_maps(5) and proc_pid_smaps(5) of the Linux man-pages.  Lines of smaps whose figure
 * nobody here knows (Referenced: accessed bits are not collected) are left out. */
#include <string.h>

#include "view_kinds.h"

#define MAPS_NAME_COLUMN 73u

/* ---- areas ---- */

/* Where the anonymous part of an entry begins, whose object lies over a program's file. */
static uint64_t maps_find_split(const struct entry *entry)
{
    uint64_t pages =
        (entry->object->source_bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES; /* of the object */

    if (entry->use != ENTRY_PROGRAM || pages >= entry->offset + entry_pages(entry))
        return entry->end;
    return pages > entry->offset ? entry->start + (pages - entry->offset) * FL_PAGE_BYTES
                                 : entry->start;
}

static void maps_find_file(struct view_area *area)
{
    const struct entry *entry = area->entry;
    const struct object *object = entry->object;
    uint64_t split, index = entry_index(entry, area->start);

    if (!object->owner) {
        area->file = object;
        area->offset = index * FL_PAGE_BYTES;
    } else if (object->source) {
        split = maps_find_split(entry);
        if (area->start >= split)
            return;
        area->file = object->source;
        area->offset = (index + object->source_first) * FL_PAGE_BYTES;
        area->end = split;
    }
}

bool view_find_area(const struct space *space, uint64_t from, struct view_area *area)
{
    const struct entry *entry = entry_find_from(&space->map, from);

    while (entry && !entry->object) /* a guard is no mapping */
        entry = entry->next;
    if (!entry)
        return false;
    *area = (struct view_area){
        .entry = entry, .start = entry->start > from ? entry->start : from, .end = entry->end};
    maps_find_file(area);
    return true;
}

/* ---- the line ---- */

void view_describe_rights(const struct entry *entry, char rights[5])
{
    rights[0] = entry->protection & FL_RIGHT_READ ? 'r' : '-';
    rights[1] = entry->protection & FL_RIGHT_WRITE ? 'w' : '-';
    rights[2] = entry->protection & FL_RIGHT_EXEC ? 'x' : '-';
    rights[3] = entry->inheritance == ENTRY_SHARE ? 's' : 'p';
    rights[4] = '\0';
}

void view_name_file(const struct vm *vm, const struct object *file, char name[VIEW_PATH_BYTES])
{
    char plain[VIEW_PATH_BYTES / 4];
    size_t bytes = 0;

    names_of_file(vm, file, plain, sizeof plain);
    for (const char *at = plain; *at; at++) {
        if (*at == '\n') {
            memcpy(name + bytes, "\\012", 4);
            bytes += 4;
        } else {
            name[bytes++] = *at;
        }
    }
    name[bytes] = '\0';
}

static void maps_name_area(const struct vm *vm, const struct view_area *area,
                           char name[VIEW_PATH_BYTES])
{
    name[0] = '\0';
    if (area->file)
        view_name_file(vm, area->file, name);
    else if (area->entry->use == ENTRY_HEAP)
        strcpy(name, "[heap]");
    else if (area->entry->use == ENTRY_STACK)
        strcpy(name, "[stack]");
}

/* Files of the initrd, and devices, are on device 00:01, files in memory on 00:02. */
static uint32_t maps_device(const struct object *file)
{
    if (!file)
        return 0;
    return file->file || object_is_device(file) ? 1 : 2;
}

static void maps_print_area(struct view_step *step, const struct view_area *area)
{
    const struct object *file = area->file;
    char rights[5], name[VIEW_PATH_BYTES], head[MAPS_NAME_COLUMN + 32];
    size_t bytes;

    view_describe_rights(area->entry, rights);
    maps_name_area(step->vm, area, name);
    bytes =
        text_format(head, sizeof head, "%08lx-%08lx %s %08lx 00:%02x %lu ", area->start, area->end,
                    rights, area->offset, maps_device(file), file ? file->number : 0);
    while (name[0] && bytes < MAPS_NAME_COLUMN)
        head[bytes++] = ' ';
    head[bytes] = '\0';
    view_print(step, "%s%s\n", head, name);
}

static bool maps_tell(struct view_step *step)
{
    struct view_area area;

    if (!view_find_area(step->space, step->view->next, &area))
        return true;
    maps_print_area(step, &area);
    step->view->next = area.end;
    return false;
}

const struct view_kind view_maps = {"maps", true, maps_tell};

/* ---- smaps ---- */

/* The two letters of what holds for an entry, as the last line of an area. */
static void smaps_describe(const struct entry *entry, char flags[48])
{
    bool shared = entry->inheritance == ENTRY_SHARE;
    const struct {
        bool holds;
        const char *word;
    } words[] = {
        {entry->protection & FL_RIGHT_READ, " rd"},
        {entry->protection & FL_RIGHT_WRITE, " wr"},
        {entry->protection & FL_RIGHT_EXEC, " ex"},
        {shared, " sh"},
        {entry->max_protection & FL_RIGHT_READ, " mr"},
        {entry->max_protection & FL_RIGHT_WRITE, " mw"},
        {entry->max_protection & FL_RIGHT_EXEC, " me"},
        {shared, " ms"},
        {entry->wired, " lo"},
        {entry->advice == ENTRY_SEQUENTIAL, " sr"},
        {entry->advice == ENTRY_RANDOM, " rr"},
        {entry->charge == ENTRY_CHARGED, " ac"},
        {entry->charge == ENTRY_UNRESERVED, " nr"},
        {entry->mergeable, " mg"},
    };

    _Static_assert(3 * sizeof words / sizeof words[0] < 48, "all words fit");
    flags[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].holds)
            strcat(flags, words[i].word);
}

static void smaps_begin_area(struct view_step *step, const struct view_area *area)
{
    struct view *view = step->view;

    maps_print_area(step, area);
    view_print(step, "Size:           %8lu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n",
               (area->end - area->start) / 1024, FL_PAGE_BYTES / 1024, FL_PAGE_BYTES / 1024);
    smaps_describe(area->entry, view->flags);
    view->wired = area->entry->wired;
    view->pages = (struct view_pages){0};
    view->next = area->start;
    view->end = area->end;
}

static void smaps_end_area(struct view_step *step)
{
    const struct view_pages *pages = &step->view->pages;
    uint64_t private_dirty = pages->dirty - pages->shared_dirty;
    uint64_t private_clean = pages->resident - pages->shared - private_dirty;
    uint64_t share_kib = pages->share >> 22;

    view_print(step, "Rss:            %8lu kB\nPss:            %8lu kB\n",
               view_kib(pages->resident), share_kib);
    view_print(step, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\n",
               view_kib(pages->shared - pages->shared_dirty), view_kib(pages->shared_dirty));
    view_print(step, "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", view_kib(private_clean),
               view_kib(private_dirty));
    view_print(step, "Anonymous:      %8lu kB\nKSM:            %8lu kB\nLazyFree:       %8u kB\n",
               view_kib(pages->anonymous), view_kib(pages->merged), 0u);
    view_print(step, "Swap:           %8lu kB\nSwapPss:        %8lu kB\n", view_kib(pages->swapped),
               pages->swapped_share >> 22);
    view_print(step, "Locked:         %8lu kB\nVmFlags:%s \n", step->view->wired ? share_kib : 0,
               step->view->flags);
    step->view->end = 0;
}

static bool smaps_tell(struct view_step *step)
{
    struct view *view = step->view;
    struct view_area area;
    bool found = view_find_area(step->space, view->next, &area);

    if (view->end == 0) {
        if (found)
            smaps_begin_area(step, &area);
        return !found;
    }
    if (found && area.start < view->end) {
        if (view->next < area.start)
            view->next = area.start;
        view_count_pages(step, area.entry, area.end < view->end ? area.end : view->end);
    } else {
        view->next = view->end; /* what is left of it is gone */
    }
    if (view->next == view->end)
        smaps_end_area(step);
    return false;
}

const struct view_kind view_smaps = {"smaps", true, smaps_tell};
