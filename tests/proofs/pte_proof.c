/* Entries of the page tables, rights, ceilings, owner words and the arithmetic of the walk: for all frames,
 * rights, addresses and levels.
 *
 * Each of these must be found:
 *   bug: the frame is shifted too little: mm/sv39.h: `frame.value << PTE_PPN_SHIFT | PTE_V | PTE_U` => `frame.value << 9 | PTE_V | PTE_U`
 *   bug: the ceiling takes the read right too: mm/sv39.h: `(ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) << 7` => `(uint64_t)ceiling << 7`
 *   bug: D is told as A: mm/sv39.h: `value |= entry.bits & PTE_D ? FL_ENTRY_DIRTY : 0` => `value |= entry.bits & PTE_A ? FL_ENTRY_DIRTY : 0`
 *   bug: write without read makes a leaf: mm/vspace.h: `1u << 1 | 1u << 3` => `1u << 1 | 1u << 2 | 1u << 3`
 *   bug: DIRTY comes without WRITE: mm/vspace.h: `(rights & FL_MAP_DIRTY) == 0 ||` => `true ||`
 *   bug: an owner loses bit 37 of its base: mm/vspace.c: `OWNER_SPACE_SHIFT 19u` => `OWNER_SPACE_SHIFT 18u`
 *   bug: the walk takes a bit of the level below: mm/walk.h: `(PAGE_SHIFT + 9 * level - 3)` => `(PAGE_SHIFT + 9 * level - 4)`
 *   bug: a map keeps the ceiling of the entry before: mm/vspace.c: `(PTE_RWX | PTE_CEILING);` => `PTE_RWX;`
 *   bug: a lost right is not told: mm/vspace.c: `(old.bits & ~leaf.bits & PTE_RWX) != 0` => `(leaf.bits & ~old.bits & PTE_RWX) != 0`
 *   bug: protect asks one of the ceilings only: mm/vspace_range.c: `found != (ceiling | PTE_V) && (found & PTE_V) != 0` => `(found & ceiling) == 0 && (found & PTE_V) != 0`
 *   bug: protect flips rights of an absent entry: mm/vspace_range.c: `if (!sv39_is_valid(entry) || flip == 0)` => `if (flip == 0)`
 */
#include "mm/vspace.c"
#include "mm/vspace_range.c"
#include "proof.h"

#define FRAMES (1ull << 44)

/* Given by arch/ and by other files of mm/, where nothing here comes. */
static unsigned fences;
void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    (void)space, (void)address, fences++;
}
void mmu_fence_space(struct vspace *space)
{
    (void)space, fences++;
}
void mmu_fence_code(struct vspace *space)
{
    (void)space;
}

static uint32_t any_rights(void)
{
    return (uint32_t)proof_below("rights", FL_MAP_RIGHTS_MASK + 1);
}

/* A leaf that V3 allows. */
static bool keeps_v3(pte_t leaf)
{
    uint64_t rwx = leaf.bits & PTE_RWX;
    return sv39_is_valid(leaf) && (leaf.bits & PTE_U) != 0 && (leaf.bits & PTE_G) == 0 &&
           rwx != 0 && ((rwx & PTE_W) == 0 || (rwx & PTE_R) != 0) &&
           ((rwx & PTE_W) == 0 || (leaf.bits & PTE_CEIL_W) != 0) &&
           ((rwx & PTE_X) == 0 || (leaf.bits & PTE_CEIL_X) != 0) && leaf.bits >> 54 == 0;
}

PROOF(leaf, "a leaf says the frame, rights, ceiling, A and D that it was made of, and nothing else")
{
    frame_t frame = {proof_below("frame", FRAMES)};
    uint32_t rights = (uint32_t)proof_any("rights"), ceiling = (uint32_t)proof_any("ceiling");
    pte_t leaf = sv39_user_leaf(frame, rights, ceiling);
    proof_claim(sv39_frame(leaf).value == frame.value, "frame");
    proof_claim((leaf.bits & PTE_RWX) == sv39_rights_bits(rights), "rights");
    proof_claim((leaf.bits & PTE_RWX) >> 1 == (rights & 7), "read, write, execute in this order");
    proof_claim(((leaf.bits & PTE_CEIL_W) != 0) == ((ceiling & FL_RIGHT_WRITE) != 0), "ceiling W");
    proof_claim(((leaf.bits & PTE_CEIL_X) != 0) == ((ceiling & FL_RIGHT_EXEC) != 0), "ceiling X");
    proof_claim(((leaf.bits & PTE_A) != 0) == ((rights & FL_MAP_ACCESSED) != 0), "A");
    proof_claim(((leaf.bits & PTE_D) != 0) == ((rights & FL_MAP_DIRTY) != 0), "D");
    proof_claim(sv39_is_valid(leaf) && (leaf.bits & (PTE_U | PTE_G)) == PTE_U, "a user's");
    proof_claim(leaf.bits >> 54 == 0, "reserved bits are 0");
}

