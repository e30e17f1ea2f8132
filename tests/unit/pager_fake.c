/* A machine for the pager's core on the host: see pager_fake.h. */
#include "pager_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct space_event fake_last_event;

static void fake_break_rule(struct fake *fake, const char *rule)
{
    if (!fake->broken)
        fake->broken = rule;
}

static struct fake_entry *fake_find(struct fake *fake, uint32_t space, uint64_t address)
{
    for (uint32_t i = 0; i < fake->entries; i++)
        if (fake->entry[i].space == space && fake->entry[i].mapping.address == address)
            return &fake->entry[i];
    return NULL;
}

/* What a mapping shows, or NULL if there is no such memory. */
static uint8_t *fake_contents(struct fake *fake, const struct vm_mapping *mapping)
{
    const struct page_table *table = &fake->vm.table;

    if (mapping->slot == FAKE_SLOT_DEVICE)
        return mapping->page < FAKE_DEVICE_PAGES ? fake->device + mapping->page * FL_PAGE_BYTES
                                                 : NULL;
    if (mapping->slot == FAKE_SLOT_ZERO)
        return mapping->page == 0 ? page_contents(table, fake->vm.zero_page) : NULL;
    if (mapping->slot == FAKE_SLOT_INITRD)
        return mapping->page * FL_PAGE_BYTES < fake->archive_bytes
                   ? fake->archive + mapping->page * FL_PAGE_BYTES
                   : NULL;
    for (uint32_t i = 0; i < table->range_count; i++)
        if (table->range[i].slot == mapping->slot && mapping->page < table->range[i].pages)
            return page_contents(table, table->range[i].base + (uint32_t)mapping->page);
    return NULL;
}

/* What an entry that ends leaves with its frame. */
static void fake_end_entry(struct fake *fake, const struct fake_entry *entry)
{
    const uint8_t *contents = fake_contents(fake, &entry->mapping);

    if ((entry->mapping.rights & FL_MAP_DIRTY) && entry->mapping.slot != FAKE_SLOT_DEVICE)
        fake->written[page_of_contents(&fake->vm.table, contents)] = true;
}

/* One page of a mapping. */
static bool fake_map_page(struct fake *fake, uint32_t space, const struct vm_mapping *mapping)
{
    struct fake_entry *entry = fake_find(fake, space, mapping->address);
    bool ram = mapping->slot != FAKE_SLOT_ZERO && mapping->slot != FAKE_SLOT_INITRD;

    if (!fake_contents(fake, mapping))
        fake_break_rule(fake, "a mapping of memory that does not exist");
    if (!ram && (mapping->rights & FL_RIGHT_WRITE))
        fake_break_rule(fake, "a shared page mapped writable");
    if (mapping->slot == FAKE_SLOT_ZERO && (mapping->rights & FL_RIGHT_EXEC))
        fake_break_rule(fake, "the zero page mapped executable");
    if (mapping->slot == FAKE_SLOT_DEVICE && (mapping->rights & FL_RIGHT_EXEC))
        fake_break_rule(fake, "a device mapped executable");
    if (mapping->address % FL_PAGE_BYTES != 0 || (mapping->rights & ~FL_MAP_RIGHTS_MASK) ||
        ((mapping->rights & FL_MAP_DIRTY) && !(mapping->rights & FL_RIGHT_WRITE)))
        fake_break_rule(fake, "a bad map item");
    if (entry && !(mapping->rights & FL_MAP_REPLACE) &&
        fake_contents(fake, &entry->mapping) != fake_contents(fake, mapping))
        fake_break_rule(fake, "an entry in the way");
    if (!entry && fake->entries == FAKE_ENTRIES)
        return false;
    if (!entry)
        entry = &fake->entry[fake->entries++];
    else
        fake_end_entry(fake, entry);
    *entry = (struct fake_entry){space, *mapping};
    return true;
}

static bool fake_map(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    struct vm_mapping page = *mapping;

    if (mapping->pages == 0 || mapping->pages > FL_ITEM_PAGES)
        fake_break_rule(context, "a map item of no page, or of too many");
    page.pages = 1;
    for (uint64_t i = 0; i < mapping->pages; i++) {
        if (!fake_map_page(context, space, &page))
            return false;
        page.address += FL_PAGE_BYTES;
        page.page++;
    }
    return true;
}

