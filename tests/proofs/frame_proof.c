/* The frame table: each operation, from any state of a table of two frames that F1 to F5 allow, with any
 * frame number.  The two are the frame concerned and any other.
 *
 * Each of these must be found:
 *   bug: a map beyond the limit: mm/frame.h: `entry->count > FRAME_MAX_MAPS - more` => `entry->count > FRAME_MAX_MAPS + 0x100u - more`
 *   bug: a table may be mapped: mm/frame.h: `if (entry->type > FRAME_USER)` => `if (entry->type > FRAME_TABLE)`
 *   bug: the first map leaves the frame free: mm/frame.h: `if (entry->type != FRAME_USER)` => `if (false)`
 *   bug: a pinned frame is freed by its last map: mm/frame.h: `--entry->count > 0 || entry->pins > 0` => `--entry->count > 0`
 *   bug: a mapped frame is freed by its last pin: mm/frame.c: `if (entry->count > 0 || entry->pins > 0)` => `if (entry->pins > 0)`
 *   bug: D is lost when the last map goes: mm/frame.h: `entry->flags &= FRAME_STICKY;` => `entry->flags = 0;`
 *   bug: a free frame is still being revoked: mm/frame.h: `entry->flags &= FRAME_STICKY;` => ``
 *   bug: the totals forget freed frames: mm/frame.h: `table->totals[FRAME_FREE] += drops.freed;` => ``
 *   bug: a mapped frame may be claimed: mm/frame.c: `if (entry->type != FRAME_FREE)` => `if (entry->type > FRAME_USER)`
 *   bug: a claimed frame keeps sticky bits: mm/frame.c: `    entry->flags = 0;` => ``
 *   bug: harvest clears what it was not told to: mm/frame.c: `entry->flags & ~clear` => `entry->flags & ~FRAME_STICKY`
 *   bug: a frame below the first is known: mm/frame.h: `return frame.value - table->first.value < table->count;` => `return frame.value < table->first.value + table->count;`
 */
#include "mm/frame.c"
#include "proof.h"

static struct frame frames[2], before[2];
static struct frame_table table;

static void any_frame(struct frame *frame)
{
    frame->count = (uint32_t)proof_any("count");
    frame->pins = (uint16_t)proof_any("pins");
    frame->type = (uint8_t)proof_below("type", FRAME_TYPES);
    frame->flags = (uint8_t)proof_any("flags");
    frame->owner = proof_any("owner");
    proof_assume(frame->type != FRAME_USER || frame->count <= FRAME_MAX_MAPS + FL_ITEM_PAGES);
}

/* A table in any state that the checker accepts.  Totals may hold more frames than the two: what is
 * counted elsewhere does not change, so nothing depends on it. */
static void any_table(void)
{
    for (unsigned i = 0; i < 2; i++)
        any_frame(&frames[i]);
    table = (struct frame_table){.frames = frames, .count = 2};
    table.first.value = proof_below("first", 1ull << 44);
    for (unsigned i = 0; i < 2; i++) {
        table.totals[frames[i].type]++;
        table.mappings += frames[i].type == FRAME_USER ? frames[i].count : 0;
        table.pins += frames[i].pins;
        before[i] = frames[i];
    }
    proof_assume(frame_table_check(&table) == NULL);
}

static frame_t any_number(void)
{
    return (frame_t){proof_any("frame")};
}

static bool is_same(const struct frame *a, const struct frame *b)
{
    return a->count == b->count && a->pins == b->pins && a->type == b->type &&
           a->flags == b->flags && a->owner == b->owner;
}

/* The invariants hold; the frames not concerned are as before. */
static void check_table(frame_t concerned)
{
    proof_claim(frame_table_check(&table) == NULL, "F1 to F5");
    for (unsigned i = 0; i < 2; i++) {
        if (concerned.value != table.first.value + i)
            proof_claim(is_same(&frames[i], &before[i]), "another frame is as before");
    }
}

PROOF(known, "a frame is in the table exactly when it has an entry")
{
    any_table();
    frame_t frame = any_number();
    bool inside = frame.value == table.first.value || frame.value == table.first.value + 1;
    proof_claim(frame_known(&table, frame) == inside, "known");
}

PROOF(map, "a map that is allowed keeps F1 to F5")
{
    any_table();
    frame_t frame = any_number();
    uint32_t more = 1 + (uint32_t)proof_below("more", FL_ITEM_PAGES);
    if (frame_can_map(&table, frame, more) != FL_OK) {
        check_table((frame_t){table.first.value + 2});
        return;
    }
    frame_add_map(&table, frame);
    check_table(frame);
    if (frame_known(&table, frame)) {
        proof_claim(frame_entry(&table, frame)->type == FRAME_USER, "a user's");
        proof_claim(frame_entry(&table, frame)->count <= FRAME_MAX_MAPS, "within the limit");
    }
}

