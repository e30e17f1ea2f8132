/* Files whose pages are fetched from a disk: see sim_file.h. */
#include "sim_file.h"

#include <stdlib.h>
#include <string.h>

/* What is under way for a page of the core; index: of the file. */
struct sim_fetch {
    enum { SIM_FETCH_NONE, SIM_FETCH_WAITS, SIM_FETCH_QUEUED } state;
    uint64_t index;
    uint64_t turn; /* SIM_FETCH_WAITS: in order of arrival */
    uint64_t late; /* SIM_FETCH_QUEUED: tick from which on it is */
};

/* The ops of an object have no context. */
static struct {
    struct sim_file_config config;
    const struct cpio_file *place;
    uint64_t pages;          /* now */
    uint64_t *sum;           /* of each page */
    struct sim_fetch *fetch; /* one for each page record */
    uint32_t fetches;        /* that are not SIM_FETCH_NONE */
    uint64_t turns;
    struct sim_file_counts counts;
} file;

static const struct object_ops sim_file_ops;

uint8_t sim_file_byte(uint64_t index, uint64_t offset)
{
    return (uint8_t)(((index + 1) * 0x9e3779b97f4a7c15ull ^ offset * 0xff51afd7ed558ccdull) >> 56);
}

/* Two running sums: words that changed place are found too. */
static uint64_t sim_file_sum(const void *page)
{
    const uint64_t *word = page;
    uint64_t first = 1, second = 0;

    for (uint64_t i = 0; i < PAGE_BYTES / sizeof(*word); i++) {
        first += word[i];
        second += first;
    }
    return first ^ (second << 32 | second >> 32);
}

void sim_file_end(void)
{
    free(file.sum);
    free(file.fetch);
    memset(&file, 0, sizeof(file));
}

void sim_file_start(const struct sim_file_config *config)
{
    const struct cpio_index *files = config->vm->archive_files;

    sim_file_end();
    file.config = *config;
    file.place = cpio_index_find(files, config->name, (uint32_t)strlen(config->name));
    file.pages = config->pages;
    file.sum = calloc(config->pages, sizeof(*file.sum));
    file.fetch = calloc(config->vm->table.count, sizeof(*file.fetch));
    if (!file.place || !file.sum || !file.fetch)
        abort();
    for (uint64_t index = 0; index < config->pages; index++) {
        uint8_t *medium = sim_disk_medium(config->disk, index);

        for (uint64_t offset = 0; offset < PAGE_BYTES; offset++)
            medium[offset] = sim_file_byte(index, offset);
        file.sum[index] = sim_file_sum(medium);
    }
}

/* ---- fetches ---- */

/* False: there is no room. */
static bool sim_file_queue(uint32_t page)
{
    struct sim_fetch *fetch = &file.fetch[page];
    struct sim_disk_request request = {.op = SIM_DISK_READ,
                                       .first = fetch->index,
                                       .segments = 1,
                                       .frame = {file.config.frame_of(file.config.vm, page)},
                                       .tag = page};

    if (!sim_disk_submit(file.config.disk, &request))
        return false;
    fetch->state = SIM_FETCH_QUEUED;
    fetch->late = sim_disk_now(file.config.disk) + file.config.patience;
    return true;
}

static void sim_file_begin(uint32_t page, uint64_t index)
{
    file.fetch[page] =
        (struct sim_fetch){.state = SIM_FETCH_WAITS, .index = index, .turn = ++file.turns};
    file.fetches++;
    if (!sim_file_queue(page))
        file.counts.delayed++;
}

/* The first that waits for room, or PAGE_NONE. */
static uint32_t sim_file_first_waiting(void)
{
    uint32_t first = PAGE_NONE;

    for (uint32_t page = 0; page < file.config.vm->table.count; page++)
        if (file.fetch[page].state == SIM_FETCH_WAITS &&
            (first == PAGE_NONE || file.fetch[page].turn < file.fetch[first].turn))
            first = page;
    return first;
}

static void sim_file_queue_waiting(void)
{
    uint32_t page;

    while ((page = sim_file_first_waiting()) != PAGE_NONE && sim_file_queue(page))
        ;
}