PROOF(value, "what an entry tells the user is what it was made of")
{
    uint32_t rights = any_rights(), ceiling = (uint32_t)proof_below("ceiling", 8);
    pte_t leaf = sv39_user_leaf((frame_t){proof_below("frame", FRAMES)}, rights, ceiling);
    uint64_t value = sv39_entry_value(leaf);
    proof_claim((value & FL_ENTRY_VALID) != 0, "valid");
    proof_claim((value & 7) == (rights & 7), "rights");
    proof_claim(((value & FL_ENTRY_ACCESSED) != 0) == ((rights & FL_MAP_ACCESSED) != 0), "A");
    proof_claim(((value & FL_ENTRY_DIRTY) != 0) == ((rights & FL_MAP_DIRTY) != 0), "D");
    proof_claim(((value & FL_ENTRY_CEIL_W) != 0) == ((ceiling & FL_RIGHT_WRITE) != 0), "ceiling W");
    proof_claim(((value & FL_ENTRY_CEIL_X) != 0) == ((ceiling & FL_RIGHT_EXEC) != 0), "ceiling X");
}

PROOF(value_of_invalid, "an entry that is not valid tells nothing, whatever else is in it")
{
    pte_t entry = {proof_any("entry") & ~PTE_V};
    proof_claim(sv39_entry_value(entry) == 0, "0");
}

PROOF(table_entry, "an entry for a table names it, and is taken for nothing else")
{
    frame_t table = {proof_below("table", FRAMES)};
    pte_t entry = sv39_table_entry(table);
    proof_claim(sv39_is_valid(entry) && sv39_is_table(entry), "a table");
    proof_claim(sv39_frame(entry).value == table.value, "by sv39_frame");
    proof_claim(walk_table(entry).value == table.value, "by walk_table");
}

PROOF(rights, "rights that make a leaf are those of the specification's table")
{
    uint32_t rights = (uint32_t)proof_any("rights");
    bool r = (rights & FL_RIGHT_READ) != 0, w = (rights & FL_RIGHT_WRITE) != 0;
    bool x = (rights & FL_RIGHT_EXEC) != 0;
    bool pointer = !r && !w && !x, reserved = w && !r;
    proof_claim(vspace_rights_name_leaf(rights) == (!pointer && !reserved), "leaf");
    proof_claim(!vspace_rights_name_leaf(rights) ||
                    !sv39_is_table(sv39_user_leaf((frame_t){0}, rights, rights)),
                "never a pointer");
    if (vspace_rights_are_valid(rights)) {
        proof_claim((rights & ~(uint32_t)FL_MAP_RIGHTS_MASK) == 0, "nothing unknown");
        proof_claim(vspace_rights_name_leaf(rights), "valid rights make a leaf");
        proof_claim((rights & FL_MAP_DIRTY) == 0 || w, "DIRTY comes with WRITE");
    }
}

PROOF(map_keeps_v3, "what map writes keeps V3 for all rights that its caller lets through")
{
    struct vspace_run run = {.first = {proof_below("frame", FRAMES)}, .pages = 1};
    run.rights = any_rights();
    run.ceiling = (uint32_t)proof_below("ceiling", 8) & (FL_RIGHT_WRITE | FL_RIGHT_EXEC);
    proof_assume(vspace_rights_are_valid(run.rights));
    proof_assume((run.rights & ~run.ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) == 0);
    vspace_assert_rights(&run);
    proof_claim(keeps_v3(vspace_run_leaf(&run, 0)), "V3");
}

PROOF(change, "a map over an entry of the same frame: its rights and ceiling, A and D of both, V3")
{
    pte_t old = {proof_any("old")};
    proof_assume(keeps_v3(old));
    struct vspace_run run = {.first = sv39_frame(old), .pages = 1, .rights = any_rights()};
    run.ceiling = (uint32_t)proof_below("ceiling", 8) & (FL_RIGHT_WRITE | FL_RIGHT_EXEC);
    proof_assume(vspace_rights_are_valid(run.rights));
    proof_assume((run.rights & ~run.ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) == 0);
    pte_t slot = old, leaf = vspace_run_leaf(&run, 0);
    bool lost = vspace_change_leaf(&slot, old, leaf);
    proof_claim((slot.bits & ~PTE_AD) == (leaf.bits & ~PTE_AD), "rights and ceiling of the map");
    proof_claim((slot.bits & PTE_AD) == ((old.bits | leaf.bits) & PTE_AD), "A and D of both");
    proof_claim(keeps_v3(slot), "V3");
    proof_claim(lost == ((old.bits & PTE_RWX & ~slot.bits) != 0), "a lost right is told");
}

