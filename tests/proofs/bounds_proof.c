/* Sums and ranges at the edges of 64 bits: what the pager promises and limits (commit.c, limit.c), and the
 * kernel's lists of RAM (ranges.c).
 *
 * Each of these must be found:
 *   bug: a promise wraps past 2^64: user/pager/core/commit.c: `vm->commit.pages > limit || pages > limit - vm->commit.pages` => `vm->commit.pages + pages > limit`
 *   bug: a limit wraps past 2^64: user/pager/core/limit.c: `used <= limit && more <= limit - used` => `used + more <= limit`
 *   bug: what is over the limit has room: user/pager/core/limit.c: `used <= limit && more` => `more`
 *   bug: an overlap is counted beyond its end: user/pager/core/limit.c: `    if (last > end)` => `    if (last < end)`
 *   bug: the rest above a hole is lost: kernel/ranges.c: `insert(ranges, i, end, old_end);` => `;`
 *   bug: a hole is rounded inwards: kernel/ranges.c: `end = (end + PAGE - 1) & ~(PAGE - 1);` => `end &= ~(PAGE - 1);`
 *   bug: the range behind one that went is passed over: kernel/ranges.c: `            i--;` => `            ;`
 */
#include "kernel/ranges.c"
#undef PAGE
#include "user/pager/core/commit.c"
#include "user/pager/core/limit.c"
#include "proof.h"

#define ADDRESS_END (1ull << 56) /* MACHINE_ADDRESS_END: no range of a machine ends above */

PROOF(commit,
      "strict: a promise is taken exactly when the sum, without wrapping, stays in the limit")
{
    static struct vm vm;
    vm.commit.strict = true;
    vm.commit.pages = proof_any("promised");
    for (unsigned state = 0; state < PAGE_STATES; state++)
        vm.table.counts[state] = (uint32_t)proof_any("pages in a state");
    vm.file_pages = proof_below("file pages", 1ull + vm.table.counts[PAGE_OBJECT]);
    uint64_t promised = vm.commit.pages, limit = commit_limit(&vm), pages = proof_any("pages");
    bool fits = promised <= limit && pages <= limit - promised;
    bool taken = commit_take(&vm, pages);
    proof_claim(taken == (fits || pages == 0), "exactly when it fits");
    proof_claim(vm.commit.pages == (taken ? promised + pages : promised), "charged, or nothing");
    proof_claim(!taken || pages == 0 || (vm.commit.pages <= limit && vm.commit.pages >= promised),
                "within the limit");
    if (taken)
        commit_give(&vm, pages);
    proof_claim(vm.commit.pages == promised, "given back");
}

PROOF(overlap, "the bytes of a range inside another: exact for all ranges")
{
    uint64_t first = proof_any("first"), last = proof_any("last");
    uint64_t start = proof_any("start"), end = proof_any("end"), x = proof_any("any byte");
    proof_assume(first <= last && start <= end);
    uint64_t low = first > start ? first : start;
    uint64_t bytes = limit_overlap(first, last, start, end);
    bool inside = x >= first && x < last && x >= start && x < end;
    proof_claim(inside == (x >= low && x - low < bytes), "those bytes and no other");
}

PROOF(room, "a limit has room exactly when use and more together, without wrapping, stay in it")
{
    static struct space space;
    static struct entry entry;
    entry.start = proof_any("start");
    entry.end = proof_any("end");
    proof_assume(entry.start < entry.end && entry.end <= FL_USER_END);
    space.map.first = &entry;
    space.limits[LIMIT_AS].soft = proof_any("limit");
    entry.use = (uint8_t)proof_below("use", 8);
    uint64_t used = entry.use == ENTRY_GUARD ? 0 : entry.end - entry.start;
    uint64_t more = proof_any("more"), limit = space.limits[LIMIT_AS].soft;
    bool room = limit_has_room(&space, LIMIT_AS, more, 0, 0);
    bool wraps = used + more < used;
    proof_claim(room == (limit == LIMIT_INFINITY || (!wraps && used + more <= limit)), "room");
}

static struct ranges list;

static bool list_is_right(void)
{
    for (unsigned i = 0; i < list.count; i++) {
        if (list.at[i].start >= list.at[i].end || list.at[i].start % 4096 != 0 ||
            list.at[i].end % 4096 != 0 || (i > 0 && list.at[i].start < list.at[i - 1].end))
            return false;
    }
    return true;
}

static bool list_has(uint64_t byte)
{
    for (unsigned i = 0; i < list.count; i++) {
        if (byte >= list.at[i].start && byte < list.at[i].end)
            return true;
    }
    return false;
}

static void any_list(unsigned most)
{
    list.count = (unsigned)proof_below("ranges", most + 1ull);
    for (unsigned i = 0; i < list.count; i++) {
        list.at[i].start = proof_any("start");
        list.at[i].end = proof_below("end", ADDRESS_END + 1);
    }
    proof_assume(list_is_right());
}

PROOF(append, "append keeps G1 and adds the whole pages of a range, to up to two")
{
    any_list(2);
    uint64_t start = proof_below("new start", ADDRESS_END),
             end = proof_below("new end", ADDRESS_END + 1);
    proof_assume(list.count == 0 || start >= list.at[list.count - 1].end);
    uint64_t byte = proof_any("any byte");
    bool had = list_has(byte),
         whole = byte / 4096 * 4096 >= start && byte / 4096 * 4096 + 4096 <= end;
    ranges_append(&list, start, end);
    proof_claim(list_is_right() && !list.dropped, "G1");
    proof_claim(byte >= ADDRESS_END || list_has(byte) == (had || whole),
                "whole pages, and no other byte");
}

PROOF(subtract, "subtract keeps G1 and takes each page that a range touches, from up to two")
{
    any_list(2);
    uint64_t start = proof_below("hole start", ADDRESS_END),
             end = proof_below("hole end", ADDRESS_END + 1);
    uint64_t byte = proof_below("any byte", ADDRESS_END);
    bool touched = start < end && byte / 4096 >= start / 4096 && byte / 4096 <= (end - 1) / 4096;
    bool had = list_has(byte);
    ranges_subtract(&list, start, end);
    proof_claim(list_is_right() && !list.dropped, "G1");
    proof_claim(start >= end || list_has(byte) == (had && !touched),
                "touched pages, and no other byte");
}
