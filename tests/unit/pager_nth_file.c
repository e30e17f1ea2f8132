/* The N-th failure of everything in the file calls, in views, and in requests that wait. */
#include "pager_nth.h"

#include <string.h>

#include "harness.h"

#define COUNT(table) (uint32_t)(sizeof(table) / sizeof((table)[0]))

/* ---- paths ---- */

/* Opens what is not open yet; the handle stays for the rest of the run. */
static int open_once(const char *path, uint32_t flags)
{
    int handle = kit_open(&nth.slow.fake, nth.a, path, flags);

    return handle < 0 ? -handle : 0;
}

static int call_open_memory(void)
{
    return open_once("/tmp/f", FILE_O_RDONLY);
}
static int call_open_cut(void)
{
    return open_once("/tmp/f", FILE_O_RDWR | FILE_O_TRUNC);
}
static int call_open_create(void)
{
    return open_once("/tmp/new", FILE_O_RDWR | FILE_O_CREAT | FILE_O_EXCL);
}
static int call_open_shm(void)
{
    return open_once("/dev/shm/new", FILE_O_RDWR | FILE_O_CREAT);
}
static int call_open_archive(void)
{
    return open_once("/slow", FILE_O_RDONLY);
}
static int call_open_device(void)
{
    return open_once("/dev/maker,clock@10010000", FILE_O_RDWR);
}
static int call_open_maps(void)
{
    return open_once("/proc/self/maps", FILE_O_RDONLY);
}
static int call_open_smaps(void)
{
    return open_once("/proc/self/smaps", FILE_O_RDONLY);
}
static int call_open_status(void)
{
    return open_once("/proc/3/status", FILE_O_RDONLY);
}
static int call_open_objects(void)
{
    return open_once("/proc/self/objects", FILE_O_RDONLY);
}
static int call_open_meminfo(void)
{
    return open_once("/proc/meminfo", FILE_O_RDONLY);
}
static int call_status(void)
{
    struct file_status status;

    return kit_stat(&nth.slow.fake, nth.a, "/proc/self/maps", &status);
}
static int call_unlink(void)
{
    return nth.vm->names.count > 1 ? kit_unlink(&nth.slow.fake, nth.a, "/tmp/f") : 0;
}
static int call_rename(void)
{
    return kit_rename(&nth.slow.fake, "/dev/shm/s", "/tmp/f");
}
static int call_close(void)
{
    return vm_file_close(nth.vm, nth.a, NTH_GONE);
}

