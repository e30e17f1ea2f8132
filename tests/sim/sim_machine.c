/* The simulated machine: memory, and accesses by its harts.  See sim_machine.h; the TLB of a hart is in
 * sim_tlb.c, fences in sim_fence.c, the checks in sim_check.c. */
#define _GNU_SOURCE
#include "sim_machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim_mmu.h"

#define SIM_FIRST     0x80400ull /* number of the first frame: the kernel's root, before all others */
#define SIM_EXTRA     2u         /* that frame, and one of firmware's at the end */
#define SIM_ATTEMPTS  4u
#define SIM_NEVER_SET 0xa5 /* what lies in memory at the start is nobody's zeros */

static struct {
    struct sim_machine_config config;
    struct frame_table table;
    uint8_t *memory; /* all frames, as the kernel sees them */
    int file;        /* that memory is a view of */
    struct sim_window {
        uint8_t *at; /* NULL: there is none */
        uint64_t low, gap, high;
    } window;
    uint64_t random;
    const char *broken;
    struct sim_machine_counts counts;
    uint8_t device[SIM_DEVICE_PAGES][PAGE_BYTES];
} machine;

const struct sim_machine_config *sim_machine_config(void)
{
    return &machine.config;
}

struct sim_machine_counts *sim_machine_count(void)
{
    return &machine.counts;
}

const struct sim_machine_counts *sim_machine_counts(void)
{
    return &machine.counts;
}

void sim_machine_note(const char *broken)
{
    if (machine.broken == NULL)
        machine.broken = broken;
}

const char *sim_machine_noted(void)
{
    return machine.broken;
}

/* --- memory -------------------------------------------------------------------------------- */

frame_t sim_machine_frame(uint32_t i)
{
    return (frame_t){SIM_FIRST + 1 + i};
}

frame_t sim_machine_kernel_root(void)
{
    return (frame_t){SIM_FIRST};
}

frame_t sim_machine_device(uint32_t page)
{
    return (frame_t){SIM_FIRST / 2 + page};
}

struct frame_table *sim_machine_frames(void)
{
    return &machine.table;
}

uint8_t *sim_machine_contents(frame_t frame)
{
    uint64_t device = frame.value - sim_machine_device(0).value;

    if (frame_known(&machine.table, frame))
        return frame_contents(&machine.table, frame);
    return machine.device[device % SIM_DEVICE_PAGES];
}

/* A second view of memory must be possible, so it is a file without a name. */
static void sim_memory_open(uint64_t bytes)
{
    machine.file = memfd_create("memory", 0);
    if (machine.file < 0 || ftruncate(machine.file, (off_t)bytes) != 0)
        abort();
    machine.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, machine.file, 0);
    if (machine.memory == MAP_FAILED)
        abort();
}

static void sim_window_close(void)
{
    if (machine.window.at != NULL)
        munmap(machine.window.at, (machine.window.low + machine.window.high) * PAGE_BYTES);
    machine.window.at = NULL;
}

static void sim_memory_close(void)
{
    sim_window_close();
    munmap(machine.memory, machine.table.count * PAGE_BYTES);
    close(machine.file);
    free(machine.table.frames);
}

static void sim_window_show(uint8_t *at, uint64_t first, uint64_t frames)
{
    uint64_t offset = (first + sim_machine_frame(0).value - SIM_FIRST) * PAGE_BYTES;

    if (mmap(at, frames * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, machine.file,
             (off_t)offset) != at)
        abort();
}

