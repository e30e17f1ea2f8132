/* Sums at the edges of 64 bits: what the pager promises and what a limit counts, for all counts and sizes.
 *
 * Each of these must be found:
 *   bug: a promise wraps past 2^64: user/pager/core/commit.c: `vm->commit.pages > limit || pages > limit - vm->commit.pages` => `vm->commit.pages + pages > limit`
 *   bug: an overlap is counted beyond its end: user/pager/core/limit.c: `    if (last > end)` => `    if (last < end)`
 */
#include "user/pager/core/commit.c"
#include "user/pager/core/limit.c"
#include "proof.h"

typedef unsigned __int128 wide_t; /* no sum below wraps in it */

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
    bool fits = (wide_t)promised + pages <= limit;
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
    uint64_t start = proof_any("start"), end = proof_any("end");
    proof_assume(first < last && start < end);
    uint64_t bytes = limit_overlap(first, last, start, end);
    if (first >= end || start >= last)
        proof_claim(bytes == 0, "none");
    else if (first <= start)
        proof_claim(start + bytes == (end <= last ? end : last), "from its start on");
    else
        proof_claim(first + bytes == (end <= last ? end : last), "from the range's start on");
}