static void sim_file_finish(const struct sim_disk_done *done)
{
    struct vm *vm = file.config.vm;
    uint32_t page = (uint32_t)done->tag;
    struct sim_fetch *fetch = &file.fetch[page];
    bool right = sim_file_sum(page_contents(&vm->table, page)) == file.sum[fetch->index];

    file.counts.errors += !done->ok;
    file.counts.wrong += done->ok && !right;
    file.counts.fetched += done->ok && right;
    file.counts.strays += vm->table.pages[page].state == PAGE_STRAY;
    fetch->state = SIM_FETCH_NONE;
    file.fetches--;
    vm_page_done(vm, page, done->ok && right);
}

/* The tick when a queued request will be late, at most `end`. */
static uint64_t sim_file_first_late(uint64_t end)
{
    for (uint32_t page = 0; page < file.config.vm->table.count; page++)
        if (file.fetch[page].state == SIM_FETCH_QUEUED && file.fetch[page].late < end)
            end = file.fetch[page].late;
    return end;
}

uint32_t sim_file_poll(uint32_t ticks)
{
    struct sim_disk *disk = file.config.disk;
    uint64_t end = sim_disk_now(disk) + ticks;
    struct sim_disk_done done;
    uint32_t told = 0;

    for (;;) {
        uint64_t now = sim_disk_now(disk), until = sim_file_first_late(end);

        if (sim_disk_next(disk, until > now ? (uint32_t)(until - now) : 0, &done)) {
            sim_file_finish(&done);
            sim_file_queue_waiting();
            told++;
        } else if (sim_file_first_late(UINT64_MAX) <= sim_disk_now(disk)) {
            sim_disk_reset(disk);
            file.counts.resets++;
        } else {
            return told;
        }
    }
}

uint32_t sim_file_fetches(void)
{
    return file.fetches;
}

const struct sim_file_counts *sim_file_counts(void)
{
    return &file.counts;
}

/* ---- the kind ---- */

static enum object_supply sim_file_supply(struct vm *vm, struct object *object, uint64_t index,
                                          struct object_page *found)
{
    uint32_t page;

    (void)found;
    if (index >= file.pages)
        return OBJECT_BEYOND_END;
    page = object_begin_fetch(vm, object, index);
    if (page == PAGE_NONE)
        return OBJECT_NO_FRAME;
    sim_file_begin(page, index);
    return OBJECT_FETCHING;
}

static const struct object_ops sim_file_ops = {.name = "disk",
                                               .leaves = VICTIMS_FILE,
                                               .supply = sim_file_supply,
                                               .destroy = object_leave_files};

struct object *sim_file_object(void)
{
    struct object *object = file.config.vm->files;

    while (object && object->ops != &sim_file_ops)
        object = object->next_file;
    return object;
}

struct object *sim_file_open(void)
{
    struct object *object = object_open_file(file.config.vm, file.place);

    if (!object)
        return NULL;
    object->ops = &sim_file_ops;
    object->bytes = file.pages * PAGE_BYTES;
    return object;
}

void sim_file_resize(uint64_t pages)
{
    struct vm *vm = file.config.vm;
    struct object *object = sim_file_object();

    file.pages = pages;
    if (!object)
        return;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            vm->port.unmap(vm->port.context, id, FL_USER_BASE,
                           (FL_USER_END - FL_USER_BASE) / PAGE_BYTES);
    object->bytes = pages * PAGE_BYTES;
    object_free_pages(vm, object, pages, INDEX_LIMIT - pages);
}

/* ---- the checker ---- */

static const char *sim_file_check_page(const struct page *record, const struct sim_fetch *fetch)
{
    bool of_file = record->state == PAGE_BUSY && record->object->ops == &sim_file_ops;

    if (fetch->state == SIM_FETCH_NONE)
        return of_file ? "L1" : NULL;
    return record->state == PAGE_BUSY || record->state == PAGE_STRAY ? NULL : "L1";
}

const char *sim_file_check(void)
{
    const struct vm *vm = file.config.vm;
    uint32_t fetches = 0, queued = 0;

    for (uint32_t page = 0; page < vm->table.count; page++) {
        const struct sim_fetch *fetch = &file.fetch[page];
        const char *broken = sim_file_check_page(&vm->table.pages[page], fetch);

        if (broken)
            return broken;
        fetches += fetch->state != SIM_FETCH_NONE;
        queued += fetch->state == SIM_FETCH_QUEUED;
    }
    if (fetches != file.fetches)
        return "L1";
    if (queued != sim_disk_queued(file.config.disk))
        return "L2";
    return sim_disk_check(file.config.disk);
}
