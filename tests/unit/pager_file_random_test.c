/* Random traces over files and their mappings, against a model in which a file is an array of bytes
 * and a program an array of pages: programs map the same files shared and private, write through
 * mappings and by write(), cut and grow the files, fork, move and unmap.  After each step all that is
 * in the page tables shows what the model says, and all invariants hold; then the same with ever so
 * little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_trace_kit.h"

#include "effort.h"
#include "protocol.h"

#define FRAMES      512u
#define STEPS       400u
#define FILES       4u /* the first two in the initrd, one of them not on pages */
#define FIXED_FILES 2u
#define FILE_PAGES  10u
#define PROGRAMS    4u
#define WORLD_PAGES 18u
#define WORLD       (0x2000200000ull - 8 * PAGE) /* a page table ends inside */
#define FILE_BYTES  (FILE_PAGES * PAGE)

struct model_file {
    struct object *object;
    uint64_t bytes;
    uint8_t data[FILE_BYTES]; /* behind the end: what programs left in the last page */
};

struct model_page {
    bool mapped;
    bool shared;
    bool own; /* private: `data` is what it shows */
    uint8_t protection;
    uint8_t max_protection;
    const struct model_file *file; /* NULL: anonymous */
    uint32_t index;                /* page of the file */
    uint8_t data[FL_PAGE_BYTES];
};

struct model_program {
    struct space *space; /* NULL: does not live */
    struct model_page page[WORLD_PAGES];
};

static struct run {
    struct model_file file[FILES];
    struct model_program program[PROGRAMS];
    struct space *keeper; /* has the files open */
} run;

static const uint8_t zeros[FL_PAGE_BYTES];

/* ---- the model ---- */

static uint64_t model_address(uint32_t page)
{
    return WORLD + page * PAGE;
}

static bool model_is_beyond(const struct model_page *page)
{
    return page->file && page->index >= (page->file->bytes + PAGE - 1) / PAGE;
}

/* What a page shows. */
static const uint8_t *model_bytes(const struct model_page *page)
{
    if (page->own)
        return page->data;
    return page->file ? page->file->data + page->index * PAGE : zeros;
}

/* The bytes that a write to the page changes. */
static uint8_t *model_written(struct model_page *page)
{
    if (page->shared && page->file)
        return run.file[page->file - run.file].data + page->index * PAGE;
    if (!page->own)
        memcpy(page->data, model_bytes(page), PAGE);
    page->own = true;
    return page->data;
}

/* The signal that a touch ends in, or 0. */
static uint32_t model_signal(const struct model_page *page, uint32_t access)
{
    if (!page->mapped || (page->protection & access) != access)
        return 11;
    return model_is_beyond(page) ? 7 : 0;
}

/* Sets the size of a file: what it grows over is zero, or what is behind its new end, and copies of whole
 * pages there are gone. */
static void model_resize(struct model_file *file, uint64_t bytes)
{
    uint64_t from = bytes < file->bytes ? bytes : file->bytes;
    uint64_t to = bytes > file->bytes ? bytes : FILE_BYTES;

    memset(file->data + from, 0, to - from);
    file->bytes = bytes;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; p < WORLD_PAGES; p++)
            if (run.program[i].page[p].file == file && model_is_beyond(&run.program[i].page[p]))
                run.program[i].page[p].own = false;
}

/* ---- steps on files ---- */

static struct model_file *run_pick_file(uint32_t from)
{
    return &run.file[from + run_pick(FILES - from)];
}

static void step_write(void)
{
    static uint8_t bytes[3 * FL_PAGE_BYTES];
    struct model_file *file = run_pick_file(FIXED_FILES);
    uint64_t offset = run_pick(FILE_BYTES), count = 1 + run_pick(sizeof(bytes)), done;
    int error;

    if (count > FILE_BYTES - offset)
        count = FILE_BYTES - offset;
    memset(bytes, (int)run_pick(256), count);
    error = object_write(&trace.fake.vm, file->object, offset, bytes, count, &done);
    run_expect(error == 0 ? done == count : error == ENOSPC && trace.scarce && done < count,
               "write");
    trace.refused += error != 0;
    if (offset + done > file->bytes && done > 0)
        model_resize(file, offset + done);
    memcpy(file->data + offset, bytes, done);
    run_expect(file->object->bytes == file->bytes, "the size after a write");
}

static void step_read(void)
{
    static uint8_t bytes[3 * FL_PAGE_BYTES];
    struct model_file *file = run_pick_file(0);
    uint64_t offset = run_pick(FILE_BYTES + PAGE), count = run_pick(sizeof(bytes)), done;
    uint64_t rest = offset < file->bytes ? file->bytes - offset : 0;

    run_expect(object_read(&trace.fake.vm, file->object, offset, bytes, count, &done) == 0, "read");
    run_expect(done == (rest < count ? rest : count), "how much was read");
    run_expect(memcmp(bytes, file->data + (done ? offset : 0), done) == 0, "what was read");
}

