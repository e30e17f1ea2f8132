/* What the tests of views share: a machine with programs, and the text of a view. */
#ifndef PAGER_VIEW_KIT_H
#define PAGER_VIEW_KIT_H

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES 256u
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define RW     (PROT_READ | PROT_WRITE)

static struct fake fake;
static char text[1u << 21]; /* of the last view that was read */

static inline void view_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

static inline struct space *view_begin(uint32_t frames)
{
    fake_init(&fake, frames);
    fake_start(&fake);
    return space_create(&fake.vm, 7);
}

/* The law of all tests here: when its spaces are gone, every frame is back. */
static inline void view_end(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    view_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.views.used, 0);
    fake_free(&fake);
}

static inline void view_touch(struct space *space, uint64_t address, uint32_t access)
{
    uint8_t byte = 1;

    CHECK_EQ(fake_touch(&fake, space, address, access, &byte), FAKE_DONE);
}

static inline void view_write(struct space *space, uint64_t address)
{
    view_touch(space, address, FL_ACCESS_WRITE);
}

static inline uint64_t view_map_at(struct space *space, uint64_t address, uint64_t pages,
                                   uint32_t protection, uint32_t flags)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = protection,
                                     .flags = flags | MAP_ANONYMOUS};
    uint64_t at = 0;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    return at;
}

static inline struct space *view_fork(struct space *parent, uint64_t pid)
{
    struct space *child = space_create(&fake.vm, pid);

    CHECK(child);
    CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
    return child;
}

static inline struct object *view_must_open(const struct space *caller, const char *path)
{
    struct object *file = NULL;

    CHECK_EQ(view_open(&fake.vm, caller, path, &file), 0);
    return file;
}

/* Reads on from `used` bytes of text, as READ does.  Returns: calls that had nothing to give yet. */
static inline uint32_t view_read_rest(struct object *file, uint64_t used)
{
    uint32_t empty = 0;
    uint64_t done = 1;

    while (done > 0) {
        int error = view_reach(&fake.vm, file, used);

        CHECK(error == 0 || error == EAGAIN);
        if (error == EAGAIN) {
            empty++;
            continue;
        }
        CHECK_EQ(object_read(&fake.vm, file, used, text + used, sizeof text - 1 - used, &done), 0);
        used += done;
    }
    text[used] = '\0';
    CHECK(!file->view);
    return empty;
}

/* Opens and reads a whole view into `text`. */
static inline const char *view_text(const struct space *caller, const char *path)
{
    struct object *file = view_must_open(caller, path);

    view_read_rest(file, 0);
    object_release(&fake.vm, file);
    return text;
}

/* The figure behind a name at the start of a line, or -1. */
static inline long view_figure(const char *name)
{
    size_t bytes = strlen(name);

    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, bytes) == 0 && strchr(": \t", at[bytes]))
            return strtol(at + bytes + 1, NULL, 10);
        if (*at == '\0')
            break;
    }
    return -1;
}

#endif
