/* Calls that copy bytes, and the model: read, write, ftruncate, mincore.  See sim_call.h. */
#include <errno.h>
#include <string.h>

#include "file_values.h"
#include "memory_values.h"
#include "sim_call.h"
#include "sim_swap.h"
#include "sim_walk.h"

#define RW               (PROT_READ | PROT_WRITE)
#define SIM_OFFSET_UNIT  113u
#define SIM_LENGTH_UNIT  37u
#define SIM_LONGEST_FILE (SIM_FILE_PAGES * SIM_PAGE_BYTES)

/* Bytes of memory, inside one window, and of a file. */
struct sim_transfer {
    struct sim_process *process;
    struct sim_segment *file;
    struct file_transfer request;
    uint64_t bytes; /* of the request, or up to the end of the file */
};

/* Nobody else looks at the pages that are copied from or to. */
static void sim_transfer_begin(const struct sim_process *process)
{
    sim.copying = true;
    sim.copier = sim_number(process);
}

static void sim_transfer_choose(struct sim_transfer *transfer, const struct sim_step *step)
{
    uint32_t first = step->first % SIM_PAGES, handle = step->argument % SIM_OPEN_FILES;
    uint64_t offset = step->salt % FL_PAGE_BYTES;
    uint64_t rest = (sim_window_end(first) - first) * SIM_PAGE_BYTES - offset;

    transfer->file = sim.model.file[handle];
    transfer->request = (struct file_transfer){.handle = handle,
                                               .address = sim_page_address(first) + offset,
                                               .bytes = 1 + step->to * SIM_LENGTH_UNIT,
                                               .offset = step->byte * SIM_OFFSET_UNIT};
    if (step->argument & 0x10) { /* whole pages */
        transfer->request.address -= offset;
        transfer->request.offset &= ~(SIM_PAGE_BYTES - 1);
        transfer->request.bytes = SIM_PAGE_BYTES;
        rest += offset;
    }
    if (transfer->request.bytes > rest)
        transfer->request.bytes = rest;
    transfer->bytes = transfer->request.bytes;
}

static uint32_t sim_transfer_page(const struct sim_transfer *transfer, uint64_t done)
{
    return sim_page_at(transfer->request.address + done);
}

/* EFAULT if any byte of the memory may not be used so. */
static int sim_transfer_check(const struct sim_transfer *transfer, uint32_t access)
{
    uint32_t last = sim_transfer_page(transfer, transfer->bytes - 1);

    for (uint32_t p = sim_transfer_page(transfer, 0); p <= last; p++)
        if (sim_page_signal(&transfer->process->page[p], access))
            return EFAULT;
    return 0;
}

/* Bytes up to the end of a page. */
static uint64_t sim_part(uint64_t at, uint64_t count)
{
    uint64_t rest = SIM_PAGE_BYTES - at % SIM_PAGE_BYTES;

    return rest < count ? rest : count;
}

/* Where the call stopped before its end: it had a reason, and may have made a page ready. */
static void sim_transfer_stopped(const struct sim_transfer *transfer, uint64_t done,
                                 uint32_t access)
{
    const struct sim_need need = {.frames = 4, .of_files = true};
    uint32_t page = sim_transfer_page(transfer, done);

    SIM_EXPECT(sim_call_is_missing(transfer->process, page) || sim_call_may_fail(&need),
               "only %u of %u bytes are copied", (unsigned)done, (unsigned)transfer->bytes);
    sim_call_observe(transfer->process, page, access);
}

/* True if the call waited for the page, and the disk failed. */
static bool sim_transfer_is_unreadable(const struct sim_process *process, uint32_t page)
{
    return sim.config.disk_fails && sim_call_is_missing(process, page) &&
           (sim.fetched || sim_swap_may_be_lost(process, page));
}

