/* Random traces of file calls in programs that fork and end.  The model of the files is the Linux of
 * this host, called in the same way; that of the programs' memory is arrays of bytes.  Every invariant
 * is checked after each step, and the same traces run with ever so little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#define _GNU_SOURCE /* mkdtemp */

#include "pager_handle_model.h"

#include "effort.h"

/* ---- steps ---- */

static void run_path(char *here, char *there)
{
    uint32_t name = run_pick(NAMES);

    sprintf(here, "/tmp/%c", 'a' + (int)name);
    sprintf(there, "./%c", 'a' + (int)name);
}

static int run_count_handles(const struct program *program)
{
    int count = 0;

    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        count += program->handle[i] != NULL;
    return count;
}

static void step_open(struct program *program)
{
    static const uint32_t extras[] = {FILE_O_CREAT, FILE_O_CREAT,  FILE_O_CREAT | FILE_O_EXCL,  0,
                                      FILE_O_TRUNC, FILE_O_APPEND, FILE_O_APPEND | FILE_O_CREAT};
    uint32_t flags = run_pick(3) | extras[run_pick(7)];
    struct host_file *file;
    char here[16], there[16];
    int handle;

    if (run_count_handles(program) == HANDLES)
        return;
    run_path(here, there);
    handle = kit_open(&trace.fake, program->space, here, flags);
    if (run_is_short(handle))
        return;
    errno = 0;
    file = host_open(there, flags);
    run_compare(handle < 0 ? handle : 0, -errno, "open");
    if (!file)
        return;
    run_expect(!program->handle[handle], "a handle that is in use");
    program->handle[handle] = file;
}

static void step_close(struct program *program, int handle)
{
    int error = vm_file_close(&trace.fake.vm, program->space, (uint64_t)handle);

    run_compare(error, program->handle[handle] ? 0 : EBADF, "close");
    if (!program->handle[handle])
        return;
    host_release(program->handle[handle]);
    program->handle[handle] = NULL;
}

static void step_unlink(struct program *program)
{
    char here[16], there[16];

    run_path(here, there);
    run_compare(kit_unlink(&trace.fake, program->space, here), unlink(there) < 0 ? errno : 0,
                "unlink");
}

static void step_rename(void)
{
    char here[2][16], there[2][16];

    run_path(here[0], there[0]);
    run_path(here[1], there[1]);
    run_compare(kit_rename(&trace.fake, here[0], here[1]),
                rename(there[0], there[1]) < 0 ? errno : 0, "rename");
}

/* What a transfer of a program is about. */
struct transfer {
    int handle;
    uint64_t at; /* in the program's range */
    uint64_t bytes;
    uint64_t offset; /* or FILE_AT_POSITION */
};

static struct transfer run_transfer(int handle)
{
    struct transfer transfer = {handle, run_pick((MEMORY_PAGES + WINDOW_PAGES) * FL_PAGE_BYTES),
                                run_pick(3 * FL_PAGE_BYTES), FILE_AT_POSITION};

    if (run_pick(3) == 0)
        transfer.at = transfer.at / PAGE * PAGE;
    if (run_pick(3) == 0)
        transfer.bytes = run_pick(2) ? run_pick(20) : PAGE;
    if (run_pick(2))
        transfer.offset = run_pick((uint32_t)FILE_BYTES / 2);
    return transfer;
}

/* Where the transfer begins in the file. */
static uint64_t run_offset(const struct host_file *file, const struct transfer *transfer,
                           bool write)
{
    if (write && (file->flags & FILE_O_APPEND))
        return host_size(file);
    if (transfer->offset == FILE_AT_POSITION)
        return (uint64_t)lseek(file->fd, 0, SEEK_CUR);
    return transfer->offset;
}

static void run_move_position(const struct host_file *file, const struct transfer *transfer,
                              uint64_t offset)
{
    if (transfer->offset == FILE_AT_POSITION)
        CHECK_EQ(lseek(file->fd, (off_t)offset, SEEK_SET), offset);
}

static void step_read(struct program *program, int handle)
{
    const struct transfer transfer = run_transfer(handle);
    const struct host_file *file = program->handle[handle];
    uint8_t bytes[FL_PAGE_BYTES];
    uint64_t offset, count, done = 0;
    int64_t result;

    if (!memory_is_known(program, transfer.at, transfer.bytes))
        return;
    result = kit_read(&trace.fake, program->space, handle, WORLD + transfer.at, transfer.bytes,
                      transfer.offset);
    if (!file || (file->flags & FILE_O_ACCMODE) == FILE_O_WRONLY) {
        run_compare(result, -EBADF, "read without a file");
        return;
    }
    offset = run_offset(file, &transfer, false);
    count = offset < host_size(file) ? host_size(file) - offset : 0;
    count = transfer.bytes < count ? transfer.bytes : count;
    if (!memory_all_allowed(program, transfer.at, count, true)) {
        run_compare(result, -EFAULT, "read to where the program may not write");
        return;
    }
    if (run_is_short(result))
        return;
    if (trace.scarce && result > 0 && (uint64_t)result < count)
        count = (uint64_t)result;
    run_compare(result, (int64_t)count, "read");
    while (done < count) {
        uint64_t part = memory_part(transfer.at + done, offset + done, count - done);

        CHECK_EQ(pread(file->all, bytes, part, (off_t)(offset + done)), part);
        memory_store(program, transfer.at + done, bytes, part);
        done += part;
    }
    run_move_position(file, &transfer, offset + count);
}