static bool fake_overlaps(const struct vm_mapping *a, const struct vm_mapping *b)
{
    return a->address < b->address + b->pages * FL_PAGE_BYTES &&
           b->address < a->address + a->pages * FL_PAGE_BYTES;
}

void fake_answer(struct fake *fake, uint32_t space, uint64_t touched,
                 const struct vm_answer *answer)
{
    uint64_t pages = 0;

    if (answer->count == 0 || answer->count > FL_ITEMS)
        fake_break_rule(fake, "an answer of no item, or of too many");
    if (answer->mapping[0].address != touched || answer->mapping[0].pages != 1)
        fake_break_rule(fake, "the first item is not the page that was touched");
    for (uint32_t i = 0; i < answer->count; i++) {
        pages += answer->mapping[i].pages;
        for (uint32_t j = 0; j < i; j++)
            if (fake_overlaps(&answer->mapping[i], &answer->mapping[j]))
                fake_break_rule(fake, "items that overlap");
        fake_map(fake, space, &answer->mapping[i]);
    }
    if (pages > FL_ITEM_PAGES)
        fake_break_rule(fake, "an answer of too many pages");
}

static bool fake_may_be_mapped(const struct fake *fake, const struct vm_mapping *mapping)
{
    const struct page_table *table = &fake->vm.table;

    for (uint32_t i = 0; i < table->range_count; i++) {
        if (table->range[i].slot != mapping->slot)
            continue;
        enum page_state state = table->pages[table->range[i].base + mapping->page].state;
        if (state == PAGE_MERGED)
            return !(mapping->rights & FL_RIGHT_WRITE);
        return state == PAGE_OBJECT || state == PAGE_WRITING || state == PAGE_BUFFER;
    }
    return true;
}

static void fake_unmap(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    struct fake *fake = context;

    if (address % FL_PAGE_BYTES != 0 || pages == 0 || address < FL_USER_BASE ||
        pages > (FL_USER_END - address) / FL_PAGE_BYTES)
        fake_break_rule(fake, "an unmap of a bad range");
    for (uint32_t i = fake->entries; i-- > 0;) {
        const struct fake_entry *entry = &fake->entry[i];

        if (entry->space != space || entry->mapping.address < address ||
            entry->mapping.address >= address + pages * FL_PAGE_BYTES)
            continue;
        if (!fake_may_be_mapped(fake, &entry->mapping))
            fake_break_rule(fake, "a frame was freed before it was unmapped");
        fake_end_entry(fake, entry);
        fake->entry[i] = fake->entry[--fake->entries];
    }
}

static void fake_make_read_only(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    struct fake *fake = context;

    for (uint32_t i = 0; i < fake->entries; i++) {
        struct fake_entry *entry = &fake->entry[i];

        if (entry->space == space && entry->mapping.address >= address &&
            entry->mapping.address < address + pages * FL_PAGE_BYTES)
            entry->mapping.rights =
                FL_RIGHT_READ | (entry->mapping.rights & (FL_MAP_ACCESSED | FL_MAP_DIRTY));
    }
}

static void fake_clone(void *context, uint32_t to, uint32_t from, uint64_t address, uint64_t pages,
                       uint32_t rights)
{
    struct fake *fake = context;
    uint32_t entries = fake->entries;

    for (uint32_t i = 0; i < entries; i++) {
        struct fake_entry *entry = &fake->entry[i];
        struct vm_mapping mapping = entry->mapping;

        if (entry->space != from || mapping.address < address ||
            mapping.address >= address + pages * FL_PAGE_BYTES)
            continue;
        if (fake_find(fake, to, mapping.address))
            fake_break_rule(fake, "a clone over an entry");
        mapping.rights &= rights;
        entry->mapping.rights =
            mapping.rights | (entry->mapping.rights & (FL_MAP_ACCESSED | FL_MAP_DIRTY));
        if (mapping.rights & FL_RIGHT_READ)
            fake_map(fake, to, &mapping);
    }
}

