/* Start of the core: see vm.h. */
#include "vm.h"

#include <string.h>

/* Finds room for the page records, and for those of replacement behind them.  False: no range has so
 * much. */
static bool vm_place_records(const struct vm_config *config, struct page_records *records)
{
    uint64_t bytes = page_table_bytes(config->range, config->range_count), base = 0;

    bytes += victims_bytes(bytes / sizeof(struct page));
    records->pages = (uint32_t)((bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES);
    for (uint32_t i = 0; i < config->range_count; i++) {
        const struct page_range *range = &config->range[i];

        records->first = (uint32_t)(base + range->first_free);
        if (range->first_free <= range->pages && records->pages <= range->pages - range->first_free)
            return true;
        base += range->pages;
    }
    return false;
}

static const struct cpio_index vm_no_files;

bool vm_init(struct vm *vm, const struct vm_config *config)
{
    struct page_records records;

    memset(vm, 0, sizeof(*vm));
    if (!vm_place_records(config, &records))
        return false;
    page_table_init(&vm->table, config->range, config->range_count, config->window, &records);
    victims_init(vm, vm->table.pages + vm->table.count);
    vm->record_pages = vm->table.counts[PAGE_METADATA];
    slab_kind_init(&vm->entries, &vm->table, sizeof(struct entry));
    slab_kind_init(&vm->objects, &vm->table, sizeof(struct object));
    slab_kind_init(&vm->nodes, &vm->table, sizeof(struct index_node));
    slab_kind_init(&vm->space_records, &vm->table, sizeof(struct space));
    slab_kind_init(&vm->name_records, &vm->table, sizeof(struct name));
    slab_kind_init(&vm->descriptions, &vm->table, sizeof(struct description));
    slab_kind_init(&vm->views, &vm->table, sizeof(struct view));
    vm->archive = config->archive;
    vm->archive_bytes = config->archive_bytes;
    vm->devices = config->devices;
    vm->file_number = config->archive_bytes + config->devices.count + DEVICES_DISKS;
    vm->archive_offset = config->archive_offset;
    vm->archive_slot = config->archive_slot;
    vm->archive_files = config->archive_files ? config->archive_files : &vm_no_files;
    vm->zero_slot = config->zero_slot;
    vm->port = config->port;
    wait_init(&vm->waits);
    window_init(&vm->windows);
    swap_init(&vm->swap, &vm->table);
    paging_init(&vm->paging);
    tier_init(vm);
    vm->zero_page = page_allocate(&vm->table, PAGE_METADATA);
    if (vm->zero_page == PAGE_NONE)
        return false;
    page_zero(page_contents(&vm->table, vm->zero_page));
    return true;
}
