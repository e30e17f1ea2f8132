/* Makes the root task from the blob in the image: its frames, objects, capabilities and boot info.
 *
 * Everything is taken from the low end of RAM capability 0, in order, through the same functions
 * that calls use, so the frame table and the counters are right from the start. */
#include "root.h"

#include <string.h>

#include "arch.h"
#include "calls.h"
#include "log.h"
#include "memory.h"
#include "panic.h"
#include "sched.h"

#define ROOT_CNODE_FRAMES 8u
#define ROOT_TABLES       24u /* frames donated to its TablePool */
#define ROOT_PRIORITY     30u
#define ROOT_BLOB_MAGIC   0x31544f4f52544c46ull /* "FLTROOT1" */
#define ROOT_TEXT         0x10000ull

/* Head of the blob: see arch/riscv/user/server.ld. */
struct root_header {
    uint64_t magic;
    uint64_t entry;
    uint64_t text_bytes;
    uint64_t rodata_bytes;
    uint64_t data_bytes;
    uint64_t bss_bytes;
};

extern const char root_blob_start[], root_blob_end[];

struct root {
    struct cnode *cnode;
    struct tcb *tcb;
    struct vspace_object *space;
    struct pool_object *pool;
    frame_t next; /* first free frame of RAM 0 */
    frame_t end;
};

static frame_t take(struct root *root, uint64_t frames)
{
    frame_t first = root->next;

    if (frames > root->end.value - first.value)
        panic("too little memory: the root task needs %lu more frames, %lu are left", frames,
              root->end.value - first.value);
    root->next = frame_plus(first, frames);
    return first;
}

static void *make_object(struct root *root, enum fl_object type, unsigned slot)
{
    frame_t frame = take(root, 1);

    KERNEL_ASSERT(memory_claim_object_frame(frame, type, 1) == FL_OK);
    return memory_make_object(frame, 0, type, &root->cnode->slots[slot], kernel.derivation.root);
}

static void make_objects(struct root *root)
{
    frame_t first = take(root, ROOT_CNODE_FRAMES);

    for (unsigned i = 0; i < ROOT_CNODE_FRAMES; i++)
        KERNEL_ASSERT(memory_claim_object_frame(frame_plus(first, i), FL_OBJECT_CNODE, i) == FL_OK);
    struct cnode *cnode = frame_contents(&kernel.frames, first);
    root->cnode = memory_make_cnode(first, ROOT_CNODE_FRAMES, &cnode->slots[FL_BOOT_CNODE],
                                    kernel.derivation.root);
    root->tcb = make_object(root, FL_OBJECT_TCB, FL_BOOT_TCB);
    root->space = make_object(root, FL_OBJECT_VSPACE, FL_BOOT_VSPACE);
    root->pool = make_object(root, FL_OBJECT_TABLE_POOL, FL_BOOT_POOL);
    for (unsigned i = 0; i < ROOT_TABLES; i++)
        KERNEL_ASSERT(table_pool_donate(&root->pool->pool, take(root, 1)) == FL_OK);
    KERNEL_ASSERT(vspace_init(&root->space->space, &root->pool->pool, kernel.root_table) == FL_OK);
    root->pool->spaces++;
    cap_hold(&root->space->pool, &root->cnode->slots[FL_BOOT_POOL]);
}

/* Maps `bytes` (whole pages) of fresh frames at an address and returns the first frame. */
static frame_t map_fresh(struct root *root, uint64_t address, uint64_t bytes, uint32_t rights)
{
    uint64_t pages = bytes / PAGE_BYTES, mapped = 0;
    frame_t first = take(root, pages);
    enum fl_error error = FL_MORE;

    while (error == FL_MORE && mapped < pages) {
        struct vspace_run run = {.address = {address + mapped * PAGE_BYTES},
                                 .first = frame_plus(first, mapped),
                                 .pages = pages - mapped,
                                 .rights = rights,
                                 .ceiling = rights};
        uint64_t done = 0;

        error = vspace_map(&root->space->space, &run, &done);
        mapped += done;
    }
    KERNEL_ASSERT(mapped == pages);
    return first;
}

static void load_part(struct root *root, uint64_t address, const char *from, uint64_t bytes,
                      uint32_t rights)
{
    frame_t first = map_fresh(root, address, bytes, rights);

    memcpy(frame_contents(&kernel.frames, first), from, bytes);
}

