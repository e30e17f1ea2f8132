/* Accesses of threads: see sim_access.h. */
#include "sim_access.h"

#include <inttypes.h>

/* In the middle of calls few bytes of a page are looked at, so that what one writes another reads. */
#define SIM_PLACES      4u
#define SIM_PLACE_BYTES 1021u

/* Addresses and bytes of the access, for messages. */
#define SIM_ACCESS_FORMAT "process %u page %u offset %u access %u"
#define SIM_ACCESS_VALUES(process, access) \
    sim_number(process), (access)->page, (access)->offset, (access)->access

/* The core's page that a byte of memory lies in, or SIM_NO_PAGE. */
static uint32_t sim_page_of_byte(const uint8_t *byte)
{
    const uint8_t *memory = sim_machine_contents(sim_machine_frame(0));
    uint64_t frame = (uint64_t)(byte - memory) / SIM_PAGE_BYTES;

    if (byte < memory || frame >= SIM_FRAMES_MAX)
        return SIM_NO_PAGE;
    return sim_kernel_page_of(&sim.kernel, sim_machine_frame((uint32_t)frame));
}

static void sim_access_store(struct sim_value *value, const struct sim_access *access)
{
    value->bytes[access->offset] = access->byte;
    value->stored = true;
}

/* An access that reached memory and came before whatever the pager works on. */
static void sim_access_apply(const struct sim_process *process, const struct sim_access *access,
                             uint8_t *byte)
{
    const struct sim_page *page = &process->page[access->page];
    struct sim_value *value = sim_page_value(page);
    uint32_t at = sim_page_of_byte(byte);

    SIM_EXPECT(sim_page_signal(page, access->access) == 0,
               SIM_ACCESS_FORMAT ": went through, and may not", SIM_ACCESS_VALUES(process, access));
    if (access->access != FL_ACCESS_WRITE) {
        SIM_EXPECT(*byte == sim_page_bytes(page)[access->offset],
                   SIM_ACCESS_FORMAT ": read 0x%02x, not 0x%02x",
                   SIM_ACCESS_VALUES(process, access), (unsigned)*byte,
                   (unsigned)sim_page_bytes(page)[access->offset]);
        return;
    }
    SIM_EXPECT(sim_page_is_exclusive(page), SIM_ACCESS_FORMAT ": a store reached what others see",
               SIM_ACCESS_VALUES(process, access));
    SIM_EXPECT(value->page == SIM_NO_PAGE || value->page == at,
               SIM_ACCESS_FORMAT ": a store reached page %u instead of %u",
               SIM_ACCESS_VALUES(process, access), at, value->page);
    sim_access_store(value, access);
    *byte = access->byte;
}

bool sim_access_try(const struct sim_process *process, uint32_t hart,
                    const struct sim_access *access)
{
    struct vspace *space = &sim.kernel.space[process->space->id];
    vaddr_t address = {sim_page_address(access->page) + access->offset};
    enum vspace_look look;
    pte_t entry;
    uint8_t *byte;

    if (sim_machine_loaded(hart) != space)
        sim_machine_load(hart, space);
    byte = sim_machine_touch(hart, address, access->access, &look, &entry);
    if (byte)
        sim_access_apply(process, access, byte);
    return byte != NULL;
}

/* ---- in the middle of calls ---- */

void sim_access_begin_call(void)
{
    sim.free_before = sim_free_frames();
    sim.refusals_before = sim.kernel.map_refusals + sim.kernel.reply_refusals;
    sim.committed_before = sim_vm()->commit.pages;
    sim.commit_limit_before = commit_limit(sim_vm());
    sim.forking = sim.filling = sim.copying = false;
    sim.leaving = NULL;
    sim.deferrals = 0;
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        sim.remade[i] = 0;
}

