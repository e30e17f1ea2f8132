/* Small worlds: see world_disk.h. */
#include "world_disk.h"

#include <string.h>

#include "world.h"

#define PACKED_PERCENT 40u

static struct world_disk *disk_now; /* the fake machine's disk: it knows of one */

static bool disk_submit(struct fake *fake, const struct vm_io *io)
{
    struct world_disk *disk = disk_now;

    world_expect(fake == disk->fake && disk->requests < PAGING_REQUESTS, "too many requests");
    world_expect(io->first + io->count <= WORLD_DISK_PAGES, "a request behind the end of the disk");
    disk->io[disk->requests++] = *io;
    disk->reads += !io->write;
    return true;
}

void world_disk_begin(struct world_disk *disk, struct fake *fake)
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, WORLD_DISK_PAGES - 1, 0};
    const struct swap_device device = {.header = header, .pages = WORLD_DISK_PAGES};

    memcpy(header + 1024, words, sizeof(words));
    memcpy(header + FL_PAGE_BYTES - 10, "SWAPSPACE2", 10);
    disk->fake = fake;
    disk->requests = disk->reads = 0;
    disk_now = disk;
    fake->submit = disk_submit;
    world_expect(vm_swap_on(&fake->vm, &device, &disk->area) == SWAP_OK, "swapon");
}

void world_disk_end(struct world_disk *disk)
{
    struct vm *vm = &disk->fake->vm;

    world_expect_equal(disk->requests, 0, "requests in the end");
    world_expect_equal(vm->swap.used, 0, "slots used when all spaces are gone");
    world_expect_equal(vm->tier.store.pages, 0, "compressed pages when all spaces are gone");
    world_expect(vm_swap_off(vm, disk->area) == 0 && vm_swap_off_step(vm) == 0, "swapoff");
}

void world_disk_finish(struct world_disk *disk, uint32_t place, bool ok)
{
    struct vm *vm = &disk->fake->vm;
    const struct vm_io io = disk->io[place];

    disk->requests--;
    memmove(&disk->io[place], &disk->io[place + 1], (disk->requests - place) * sizeof(disk->io[0]));
    for (uint32_t i = 0; i < io.count; i++) {
        void *memory = page_contents(&vm->table, io.page[i]);

        if (!ok)
            memset(io.write ? disk->page[io.first + i] : memory, 0xee, FL_PAGE_BYTES);
        else if (io.write)
            memcpy(disk->page[io.first + i], memory, FL_PAGE_BYTES);
        else
            memcpy(memory, disk->page[io.first + i], FL_PAGE_BYTES);
    }
    vm_io_done(vm, io.tag, ok);
}

void world_disk_settle(struct world_disk *disk)
{
    for (uint32_t turns = 0; disk->requests > 0; turns++) {
        world_expect(turns < 1000, "requests for ever");
        world_disk_finish(disk, 0, true);
    }
}

struct object *world_disk_find_holder(struct object *top, uint64_t index)
{
    while (top && index_lookup(&top->index, index) == 0)
        top = top->below;
    return top;
}

void world_disk_put_out(struct world_disk *disk, struct object *object, uint64_t index)
{
    struct reclaim_advice advice = {.out = true, .windows = RECLAIM_ADVISED};

    reclaim_advise(&disk->fake->vm, object, index, 1, &advice);
}

void world_disk_pack(struct world_disk *disk, struct object *object, uint64_t index)
{
    struct vm *vm = &disk->fake->vm;

    world_expect(tier_set(vm, PACKED_PERCENT) == 0, "no store of compressed pages");
    world_disk_put_out(disk, object, index);
    world_expect(tier_set(vm, 0) == 0, "the store of compressed pages stays on");
}
