/* Owns the rings of the disks: see disks.h. */
#include "disks.h"

#include <errno.h>
#include <string.h>

#include "blk.h"
#include "blk_ring.h"
#include "frames.h"
#include "log.h"
#include "pins.h"

_Static_assert(BLK_DISKS == DEVICES_DISKS, "every disk has a name");

#define DISKS_SECTORS (FL_PAGE_BYTES / BLK_SECTOR_BYTES) /* of a page */
/* Lines about failing disks that come at once (log.h): requests, and pages of these. */
#define DISKS_ERRORS_TOLD  256u
#define DISKS_MISHAPS_TOLD 64u

/* Tags of requests: those of the core, then one for each disk's header, and that of the discard. */
#define DISKS_TAG_HEADER  PAGING_REQUESTS
#define DISKS_TAG_DISCARD (DISKS_TAG_HEADER + BLK_DISKS)

enum disks_header_state { HEADER_NONE, HEADER_READING, HEADER_READ };

/* The header of a disk that is read for swap. */
struct disks_header {
    uint8_t state;  /* enum disks_header_state; READ: whoever asked has not been told */
    bool asked;     /* by a program */
    uint32_t space; /* with its generation: whose */
    uint32_t generation;
    uint32_t page; /* that it goes to */
    int32_t priority;
    uint32_t discards;
    int error;               /* what came of it: an errno value ... */
    enum swap_error refused; /* ... and of EINVAL more */
};

static struct {
    struct blk_client ring[BLK_DISKS];
    struct blk_info info[BLK_DISKS]; /* sectors 0: there is no such disk */
    struct disks_header header[BLK_DISKS];
    uint32_t count; /* disks that the driver has */
} disks;

static void disks_expect(uint64_t status, const char *what)
{
    if (status != FL_OK)
        log_stop("disks: %s: status 0x%lx", what, status);
}

/* ---- requests ---- */

/* Shows the driver what was put. */
static void disks_publish(uint32_t disk)
{
    struct blk_client *ring = &disks.ring[disk];

    if (blk_client_publish(ring))
        disks_expect(flr_notification_signal(PAGER_SLOT_BLK_BELL).status, "the bell");
    if (blk_client_is_broken(ring))
        log_stop("disk %u: the driver gave its ring up", (unsigned)disk);
}

/* A call to the driver, which before it answers does what its bell was rung for.  Its answer is words only: the buffer may
 * hold what we were asked. */
static void disks_let_driver_run(uint32_t disk)
{
    struct fl_message answer =
        fl_ipc_call(PAGER_SLOT_BLK, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, BLK_STATISTIC), 4), disk,
                    BLK_STAT_REQUESTS, 0, 0);

    disks_expect(answer.status, "the driver");
}

/* The ring holds fewer requests than there may be: the driver runs on another hart, or its disk has no place free, and it
 * makes room as soon as it can. */
static void disks_put(uint32_t disk, const struct blk_request *request)
{
    struct blk_client *ring = &disks.ring[disk];

    while (!blk_client_submit(ring, request)) {
        disks_publish(disk);
        disks_let_driver_run(disk);
    }
}

/* How many of the pages lie one behind the other. */
static uint32_t disks_run(const struct page_table *table, const uint32_t *page, uint32_t count)
{
    uint32_t run = 1;

    while (run < count && page[run] == page[0] + run &&
           table->pages[page[run]].range == table->pages[page[0]].range)
        run++;
    return run;
}

bool disks_submit(void *context, const struct vm_io *io)
{
    struct pager *pager = context;
    uint64_t segment[SWAP_CLUSTER];
    struct blk_request request = {.op = io->write ? BLK_WRITE : BLK_READ,
                                  .sector = io->first * DISKS_SECTORS,
                                  .tag = io->tag,
                                  .segment = segment};

    if (disks.info[io->device].sectors == 0 || blk_client_is_broken(&disks.ring[io->device]))
        return false;
    pins_take(pager, io);
    for (uint32_t first = 0, run; first < io->count; first += run) {
        run = disks_run(&pager->vm.table, io->page + first, io->count - first);
        segment[request.segments++] =
            BLK_SEGMENT(pins_address(pager, io->page[first]), run * DISKS_SECTORS);
    }
    disks_put(io->device, &request);
    pager->attention = true; /* D2 */
    return true;
}