uint8_t *sim_machine_window(uint32_t low, uint32_t gap, uint32_t high)
{
    struct sim_window *window = &machine.window;

    if (window->at != NULL && window->low == low && window->gap == gap && window->high == high)
        return window->at;
    sim_window_close();
    *window = (struct sim_window){.low = low, .gap = gap, .high = high};
    window->at = mmap(NULL, (window->low + window->high) * PAGE_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (window->at == MAP_FAILED)
        abort();
    sim_window_show(window->at, 0, low);
    sim_window_show(window->at + window->low * PAGE_BYTES, window->low + gap, high);
    return window->at;
}

/* Memory of the same size is used again: a start is what small tests do most. */
static void sim_memory_start(uint32_t frames)
{
    uint64_t count = (uint64_t)frames + SIM_EXTRA;

    if (machine.table.count != count) {
        sim_machine_end();
        sim_memory_open(count * PAGE_BYTES);
        machine.table.frames = calloc(count, sizeof(struct frame));
    }
    memset(machine.memory, SIM_NEVER_SET, count * PAGE_BYTES);
    memset(machine.device, 0, sizeof(machine.device));
    frame_table_init(&machine.table, machine.table.frames, (frame_t){SIM_FIRST}, count,
                     (uintptr_t)machine.memory - (SIM_FIRST << PAGE_SHIFT));
    frame_table_keep_range(&machine.table, (frame_t){SIM_FIRST + frames + 1}, SIM_EXTRA - 1);
}

/* Global leaves, as the kernel's half has them: nothing of it is a program's. */
static void sim_memory_fill_root(void)
{
    pte_t *entries = frame_contents(&machine.table, sim_machine_kernel_root());

    MM_ASSERT(frame_claim(&machine.table, sim_machine_kernel_root(), FRAME_OBJECT, 0) == FL_OK);
    for (uint64_t i = 0; i < SV39_ENTRIES; i++)
        entries[i].bits = i << 28 | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D | PTE_G;
}

void sim_machine_start(const struct sim_machine_config *config)
{
    sim_memory_start(config->frames);
    sim_memory_fill_root();
    machine.config = *config;
    machine.broken = NULL;
    machine.counts = (struct sim_machine_counts){0};
    sim_machine_seed(config->seed);
    sim_machine_set_meanwhile(NULL, NULL);
    sim_mmu_start(sim_machine_kernel_root(), config->asid_bits);
}

void sim_machine_end(void)
{
    if (machine.table.count > 0)
        sim_memory_close();
    machine.table = (struct frame_table){0};
}

void sim_machine_seed(uint64_t seed)
{
    machine.random = seed * 2 + 1;
}

uint32_t sim_machine_random(uint32_t below)
{
    machine.random ^= machine.random << 13;
    machine.random ^= machine.random >> 7;
    machine.random ^= machine.random << 17;
    return (uint32_t)((machine.random * 0x9e3779b97f4a7c15u >> 32) * below >> 32);
}

/* --- the walk ------------------------------------------------------------------------------ */

pte_t *sim_machine_slot(frame_t table, vaddr_t address, unsigned level)
{
    if (!frame_known(&machine.table, table)) {
        sim_machine_note("M1: a table that is no frame of memory");
        return NULL;
    }
    return (pte_t *)frame_contents(&machine.table, table) + sv39_index(address, level);
}

static pte_t sim_load(const pte_t *slot)
{
    return (pte_t){__atomic_load_n(&slot->bits, __ATOMIC_ACQUIRE)};
}

static void sim_keep(struct sim_hart *hart, unsigned level, vaddr_t address, pte_t entry)
{
    struct sim_translation translation = {.key = sim_tlb_key(hart->asid, level, address),
                                          .entry = entry,
                                          .space = hart->hart->space,
                                          .generation = hart->hart->generation};

    if (sv39_is_valid(entry) || machine.config.caches_invalid)
        sim_tlb_keep(&hart->tlb, &translation, sim_machine_random(SIM_TLB_ENTRIES));
}

/* The entry of a table above the leaves: the cached one, or read and cached. */
static pte_t sim_enter(struct sim_hart *hart, frame_t table, vaddr_t address, unsigned level)
{
    const struct sim_translation *cached =
        sim_tlb_find(&hart->tlb, sim_tlb_key(hart->asid, level, address));
    const pte_t *slot;
    pte_t entry;

    if (cached != NULL)
        return cached->entry;
    slot = sim_machine_slot(table, address, level);
    entry = slot != NULL ? sim_load(slot) : (pte_t){0};
    sim_keep(hart, level, address, entry);
    return entry;
}

/* The slot of the leaf entry, by way of cached pointers to tables, the lowest first; NULL: none. */
static pte_t *sim_walk(struct sim_hart *hart, vaddr_t address)
{
    const struct sim_translation *lowest =
        sim_tlb_find(&hart->tlb, sim_tlb_key(hart->asid, 1, address));
    frame_t table = hart->walked;
    pte_t entry;

    machine.counts.walks++;
    for (unsigned level = lowest != NULL ? 1 : 2; level > 0; level--) {
        entry = sim_enter(hart, table, address, level);
        if (!sv39_is_valid(entry))
            return NULL;
        table = sv39_frame(entry);
    }
    return sim_machine_slot(table, address, 0);
}

static bool sim_allows(pte_t entry, uint32_t access)
{
    return sv39_is_valid(entry) && (entry.bits & PTE_U) != 0 &&
           (entry.bits & sv39_rights_bits(access)) != 0;
}

/* Translates by a walk; hardware that sets A and D does so in memory.  0: it faults. */
static pte_t sim_translate_anew(struct sim_hart *hart, vaddr_t address, uint32_t access,
                                uint64_t needed)
{
    const pte_t none = {0};
    pte_t *slot = sim_walk(hart, address);
    pte_t entry;

    if (slot == NULL)
        return none;
    entry = sim_load(slot);
    sim_keep(hart, 0, address, entry);
    if (!sim_allows(entry, access))
        return none;
    if ((entry.bits & needed) == needed)
        return entry;
    if (!machine.config.sets_ad)
        return none;
    entry.bits = __atomic_or_fetch(&slot->bits, needed, __ATOMIC_RELAXED);
    sim_keep(hart, 0, address, entry);
    return entry;
}

static pte_t sim_translate(struct sim_hart *hart, vaddr_t address, uint32_t access)
{
    uint64_t needed = access == FL_ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    const struct sim_translation *cached =
        sim_tlb_find(&hart->tlb, sim_tlb_key(hart->asid, 0, address));

    if (cached == NULL)
        return sim_translate_anew(hart, address, access, needed);
    machine.counts.hits++;
    if (!sim_allows(cached->entry, access))
        return (pte_t){0};
    if ((cached->entry.bits & needed) == needed)
        return cached->entry;
    return machine.config.sets_ad ? sim_translate_anew(hart, address, access, needed) : (pte_t){0};
}

/* --- accesses ------------------------------------------------------------------------------ */

static void sim_evict_by_chance(struct sim_hart *hart)
{
    if (hart->tlb.used == 0 || sim_machine_random(256) >= machine.config.evict_chance)
        return;
    machine.counts.evictions++;
    sim_tlb_evict(&hart->tlb, sim_machine_random(hart->tlb.used));
}

/* Hardware may read tables before anybody needs what they say. */
static void sim_look_ahead_by_chance(struct sim_hart *hart, vaddr_t address)
{
    vaddr_t next = {address.value + PAGE_BYTES};
    const pte_t *slot;

    if (sim_machine_random(256) >= machine.config.ahead_chance || next.value >= FL_USER_END)
        return;
    slot = sim_walk(hart, next);
    if (slot != NULL)
        sim_keep(hart, 0, next, sim_load(slot));
}

static uint8_t *sim_reach(struct sim_hart *hart, pte_t entry, vaddr_t address, uint32_t access)
{
    uint8_t *byte = sim_machine_contents(sv39_frame(entry)) + address.value % PAGE_BYTES;
    paddr_t physical = {frame_address(sv39_frame(entry)).value + address.value % PAGE_BYTES};

    if (access != FL_ACCESS_EXEC || !machine.config.caches_code)
        return byte;
    return sim_code_fetch(&hart->code, physical, *byte);
}

void sim_machine_fence_code(uint32_t hart)
{
    sim_harts[hart].code.used = 0;
}

uint8_t *sim_machine_access(uint32_t number, vaddr_t address, uint32_t access)
{
    struct sim_hart *hart = &sim_harts[number];
    pte_t entry;

    machine.counts.accesses++;
    if (hart->hart->space == NULL || address.value >= FL_USER_END)
        return NULL;
    sim_evict_by_chance(hart);
    sim_look_ahead_by_chance(hart, address);
    entry = sim_translate(hart, address, access);
    return sv39_is_valid(entry) ? sim_reach(hart, entry, address, access) : NULL;
}

uint8_t *sim_machine_touch(uint32_t hart, vaddr_t address, uint32_t access, enum vspace_look *look,
                           pte_t *entry)
{
    *look = LOOK_ABSENT;
    *entry = (pte_t){0};
    for (unsigned i = 0; i < SIM_ATTEMPTS; i++) {
        uint8_t *byte = sim_machine_access(hart, address, access);

        if (byte != NULL || sim_machine_loaded(hart) == NULL)
            return byte;
        *look = vspace_look_at_fault(sim_machine_loaded(hart), address, access, entry);
        if (*look == LOOK_ABSENT || *look == LOOK_DENIED)
            return NULL;
        *(*look == LOOK_SPURIOUS ? &machine.counts.spurious : &machine.counts.ad_traps) += 1;
    }
    sim_machine_note("an access that its entry allows faults again and again");
    return NULL;
}

pte_t sim_machine_entry(const struct vspace *space, vaddr_t address)
{
    frame_t table = space->root;

    for (unsigned level = 2;; level--) {
        const pte_t *slot = sim_machine_slot(table, address, level);
        pte_t entry = slot != NULL ? sim_load(slot) : (pte_t){0};

        if (level == 0 || !sv39_is_valid(entry))
            return sv39_is_valid(entry) ? entry : (pte_t){0};
        table = sv39_frame(entry);
    }
}