/* The answer of a call that copied less than all. */
static int sim_transfer_judge(const struct sim_transfer *transfer, int error, int expected,
                              uint64_t done)
{
    const struct sim_need need = {.frames = 4, .of_files = true};
    uint32_t first = sim_transfer_page(transfer, 0);

    SIM_EXPECT(done <= transfer->bytes, "%u of %u bytes are copied", (unsigned)done,
               (unsigned)transfer->bytes);
    if (error == EINPROGRESS) {
        SIM_EXPECT((expected == 0 && sim_call_is_missing(transfer->process, first)) ||
                       sim_call_is_short(),
                   "waits for a page that is there");
        return error;
    }
    if (expected == 0 && error == EFAULT && sim_transfer_is_unreadable(transfer->process, first))
        return error;
    sim_call_judge(error, expected, &need);
    return error;
}

/* ---- read ---- */

/* One part: into one page of memory. */
static void sim_read_part(const struct sim_transfer *transfer, uint64_t done, uint64_t part)
{
    struct sim_page *page = &transfer->process->page[sim_transfer_page(transfer, done)];
    uint8_t *to;

    sim_page_touch(&sim.model, page, PROT_WRITE);
    to = sim_page_value(page)->bytes + (transfer->request.address + done) % SIM_PAGE_BYTES;
    for (uint64_t i = 0, piece; i < part; i += piece) {
        uint64_t at = transfer->request.offset + done + i;
        const struct sim_page from = {.segment = transfer->file,
                                      .index = (uint32_t)(at / SIM_PAGE_BYTES)};

        piece = sim_part(at, part - i);
        memmove(to + i, sim_page_bytes(&from) + at % SIM_PAGE_BYTES, piece);
    }
}

int sim_call_read(struct sim_process *process, const struct sim_step *step)
{
    struct sim_transfer transfer = {.process = process};
    uint64_t done, part;
    int expected, error;

    sim_transfer_choose(&transfer, step);
    sim_transfer_begin(process);
    if (transfer.request.offset >= transfer.file->bytes)
        transfer.bytes = 0;
    else if (transfer.bytes > transfer.file->bytes - transfer.request.offset)
        transfer.bytes = transfer.file->bytes - transfer.request.offset;
    expected = transfer.bytes > 0 ? sim_transfer_check(&transfer, RW) : 0;
    error = vm_file_read(sim_vm(), process->space, &transfer.request, &done);
    error = sim_transfer_judge(&transfer, error, expected, done);
    for (uint64_t i = 0; i < done; i += part) {
        part = sim_part(transfer.request.address + i, done - i);
        sim_read_part(&transfer, i, part);
    }
    if (!expected && done < transfer.bytes)
        sim_transfer_stopped(&transfer, done, PROT_WRITE);
    return error;
}

/* ---- write ---- */

static void sim_write_part(const struct sim_transfer *transfer, uint64_t done, uint64_t part)
{
    struct sim_page *page = &transfer->process->page[sim_transfer_page(transfer, done)];
    struct sim_segment *file = transfer->file;
    uint64_t offset = (transfer->request.address + done) % SIM_PAGE_BYTES;

    sim_page_touch(&sim.model, page, PROT_READ);
    for (uint64_t i = 0, piece; i < part; i += piece) {
        uint64_t at = transfer->request.offset + done + i;
        struct sim_value *value =
            sim_segment_fill(&sim.model, file, (uint32_t)(at / SIM_PAGE_BYTES));

        piece = sim_part(at, part - i);
        if (at + piece > file->bytes)
            sim_segment_resize(&sim.model, file, at + piece);
        memmove(value->bytes + at % SIM_PAGE_BYTES, sim_page_bytes(page) + offset + i, piece);
    }
}

