/* What the files of the views share: steps, lines and counting.  See view.h. */
#ifndef PAGER_VIEW_KINDS_H
#define PAGER_VIEW_KINDS_H

#include "text.h"
#include "vm.h"

/* Work of a step, in units of about 40 instructions: an object or an entry looked at.  A line of text, and
 * a page that is counted, are so many; a step is a quarter of a million instructions at most. */
#define VIEW_STEP_WORK 4096u
#define VIEW_LINE_WORK 55u
#define VIEW_PAGE_WORK 4u

/* A step while it runs. */
struct view_step {
    struct vm *vm;
    struct view *view;
    const struct space *space; /* NULL: the view is of the system */
    struct object *file;
    uint32_t work;
    int error;
};

struct view_kind {
    const char *name; /* behind /proc/ or /proc/PID/ */
    bool of_space;
    /* Tells the next piece, of bounded work.  True: nothing is left. */
    bool (*tell)(struct view_step *step);
};

extern const struct view_kind view_maps, view_smaps, view_status, view_objects, view_uses,
    view_meminfo, view_vmstat, view_swaps, view_buddyinfo;

/* Adds text to the view: conversions as in text.h. */
void view_print(struct view_step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes of a path that is shown, with its NUL. */
#define VIEW_PATH_BYTES 1100u

/* ---- areas (view_maps.c) ---- */

/* What one line of maps is about: an entry, or the part of one that shows a program's file and the
 * part behind the file's end, which is anonymous. */
struct view_area {
    const struct entry *entry;
    uint64_t start;
    uint64_t end;
    const struct object *file; /* NULL: anonymous */
    uint64_t offset;           /* bytes in the file */
};

/* The area at or above `from`.  False: there is none. */
bool view_find_area(const struct space *space, uint64_t from, struct view_area *area);

/* The name of a file as a line shows it: a newline is \\012, as Linux has it, so that no name looks like
 * a line of its own. */
void view_name_file(const struct vm *vm, const struct object *file, char name[VIEW_PATH_BYTES]);

/* "rwxp" as maps shows it, with a NUL. */
void view_describe_rights(const struct entry *entry, char rights[5]);

/* ---- counting (view_pages.c) ---- */

/* Counts the resident pages of [view->next, end) that an entry shows, which covers the range, and moves
 * view->next on: to the end, or as far as the step may go. */
void view_count_pages(struct view_step *step, const struct entry *entry, uint64_t end);

static inline bool view_is_spent(const struct view_step *step)
{
    return step->work >= VIEW_STEP_WORK || step->error;
}

static inline uint64_t view_kib(uint64_t pages)
{
    return pages * (FL_PAGE_BYTES / 1024);
}

#endif
