/* Owns the CNode of the Pins: see pins.h for N1 to N3. */
#include "pins.h"

#include "blk.h"
#include "frames.h"
#include "log.h"

/* At most so many chunks, of at least PINS_CHUNK_MIN pages; memory behind the last has none. */
#define PINS_CHUNKS      512u
#define PINS_CHUNK_SHIFT 3u
#define PINS_CHUNK_MOST  9u /* a Pin holds FL_PIN_PAGES */
_Static_assert(1u << PINS_CHUNK_MOST == FL_PIN_PAGES, "the largest chunk is a Pin");

/* Slots: 0 is none; then those of chunks; then those of the requests' own. */
#define PINS_SLOT_CHUNK 1u
#define PINS_SLOT_OWN   (PINS_SLOT_CHUNK + PINS_CHUNKS)
#define PINS_SLOTS      (PINS_SLOT_OWN + PINS_REQUESTS * SWAP_CLUSTER)
#define PINS_FRAMES     ((PINS_SLOTS + FL_CNODE_SLOTS - 1) / FL_CNODE_SLOTS)

/* A request that has not ended. */
struct pins_request {
    uint32_t count; /* pages; 0: there is none */
    uint32_t own;   /* bit k: page[k] has a Pin of its own */
    uint32_t page[SWAP_CLUSTER];
};

static struct {
    bool started;
    uint32_t shift;                    /* a chunk is 1 << shift pages */
    uint64_t pinned[PINS_CHUNKS / 64]; /* chunks */
    uint32_t chunks;                   /* how many are */
    uint64_t
        physical[FL_BOOT_RAM_MAX]; /* of each range's page 0; known when a page of it was pinned */
    struct pins_request request[PINS_REQUESTS];
} pins;

bool pins_start(struct pager *pager)
{
    uint32_t page = frames_lend(pager, PINS_FRAMES);
    struct object_page at;
    uint64_t status;

    if (page == PAGE_NONE)
        return false;
    pins.shift = PINS_CHUNK_SHIFT;
    while (pins.shift < PINS_CHUNK_MOST && pager->vm.table.count >> pins.shift > PINS_CHUNKS)
        pins.shift++;
    vm_page_locate(&pager->vm, page, &at);
    status = flr_memory_retype(at.slot, at.page, FL_OBJECT_CNODE, PINS_FRAMES, PAGER_SLOT_CNODE,
                               PAGER_SLOT_PINS)
                 .status;
    if (status != FL_OK)
        log_stop("pins: a CNode: status 0x%lx", status);
    pins.started = true;
    return true;
}

/* Pins pages of one range. */
static void pins_pin(const struct pager *pager, uint32_t page, uint32_t pages, uint64_t slot)
{
    struct object_page at;
    struct fl_result pin;

    vm_page_locate(&pager->vm, page, &at);
    pin = flr_memory_pin(at.slot, at.page, pages, PAGER_SLOT_PINS, slot);
    if (pin.status != FL_OK)
        log_stop("pins: page %u: status 0x%lx", (unsigned)page, pin.status);
    pins.physical[pager->vm.table.pages[page].range] = pin.value - at.page * FL_PAGE_BYTES;
}

static void pins_unpin(uint64_t slot)
{
    uint64_t status = flr_cnode_delete(PAGER_SLOT_PINS, slot).status;

    if (status != FL_OK)
        log_stop("pins: the end of one: status 0x%lx", status);
}

/* ---- chunks ---- */

static bool pins_has_chunk(uint32_t chunk)
{
    return chunk < PINS_CHUNKS && (pins.pinned[chunk / 64] >> chunk % 64 & 1);
}

/* True if all of a chunk is ours, and of one range. */
static bool pins_is_whole(const struct pager *pager, uint32_t chunk)
{
    const struct page_table *table = &pager->vm.table;
    uint32_t first = chunk << pins.shift, end = first + (1u << pins.shift);

    if (chunk >= PINS_CHUNKS || end > table->count)
        return false;
    for (uint32_t page = first; page < end; page++)
        if (table->pages[page].state == PAGE_LENT || table->pages[page].state == PAGE_OUTSIDE ||
            table->pages[page].range != table->pages[first].range)
            return false;
    return true;
}