static void step_resize(void)
{
    struct model_file *file = run_pick_file(FIXED_FILES);
    uint64_t bytes = run_pick(4) ? run_pick(FILE_BYTES + 1) : run_pick(FILE_PAGES + 1) * PAGE;

    run_expect(object_resize(&trace.fake.vm, file->object, bytes) == 0, "ftruncate");
    model_resize(file, bytes);
}

/* ---- steps on programs ---- */

static uint8_t run_pick_protection(void)
{
    static const uint8_t protections[] = {PROT_NONE, PROT_READ, RW, RW, PROT_READ | PROT_EXEC};

    return protections[run_pick(5)];
}

static void step_map(struct model_program *program, uint32_t first, uint32_t count)
{
    const struct model_file *file = run_pick(6) ? run_pick_file(0) : NULL;
    uint32_t index = run_pick(FILE_PAGES);
    bool writable = file && file - run.file >= FIXED_FILES, shared = file && run_pick(2);
    uint8_t protection = run_pick_protection();
    struct vm_map_request request = {.address = model_address(first),
                                     .bytes = count * PAGE,
                                     .offset = file ? index * PAGE : 0,
                                     .protection = protection,
                                     .flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) |
                                              (file ? 0 : MAP_ANONYMOUS),
                                     .file = file ? file->object : NULL,
                                     .readable = true,
                                     .writable = writable};
    bool forbidden = shared && !writable && (protection & PROT_WRITE);
    uint64_t at = 0;

    if (!run_accept(vm_map(&trace.fake.vm, program->space, &request, &at), forbidden ? EACCES : 0,
                    "mmap"))
        return;
    for (uint32_t p = 0; p < count; p++)
        program->page[first + p] = (struct model_page){
            .mapped = true,
            .shared = shared,
            .protection = protection,
            .max_protection = PROT_READ | PROT_EXEC | (shared && !writable ? 0 : PROT_WRITE),
            .file = file,
            .index = index + p};
}

static void step_unmap(struct model_program *program, uint32_t first, uint32_t count)
{
    int error = vm_unmap(&trace.fake.vm, program->space, model_address(first), count * PAGE);

    if (run_accept(error, 0, "munmap"))
        memset(&program->page[first], 0, count * sizeof(program->page[0]));
}