static void sim_access_make_up(const struct sim_deferred *deferred)
{
    const struct sim_process *process = &sim.model.process[deferred->process];
    const struct sim_access *access = &deferred->access;
    const struct sim_page *page = &process->page[access->page];

    SIM_EXPECT(process->space && sim_page_signal(page, access->access) == 0,
               SIM_ACCESS_FORMAT ": in a call, went through, and may not after it",
               SIM_ACCESS_VALUES(process, access));
    if (access->access != FL_ACCESS_WRITE) {
        SIM_EXPECT(access->byte == sim_page_bytes(page)[access->offset],
                   SIM_ACCESS_FORMAT ": in a call, read 0x%02x of a new page, not 0x%02x",
                   SIM_ACCESS_VALUES(process, access), (unsigned)access->byte,
                   (unsigned)sim_page_bytes(page)[access->offset]);
        return;
    }
    SIM_EXPECT(sim_page_is_exclusive(page),
               SIM_ACCESS_FORMAT ": in a call, a store reached what others see",
               SIM_ACCESS_VALUES(process, access));
    sim_access_store(sim_page_value(page), access);
}

void sim_access_end_call(void)
{
    for (uint32_t i = 0; i < sim.deferrals; i++)
        sim_access_make_up(&sim.deferred[i]);
    sim.deferrals = 0;
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        sim.remade[i] = 0;
}

void sim_access_note_fault(const struct sim_page *page)
{
    if (page->shared || page->own || !page->segment)
        return;
    sim.leaving = page;
    sim.left = sim_page_value(page);
}

void sim_access_note_map(const struct space *space, const struct vm_mapping *mapping)
{
    const struct sim_process *process = space ? sim_process_of(space) : NULL;

    for (uint64_t i = 0; process && i < mapping->pages; i++) {
        uint32_t page = sim_page_at(mapping->address + i * SIM_PAGE_BYTES);

        if (page == SIM_PAGES)
            continue;
        sim.remade[sim_number(process)] |= 1u << page;
        sim.before[sim_number(process)][page] = sim_machine_entry(
            &sim.kernel.space[space->id], (vaddr_t){mapping->address + i * SIM_PAGE_BYTES});
    }
}

/* The value of shared memory or a file that the frame held before the call, and still does; or NULL. */
static struct sim_value *sim_access_known(const uint8_t *byte)
{
    uint32_t at = sim_page_of_byte(byte);
    const struct page *record = at == SIM_NO_PAGE ? NULL : &sim_vm()->table.pages[at];
    struct sim_value *value = record ? sim.value_in[at] : NULL;

    return value && value->users > 0 && value->page == at && value->of_segment &&
                   record->state == PAGE_OBJECT && record->object->number == value->object &&
                   record->link == value->index
               ? value
               : NULL;
}

/* An access by a mapping that the call made, to a page that was there before. */
static void sim_access_apply_new(const struct sim_process *process, const struct sim_access *access,
                                 struct sim_value *value, uint8_t *byte)
{
    if (access->access != FL_ACCESS_WRITE) {
        SIM_EXPECT(*byte == value->bytes[access->offset],
                   SIM_ACCESS_FORMAT ": read 0x%02x, not 0x%02x, by a new mapping",
                   SIM_ACCESS_VALUES(process, access), (unsigned)*byte,
                   (unsigned)value->bytes[access->offset]);
        return;
    }
    sim_access_store(value, access);
    *byte = access->byte;
}

static void sim_access_defer(const struct sim_process *process, const struct sim_access *access,
                             uint8_t *byte)
{
    struct sim_deferred *deferred = &sim.deferred[sim.deferrals];

    if (sim.deferrals == SIM_DEFERRED)
        return;
    sim.deferrals++;
    *deferred = (struct sim_deferred){sim_number(process), *access};
    if (access->access == FL_ACCESS_WRITE)
        *byte = access->byte;
    else
        deferred->access.byte = *byte;
}

/* The process that runs on a hart with a thread that is free to, or NULL. */
static const struct sim_process *sim_access_find_process(uint32_t hart)
{
    const struct vspace *space = sim_machine_loaded(hart);

    for (uint32_t i = 0; space && i < SIM_THREADS; i++) {
        const struct sim_process *process = &sim.model.process[i / SIM_THREADS_EACH];

        if (sim.thread[i].state == SIM_RUNS && &sim.kernel.space[process->space->id] == space)
            return process;
    }
    return NULL;
}

