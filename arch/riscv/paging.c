/* Builds the kernel's final page tables.  Owns the static pool that they come from.
 * Spec: RISC-V Privileged 1.12, 4.1.11, 4.3 and 4.4. */
#include "paging.h"

#include <string.h>

#include "arch.h"
#include "kernel.h"
#include "layout.h"
#include "sv39.h"

#define TABLES 24u /* one for the image, the rest for ragged ends of the direct map */

#define LEAF      (PTE_V | PTE_R | PTE_A | PTE_D | PTE_G)
#define LEAF_RW   (LEAF | PTE_W)
#define LEAF_TEXT (LEAF | PTE_X)

extern uint64_t early_root[SV39_ENTRIES], early_middle[SV39_ENTRIES];
extern const char image_start[], image_text_end[], image_rodata_end[], image_end[],
    boot_stack_guard[];

static uint64_t tables[TABLES][SV39_ENTRIES] __attribute__((aligned(4096)));
static unsigned tables_used;
static uint64_t image_offset; /* virtual - physical, of the image */

uint64_t paging_physical(const void *image_address)
{
    return (uint64_t)(uintptr_t)image_address - image_offset;
}

static uint64_t leaf(uint64_t address, uint64_t bits)
{
    return address >> PAGE_SHIFT << PTE_PPN_SHIFT | bits;
}

/* The table that an entry points to: all but the root lie in the image for good. */
static uint64_t *table_below(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)((entry >> PTE_PPN_SHIFT << PAGE_SHIFT) + image_offset);
}

/* The same, made if there is none; NULL when the pool is empty. */
static uint64_t *descend(uint64_t *entry)
{
    if (*entry & PTE_V)
        return table_below(*entry);
    if (tables_used == TABLES)
        return NULL;
    uint64_t *table = tables[tables_used++];
    *entry = leaf(paging_physical(table), PTE_V);
    return table;
}

/* Maps one read-write leaf at the level that `bytes` names.  False when tables ran out. */
static bool map_leaf(uint64_t virtual_address, uint64_t address, uint64_t bytes)
{
    uint64_t *table = early_root;
    unsigned level = SV39_LEVELS - 1;

    while (sv39_span_bytes(level) > bytes) {
        table = descend(&table[sv39_index((vaddr_t){virtual_address}, level)]);
        if (table == NULL)
            return false;
        level--;
    }
    table[sv39_index((vaddr_t){virtual_address}, level)] = leaf(address, LEAF_RW);
    return true;
}

/* Maps [start, end) as far as tables last; returns where it stopped. */
static uint64_t map_direct(uint64_t start, uint64_t end, uint64_t offset)
{
    while (start < end) {
        uint64_t bytes = sv39_span_bytes(SV39_LEVELS - 1);

        while (start % bytes != 0 || end - start < bytes)
            bytes >>= 9;
        if (!map_leaf(start + offset, start, bytes))
            break;
        start += bytes;
    }
    return start;
}

/* A guard page lies below each hart's stack. */
static bool is_guard(const char *page)
{
    ptrdiff_t offset = page - boot_stack_guard;

    return offset >= 0 && offset < (ptrdiff_t)HARTS_MAX * HART_STACK_STEP &&
           offset % HART_STACK_STEP == 0;
}

static void map_image(uint64_t load)
{
    uint64_t *table = tables[tables_used++];

    for (const char *page = image_start; page < image_end; page += PAGE_BYTES) {
        if (is_guard(page))
            continue;
        uint64_t bits = page < image_text_end     ? LEAF_TEXT
                        : page < image_rodata_end ? LEAF
                                                  : LEAF_RW;

        table[(page - image_start) / (ptrdiff_t)PAGE_BYTES] = leaf(paging_physical(page), bits);
    }
    memset(&early_middle[1], 0, sizeof early_middle - sizeof early_middle[0]);
    early_middle[0] = leaf(load + (uint64_t)((const char *)table - image_start), PTE_V);
}

uint64_t paging_finish(struct ranges *ram, uint64_t load)
{
    uint64_t gib = sv39_span_bytes(SV39_LEVELS - 1);
    uint64_t base = ram->at[0].start & ~(gib - 1);
    uint64_t offset = DIRECT_BASE - base;

    image_offset = IMAGE_BASE - load;
    map_image(load);
    ranges_subtract(ram, base + DIRECT_BYTES, UINT64_MAX - PAGE_BYTES);
    for (unsigned i = 0; i < ram->count; i++) {
        uint64_t stop = map_direct(ram->at[i].start, ram->at[i].end, offset);

        if (stop < ram->at[i].end) {
            ranges_subtract(ram, stop, UINT64_MAX - PAGE_BYTES);
            break;
        }
    }
    __asm__ volatile("sfence.vma" ::: "memory");
    return offset;
}

volatile uint32_t *paging_map_device(uint64_t address, uint64_t bytes)
{
    uint64_t step = sv39_span_bytes(1);
    uint64_t inside = address % step;

    if (bytes > DEVICE_MAX_BYTES - inside)
        return NULL;
    for (uint64_t at = 0; at < inside + bytes; at += step)
        if (!map_leaf(DEVICE_BASE + at, address - inside + at, step))
            return NULL;
    return (volatile uint32_t *)(uintptr_t)(DEVICE_BASE + inside);
}

void paging_move_root(frame_t frame, uint64_t direct_offset)
{
    uint64_t *root = (uint64_t *)(uintptr_t)(frame_address(frame).value + direct_offset);

    memcpy(root, early_root, PAGE_BYTES);
    csr_write(satp, SATP_SV39 | frame.value);
    __asm__ volatile("sfence.vma" ::: "memory");
}

pte_t arch_kernel_entry(vaddr_t address, unsigned *level)
{
    const uint64_t *table = frame_contents(&kernel.frames, kernel.root_table);
    unsigned at = SV39_LEVELS - 1;
    pte_t entry = {table[sv39_index(address, at)]};

    for (; at > 0 && sv39_is_table(entry); at--) {
        table = table_below(entry.bits);
        entry.bits = table[sv39_index(address, at - 1)];
    }
    *level = at;
    return entry;
}

unsigned paging_asid_bits(void)
{
    uint64_t before = csr_read(satp);
    unsigned bits = 0;

    csr_write(satp, before | SATP_ASID_MASK << SATP_ASID_SHIFT);
    uint64_t mask = csr_read(satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK;
    csr_write(satp, before);
    __asm__ volatile("sfence.vma" ::: "memory");
    while (mask >> bits & 1)
        bits++;
    return bits;
}