static bool pins_pin_chunk(const struct pager *pager, uint32_t chunk)
{
    if (!pins_is_whole(pager, chunk))
        return false;
    pins_pin(pager, chunk << pins.shift, 1u << pins.shift, PINS_SLOT_CHUNK + chunk);
    pins.pinned[chunk / 64] |= 1ull << chunk % 64;
    pins.chunks++;
    return true;
}

/* ---- requests ---- */

static void pins_pin_own(const struct pager *pager, uint32_t tag, uint32_t k)
{
    struct pins_request *request = &pins.request[tag];

    pins_pin(pager, request->page[k], 1, PINS_SLOT_OWN + tag * SWAP_CLUSTER + k);
    request->own |= 1u << k;
}

void pins_take(struct pager *pager, const struct vm_io *io)
{
    struct pins_request *request = &pins.request[io->tag];

    request->count = io->count;
    for (uint32_t k = 0; k < io->count; k++) {
        uint32_t chunk = io->page[k] >> pins.shift;

        request->page[k] = io->page[k];
        if (!pins_has_chunk(chunk) && !pins_pin_chunk(pager, chunk))
            pins_pin_own(pager, io->tag, k);
    }
}

void pins_give(uint32_t tag)
{
    struct pins_request *request = &pins.request[tag];

    for (uint32_t k = 0; request->own; k++, request->own >>= 1)
        if (request->own & 1)
            pins_unpin(PINS_SLOT_OWN + tag * SWAP_CLUSTER + k);
    request->count = 0;
}

uint64_t pins_address(const struct pager *pager, uint32_t page)
{
    const struct page_table *table = &pager->vm.table;
    uint32_t range = table->pages[page].range;

    return pins.physical[range] + (uint64_t)(page - table->range[range].base) * FL_PAGE_BYTES;
}

/* ---- lending ---- */

/* The pages that requests have in a chunk get Pins of their own. */
static void pins_keep_requests(const struct pager *pager, uint32_t chunk)
{
    for (uint32_t tag = 0; tag < PINS_REQUESTS; tag++)
        for (uint32_t k = 0; k < pins.request[tag].count; k++)
            if (pins.request[tag].page[k] >> pins.shift == chunk &&
                !(pins.request[tag].own >> k & 1))
                pins_pin_own(pager, tag, k);
}

void pins_let_go(struct pager *pager, uint32_t first, uint32_t pages)
{
    if (!pins.started)
        return;
    for (uint32_t chunk = first >> pins.shift; chunk <= (first + pages - 1) >> pins.shift; chunk++)
        if (pins_has_chunk(chunk)) {
            pins_keep_requests(pager, chunk);
            pins_unpin(PINS_SLOT_CHUNK + chunk);
            pins.pinned[chunk / 64] &= ~(1ull << chunk % 64);
            pins.chunks--;
        }
}

uint32_t pins_chunks(uint32_t *pages)
{
    *pages = pins.chunks << pins.shift;
    return pins.chunks;
}

/* ---- the checker ---- */

static const char *pins_check_request(const struct pins_request *request)
{
    for (uint32_t k = 0; k < request->count; k++)
        if (!pins_has_chunk(request->page[k] >> pins.shift) && !(request->own >> k & 1))
            return "N1";
    return (uint64_t)request->own >> request->count == 0 ? NULL : "N3";
}

const char *pins_check(const struct pager *pager)
{
    const struct page *pages = pager->vm.table.pages;
    const char *broken = NULL;
    uint32_t chunks = 0;

    for (uint32_t tag = 0; tag < PINS_REQUESTS && !broken; tag++)
        broken = pins_check_request(&pins.request[tag]);
    for (uint32_t chunk = 0; chunk < PINS_CHUNKS && !broken; chunk++) {
        if (!pins_has_chunk(chunk))
            continue;
        chunks++;
        for (uint32_t k = 0; k < 1u << pins.shift; k++)
            if (pages[(chunk << pins.shift) + k].state == PAGE_LENT)
                broken = "N2";
    }
    if (!broken && chunks != pins.chunks)
        broken = "N2";
    return broken;
}