static uint64_t fake_harvest(void *context, uint32_t space, uint64_t address, uint64_t pages,
                             uint64_t *written)
{
    struct fake *fake = context;
    uint64_t bits = 0;

    *written = 0;

    if (pages == 0 || pages > 64)
        fake_break_rule(fake, "a harvest of no page, or of too many");
    for (uint32_t i = 0; i < fake->entries; i++) {
        struct vm_mapping *mapping = &fake->entry[i].mapping;

        if (fake->entry[i].space != space || mapping->address < address ||
            mapping->address >= address + pages * FL_PAGE_BYTES)
            continue;
        if (mapping->rights & FL_MAP_ACCESSED)
            bits |= 1ull << (mapping->address - address) / FL_PAGE_BYTES;
        if (mapping->rights & FL_MAP_DIRTY)
            *written |= 1ull << (mapping->address - address) / FL_PAGE_BYTES;
        mapping->rights &= ~(uint32_t)FL_MAP_ACCESSED;
    }
    return bits;
}

static uint32_t fake_harvest_frames(void *context, const uint32_t *page, uint32_t count)
{
    struct fake *fake = context;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        bits |= (uint32_t)fake->written[page[i]] << i;
        fake->written[page[i]] = false;
    }
    return bits;
}

static bool fake_submit(void *context, const struct vm_io *io)
{
    struct fake *fake = context;

    return fake->submit && fake->submit(fake, io);
}

static bool fake_discard(void *context, uint32_t device, uint64_t first, uint32_t pages)
{
    struct fake *fake = context;

    return fake->discard && fake->discard(fake, device, first, pages);
}

static void fake_stock_is_low(void *context)
{
    struct fake *fake = context;

    fake->stock_calls++;
}

/* The memory of the last machine that ended, for one of that size: tests begin thousands, and the host's page faults
 * in new memory took longer than the tests. */
static struct {
    uint8_t *memory;
    uint64_t bytes;
} kept;

static uint8_t *take_memory(uint64_t bytes)
{
    uint8_t *memory = kept.memory;

    if (kept.bytes != bytes)
        return aligned_alloc(FL_PAGE_BYTES, bytes);
    kept.memory = NULL;
    kept.bytes = 0;
    return memory;
}

static void keep_memory(uint8_t *memory, uint64_t bytes)
{
    free(kept.memory);
    kept.memory = memory;
    kept.bytes = bytes;
}

void fake_init(struct fake *fake, uint32_t pages)
{
    uint64_t bytes = (uint64_t)pages * FL_PAGE_BYTES;

    memset(fake, 0, sizeof(*fake));
    fake->memory = take_memory(bytes);
    fake->bytes = bytes;
    fake->written = malloc(pages);
    memset(fake->written, 1, pages); /* by whoever had the frames before */
    fake->archive = aligned_alloc(FL_PAGE_BYTES, FAKE_ARCHIVE_BYTES);
    memset(fake->memory, 0xee, bytes); /* what lies in memory at start is nobody's zeros */
    memset(fake->archive, 0, FAKE_ARCHIVE_BYTES);
    fake->vm.table.count = pages;
}

void fake_start(struct fake *fake)
{
    uint32_t pages = fake->vm.table.count, first = pages / 3;
    struct vm_config config = {
        .range = {{.pages = first, .first_free = 3, .slot = FAKE_SLOT_RAM},
                  {.pages = pages - first, .slot = FAKE_SLOT_RAM + 1}},
        .range_count = 2,
        .window = fake->memory,
        .archive = fake->archive,
        .archive_slot = FAKE_SLOT_INITRD,
        .archive_files = &fake->files,
        .devices = {.told = fake->told, .count = fake->devices, .first_slot = FAKE_SLOT_DEVICE},
        .zero_slot = FAKE_SLOT_ZERO,
        .port = {.context = fake,
                 .map = fake_map,
                 .unmap = fake_unmap,
                 .make_read_only = fake_make_read_only,
                 .clone = fake_clone,
                 .harvest = fake_harvest,
                 .harvest_frames = fake_harvest_frames,
                 .submit = fake_submit,
                 .discard = fake_discard,
                 .stock_is_low = fake_stock_is_low}};

    fake->archive_bytes +=
        fake_cpio_member(fake->archive + fake->archive_bytes, "TRAILER!!!", 11, 0, NULL, 0);
    config.archive_bytes = fake->archive_bytes;
    fake->files = (struct cpio_index){.files = fake->file_table, .capacity = FAKE_FILES};
    if (cpio_index_build(&fake->files, fake->archive, fake->archive_bytes) != CPIO_OK)
        fake_break_rule(fake, "the archive of the test is broken");
    if (!vm_init(&fake->vm, &config))
        fake_break_rule(fake, "the core does not start");
    fake->free_pages = fake->vm.table.counts[PAGE_FREE];
}