PROOF(protect,
      "protect: rights as asked or FL_CEILING, never above the ceiling, which stays; A, D, V3 kept")
{
    pte_t slots[2] = {{proof_any("first")}, {proof_any("second")}}, old[2] = {slots[0], slots[1]};
    uint32_t rights = any_rights();
    proof_assume(vspace_rights_are_valid(rights));
    for (unsigned i = 0; i < 2; i++)
        proof_assume(old[i].bits == 0 || keeps_v3(old[i]));
    struct range_piece piece = {.path = {.slot = {slots}}, .pages = 2};
    struct removal removal;
    removal_start(&removal, NULL);
    uint64_t ceiling = sv39_user_leaf((frame_t){0}, 0, rights).bits & PTE_CEILING;
    bool allowed = range_ceiling_allows(&piece, ceiling), lost = false;
    if (allowed)
        range_protect_piece(&removal, &piece, sv39_rights_bits(rights));
    for (unsigned i = 0; i < 2; i++) {
        bool forbids = old[i].bits != 0 && (ceiling & ~old[i].bits) != 0;
        proof_claim(!(forbids && allowed), "a ceiling forbids");
        proof_claim(slots[i].bits == 0 || keeps_v3(slots[i]), "V3");
        proof_claim((slots[i].bits & ~PTE_RWX) == (old[i].bits & ~PTE_RWX), "all else stays");
        if (allowed && old[i].bits != 0)
            proof_claim((slots[i].bits & PTE_RWX) == sv39_rights_bits(rights), "rights as asked");
        lost = lost || (old[i].bits & PTE_RWX & ~slots[i].bits) != 0;
    }
    proof_claim(!lost || removal.fences > 0, "less rights are fenced");
    proof_claim(allowed || ((ceiling & ~old[0].bits) != 0 && old[0].bits != 0) ||
                    ((ceiling & ~old[1].bits) != 0 && old[1].bits != 0),
                "forbidden by a ceiling only");
}

PROOF(owner, "an owner word says the space, base and level that it was made of")
{
    /* A space lies in the kernel's half of Sv39 (the host's test places it in the lower one), aligned. */
    uint64_t space = proof_any("space"), address = proof_below("address", FL_USER_END);
    unsigned level = (unsigned)proof_below("level", SV39_LEVELS);
    proof_assume(space % 8 == 0 && (space < 1ull << 47 || space >= -(1ull << 47)));
    struct vspace_table table = vspace_unpack_owner(
        vspace_pack_owner((const struct vspace *)(uintptr_t)space, (vaddr_t){address}, level));
    proof_claim((uint64_t)(uintptr_t)table.space == space, "space");
    proof_claim(table.level == level, "level");
    uint64_t span = level == 0 ? 1ull << 21 : level == 1 ? 1ull << 30 : 1ull << 39;
    proof_claim(table.base.value == address / span * span, "base");
}

PROOF(index,
      "the walk: the slot of an address is its index times 8, and a table's indexes span its range")
{
    struct frame_table frames = {.direct_offset = proof_any("direct_offset")};
    frame_t table = {proof_below("table", FRAMES)};
    vaddr_t address = {proof_any("address")};
    unsigned level = (unsigned)proof_below("level", SV39_LEVELS);
    uint64_t slot = (uint64_t)(uintptr_t)walk_slot(&frames, table, address, level);
    uint64_t contents = (table.value << PAGE_SHIFT) + frames.direct_offset;
    uint64_t bit = PAGE_SHIFT + 9 * (uint64_t)level;
    uint64_t index = address.value >> bit & 511;
    proof_claim(sv39_index(address, level) == index, "index");
    proof_claim(slot == contents + 8 * index, "slot");
    proof_claim(frames.direct_offset % PAGE_BYTES != 0 ||
                    walk_table_of(&frames, (const pte_t *)(uintptr_t)slot).value ==
                        (contents - frames.direct_offset) >> PAGE_SHIFT,
                "and back to its table");
    proof_assume(address.value % PAGE_BYTES == 0);
    uint64_t left = walk_pages_left(address, level);
    proof_claim(left > 0 && left <= 1ull << 9 * level, "pages left in the entry's span");
    proof_assume(address.value < FL_USER_END);
    uint64_t end = walk_address_plus(address, left).value, last = end - PAGE_BYTES;
    proof_claim(last >> bit == address.value >> bit && end >> bit == (address.value >> bit) + 1,
                "they end where the entry's span ends");
}