static const struct nth_scenario paths[] = {
    {"open-memory", call_open_memory, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-cut", call_open_cut, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-create", call_open_create, NTH_NO_MEMORY | NTH_ERROR(ENOSPC), NTH_EXACT, NULL, NULL},
    {"open-shm", call_open_shm, NTH_NO_MEMORY | NTH_ERROR(ENOSPC), NTH_EXACT, NULL, NULL},
    {"open-archive", call_open_archive, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-device", call_open_device, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-maps", call_open_maps, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-smaps", call_open_smaps, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-status", call_open_status, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-objects", call_open_objects, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"open-meminfo", call_open_meminfo, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"status", call_status, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"unlink", call_unlink, 0, NTH_EXACT, NULL, NULL},
    {"rename", call_rename, 0, NTH_EXACT, NULL, NULL},
    {"close", call_close, 0, NTH_EXACT, NULL, NULL},
};

TEST("a file that cannot be opened or made for want of anything leaves nothing behind")
{
    nth_sweep(paths, COUNT(paths));
}

/* ---- read, write, truncate ---- */

#define BUFFER  (FREE_AT + 50) /* three pages of A's that it did not touch */
#define BUFFERS 3u

static void prepare_buffer(void)
{
    nth_map(nth.a, FREE_AT, BUFFERS, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    nth.mask =
        (struct snapshot_mask){.space = nth.a, .start = FREE_AT, .end = FREE_AT + BUFFERS * PAGE};
}

/* Goes on where the last call ended. */
static int read_rest(uint64_t handle, uint64_t bytes)
{
    int64_t done =
        kit_read(&nth.slow.fake, nth.a, (int)handle, BUFFER + nth.done, bytes - nth.done, nth.done);

    if (done < 0)
        return (int)-done;
    nth.done += (uint64_t)done;
    return done > 0 && nth.done < bytes ? NTH_PART : 0;
}

static int call_read_memory(void)
{
    return read_rest(NTH_F, 2 * PAGE);
}
static int call_read_archive(void)
{
    return read_rest(NTH_ODD, 2 * PAGE);
}

/* What a program's page holds, as the program would read it; a byte of zeros where nothing is. */
static uint8_t program_byte(const struct space *space, uint64_t address)
{
    uint64_t bytes;
    bool own;
    const uint8_t *contents = snapshot_find(&nth.slow.fake, entry_find(&space->map, address),
                                            address / PAGE * PAGE, &bytes, &own);

    return contents && address % PAGE < bytes ? contents[address % PAGE] : 0;
}

static uint8_t file_byte(uint64_t handle, uint64_t offset)
{
    uint8_t byte = 0;
    uint64_t done;

    (void)object_read(nth.vm, nth.a->handles[handle]->file, offset, &byte, 1, &done);
    return byte;
}

/* The buffer has as many bytes of the file as the call said, and zeros behind. */
static const char *check_read(enum nth_handle handle)
{
    for (uint64_t i = 0; i < 2 * PAGE; i++)
        if (program_byte(nth.a, BUFFER + i) != (i < nth.done ? file_byte(handle, i) : 0))
            return "a short read copied more or less than it said";
    return NULL;
}
static const char *check_read_memory(void)
{
    return check_read(NTH_F);
}
static const char *check_read_archive(void)
{
    return check_read(NTH_ODD);
}

/* At the position of the description, which moves by what was read. */
static int call_read_position(void)
{
    int64_t done = kit_read(&nth.slow.fake, nth.a, NTH_F, BUFFER + nth.done, 2 * PAGE - nth.done,
                            FILE_AT_POSITION);

    if (done < 0)
        return (int)-done;
    nth.done += (uint64_t)done;
    return nth.done < 2 * PAGE ? NTH_PART : 0;
}
static const char *check_read_position(void)
{
    if (nth.a->handles[NTH_F]->offset != nth.done)
        return "the position moved by more or less than was read";
    return check_read(NTH_F);
}
static void prepare_read_position(void)
{
    prepare_buffer();
    nth.mask.description = nth.a->handles[NTH_F];
}

/* From A's written pages, which lie beside one that it did not write, to a file that grows. */
#define WRITE_BYTES (3 * PAGE + 100)

static int write_rest(enum nth_handle handle, uint64_t offset)
{
    int64_t done = kit_write(&nth.slow.fake, nth.a, (int)handle, ANON + nth.done,
                             WRITE_BYTES - nth.done, offset + nth.done);

    if (done < 0)
        return (int)-done;
    nth.done += (uint64_t)done;
    return nth.done < WRITE_BYTES ? NTH_PART : 0;
}
static int call_write_new(void)
{
    return write_rest(NTH_SHM, 0);
}
static int call_write_far(void)
{
    return write_rest(NTH_SHM, 70 * PAGE + 100);
}
static int call_write_over(void)
{
    return write_rest(NTH_F, 200);
}

/* The first bytes are written, as many as were told; the file ends with them or where it ended. */
static const char *check_write(enum nth_handle handle, uint64_t offset, uint64_t old_bytes)
{
    uint64_t end = nth.done ? offset + nth.done : 0;

    if (nth.a->handles[handle]->file->bytes != (end > old_bytes ? end : old_bytes))
        return "a short write left a file of another size";
    for (uint64_t i = 0; i < nth.done; i++)
        if (program_byte(nth.a, ANON + i) != file_byte(handle, offset + i))
            return "a short write copied less than it said";
    return NULL;
}
static const char *check_write_new(void)
{
    return check_write(NTH_SHM, 0, 0);
}
static const char *check_write_far(void)
{
    return check_write(NTH_SHM, 70 * PAGE + 100, 0);
}
static const char *check_write_over(void)
{
    return check_write(NTH_F, 200, 3 * PAGE + 100);
}
static void prepare_write_new(void)
{
    nth.mask = (struct snapshot_mask){.file = nth.a->handles[NTH_SHM]->file};
}
static void prepare_write_over(void)
{
    nth.mask = (struct snapshot_mask){.file = nth.a->handles[NTH_F]->file};
}

static int truncate_file(uint64_t bytes)
{
    return vm_file_truncate(nth.vm, nth.a, NTH_F, bytes);
}
static int call_truncate_cut(void)
{
    return truncate_file(PAGE / 2);
}
static int call_truncate_grow(void)
{
    return truncate_file(9 * PAGE);
}
static int call_space_write(void)
{
    uint8_t bytes[600];

    memset(bytes, 0x99, sizeof bytes);
    return vm_write(nth.vm, nth.a, FREE_AT + PAGE - 300, bytes, sizeof bytes);
}
/* All of a page's part, or nothing of it; the second not before the first. */
static const char *check_space_write(void)
{
    uint8_t first = program_byte(nth.a, FREE_AT + PAGE - 300);

    for (uint64_t i = 0; i < 300; i++)
        if (program_byte(nth.a, FREE_AT + PAGE - 300 + i) != first ||
            program_byte(nth.a, FREE_AT + PAGE + i) != 0)
            return "a refused write did more than what lies before the failing page";
    return NULL;
}

#define WRITE_ERRORS (NTH_NO_MEMORY | NTH_ERROR(ENOSPC))

static const struct nth_scenario transfers[] = {
    {"read-memory", call_read_memory, NTH_NO_MEMORY, NTH_PARTIAL, prepare_buffer,
     check_read_memory},
    {"read-archive", call_read_archive, NTH_NO_MEMORY, NTH_PARTIAL, prepare_buffer,
     check_read_archive},
    {"read-position", call_read_position, NTH_NO_MEMORY, NTH_PARTIAL, prepare_read_position,
     check_read_position},
    {"write-new", call_write_new, WRITE_ERRORS, NTH_PARTIAL, prepare_write_new, check_write_new},
    {"write-far", call_write_far, WRITE_ERRORS, NTH_PARTIAL, prepare_write_new, check_write_far},
    {"write-over", call_write_over, WRITE_ERRORS, NTH_PARTIAL, prepare_write_over,
     check_write_over},
    {"truncate-cut", call_truncate_cut, 0, NTH_EXACT, NULL, NULL},
    {"truncate-grow", call_truncate_grow, 0, NTH_EXACT, NULL, NULL},
    {"space-write", call_space_write, NTH_NO_MEMORY, NTH_PARTIAL, prepare_buffer,
     check_space_write},
};

TEST("read and write that fail did exactly what they say, and ftruncate needs nothing")
{
    nth_sweep(transfers, COUNT(transfers));
}

/* ---- views ---- */

/* One step of a long view: a read behind its end, of nothing. */
static int call_view_step(void)
{
    int handle = NTH_TEXT + 1;
    int64_t done =
        kit_read(&nth.slow.fake, nth.a, handle, BUFFER, 0, nth.a->handles[handle]->file->bytes);

    return done == -EAGAIN ? 0 : (int)-done;
}
static void prepare_view_step(void)
{
    nth_map(nth.a, FREE_AT, BUFFERS, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    (void)call_open_smaps();
    fail_nth_expect(nth.a->handles[NTH_TEXT + 1]->file->view, "the view is not long enough");
}

static const struct nth_scenario views[] = {
    {"view-step", call_view_step, NTH_NO_MEMORY, NTH_EXACT, prepare_view_step, NULL},
};

TEST("a step of a long view that fails tells nothing, and the next one goes on in its place")
{
    nth_sweep(views, COUNT(views));
}
