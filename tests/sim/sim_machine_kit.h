/* A small world for tests of the machine: some spaces with one pool, and frames to map into them. */
#ifndef SIM_MACHINE_KIT_H
#define SIM_MACHINE_KIT_H

#include "harness.h"
#include "sim_machine.h"
#include "sim_mmu.h"

#define KIT_SPACES 4u
#define KIT_TABLES 24u /* frames of the pool: the first ones */
#define KIT_FRAMES 64u
#define KIT_BASE   0x400000ull

static struct table_pool kit_pool;
static struct vspace kit_space[KIT_SPACES];

static inline struct sim_machine_config kit_config(uint32_t harts, uint32_t asid_bits)
{
    return (struct sim_machine_config){
        .harts = harts, .asid_bits = asid_bits, .frames = KIT_FRAMES, .sets_ad = true, .seed = 1};
}

static inline void kit_start(const struct sim_machine_config *config)
{
    sim_machine_start(config);
    table_pool_init(&kit_pool, sim_machine_frames());
    for (uint32_t i = 0; i < KIT_TABLES; i++)
        CHECK_EQ(table_pool_donate(&kit_pool, sim_machine_frame(i)), FL_OK);
    for (uint32_t i = 0; i < KIT_SPACES; i++) {
        kit_space[i] = (struct vspace){0};
        CHECK_EQ(vspace_init(&kit_space[i], &kit_pool, sim_machine_kernel_root()), FL_OK);
    }
}

static inline void kit_begin(uint32_t harts, uint32_t asid_bits)
{
    struct sim_machine_config config = kit_config(harts, asid_bits);

    kit_start(&config);
}

/* The i-th frame that is not the pool's. */
static inline frame_t kit_frame(uint32_t i)
{
    return sim_machine_frame(KIT_TABLES + i);
}

static inline vaddr_t kit_address(uint32_t page)
{
    return (vaddr_t){KIT_BASE + page * PAGE_BYTES};
}

static inline void kit_map(uint32_t space, uint32_t page, uint32_t frame, uint32_t rights)
{
    struct vspace_run run = {.address = kit_address(page),
                             .first = kit_frame(frame),
                             .pages = 1,
                             .rights = rights | FL_MAP_REPLACE,
                             .ceiling = FL_RIGHT_WRITE | FL_RIGHT_EXEC};
    CHECK_EQ(vspace_map_page(&kit_space[space], &run), FL_OK);
}

static inline void kit_unmap(uint32_t space, uint32_t page, uint32_t pages)
{
    uint64_t done;
    CHECK_EQ(vspace_unmap(&kit_space[space], kit_address(page), pages, &done), FL_OK);
}

static inline void kit_protect(uint32_t space, uint32_t page, uint32_t pages, uint32_t rights)
{
    uint64_t done;
    CHECK_EQ(vspace_protect(&kit_space[space], kit_address(page), pages, rights, &done), FL_OK);
}

/* The frame that an access reaches, as kit_frame numbers them; KIT_FAULT: it faults. */
#define KIT_FAULT UINT32_MAX
static inline uint32_t kit_reached(const uint8_t *byte)
{
    if (byte == NULL)
        return KIT_FAULT;
    return (uint32_t)((uint64_t)(byte - sim_machine_contents(kit_frame(0))) / PAGE_BYTES);
}

static inline uint32_t kit_access(uint32_t hart, uint32_t page, uint32_t access)
{
    return kit_reached(sim_machine_access(hart, kit_address(page), access));
}

/* With the kernel's look at faults. */
static inline uint32_t kit_touch(uint32_t hart, uint32_t page, uint32_t access)
{
    enum vspace_look look;
    pte_t entry;
    return kit_reached(sim_machine_touch(hart, kit_address(page), access, &look, &entry));
}

/* What is broken, or "". */
static inline const char *kit_broken(void)
{
    struct vspace *spaces[KIT_SPACES];
    const char *broken;
    for (uint32_t i = 0; i < KIT_SPACES; i++)
        spaces[i] = &kit_space[i];
    broken = sim_machine_check(spaces, KIT_SPACES);
    return broken != NULL ? broken : "";
}

/* Changes an entry as nobody may: behind all fences and counts. */
static inline void kit_put_entry(uint32_t space, uint32_t page, pte_t entry)
{
    frame_t table = kit_space[space].root;

    for (unsigned level = 2; level > 0; level--)
        table = sv39_frame(*sim_machine_slot(table, kit_address(page), level));
    *sim_machine_slot(table, kit_address(page), 0) = entry;
}

/* Of a page that is read and written. */
static inline pte_t kit_leaf(uint32_t frame)
{
    return (pte_t){
        sv39_user_leaf(kit_frame(frame), FL_RIGHT_READ | FL_RIGHT_WRITE, FL_RIGHT_WRITE).bits |
        PTE_A | PTE_D};
}

#endif