void fake_free(struct fake *fake)
{
    keep_memory(fake->memory, fake->bytes);
    free(fake->written);
    free(fake->archive);
}

static uint32_t fake_name_bytes(const struct fake *fake, const char *name, bool aligned)
{
    uint64_t start = fake->archive_bytes + 110;
    uint64_t bytes = strlen(name) + 1;

    if (aligned)
        bytes += (FL_PAGE_BYTES - (start + bytes) % FL_PAGE_BYTES) % FL_PAGE_BYTES;
    return (uint32_t)bytes;
}

void fake_add_file(struct fake *fake, const char *name, const void *data, uint64_t bytes,
                   bool aligned)
{
    uint64_t padded = fake_cpio_member(fake->archive + fake->archive_bytes, name,
                                       fake_name_bytes(fake, name, aligned), 0100755, data, bytes);

    fake->archive_bytes += padded;
    if (aligned) /* the next header may start anywhere behind zeros that fill the page: a pad file
                  */
        fake->archive_bytes +=
            fake_cpio_member(fake->archive + fake->archive_bytes, "pad",
                             fake_name_bytes(fake, "pad", true), 0040755, NULL, 0);
}

void fake_add_device(struct fake *fake, const char *compatible, uint64_t physical, uint64_t bytes)
{
    struct fl_boot_device *device = &fake->told[fake->devices++];

    *device = (struct fl_boot_device){.physical = physical, .bytes = bytes};
    strncpy(device->compatible, compatible, sizeof(device->compatible) - 1);
}

const struct cpio_file *fake_find_file(const struct fake *fake, const char *name)
{
    return cpio_index_find(&fake->files, name, (uint32_t)strlen(name));
}

/* Takes the event of the program that was stopped, which goes on: `space`, or NULL: the largest was ended for another. */
static void fake_go_on(struct fake *fake, const struct space *space)
{
    struct space *stopped = space_next_event(&fake->vm);

    if (!stopped || (space && stopped != space)) {
        fake_break_rule(fake, "no event of a stopped space");
        return;
    }
    fake_last_event = stopped->event;
    stopped->stopped = false;
}

enum fake_outcome fake_touch(struct fake *fake, struct space *space, uint64_t address,
                             uint32_t access, uint8_t *byte)
{
    uint64_t page = address & ~(uint64_t)(FL_PAGE_BYTES - 1);

    for (unsigned turn = 0; turn < 3; turn++) {
        struct fake_entry *entry = fake_find(fake, space->id, page);
        struct vm_fault fault = {.address = address, .pc = 0x1234, .access = access};
        struct vm_answer answer;
        enum vm_verdict verdict;
        uint64_t ended = fake->vm.reclaim.ended;
        uint8_t *contents;

        if (entry && (entry->mapping.rights & access) == access) {
            contents = fake_contents(fake, &entry->mapping) + address % FL_PAGE_BYTES;
            entry->mapping.rights |=
                access == FL_ACCESS_WRITE ? FL_MAP_ACCESSED | FL_MAP_DIRTY : FL_MAP_ACCESSED;
            if (access == FL_ACCESS_WRITE)
                *contents = *byte;
            else
                *byte = *contents;
            return FAKE_DONE;
        }
        fake->faults++;
        verdict = vm_handle_fault(&fake->vm, space, &fault, &answer);
        if (verdict == VM_WAIT && fake->vm.reclaim.ended == ended)
            return FAKE_WAITS;
        if (verdict != VM_RESUME) {
            fake_go_on(fake, verdict == VM_STOPPED ? space : NULL);
            return FAKE_STOPPED;
        }
        fake_answer(fake, space->id, page, &answer);
    }
    fake_break_rule(fake, "an access that faults for ever");
    return FAKE_STOPPED;
}

