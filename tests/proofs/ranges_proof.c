/* The kernel's lists of RAM: each operation on every list of up to two ranges, with any range.
 *
 * Each of these must be found:
 *   bug: the rest above a hole is lost: kernel/ranges.c: `insert(ranges, i, end, old_end);` => `;`
 *   bug: a hole is rounded inwards: kernel/ranges.c: `end = (end + PAGE - 1) & ~(PAGE - 1);` => `end &= ~(PAGE - 1);`
 *   bug: the range behind one that went is passed over: kernel/ranges.c: `            i--;` => `            ;`
 */
#include "kernel/ranges.c"
#include "proof.h"

#define ADDRESS_END (1ull << 56) /* MACHINE_ADDRESS_END: no range of a machine ends above */
#define PAGES       (ADDRESS_END / PAGE)

static struct ranges list;

/* G1. */
static bool list_is_right(void)
{
    for (unsigned i = 0; i < list.count; i++) {
        if (list.at[i].start >= list.at[i].end || list.at[i].start % PAGE != 0 ||
            list.at[i].end % PAGE != 0 || (i > 0 && list.at[i].start < list.at[i - 1].end))
            return false;
    }
    return !list.dropped;
}

static bool list_has(uint64_t page)
{
    for (unsigned i = 0; i < list.count; i++) {
        if (page * PAGE >= list.at[i].start && page * PAGE < list.at[i].end)
            return true;
    }
    return false;
}

static void any_list(void)
{
    list.count = (unsigned)proof_below("ranges", 3);
    for (unsigned i = 0; i < list.count; i++) {
        list.at[i].start = proof_below("first page", PAGES) * PAGE;
        list.at[i].end = proof_below("end page", PAGES + 1) * PAGE;
    }
    proof_assume(list_is_right());
}

PROOF(subtract, "subtract keeps G1 and takes each page that a range touches, no other")
{
    any_list();
    uint64_t start = proof_below("start", ADDRESS_END), end = proof_below("end", ADDRESS_END + 1);
    uint64_t page = proof_below("page", PAGES);
    bool touched = start < end && (page + 1) * PAGE > start && page * PAGE < end;
    bool had = list_has(page);
    ranges_subtract(&list, start, end);
    proof_claim(list_is_right(), "G1");
    if (start < end)
        proof_claim(list_has(page) == (had && !touched), "touched pages");
}

PROOF(append, "append keeps G1 and adds the whole pages of a range, no other")
{
    any_list();
    uint64_t start = proof_below("start", ADDRESS_END), end = proof_below("end", ADDRESS_END + 1);
    proof_assume(list.count == 0 || start >= list.at[list.count - 1].end);
    uint64_t page = proof_below("page", PAGES);
    bool whole = page * PAGE >= start && (page + 1) * PAGE <= end, had = list_has(page);
    ranges_append(&list, start, end);
    proof_claim(list_is_right(), "G1");
    proof_claim(list_has(page) == (had || whole), "whole pages");
}