static void step_write(struct program *program, int handle)
{
    const struct transfer transfer = run_transfer(handle);
    const struct host_file *file = program->handle[handle];
    uint8_t bytes[FL_PAGE_BYTES];
    uint64_t offset, count = transfer.bytes, done = 0;
    int64_t result;

    if (!memory_is_known(program, transfer.at, transfer.bytes) ||
        (file && run_offset(file, &transfer, true) > FILE_BYTES))
        return;
    result = kit_write(&trace.fake, program->space, handle, WORLD + transfer.at, transfer.bytes,
                       transfer.offset);
    if (!file || (file->flags & FILE_O_ACCMODE) == FILE_O_RDONLY) {
        run_compare(result, -EBADF, "write without a file");
        return;
    }
    if (!memory_all_allowed(program, transfer.at, count, false)) {
        run_compare(result, -EFAULT, "write from where the program may not read");
        return;
    }
    if (run_is_short(result))
        return;
    if (trace.scarce && result > 0 && (uint64_t)result < count)
        count = (uint64_t)result;
    run_compare(result, (int64_t)count, "write");
    offset = run_offset(file, &transfer, true);
    while (done < count) {
        uint64_t part = memory_part(transfer.at + done, offset + done, count - done);

        memory_load(program, transfer.at + done, bytes, part);
        CHECK_EQ(pwrite(file->all, bytes, part, (off_t)(offset + done)), part);
        done += part;
    }
    if (count > 0)
        run_move_position(file, &transfer, offset + count);
}

static void step_seek(struct program *program, int handle)
{
    const struct host_file *file = program->handle[handle];
    int64_t offset = (int64_t)run_pick(2 * FL_PAGE_BYTES) - FL_PAGE_BYTES;
    uint64_t whence = run_pick(4), position = 0;
    int error = vm_file_seek(program->space, (uint64_t)handle, offset, whence, &position);
    int64_t expected;

    if (whence == 3) /* SEEK_DATA of the host */
        expected = file ? -EINVAL : -EBADF;
    else
        expected = lseek(file ? file->fd : -1, offset, (int)whence);
    if (expected == -1)
        expected = -errno;
    run_compare(error ? -error : (int64_t)position, expected, "lseek");
}

static void step_truncate(struct program *program, int handle)
{
    const struct host_file *file = program->handle[handle];
    uint64_t bytes = run_pick((uint32_t)FILE_BYTES);
    int error = vm_file_truncate(&trace.fake.vm, program->space, (uint64_t)handle, bytes);

    run_compare(error, ftruncate(file ? file->fd : -1, (off_t)bytes) < 0 ? errno : 0, "ftruncate");
}

static void step_status(struct program *program, int handle)
{
    const struct host_file *file = program->handle[handle];
    struct file_status status;
    int error = vm_file_status(program->space, (uint64_t)handle, &status);

    run_compare(error, file ? 0 : EBADF, "fstat");
    if (file)
        run_compare((int64_t)status.bytes, (int64_t)host_size(file), "a size");
}

static void step_map(struct program *program, int handle)
{
    struct host_file *file = program->handle[handle];
    bool writable = run_pick(2);
    struct vm_map_request request = {.address = WORLD + MEMORY_PAGES * PAGE,
                                     .bytes = WINDOW_PAGES * PAGE,
                                     .protection = writable ? RW : PROT_READ,
                                     .flags = MAP_SHARED | MAP_FIXED};
    uint64_t at;
    int error = vm_file_map(&trace.fake.vm, program->space, (uint64_t)handle, &request, &at);
    uint32_t access = file ? file->flags & FILE_O_ACCMODE : 0;

    if (run_is_short(-error))
        return;
    if (!file || access == FILE_O_WRONLY || (writable && access != FILE_O_RDWR)) {
        run_compare(error, file ? EACCES : EBADF, "mmap");
        return;
    }
    run_compare(error, 0, "mmap");
    file->users++;
    if (program->window)
        host_release(program->window);
    program->window = file;
    program->window_writable = writable;
}