bool disks_discard(void *context, uint32_t disk, uint64_t first, uint32_t pages)
{
    struct pager *pager = context;

    if (disks.info[disk].sectors == 0 || blk_client_is_broken(&disks.ring[disk]))
        return false;
    disks_put(disk, &(struct blk_request){.op = BLK_DISCARD,
                                          .sector = first * DISKS_SECTORS,
                                          .sectors = pages * DISKS_SECTORS,
                                          .tag = DISKS_TAG_DISCARD});
    pager->attention = true; /* D2 */
    return true;
}

/* ---- ends ---- */

static int disks_errno(enum swap_error refused)
{
    switch (refused) {
    case SWAP_OK:
        return 0;
    case SWAP_NO_MEMORY:
        return ENOMEM;
    case SWAP_FULL:
        return EPERM; /* as on Linux */
    default:
        return EINVAL;
    }
}

/* Disks that never were swap are nothing to talk about when nobody asked. */
static void disks_tell_swap(const struct pager *pager, uint32_t disk, uint32_t number)
{
    const struct disks_header *header = &disks.header[disk];
    const struct swap_area *area = &pager->vm.swap.area[number];

    static const char *const discards[] = {"", "; discards what was there",
                                           "; discards what becomes free",
                                           "; discards what was there and what becomes free"};

    if (header->refused == SWAP_OK)
        log_line("disk %u: swap, %u KiB%s", (unsigned)disk,
                 (unsigned)((area->pages - area->bad) * (FL_PAGE_BYTES / 1024)),
                 header->discards && !area->discards ? "; cannot discard"
                                                     : discards[area->discards]);
    else if (header->refused != SWAP_NO_HEADER || header->asked)
        log_line("disk %u: no swap: %s", (unsigned)disk, swap_error_name(header->refused));
}

static void disks_header_came(struct pager *pager, uint32_t disk, int32_t error)
{
    struct disks_header *header = &disks.header[disk];
    const struct swap_device device = {.header = page_contents(&pager->vm.table, header->page),
                                       .pages = disks.info[disk].sectors / DISKS_SECTORS,
                                       .device = disk,
                                       .priority = header->priority,
                                       .discards = header->discards,
                                       .discard_pages =
                                           disks.info[disk].discard_sectors / DISKS_SECTORS};
    uint32_t area = 0;

    pins_give(DISKS_TAG_HEADER + disk);
    if (error) {
        log_line("disk %u: its first page can't be read: error %d", (unsigned)disk, (int)error);
        header->error = EIO;
    } else {
        header->refused = vm_swap_on(&pager->vm, &device, &area);
        header->error = disks_errno(header->refused);
        disks_tell_swap(pager, disk, area);
    }
    page_release(&pager->vm.table, header->page);
    header->state = header->asked ? HEADER_READ : HEADER_NONE;
    wait_wake_disk(&pager->vm);
}

void disks_tell_mishaps(struct pager *pager)
{
    static const char *const texts[PAGING_MISHAP_KINDS] = {
        [PAGING_UNREADABLE] = "cannot be read",
        [PAGING_CHANGED] = "its bytes are not what was written",
        [PAGING_RETIRED] = "cannot be written, and is not used again",
        [PAGING_BROKEN] = "its bytes are not what was written"};
    static struct log_limit limit = {.burst = DISKS_MISHAPS_TOLD};
    struct paging_mishap mishap;

    while (paging_take_mishap(&pager->vm, &mishap))
        if (mishap.kind == PAGING_BROKEN)
            log_limited_line(&limit, "compressed page %u of process %lu: %s", (unsigned)mishap.page,
                             mishap.pid, texts[mishap.kind]);
        else
            log_limited_line(&limit, "disk %u: page %u of process %lu: %s", (unsigned)mishap.device,
                             (unsigned)mishap.page, mishap.pid, texts[mishap.kind]);
}