static void step_protect(struct model_program *program, uint32_t first, uint32_t count)
{
    uint8_t protection = run_pick_protection();
    int expected = 0;

    for (uint32_t p = first; p < first + count; p++)
        if (!program->page[p].mapped)
            expected = ENOMEM;
    for (uint32_t p = first; p < first + count && !expected; p++)
        if (protection & ~program->page[p].max_protection)
            expected = EACCES;
    if (!run_accept(vm_protect(&trace.fake.vm, program->space, model_address(first), count * PAGE,
                               protection),
                    expected, "mprotect"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        program->page[p].protection = protection;
}

static void step_advise(struct model_program *program, uint32_t first, uint32_t count)
{
    static const uint64_t advices[] = {MADV_NORMAL,   MADV_RANDOM,   MADV_SEQUENTIAL,
                                       MADV_WILLNEED, MADV_DONTNEED, MADV_DONTNEED};
    uint64_t advice = advices[run_pick(6)];
    int expected = 0, error;

    for (uint32_t p = first; p < first + count; p++)
        if (!program->page[p].mapped)
            expected = ENOMEM;
    if (trace.scarce && expected) /* whether it did anything is not told */
        return;
    error = vm_advise(&trace.fake.vm, program->space, model_address(first), count * PAGE, advice);
    if (!run_accept(error, expected, "madvise") && !expected)
        return;
    for (uint32_t p = first; p < first + count; p++)
        if (advice == MADV_DONTNEED)
            program->page[p].own = false;
}

/* Moves, grows, doubles or leaves behind one page. */
static void step_remap(struct model_program *program, uint32_t from)
{
    static struct model_page moved[3];
    const struct model_page *old = &program->page[from];
    bool keep = run_pick(4) == 0, second = !keep && old->shared && run_pick(2);
    uint32_t count = keep ? 1 : 1 + run_pick(3), to = run_pick(WORLD_PAGES - count + 1);
    struct vm_remap_request request = {.address = model_address(from),
                                       .old_bytes = second ? 0 : PAGE,
                                       .bytes = count * PAGE,
                                       .flags = MREMAP_MAYMOVE | MREMAP_FIXED |
                                                (keep ? MREMAP_DONTUNMAP : 0),
                                       .to = model_address(to)};
    uint64_t at;

    if (!old->mapped || (from >= to && from < to + count))
        return;
    if (!run_accept(vm_remap(&trace.fake.vm, program->space, &request, &at), 0, "mremap"))
        return;
    for (uint32_t p = 0; p < count; p++) {
        moved[p] = *old;
        moved[p].index += p;
        moved[p].own = old->own && p == 0;
    }
    if (keep)
        program->page[from].own = false;
    else if (!second)
        program->page[from] = (struct model_page){.mapped = false};
    memcpy(&program->page[to], moved, count * sizeof(moved[0]));
}

/* Grows one page where it lies. */
static void step_grow(struct model_program *program, uint32_t p)
{
    uint32_t count = 1 + run_pick(3);
    struct vm_remap_request request = {
        .address = model_address(p), .old_bytes = PAGE, .bytes = count * PAGE};
    int expected = 0;
    uint64_t at;

    if (!program->page[p].mapped || p + count > WORLD_PAGES)
        return;
    for (uint32_t i = 1; i < count; i++)
        if (program->page[p + i].mapped)
            expected = ENOMEM;
    if (!run_accept(vm_remap(&trace.fake.vm, program->space, &request, &at), expected, "growth"))
        return;
    for (uint32_t i = 1; i < count; i++) {
        program->page[p + i] = program->page[p];
        program->page[p + i].index += i;
        program->page[p + i].own = false;
    }
}

static bool run_was_short(void)
{
    if (!trace.scarce ||
        (fake_last_event.signal != 9 && fake_last_event.kind != PAGER_EVENT_NO_MEMORY))
        return false;
    trace.refused++;
    return true;
}

static void step_touch(struct model_program *program, uint32_t p, uint32_t access)
{
    struct model_page *page = &program->page[p];
    uint64_t place = run_pick(FL_PAGE_BYTES);
    uint32_t signal = model_signal(page, access);
    uint8_t byte = (uint8_t)run_pick(256);
    enum fake_outcome outcome =
        fake_touch(&trace.fake, program->space, model_address(p) + place, access, &byte);

    if (outcome == FAKE_STOPPED && signal != 11 && run_was_short())
        return;
    run_expect((outcome == FAKE_DONE) == (signal == 0), "an access is wrongly allowed or refused");
    if (signal != 0)
        run_expect(fake_last_event.signal == signal, "the wrong signal");
    else if (access == FL_ACCESS_WRITE)
        model_written(page)[place] = byte;
    else
        run_expect(byte == model_bytes(page)[place], "a byte is not what was written");
}

/* The pager writes for a program, across pages, until one may not be written. */
static void step_copy_in(struct model_program *program, uint32_t p)
{
    static uint8_t bytes[2 * FL_PAGE_BYTES];
    uint64_t place = run_pick(FL_PAGE_BYTES), count = 1 + run_pick(sizeof(bytes)), done = 0;
    int error;

    memset(bytes, (int)run_pick(256), count);
    if (p + 3 > WORLD_PAGES)
        return;
    error = vm_write(&trace.fake.vm, program->space, model_address(p) + place, bytes, count);
    if (error == ENOMEM && trace.scarce) {
        trace.refused++;
        fake_unlimit(&trace.fake); /* how far it came is not told: once more, with memory */
        error = vm_write(&trace.fake.vm, program->space, model_address(p) + place, bytes, count);
    }
    while (done < count && model_signal(&program->page[p], PROT_WRITE) == 0) {
        uint64_t part = PAGE - place < count - done ? PAGE - place : count - done;

        memcpy(model_written(&program->page[p++]) + place, bytes, part);
        place = 0;
        done += part;
    }
    run_expect(error == (done < count ? EFAULT : 0), "a copy into a program");
}

static void step_fork(const struct model_program *parent)
{
    struct model_program *child = run.program;

    while (child < run.program + PROGRAMS && child->space)
        child++;
    if (child == run.program + PROGRAMS)
        return;
    *child = *parent;
    child->space = run_fork(parent->space);
}

static void step_exit(struct model_program *program)
{
    if (run_live() < 3) /* the keeper is one */
        return;
    fake_destroy_space(&trace.fake, program->space);
    program->space = NULL;
}

/* ---- a trace ---- */

static void run_memory_call(struct model_program *program)
{
    uint32_t first = run_pick(WORLD_PAGES), count = 1 + run_pick(WORLD_PAGES - first);

    if (count > 6 && run_pick(4))
        count = 1 + run_pick(6);
    switch (run_pick(8)) {
    case 0:
    case 1:
        step_map(program, first, count);
        break;
    case 2:
        step_unmap(program, first, count);
        break;
    case 3:
        step_protect(program, first, count);
        break;
    case 4:
        step_advise(program, first, count);
        break;
    case 5:
        step_remap(program, first);
        break;
    case 6:
        step_grow(program, first);
        break;
    default:
        fake_drop_tables(&trace.fake, program->space, 128, &trace.seed);
    }
}

static void run_step(void)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_WRITE,
                                        FL_ACCESS_EXEC};
    struct model_program *program;

    do
        program = &run.program[run_pick(PROGRAMS)];
    while (!program->space);
    switch (run_pick(20)) {
    case 0:
        step_fork(program);
        break;
    case 1:
        if (run_pick(2))
            step_exit(program);
        break;
    case 2:
        step_write();
        break;
    case 3:
        step_read();
        break;
    case 4:
        step_resize();
        break;
    case 5:
        step_copy_in(program, run_pick(WORLD_PAGES));
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        run_memory_call(program);
        break;
    default:
        step_touch(program, run_pick(WORLD_PAGES), accesses[run_pick(4)]);
    }
}