static void step_access(struct program *program)
{
    uint64_t at = run_pick((MEMORY_PAGES + WINDOW_PAGES) * FL_PAGE_BYTES);
    bool write = run_pick(2), allowed = memory_is_allowed(program, at, write);
    uint8_t byte = (uint8_t)run_pick(256), expected = 0;
    enum fake_outcome outcome;

    if (!memory_is_known(program, at, 1) && allowed)
        return;
    run_compare(vm_check_access(program->space, WORLD + at, 1, write ? PROT_WRITE : PROT_READ),
                allowed ? 0 : EFAULT, "access");
    outcome = fake_touch(&trace.fake, program->space, WORLD + at,
                         write ? FL_ACCESS_WRITE : FL_ACCESS_READ, &byte);
    if (outcome == FAKE_STOPPED && allowed && trace.scarce) {
        trace.refused++;
        return;
    }
    run_expect((outcome == FAKE_DONE) == allowed, "an access of the program");
    if (allowed && write)
        memory_store(program, at, &byte, 1);
    if (allowed)
        memory_load(program, at, &expected, 1);
    run_expect(!allowed || byte == expected, "a byte of the program");
}

static void program_release(struct program *program)
{
    fake_destroy_space(&trace.fake, program->space);
    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        if (program->handle[i])
            host_release(program->handle[i]);
    if (program->window)
        host_release(program->window);
    memset(program, 0, sizeof(*program));
}

static void step_fork(const struct program *parent)
{
    struct program *child = run.program;

    while (child < run.program + PROGRAMS && child->space)
        child++;
    if (child == run.program + PROGRAMS)
        return;
    child->space = run_fork(parent->space);
    if (!child->space)
        return;
    memcpy(child->handle, parent->handle, sizeof(child->handle));
    child->window = parent->window;
    child->window_writable = parent->window_writable;
    memcpy(child->memory, parent->memory, sizeof(child->memory));
    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        if (child->handle[i])
            child->handle[i]->users++;
    if (child->window)
        child->window->users++;
}

static void step_exit(struct program *program)
{
    if (run_live() > 1)
        program_release(program);
}

static void run_step(void)
{
    struct program *program = &run.program[run_pick(PROGRAMS)];
    int handle = (int)run_pick(HANDLES + 1);

    if (!program->space)
        return;
    switch (run_pick(20)) {
    case 0:
    case 1:
        step_open(program);
        break;
    case 2:
        step_close(program, handle);
        break;
    case 3:
        run_pick(2) ? step_unlink(program) : step_rename();
        break;
    case 4:
        step_seek(program, handle);
        break;
    case 5:
        step_truncate(program, handle);
        break;
    case 6:
        step_status(program, handle);
        break;
    case 7:
        step_map(program, handle);
        break;
    case 8:
        run_pick(2) ? step_fork(program) : step_exit(program);
        break;
    case 9:
    case 10:
    case 11:
    case 12:
        step_read(program, handle);
        break;
    case 13:
    case 14:
    case 15:
    case 16:
        step_write(program, handle);
        break;
    default:
        step_access(program);
    }
    run_check();
}

/* The first program's memory; with little memory it is there before the rest is taken. */
static void run_begin(void)
{
    struct vm_map_request request = {.address = WORLD,
                                     .bytes = MEMORY_PAGES * PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    struct space *space = space_create(&trace.fake.vm, 1);
    uint64_t at;

    run.program[0].space = space;
    CHECK_EQ(vm_map(&trace.fake.vm, space, &request, &at), 0);
    CHECK_EQ(vm_unmap(&trace.fake.vm, space, WORLD + ABSENT * PAGE, PAGE), 0);
    CHECK_EQ(vm_protect(&trace.fake.vm, space, WORLD + READ_ONLY * PAGE, PAGE, PROT_READ), 0);
}

static void run_end(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (run.program[i].space)
            program_release(&run.program[i]);
    while (trace.fake.vm.names.first) {
        char there[16];

        sprintf(there, "./%c", trace.fake.vm.names.first->text[0]);
        run_expect(unlink(there) == 0, "a name that Linux does not have");
        names_remove(&trace.fake.vm, trace.fake.vm.names.first);
    }
    run_expect(trace.fake.vm.files == NULL, "files are left");
    trace_end();
}

/* Runs one trace; `left`: frames that it has. */
static void run_trace(uint64_t seed, uint32_t left)
{
    char scratch[] = "/tmp/file-test-XXXXXX", home[4096];

    CHECK(getcwd(home, sizeof(home)) && mkdtemp(scratch) && chdir(scratch) == 0);
    trace_begin(seed, FRAMES, left);
    fake_start(&trace.fake);
    run_begin();
    trace_limit();
    for (trace.step = 0; trace.step < STEPS; trace.step++)
        run_step();
    run_end();
    CHECK(chdir(home) == 0);
    run_expect(rmdir(scratch) == 0, "a name that only Linux has");
}

TEST("programs that open, copy, map, cut and fork see what Linux and arrays of bytes say")
{
    effort_run_traces(60, STEPS, TRACE_PLENTY, run_trace);
}

TEST("the same with any amount of memory too small: a call that is refused changes nothing")
{
    uint32_t refused = 0;

    for (uint32_t left = 0; left < 60; left++) {
        run_trace(1000 + left, left);
        refused += trace.refused;
    }
    CHECK(refused > 50);
}