static void disks_end_request(struct pager *pager, const struct vm_io *io, int32_t error)
{
    static struct log_limit limit = {.burst = DISKS_ERRORS_TOLD};
    uint64_t begun = fl_rdcycle();
    bool writes = io->write;

    pins_give(io->tag);
    if (error)
        log_limited_line(&limit, "disk %u: %s of %u pages at page %lu: error %d",
                         (unsigned)io->device, io->write ? "write" : "read", (unsigned)io->count,
                         io->first, (int)error);
    vm_io_done(&pager->vm, io->tag, error == 0);
    disks_tell_mishaps(pager);
    if (writes)
        pager->out_cycles += fl_rdcycle() - begun;
}

static void disks_end_discard(struct pager *pager, uint32_t disk, int32_t error)
{
    const struct swap_discard *discard = &pager->vm.swap.discard;

    if (error)
        log_line("disk %u: discard of %u pages at page %u: error %d; nothing is discarded there "
                 "any more",
                 (unsigned)disk, (unsigned)discard->count, (unsigned)discard->first, (int)error);
    vm_discard_done(&pager->vm, error == 0);
}

static void disks_end(struct pager *pager, uint32_t disk, const struct blk_end *end)
{
    uint32_t tag = (uint32_t)end->tag;
    struct vm_io one;

    if (end->error == ENOTRECOVERABLE)
        log_stop("disk %u does not let go of memory", (unsigned)disk);
    if (tag == DISKS_TAG_DISCARD)
        disks_end_discard(pager, disk, end->error);
    else if (tag >= DISKS_TAG_HEADER)
        disks_header_came(pager, disk, end->error);
    else
        disks_end_request(pager, paging_io(&pager->vm, tag, &one), end->error);
}

/* Takes what has ended, or asks for a signal.  True: something has. */
static bool disks_look_at(struct pager *pager, uint32_t disk)
{
    struct blk_client *ring = &disks.ring[disk];
    struct blk_end end;
    bool came = false;

    disks_publish(disk);
    for (; blk_client_take(ring, &end); came = true)
        disks_end(pager, disk, &end);
    return came || !blk_client_sleep(ring);
}

bool disks_look(struct pager *pager)
{
    bool came = false;

    pager->disks_pending = false;
    for (uint32_t disk = 0; disk < disks.count; disk++) {
        if (disks.ring[disk].pending > 0)
            came |= disks_look_at(pager, disk);
        pager->disks_pending |= disks.ring[disk].pending > 0;
    }
    return came;
}

/* ---- start ---- */

/* Asks for the first page of a disk that can take the core's requests, for whom `header` says.  False:
 * there is no frame. */
static bool disks_read_header(struct pager *pager, uint32_t disk, const struct disks_header *header)
{
    uint32_t page = page_allocate(&pager->vm.table, PAGE_STRAY);
    const struct vm_io io = {.tag = DISKS_TAG_HEADER + disk, .count = 1, .page = {page}};
    uint64_t segment;

    if (page == PAGE_NONE)
        return false;
    disks.header[disk] = *header;
    disks.header[disk].state = HEADER_READING;
    disks.header[disk].page = page;
    pins_take(pager, &io);
    segment = BLK_SEGMENT(pins_address(pager, page), DISKS_SECTORS);
    disks_put(disk, &(struct blk_request){
                        .op = BLK_READ, .segments = 1, .tag = io.tag, .segment = &segment});
    pager->disks_pending = true;
    pager->attention = true;
    return true;
}

/* What the driver says of a disk.  False: there is no driver. */
static bool disks_ask(uint32_t disk)
{
    struct fl_message answer = fl_ipc_call(
        PAGER_SLOT_BLK, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, BLK_INFO), 4), disk, 0, 0, 0);

    if (answer.status == FL_OK && answer.word[0] == 0)
        memcpy(&disks.info[disk], fl_buffer_data(), sizeof(disks.info[disk]));
    return answer.status == FL_OK;
}

static bool disks_is_fit(uint32_t disk)
{
    const struct blk_info *info = &disks.info[disk];

    if (info->sectors < DISKS_SECTORS || info->read_only)
        return false;
    if (info->segments >= SWAP_CLUSTER && info->segment_bytes >= SWAP_CLUSTER * FL_PAGE_BYTES)
        return true;
    log_line("disk %u: its requests are too small for swap", (unsigned)disk);
    return false;
}