PROOF(unmap, "a map that ends keeps F1 to F5, its A and D stay with the frame")
{
    any_table();
    frame_t frame = any_number();
    uint32_t sticky = (uint32_t)proof_below("sticky", FRAME_STICKY + 1);
    bool known = frame_known(&table, frame);
    if (known)
        proof_assume(frame_entry(&table, frame)->type == FRAME_USER &&
                     frame_entry(&table, frame)->count > 0);
    struct frame_drops drops = {0, 0};
    frame_drop_map(&table, frame, sticky, &drops);
    frame_count_drops(&table, drops);
    check_table(frame);
    if (!known)
        return;
    const struct frame *now = frame_entry(&table, frame), *old = &before[now - frames];
    proof_claim(now->count == old->count - 1 && now->pins == old->pins, "one less");
    proof_claim((now->flags & FRAME_STICKY) == ((old->flags | sticky) & FRAME_STICKY),
                "A and D stay");
    proof_claim((now->type == FRAME_FREE) == (now->count == 0 && now->pins == 0),
                "free at the last");
}

PROOF(pin, "a pin that is allowed keeps F1 to F5; one that is not changes nothing")
{
    any_table();
    frame_t frame = any_number();
    enum fl_error expected = frame_can_pin(&table, frame);
    if (frame_pin(&table, frame) != FL_OK) {
        proof_claim(expected != FL_OK, "as asked before");
        frame.value = table.first.value + 2;
    }
    check_table(frame);
}

PROOF(unpin, "a pin that ends keeps F1 to F5")
{
    any_table();
    frame_t frame = any_number();
    proof_assume(frame_known(&table, frame) && frame_entry(&table, frame)->type == FRAME_USER &&
                 frame_entry(&table, frame)->pins > 0);
    frame_unpin(&table, frame);
    check_table(frame);
    const struct frame *now = frame_entry(&table, frame), *old = &before[now - frames];
    proof_claim((now->flags & FRAME_STICKY) == (old->flags & FRAME_STICKY), "A and D stay");
}

PROOF(take, "only a free frame is claimed, without the former owner's bits; F1 to F5 are kept")
{
    any_table();
    frame_t frame = any_number();
    enum frame_type type = proof_any("object") & 1 ? FRAME_OBJECT : FRAME_TABLE;
    bool was_free = frame_known(&table, frame) && frame_entry(&table, frame)->type == FRAME_FREE;
    enum fl_error error = frame_claim(&table, frame, type, proof_any("new owner"));
    proof_claim((error == FL_OK) == was_free, "free frames, and only these");
    check_table(frame);
    if (error == FL_OK)
        proof_claim(frame_entry(&table, frame)->flags == 0, "no bits of the owner before");
    else
        check_table((frame_t){table.first.value + 2});
}

PROOF(release, "a table or object frame that is released keeps F1 to F5")
{
    any_table();
    frame_t frame = any_number();
    proof_assume(frame_known(&table, frame) && frame_entry(&table, frame)->count == 0 &&
                 (frame_entry(&table, frame)->type == FRAME_OBJECT ||
                  (frame_entry(&table, frame)->type == FRAME_TABLE &&
                   frame_entry(&table, frame)->flags == 0)));
    frame_release(&table, frame);
    check_table(frame);
    proof_claim(frame_entry(&table, frame)->type == FRAME_FREE, "free");
}

PROOF(harvest, "harvest tells A and D of what it read, and clears what it is told to, no more")
{
    any_table();
    frame_t frame = any_number();
    uint32_t clear = (uint32_t)proof_below("clear", FRAME_STICKY + 1);
    uint64_t pages = 1 + proof_below("pages", 3), done;
    struct fl_harvest result;
    enum fl_error error = frame_harvest(&table, frame, pages, clear, &result, &done);
    proof_claim(done <= pages && (error == FL_OK) == (done == pages), "how far it came");
    proof_claim(frame_table_check(&table) == NULL, "F1 to F5 after harvest");
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t page = table.first.value + i - frame.value;
        bool read = page < done;
        uint8_t bits = before[i].flags & FRAME_STICKY;
        if (read)
            proof_claim((result.bits[0] >> 2 * page & 3) == bits, "told");
        proof_claim(frames[i].flags == (read ? before[i].flags & ~clear : before[i].flags),
                    "cleared");
    }
}