int sim_call_write(struct sim_process *process, const struct sim_step *step)
{
    struct sim_transfer transfer = {.process = process};
    uint64_t done, part;
    int expected, error;

    sim_transfer_choose(&transfer, step);
    if (transfer.request.offset + transfer.bytes > SIM_LONGEST_FILE)
        return 0;
    sim_transfer_begin(process);
    expected =
        transfer.file->kind == SIM_ARCHIVE ? EBADF : sim_transfer_check(&transfer, PROT_READ);
    error = vm_file_write(sim_vm(), process->space, &transfer.request, &done);
    error = sim_transfer_judge(&transfer, error, expected, done);
    for (uint64_t i = 0; i < done; i += part) {
        part = sim_part(transfer.request.address + i, done - i);
        sim_write_part(&transfer, i, part);
    }
    if (!expected && done < transfer.bytes)
        sim_transfer_stopped(&transfer, done, PROT_READ);
    return error;
}

/* ---- ftruncate ---- */

int sim_call_truncate(struct sim_process *process, const struct sim_step *step)
{
    uint32_t handle = 1 + step->argument % (SIM_OPEN_FILES - 1);
    uint64_t bytes = step->byte * SIM_OFFSET_UNIT % (SIM_LONGEST_FILE + 1);
    int error;

    if (step->argument & 0x10)
        bytes = step->byte % (SIM_FILE_PAGES + 1) * SIM_PAGE_BYTES;
    error = vm_file_truncate(sim_vm(), process->space, handle, bytes);
    SIM_EXPECT(error == 0, "ftruncate: error %d", error);
    sim_segment_resize(&sim.model, sim.model.file[handle], bytes);
    return 0;
}

/* ---- mincore ---- */

static uint8_t sim_is_resident(const struct sim_page *page)
{
    if (sim_page_value(page))
        return 1;
    return page->segment && page->segment->kind == SIM_ARCHIVE && !sim_page_is_beyond(page);
}

static int sim_resident_check(const struct sim_process *process, struct sim_range range,
                              uint32_t vector)
{
    if (!sim_call_is_covered(process, range))
        return ENOMEM;
    return sim_page_signal(&process->page[vector], RW) ? EFAULT : 0;
}

/* The vector is in the model what it is in memory where the page is a disk's, or may be out: there is
 * nothing to say of it. */
static void sim_resident_apply(struct sim_process *process, struct sim_range range, uint32_t vector,
                               uint32_t offset)
{
    struct sim_page *page = &process->page[vector];
    struct sim_shown shown;

    sim_page_touch(&sim.model, page, PROT_WRITE);
    sim_walk_page(process, vector, &shown);
    SIM_EXPECT(shown.contents != NULL, "the vector's page is gone");
    for (uint32_t i = 0; i < range.count; i++) {
        const struct sim_page *at = &process->page[range.first + i];
        bool fetched =
            sim.config.swap || (at->segment && at->segment->kind == SIM_DISK && !at->own);

        sim_page_value(page)->bytes[offset + i] =
            fetched ? shown.contents[offset + i] : sim_is_resident(at);
    }
}

int sim_call_resident(struct sim_process *process, const struct sim_step *step)
{
    const struct sim_need need = {.frames = 4};
    struct sim_range range = sim_call_range(step);
    uint32_t vector = step->to % SIM_PAGES, offset = step->byte * 8;
    int expected = sim_resident_check(process, range, vector), error;
    uint64_t pages;

    sim_transfer_begin(process);
    error = vm_resident(sim_vm(), process->space, sim_page_address(range.first),
                        range.count * SIM_PAGE_BYTES, sim_page_address(vector) + offset, &pages);
    if (error == EINPROGRESS) {
        SIM_EXPECT((!expected && sim_call_is_missing(process, vector)) || sim_call_is_short(),
                   "mincore waits for a page that is there");
        sim_call_observe(process, vector, PROT_WRITE);
        return error;
    }
    if (!expected && error == EFAULT && /* as Linux: no memory to write it */
        (sim_call_may_fail(&need) || sim_transfer_is_unreadable(process, vector))) {
        sim_call_observe(process, vector, PROT_WRITE);
        return error;
    }
    if (!sim_call_judge(error, expected, &need))
        return error;
    sim_resident_apply(process, range, vector, offset);
    return 0;
}