void disks_start(struct pager *pager)
{
    const struct disks_header at_start = {.priority = SWAP_NO_PRIORITY};
    bool made = false;

    for (uint32_t disk = 0; disk < BLK_DISKS && disks_ask(disk); disk++) {
        if (disks.info[disk].sectors > 0)
            disks.count = pager->vm.devices.disks = disk + 1;
        pager->vm.devices.disk_bytes[disk] = disks.info[disk].sectors * BLK_SECTOR_BYTES;
        if (!disks_is_fit(disk)) {
            disks.info[disk].sectors = 0;
            continue;
        }
        if (!made && !pins_start(pager))
            log_stop("disks: no memory for their pins");
        made = true;
        blk_client_init(&disks.ring[disk],
                        (struct blk_ring *)(uintptr_t)(BLK_RINGS + disk * FL_PAGE_BYTES));
        if (!pager->vm.swap_waits && !disks_read_header(pager, disk, &at_start))
            log_stop("disks: no memory for a header");
    }
}

uint32_t disks_headers(void)
{
    uint32_t reading = 0;

    for (uint32_t disk = 0; disk < disks.count; disk++)
        reading += disks.header[disk].state == HEADER_READING;
    return reading;
}

/* Looks, and does not sleep with a timer: where an emulator's clock leaps while nobody works (clock=work), the timer would
 * come before the host's disk had any time. */
void disks_await_headers(struct pager *pager, uint64_t ticks)
{
    uint64_t begun = fl_rdtime();

    while (disks_headers() > 0 && fl_rdtime() - begun < ticks)
        (void)disks_look(pager);
    for (uint32_t disk = 0; disk < disks.count; disk++)
        if (disks.header[disk].state == HEADER_READING)
            log_line("disk %u: has not answered yet; the boot goes on", (unsigned)disk);
}

/* ---- swapon and swapoff ---- */

/* The area on a disk, or SWAP_AREAS. */
static uint32_t disks_find_area(const struct vm *vm, uint64_t disk)
{
    uint32_t area = 0;

    while (area < SWAP_AREAS &&
           (vm->swap.area[area].state == SWAP_UNUSED || vm->swap.area[area].device != disk))
        area++;
    return area;
}

static bool disks_is_asker(const struct disks_header *header, const struct space *space)
{
    return header->asked && header->space == space->id && header->generation == space->generation;
}

/* Tells whoever asked what came of it. */
static int disks_end_swap_on(struct disks_header *header, const char **reason)
{
    header->state = HEADER_NONE;
    if (header->error == EINVAL)
        *reason = swap_error_name(header->refused);
    return header->error;
}

int disks_swap_on(struct pager *pager, const struct disks_swap_on *request, const char **reason)
{
    const struct space *space = request->space;
    struct disks_header *header = &disks.header[request->disk % BLK_DISKS];
    const struct disks_header asked = {.asked = true,
                                       .space = space->id,
                                       .generation = space->generation,
                                       .priority = request->priority,
                                       .discards = request->discards};

    if (request->disk >= disks.count)
        return ENODEV;
    if (disks.info[request->disk].sectors == 0) {
        *reason = "read-only, or its requests are too small";
        return EINVAL;
    }
    if (header->state == HEADER_READ && disks_is_asker(header, space))
        return disks_end_swap_on(header, reason);
    if (header->state == HEADER_READING)
        return disks_is_asker(header, space) ? wait_for_disk(&pager->vm) : EBUSY;
    if (disks_find_area(&pager->vm, request->disk) < SWAP_AREAS)
        return EBUSY;
    if (!disks_read_header(pager, (uint32_t)request->disk, &asked))
        return ENOMEM;
    return wait_for_disk(&pager->vm);
}

int disks_swap_off(struct pager *pager, const struct space *space, uint64_t disk)
{
    uint32_t area = disks_find_area(&pager->vm, disk);

    if (disk >= disks.count)
        return ENODEV;
    return area < SWAP_AREAS ? vm_swap_off_call(&pager->vm, space, area) : EINVAL;
}
