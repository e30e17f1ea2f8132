/* What the tests of files share: see pager_mapping_kit.h. */
#include "pager_mapping_kit.h"

#include <string.h>

#include "harness.h"
#include "protocol.h"

struct fake fake;

void file_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

/* A new file that is kept by its name, until file_unlink. */
struct object *file_create(const char *text)
{
    const struct name_key key = {NAME_IN_TMP, text, (uint32_t)strlen(text)};
    struct object *file = object_create_memory(&fake.vm);

    CHECK(file && names_create(&fake.vm, &key, file));
    return file;
}

void file_unlink(const struct object *file)
{
    names_remove(&fake.vm, file->name);
}

struct object *file_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_start(&fake);
    return file_create("file");
}

/* The law of all tests here: when spaces and files are gone, every frame and promise is back. */
void file_end(struct object *file)
{
    file_sound();
    if (file && file->name)
        file_unlink(file);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    file_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.commit.pages, 0);
    CHECK_EQ(fake.vm.files, NULL);
    fake_free(&fake);
}

void file_write(struct object *file, uint64_t offset, const char *text)
{
    uint64_t done;

    CHECK_EQ(object_write(&fake.vm, file, offset, text, strlen(text), &done), 0);
    CHECK_EQ(done, strlen(text));
    file_sound();
}

/* The byte at an offset, or -1 at the end of the file and behind. */
int file_byte(struct object *file, uint64_t offset)
{
    uint64_t done;
    uint8_t byte;

    CHECK_EQ(object_read(&fake.vm, file, offset, &byte, 1, &done), 0);
    return done == 1 ? byte : -1;
}

struct vm_map_request file_request(struct object *file, uint64_t pages, uint32_t protection,
                                   uint32_t flags)
{
    return (struct vm_map_request){.bytes = pages * PAGE,
                                   .protection = protection,
                                   .flags = flags,
                                   .file = file,
                                   .readable = true,
                                   .writable = true};
}

uint64_t file_map(struct space *space, struct object *file, uint64_t first, uint64_t pages,
                  uint32_t flags)
{
    struct vm_map_request request = file_request(file, pages, RW, flags);
    uint64_t at = 0;

    request.offset = first * PAGE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    file_sound();
    return at;
}

/* What a program reads, or -1 if it is stopped (then file_signal is why). */
int file_see(struct space *space, uint64_t address)
{
    uint8_t byte = 0;
    enum fake_outcome outcome = fake_touch(&fake, space, address, FL_ACCESS_READ, &byte);

    file_sound();
    return outcome == FAKE_DONE ? byte : -1;
}

bool file_put(struct space *space, uint64_t address, uint8_t byte)
{
    enum fake_outcome outcome = fake_touch(&fake, space, address, FL_ACCESS_WRITE, &byte);

    file_sound();
    return outcome == FAKE_DONE;
}

/* True if a touch of the address ends in SIGBUS behind the end of the file. */
bool file_is_beyond(struct space *space, uint64_t address)
{
    return file_see(space, address) == -1 && fake_last_event.signal == 7 &&
           fake_last_event.kind == PAGER_EVENT_BEYOND_END;
}

struct object *file_begin_archive(struct space **space, uint64_t bytes, bool aligned)
{
    static uint8_t data[20 * FL_PAGE_BYTES];
    struct object *file;
    uint32_t handle;

    for (uint64_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i / PAGE + 1);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "data", data, bytes, aligned);
    fake_start(&fake);
    *space = space_create(&fake.vm, 1);
    CHECK_EQ(handle_open(&fake.vm, *space, &handle), 0);
    file = object_open_file(&fake.vm, fake_find_file(&fake, "data"));
    (*space)->handles[handle]->file = file;
    return file;
}

int file_remap(struct space *space, uint64_t old, uint64_t old_pages, uint64_t pages,
               uint64_t flags, uint64_t *at)
{
    struct vm_remap_request request = {
        .address = old, .old_bytes = old_pages * PAGE, .bytes = pages * PAGE, .flags = flags};
    int error = vm_remap(&fake.vm, space, &request, at);

    file_sound();
    return error;
}