static uint64_t load_blob(struct root *root)
{
    const struct root_header *header = (const struct root_header *)(const void *)root_blob_start;
    uint64_t bytes = header->text_bytes + header->rodata_bytes + header->data_bytes;
    const char *rodata = root_blob_start + header->text_bytes;
    const char *data = rodata + header->rodata_bytes;
    uint64_t address = ROOT_TEXT;

    if (header->magic != ROOT_BLOB_MAGIC || bytes > (uint64_t)(root_blob_end - root_blob_start))
        panic("the root task's blob is damaged: magic %lx, %lu bytes", header->magic, bytes);
    load_part(root, address, root_blob_start, header->text_bytes, FL_RIGHT_READ | FL_RIGHT_EXEC);
    address += header->text_bytes;
    load_part(root, address, rodata, header->rodata_bytes, FL_RIGHT_READ);
    address += header->rodata_bytes;
    load_part(root, address, data, header->data_bytes, FL_RIGHT_READ | FL_RIGHT_WRITE);
    address += header->data_bytes;
    frame_t bss = map_fresh(root, address, header->bss_bytes, FL_RIGHT_READ | FL_RIGHT_WRITE);
    memset(frame_contents(&kernel.frames, bss), 0, header->bss_bytes);
    return header->entry;
}

static void fill_memory_slots(struct root *root, const struct machine *machine,
                              const struct ranges *ram, unsigned home, struct fl_boot_info *info)
{
    struct cap cap = {.type = FL_OBJECT_MEMORY};

    if (machine->initrd.bytes != 0) {
        info->initrd_bytes = machine->initrd.bytes;
        info->initrd_offset = machine->initrd.base % PAGE_BYTES;
        cap.rights = FL_RIGHT_READ | FL_RIGHT_EXEC | FL_RIGHT_MAP;
        cap.first_frame = machine->initrd.base / PAGE_BYTES;
        cap.pages = (info->initrd_offset + info->initrd_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
        cap_fill(&root->cnode->slots[FL_BOOT_INITRD], &cap, kernel.derivation.root);
    }
    for (unsigned i = 0; i < ram->count && i < FL_BOOT_RAM_MAX; i++) {
        unsigned from = i == 0 ? home : i <= home ? i - 1 : i;
        struct fl_boot_ram *entry = &info->ram[i];

        entry->physical = ram->at[from].start;
        entry->pages = (ram->at[from].end - ram->at[from].start) / PAGE_BYTES;
        cap.rights = FL_RIGHTS_ALL & ~(FL_RIGHT_SEND | FL_RIGHT_RECV | FL_RIGHT_CALL);
        cap.first_frame = entry->physical / PAGE_BYTES;
        cap.pages = entry->pages;
        cap_fill(&root->cnode->slots[FL_BOOT_RAM + i], &cap, kernel.derivation.root);
        info->ram_count = i + 1;
    }
    if (ram->dropped || ram->count > FL_BOOT_RAM_MAX)
        log_write_line("%u ranges of RAM, of which %u are handed out", ram->count, FL_BOOT_RAM_MAX);
}

/* Whether no frame of the range is one of the frame table's: it says what is in RAM and between. */
static bool lies_outside_table(uint64_t first_frame, uint64_t pages)
{
    uint64_t start = kernel.frames.first.value, end = start + kernel.frames.count;

    return first_frame >= end || first_frame + pages <= start;
}

/* Hands out the devices, in order, but for those that lie between banks. */
static void fill_device_slots(struct root *root, const struct machine *machine,
                              struct fl_boot_info *info, struct fl_boot_device *told)
{
    struct cap cap = {.type = FL_OBJECT_MEMORY,
                      .rights = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_MAP | FL_RIGHT_REVOKE};

    for (uint32_t i = 0; i < machine->device_count; i++) {
        const struct fl_boot_device *device = &machine->devices[i];
        uint64_t inside = device->physical % PAGE_BYTES;

        cap.first_frame = device->physical / PAGE_BYTES;
        cap.pages = (inside + device->bytes + PAGE_BYTES - 1) / PAGE_BYTES;
        if (!lies_outside_table(cap.first_frame, cap.pages)) {
            log_write_line("device at %lx, %lu bytes (%s): between banks of RAM, ignored",
                           device->physical, device->bytes, device->compatible);
            continue;
        }
        told[kernel.device_count] = *device;
        kernel.devices[kernel.device_count] = (struct device_range){{cap.first_frame}, cap.pages};
        cap_fill(&root->cnode->slots[FL_BOOT_DEVICES + kernel.device_count], &cap,
                 kernel.derivation.root);
        kernel.device_count++;
    }
    info->device_count = kernel.device_count;
    if (machine->devices_dropped > 0)
        log_write_line("%u devices are left out: %u are as many as can be handed out",
                       machine->devices_dropped, FL_BOOT_DEVICES_MAX);
}

static void fill_boot_info(struct root *root, const struct machine *machine,
                           const struct ranges *ram, unsigned home, struct fl_boot_info *info)
{
    struct cap system = {.type = FL_OBJECT_SYSTEM, .rights = FL_RIGHTS_ALL};
    struct cap sched = {.type = FL_OBJECT_SCHED,
                        .rights = FL_RIGHTS_ALL,
                        .object = NULL,
                        .badge = FL_PRIORITIES - 1};

    info->version = FL_ABI_VERSION;
    info->timebase_hz = machine->timebase_hz;
    info->cnode_slots = ROOT_CNODE_FRAMES * FL_CNODE_SLOTS;
    info->harts = kernel.hart_count;
    info->zero_block_bytes = arch_zero_block_bytes();
    info->console = machine->console;
    memcpy(info->bootargs, machine->bootargs, sizeof info->bootargs);
    fill_memory_slots(root, machine, ram, home, info);
    cap_fill(&root->cnode->slots[FL_BOOT_SYSTEM], &system, kernel.derivation.root);
    cap_fill(&root->cnode->slots[FL_BOOT_SCHED], &sched, kernel.derivation.root);
}
_Static_assert(sizeof(struct fl_boot_info) <= FL_PAGE_BYTES, "boot info is one page");
_Static_assert(sizeof(((struct fl_boot_info *)0)->bootargs) ==
                   sizeof(((struct machine *)0)->bootargs),
               "bootargs are copied whole");

static void configure_thread(struct root *root, frame_t buffer, uint64_t entry)
{
    struct tcb *tcb = root->tcb;

    cap_hold(&tcb->handler, &root->cnode->slots[FL_BOOT_SYSTEM]);
    tcb->priority = ROOT_PRIORITY;
    cap_hold(&tcb->held_cspace, &root->cnode->slots[FL_BOOT_CNODE]);
    cap_hold(&tcb->held_space, &root->cnode->slots[FL_BOOT_VSPACE]);
    tcb->cspace = root->cnode;
    tcb->cspace_slots = ROOT_CNODE_FRAMES * FL_CNODE_SLOTS;
    root->cnode->header.threads++;
    tcb->space = root->space;
    root->space->space.threads++;
    root->space->first_thread = tcb;
    KERNEL_ASSERT(frame_pin(&kernel.frames, buffer) == FL_OK);
    tcb->buffer = frame_contents(&kernel.frames, buffer);
    tcb->buffer_frame = buffer;
    tcb->full_frame = 1;
    tcb->regs[REG_PC] = entry;
    tcb->regs[REG_SP] = FL_BOOT_STACK;
}

void root_start(const struct machine *machine, const struct ranges *ram)
{
    unsigned home = ranges_longest(ram);
    struct root root = {.next = frame_containing((paddr_t){ram->at[home].start}),
                        .end = frame_containing((paddr_t){ram->at[home].end})};
    const uint32_t read_write = FL_RIGHT_READ | FL_RIGHT_WRITE;
    const uint64_t stack_bytes = FL_BOOT_STACK_PAGES * PAGE_BYTES;

    make_objects(&root);
    frame_t image = root.next;
    uint64_t entry = load_blob(&root);
    frame_t info_frame = map_fresh(&root, FL_BOOT_INFO, PAGE_BYTES, FL_RIGHT_READ);
    frame_t device_frame = map_fresh(&root, FL_BOOT_DEVICE_INFO, PAGE_BYTES, FL_RIGHT_READ);
    frame_t buffer = map_fresh(&root, FL_BUFFER, PAGE_BYTES, read_write);
    frame_t stack = map_fresh(&root, FL_BOOT_STACK - stack_bytes, stack_bytes, read_write);
    struct fl_boot_info *info = frame_contents(&kernel.frames, info_frame);
    struct fl_boot_device *devices = frame_contents(&kernel.frames, device_frame);
    memset(info, 0, PAGE_BYTES);
    memset(devices, 0, PAGE_BYTES);
    memset(frame_contents(&kernel.frames, buffer), 0, PAGE_BYTES);
    memset(frame_contents(&kernel.frames, stack), 0, stack_bytes);
    fill_boot_info(&root, machine, ram, home, info);
    fill_device_slots(&root, machine, info, devices);
    info->image_page = image.value - frame_containing((paddr_t){info->ram[0].physical}).value;
    info->ram[0].first_free =
        root.next.value - frame_containing((paddr_t){info->ram[0].physical}).value;
    configure_thread(&root, buffer, entry);
    sched_ready(&kernel.harts[0], root.tcb);
    sched_run(&kernel.harts[0]);
}
