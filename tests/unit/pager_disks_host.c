/* The pager's disks on the host: see pager_disks_host.h. */
#include "pager_disks_host.h"

#include <errno.h>
#include <string.h>

#include "blk.h"
#include "blk_ring.h"
#include "fail_nth.h"
#include "kernel_fake.h"

static uint8_t host_rings[BLK_DISKS][FL_PAGE_BYTES] __attribute__((aligned(8)));

#undef BLK_RINGS
#define BLK_RINGS ((uintptr_t)host_rings)
#include "../../user/pager/disks.c"

#define HOST_RAM 0x80000000ull /* the physical address of page 0 */

static struct {
    uint8_t disk[DISKS_HOST_PAGES * FL_PAGE_BYTES];
    struct blk_server server;
    bool pinned[PINS_REQUESTS];
    uint32_t taken; /* by host_take */
    const char *broken;
} host;

/* ---- in the place of pins.c ---- */

bool pins_start(struct pager *pager)
{
    (void)pager;
    return true;
}

void pins_take(struct pager *pager, const struct vm_io *io)
{
    (void)pager;
    if (host.pinned[io->tag])
        host.broken = "a request is made while one with its tag has not ended";
    host.pinned[io->tag] = true;
}

void pins_give(uint32_t tag)
{
    if (!host.pinned[tag])
        host.broken = "a request ended twice";
    host.pinned[tag] = false;
}

uint64_t pins_address(const struct pager *pager, uint32_t page)
{
    (void)pager;
    return HOST_RAM + page * (uint64_t)FL_PAGE_BYTES;
}

void pins_let_go(struct pager *pager, uint32_t first, uint32_t pages)
{
    (void)pager;
    (void)first;
    (void)pages;
}

uint32_t pins_chunks(uint32_t *pages)
{
    *pages = 0;
    return 0;
}

/* ---- the driver ---- */

/* INFO of its only disk. */
static void host_answer(const uint64_t word[4], struct fl_message *answer)
{
    const struct blk_info info = {.sectors = DISKS_HOST_PAGES * DISKS_SECTORS,
                                  .block_bytes = BLK_SECTOR_BYTES,
                                  .segments = BLK_SEGMENTS,
                                  .segment_bytes = SWAP_CLUSTER * FL_PAGE_BYTES};

    *answer = (struct fl_message){.status = FL_OK, .word = {word[0] == 0 ? 0 : ENODEV}};
    if (word[0] == 0)
        memcpy(fl_buffer_data(), &info, sizeof info);
}

/* Takes a request out of the ring, if it is the one with that tag. */
static bool host_take(uint32_t tag)
{
    struct blk_request request;

    return blk_server_receive(&host.server, &request) && request.tag == tag &&
           request.segments == BLK_SEGMENTS;
}

/* Any call; the answer is 0. */
static void host_take_one(const uint64_t word[4], struct fl_message *answer)
{
    (void)word;
    host.taken += host_take(host.taken);
    *answer = (struct fl_message){.status = FL_OK};
}

uint32_t pager_disks_host_flood(struct pager *pager)
{
    struct vm_io io = {.count = BLK_SEGMENTS};

    kernel_fake.driver = host_take_one;
    for (uint32_t i = 0; i < io.count; i++)
        io.page[i] = 2 * i; /* no two are neighbours */
    for (; io.tag < PAGING_REQUESTS; io.tag++)
        if (!disks_submit(pager, &io))
            host.broken = "a request was not made";
    (void)blk_client_publish(&disks.ring[0]);
    while (host_take(host.taken))
        host.taken++;
    return host.taken;
}

static int host_transfer(struct pager *pager, const struct blk_request *request)
{
    uint8_t *at = host.disk + request->sector * BLK_SECTOR_BYTES;

    if (fail_nth_now(FAIL_DISK))
        return EIO;
    for (uint32_t i = 0; i < request->segments; i++) {
        uint64_t bytes = (request->segment[i] & BLK_SEGMENT_SECTORS) * BLK_SECTOR_BYTES;
        uint32_t page = (uint32_t)((request->segment[i] - HOST_RAM) / FL_PAGE_BYTES);
        uint8_t *memory = page_contents(&pager->vm.table, page);

        if (request->op == BLK_WRITE)
            memcpy(at, memory, bytes);
        else
            memcpy(memory, at, bytes);
        at += bytes;
    }
    return 0;
}

bool pager_disks_host_serve(struct pager *pager)
{
    struct blk_request request;
    bool done = false;

    for (; blk_server_receive(&host.server, &request); done = true)
        blk_server_end(&host.server, request.tag, host_transfer(pager, &request));
    (void)blk_server_publish(&host.server);
    return done;
}

const char *pager_disks_host_check(void)
{
    for (uint32_t tag = 0; !host.broken && tag < PINS_REQUESTS; tag++)
        if (host.pinned[tag] && host.server.promised == 0 && disks.ring[0].pending == 0)
            host.broken = "a request that has ended is pinned";
    return host.broken;
}

void pager_disks_host_start(struct pager *pager)
{
    const uint32_t header[] = {1, DISKS_HOST_PAGES - 1, 0};

    memset(&host, 0, sizeof host);
    memset(&disks, 0, sizeof disks);
    memset(host_rings, 0, sizeof host_rings);
    memcpy(host.disk + 1024, header, sizeof header);
    memcpy(host.disk + FL_PAGE_BYTES - 10, "SWAPSPACE2", 10);
    blk_server_init(&host.server, (struct blk_ring *)(void *)host_rings[0]);
    kernel_fake.driver = host_answer;
    pager->vm.swap_waits = true;
    disks_start(pager);
}
