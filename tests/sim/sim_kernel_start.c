/* Start of the simulated kernel and the core over it: see sim_kernel.h. */
#include <string.h>

#include "pager_fake.h" /* fake_cpio_member */
#include "sim_port.h"

#define SIM_GAP           5u /* frames of others between the two ranges of RAM */
#define SIM_SPARE_TABLES  (2 * FL_POOL_LOW)
#define SIM_MEMBER_PAGES  3u /* of the initrd, that a member needs beside its data at most */
#define SIM_RANGES        2u
#define SIM_RIGHTS_RAM    (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)
#define SIM_RIGHTS_INITRD (FL_RIGHT_READ | FL_RIGHT_EXEC)
#define SIM_RIGHTS_DEVICE (FL_RIGHT_READ | FL_RIGHT_WRITE)

static uint64_t sim_pages(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* --- the initrd ---------------------------------------------------------------------------- */

static uint32_t sim_archive_pages(const struct sim_kernel_config *config)
{
    uint64_t pages = 1;

    for (uint32_t i = 0; i < config->files; i++)
        pages += sim_pages(config->file[i].bytes) + SIM_MEMBER_PAGES;
    return (uint32_t)pages;
}

/* Bytes of a member's name with NULs behind it, so that its data start on a page if they shall. */
static uint32_t sim_archive_name_bytes(uint64_t offset, const char *name, bool aligned)
{
    uint64_t bytes = strlen(name) + 1, header = 110;

    if (aligned)
        bytes += (PAGE_BYTES - (offset + header + bytes) % PAGE_BYTES) % PAGE_BYTES;
    return (uint32_t)bytes;
}

/* Behind an aligned file's data comes a directory whose own data would start on a page: up to there the
 * rest of the file's last page is zeros. */
static uint64_t sim_archive_add(uint8_t *archive, uint64_t offset,
                                const struct sim_kernel_file *file)
{
    offset += fake_cpio_member(archive + offset, file->name,
                               sim_archive_name_bytes(offset, file->name, file->aligned), 0100755,
                               file->data, file->bytes);
    if (file->aligned)
        offset += fake_cpio_member(archive + offset, "pad",
                                   sim_archive_name_bytes(offset, "pad", true), 0040755, NULL, 0);
    return offset;
}

static uint64_t sim_archive_fill(struct sim_kernel *kernel, const struct sim_kernel_config *config)
{
    uint64_t bytes = 0;

    memset(kernel->archive, 0, sim_archive_pages(config) * PAGE_BYTES);
    for (uint32_t i = 0; i < config->files; i++)
        bytes = sim_archive_add(kernel->archive, bytes, &config->file[i]);
    bytes += fake_cpio_member(kernel->archive + bytes, "TRAILER!!!", 11, 0, NULL, 0);
    kernel->files = (struct cpio_index){.files = kernel->file_table, .capacity = SIM_FILES + 1};
    if (cpio_index_build(&kernel->files, kernel->archive, bytes) != CPIO_OK)
        sim_kernel_break(kernel, "the archive of the test is broken");
    return bytes;
}

/* --- memory -------------------------------------------------------------------------------- */

/* Frames: the first third of RAM, a gap, the rest of RAM, the initrd. */
static void sim_kernel_lay_out(struct sim_kernel *kernel, const struct sim_kernel_config *config)
{
    struct sim_machine_config machine = config->machine;
    uint32_t low = machine.frames / 3, high = machine.frames - low;
    uint32_t initrd = low + SIM_GAP + high, archive = sim_archive_pages(config);

    machine.frames = initrd + archive;
    sim_machine_start(&machine);
    for (uint32_t i = 0; i < SIM_GAP; i++)
        frame_claim(sim_machine_frames(), sim_machine_frame(low + i), FRAME_OBJECT, 0);
    kernel->slot[0] = (struct sim_slot){SIM_SLOT_RAM, sim_machine_frame(0), low, SIM_RIGHTS_RAM};
    kernel->slot[1] =
        (struct sim_slot){SIM_SLOT_RAM + 1, sim_machine_frame(low + SIM_GAP), high, SIM_RIGHTS_RAM};
    kernel->slot[2] =
        (struct sim_slot){SIM_SLOT_INITRD, sim_machine_frame(initrd), archive, SIM_RIGHTS_INITRD};
    kernel->slot[3] = (struct sim_slot){SIM_SLOT_DEVICE, sim_machine_device(0), SIM_DEVICE_PAGES,
                                        SIM_RIGHTS_DEVICE};
    kernel->archive = sim_machine_contents(kernel->slot[2].first);
    kernel->window = sim_machine_window(low, SIM_GAP, high);
}

static void sim_kernel_start_core(struct sim_kernel *kernel, uint64_t archive_bytes)
{
    struct vm_config config = {.range_count = SIM_RANGES,
                               .window = kernel->window,
                               .archive = kernel->archive,
                               .archive_bytes = archive_bytes,
                               .archive_slot = SIM_SLOT_INITRD,
                               .archive_files = &kernel->files,
                               .devices = {&kernel->device, 1, SIM_SLOT_DEVICE},
                               .zero_slot = SIM_SLOT_ZERO,
                               .port = sim_port_make(kernel)};
    struct object_page zero;

    for (uint32_t i = 0; i < SIM_RANGES; i++)
        config.range[i] = (struct page_range){.pages = kernel->slot[i].pages,
                                              .first_free = i == 0 ? SIM_OUTSIDE : 0,
                                              .slot = kernel->slot[i].slot};
    if (!vm_init(&kernel->vm, &config)) {
        sim_kernel_break(kernel, "the core does not start");
        return;
    }
    vm_page_locate(&kernel->vm, kernel->vm.zero_page, &zero);
    kernel->slot[4] = (struct sim_slot){
        SIM_SLOT_ZERO, frame_plus(kernel->slot[zero.slot - SIM_SLOT_RAM].first, zero.page), 1,
        FL_RIGHT_READ};
}

void sim_kernel_start(struct sim_kernel *kernel, const struct sim_kernel_config *config)
{
    memset(kernel, 0, sizeof(*kernel));
    sim_kernel_lay_out(kernel, config);
    kernel->spare_tables = config->spare_tables > 0 ? config->spare_tables : SIM_SPARE_TABLES;
    kernel->device = (struct fl_boot_device){
        .physical = sim_machine_device(0).value << PAGE_SHIFT,
        .bytes = SIM_DEVICE_PAGES * PAGE_BYTES,
        .compatible = "sim,registers",
    };
    sim_kernel_start_core(kernel, sim_archive_fill(kernel, config));
    kernel->vm.fork_clones = config->fork_clones;
    kernel->vm.commit.strict = config->strict;
    table_pool_init(&kernel->pool, sim_machine_frames());
    sim_kernel_settle(kernel);
    kernel->free_pages = kernel->vm.table.counts[PAGE_FREE];
}