const uint8_t *fake_peek(struct fake *fake, const struct space *space, uint64_t address,
                         uint32_t access)
{
    const struct fake_entry *entry =
        fake_find(fake, space->id, address & ~(uint64_t)(FL_PAGE_BYTES - 1));

    return entry && (entry->mapping.rights & access) == access
               ? fake_contents(fake, &entry->mapping)
               : NULL;
}

void fake_drop_tables(struct fake *fake, const struct space *space, uint32_t chance, uint64_t *seed)
{
    for (uint32_t i = fake->entries; i-- > 0;)
        if (fake->entry[i].space == space->id && fake_random(seed) % 256 < chance) {
            fake_end_entry(fake, &fake->entry[i]);
            fake->entry[i] = fake->entry[--fake->entries];
        }
}

void fake_destroy_space(struct fake *fake, struct space *space)
{
    uint64_t seed = 1;

    fake_drop_tables(fake, space, 256, &seed);
    space_destroy(&fake->vm, space);
}

void fake_limit(struct fake *fake, uint32_t left)
{
    while (fake->vm.table.counts[PAGE_FREE] > left)
        page_allocate(&fake->vm.table, PAGE_LENT);
}

void fake_unlimit(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->vm.table.count; i++)
        if (fake->vm.table.pages[i].state == PAGE_LENT)
            page_release(&fake->vm.table, i);
}

const char *fake_check(const struct fake *fake)
{
    const uint8_t *zero = page_contents(&fake->vm.table, fake->vm.zero_page);

    if (fake->broken)
        return fake->broken;
    for (uint32_t i = 0; i < fake->entries; i++)
        if (!fake_may_be_mapped(fake, &fake->entry[i].mapping))
            return "a frame that is free or in other use is still mapped, or a merged one to be "
                   "written";
    for (uint32_t i = 0; i < fake->vm.table.count; i++)
        if (fake->vm.table.pages[i].state == PAGE_FREE && fake->written[i] &&
            (fake->vm.table.pages[i].flags & PAGE_HARVESTED))
            return "a free frame that programs wrote is told to be clean";
    if (zero[0] != 0 || memcmp(zero, zero + 1, FL_PAGE_BYTES - 1) != 0)
        return "the zero page was written";
    return vm_check(&fake->vm);
}

uint64_t fake_random(uint64_t *seed)
{
    uint64_t value = *seed += 0x9e3779b97f4a7c15ull;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

static void fake_put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

uint64_t fake_make_elf(uint8_t *file, const struct fake_segment *segments, uint32_t count,
                       uint64_t entry)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    uint64_t size = 64 + 56ull * count;

    memset(file, 0, size);
    memcpy(file, ident, sizeof(ident));
    fake_put(file + 16, 2, 2);
    fake_put(file + 18, 243, 2);
    fake_put(file + 20, 1, 4);
    fake_put(file + 24, entry, 8);
    fake_put(file + 32, 64, 8);
    fake_put(file + 48, 5, 4);
    fake_put(file + 52, 64, 2);
    fake_put(file + 54, 56, 2);
    fake_put(file + 56, count, 2);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *header = file + 64 + 56ull * i;

        fake_put(header, 1, 4);
        fake_put(header + 4, segments[i].flags, 4);
        fake_put(header + 8, segments[i].offset, 8);
        fake_put(header + 16, segments[i].address, 8);
        fake_put(header + 24, segments[i].address, 8);
        fake_put(header + 32, segments[i].file_bytes, 8);
        fake_put(header + 40, segments[i].memory_bytes, 8);
        fake_put(header + 48, 4096, 8);
        if (segments[i].offset + segments[i].file_bytes > size)
            size = segments[i].offset + segments[i].file_bytes;
    }
    return size;
}

uint64_t fake_cpio_member(uint8_t *at, const char *name, uint32_t name_bytes, uint32_t mode,
                          const void *data, uint64_t bytes)
{
    uint64_t data_at = (110ull + name_bytes + 3) & ~3ull;
    char header[111];

    snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
             1u, mode, 0u, 0u, 1u, 0u, (unsigned)bytes, 0u, 0u, 0u, 0u, name_bytes, 0u);
    memcpy(at, header, 110);
    memset(at + 110, 0, data_at - 110);
    memcpy(at + 110, name, strlen(name));
    if (bytes > 0)
        memcpy(at + data_at, data, bytes);
    return (data_at + bytes + 3) & ~3ull;
}