/* All that a program could read or write without a fault is what the model says. */
static void run_compare_tables(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; run.program[i].space && p < WORLD_PAGES; p++) {
            const struct model_page *page = &run.program[i].page[p];
            const struct space *space = run.program[i].space;
            const uint8_t *shown = fake_peek(&trace.fake, space, model_address(p), 0);
            const uint8_t *writable =
                fake_peek(&trace.fake, space, model_address(p), FL_ACCESS_WRITE);

            run_expect(!shown || !model_is_beyond(page), "a page behind the end is mapped");
            run_expect(!shown || memcmp(shown, model_bytes(page), PAGE) == 0, "a stale page");
            run_expect(!writable || (page->protection & PROT_WRITE), "a page is writable");
            run_expect(!writable || page->own || page->shared || !page->file,
                       "a file's page is writable");
        }
}

static void run_sound(void)
{
    run_check();
    run_compare_tables();
}

/* Touches every page of every program, so that all of them are compared. */
static void run_compare(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; run.program[i].space && p < WORLD_PAGES; p++)
            step_touch(&run.program[i], p, FL_ACCESS_READ);
    run_sound();
}

static void run_begin_files(void)
{
    static const char *const names[FIXED_FILES] = {"aligned", "astride"};

    for (uint32_t i = 0; i < FIXED_FILES; i++) {
        struct model_file *file = &run.file[i];

        file->bytes = FILE_BYTES - 2 * PAGE - 777 * i;
        for (uint64_t b = 0; b < file->bytes; b++)
            file->data[b] = (uint8_t)(b / 64 + i + 1);
        fake_add_file(&trace.fake, names[i], file->data, file->bytes, i == 0);
    }
    fake_start(&trace.fake);
    run.keeper = space_create(&trace.fake.vm, 1);
    for (uint32_t i = 0; i < FILES; i++) {
        uint32_t handle;

        run_expect(handle_open(&trace.fake.vm, run.keeper, &handle) == 0, "open");
        run.file[i].object =
            i < FIXED_FILES
                ? object_open_file(&trace.fake.vm, fake_find_file(&trace.fake, names[i]))
                : object_create_memory(&trace.fake.vm);
        handle_find(run.keeper, handle)->file = run.file[i].object;
    }
}

static void run_begin(uint64_t seed, uint32_t left)
{
    memset(&run, 0, sizeof(run));
    trace_begin(seed, FRAMES, left);
    run_begin_files();
    run.program[0].space = space_create(&trace.fake.vm, 1);
    trace_limit();
}

static void run_end(void)
{
    fake_unlimit(&trace.fake);
    trace.scarce = false;
    run_compare();
    trace_end();
}

static void run_trace(uint64_t seed, uint32_t steps, uint32_t left)
{
    run_begin(seed, left);
    for (; trace.step < steps; trace.step++) {
        run_step();
        run_sound();
    }
    run_end();
}

static void run_long(uint64_t seed, uint32_t left)
{
    run_trace(seed, STEPS, left);
}

TEST("random traces over files and their mappings behave as arrays of bytes")
{
    effort_run_traces(50, STEPS, TRACE_PLENTY, run_long);
}

TEST("with any amount of memory too small, they fail cleanly and nothing is lost")
{
    uint32_t left = 0;

    do
        run_trace(7, 300, left++);
    while (trace.refused > 0 && left < FRAMES);
    harness_note("clean from %u frames on", (unsigned)left - 1);
    CHECK(left > 10 && left < FRAMES - 20);
}

TEST("so it is with few frames, in other traces")
{
    for (uint64_t seed = 100; seed < 104; seed++)
        for (uint32_t left = 0; left < 99; left += 5)
            run_trace(seed, 300, left);
}