static bool sim_access_may_look(const struct sim_process *process, uint32_t page)
{
    if (sim.filling && process->page[page].segment)
        return false;
    return !sim.copying || (sim_number(process) != sim.copier && !process->page[page].segment);
}

/* True if the access went by an entry that the call made; it may have begun with another, and cached. */
static bool sim_access_is_by_new(const struct sim_process *process, const struct sim_access *access,
                                 const uint8_t *byte)
{
    pte_t entry;

    if (!(sim.remade[sim_number(process)] >> access->page & 1))
        return false;
    entry = sim_machine_entry(&sim.kernel.space[process->space->id],
                              (vaddr_t){sim_page_address(access->page)});
    return ((entry.bits ^ sim.before[sim_number(process)][access->page].bits) &
            ~(uint64_t)PTE_AD) &&
           sv39_is_valid(entry) && (entry.bits & sv39_rights_bits(access->access)) != 0 &&
           byte == sim_machine_contents(sv39_frame(entry)) + access->offset;
}

/* True if the access read the file's page, which has a private copy by now. */
static bool sim_access_is_by_old(const struct sim_process *process, const struct sim_access *access,
                                 const uint8_t *byte)
{
    const struct sim_page *page = &process->page[access->page];

    return page == sim.leaving && page->own && sim.left && access->access != FL_ACCESS_WRITE &&
           sim_page_of_byte(byte) == sim.left->page;
}

/* Before the call, or after it? */
static void sim_access_sort(const struct sim_process *process, const struct sim_access *access,
                            uint8_t *byte)
{
    struct sim_value *known = sim_access_known(byte);

    if (sim_access_is_by_old(process, access, byte))
        SIM_EXPECT(*byte == sim.left->bytes[access->offset],
                   SIM_ACCESS_FORMAT ": read 0x%02x of the file, not 0x%02x",
                   SIM_ACCESS_VALUES(process, access), (unsigned)*byte,
                   (unsigned)sim.left->bytes[access->offset]);
    else if (!sim_access_is_by_new(process, access, byte))
        sim_access_apply(process, access, byte);
    else if (sim.forking || !known)
        sim_access_defer(process, access, byte);
    else
        sim_access_apply_new(process, access, known, byte);
}

/* The page that is looked at: mostly one where that is allowed. */
static uint32_t sim_access_find_page(const struct sim_process *process, uint32_t access)
{
    uint32_t first = sim_machine_random(SIM_PAGES), tries = sim_machine_random(8) ? SIM_PAGES : 1;

    for (uint32_t i = 0; i < tries; i++)
        if (sim_page_signal(&process->page[(first + i) % SIM_PAGES], access) == 0)
            return (first + i) % SIM_PAGES;
    return first;
}

static void sim_access_once(uint32_t hart)
{
    const struct sim_process *process = sim_access_find_process(hart);
    struct sim_access access = {.access = sim_machine_random(2) ? FL_ACCESS_WRITE : FL_ACCESS_READ};
    uint8_t *byte;

    if (!process || sim.deferrals == SIM_DEFERRED)
        return;
    access.page = sim_access_find_page(process, access.access);
    access.offset = sim_machine_random(SIM_PLACES) * SIM_PLACE_BYTES;
    access.byte = (uint8_t)sim_machine_random(256);
    if (!sim_access_may_look(process, access.page))
        return;
    byte = sim_machine_access(hart, (vaddr_t){sim_page_address(access.page) + access.offset},
                              access.access);
    if (!byte)
        return;
    sim.counts.meanwhile++;
    sim_access_sort(process, &access, byte);
}

void sim_access_meanwhile(void *context)
{
    (void)context;
    for (uint32_t hart = 0; hart < sim.config.harts; hart++)
        if (hart != sim.pager_hart)
            for (uint32_t i = sim_machine_random(4); i > 0; i--)
                sim_access_once(hart);
}
