/* Page-in, page-out, collapse and the last reference of a page: two spaces share an object below their
 * own, as after a fork; one page of it, two frames, one swap slot; a device that ends transfers in any
 * order, some with an error.  Steps of the pager are atomic, since it has one thread.
 *
 * Which C is meant.  What is marked "swap" is simpler than the core's (paging.h): a slot is free when its
 * page was read, where the core keeps it for a clean copy; a page has no checksum; a request is of one page.
 *     handle           the steps of fault.c: finds the page from the top object down; parks on one that is
 *                      on its way (wait_for_page, wait_park of wait.c); maps it, takes it
 *                      (shadow_take_page) or copies it; answers
 *     begin_in         object_begin_fetch (object.c)
 *     end_in           vm_page_done (wait.c); after an error the page stays in its slot: swap
 *     wake             wait_make_ready (wait.c)
 *     begin_out        swap: the page is taken out of all spaces and fenced, then written
 *     end_out          swap: like end_in it knows the page record, never object and index
 *     take back        swap, in handle: a fault on a page that is being written has it at once; the frame
 *                      stays lent to the write, and the slot will hold nothing
 *     drop             object_drop_page (object.c): a page in transfer becomes a stray (page.h, P6)
 *     let_go           shadow_leave with shadow_settle (shadow.c): the page below moves to the one top
 *                      that is left, in transfer or not; or goes, when that top hides it
 *     exit             the end of a space, with wait_drop_space (wait.c)
 *
 * Shown: no frame is free or another's while a transfer reads or writes it; a program reads what it wrote
 * last, whoever else wrote; who is parked waits for a busy page (Q1) and is answered once, or goes with
 * its space; nobody waits when nothing moves any more; leaves, pages and slot agree after every step (P2,
 * P5, P6); no page is kept that nobody sees (O3, H1).
 * Not shown: several pages, shortage of frames (Q3: here a fault is put off until a frame is free), the
 * order in which waiters are served.
 *
 * Each of these must be found:
 *   bug: a page in transfer is freed when its object lets it go: `:: transfer[page] != NONE -> pstate[page] = STRAY` => `:: transfer[page] != NONE -> pstate[page] = FREE`
 *   bug: the end of a transfer goes to the object that began it: `where = object[f]` => `where = began[f]`
 *   bug: who waits for a page that goes is not woken: `wake(page); unmap_all(page)` => `unmap_all(page)`
 *   bug: a failed page-in wakes nobody: `pstate[f] = FREE; failed = 1; wake(f)` => `pstate[f] = FREE; failed = 1`
 *   bug: a write that was overtaken frees the frame: `:: pstate[f] == OBJECT -> slot_used = 0` => `:: pstate[f] == OBJECT -> page_out_ended(f)`
 *   bug: a fault waits for a page that is being written: `:: pstate[page] == OUT -> pstate[page] = OBJECT` => `:: pstate[page] == OUT -> parked[s] = page + 1; break`
 *   bug: a page is written out while programs may use it: `unmap_all(f); pstate[f] = OUT` => `pstate[f] = OUT`
 *   bug: a waiter stays parked when it was woken: `parked[s] = 0; ready[s] = 1` => `ready[s] = 1`
 *   bug: a space that ends leaves its parked fault: `parked[s] = 0; ready[s] = 0; asked[s] = 0` => `ready[s] = 0; asked[s] = 0`
 *   bug: a failed write loses the page: `pstate[f] = OBJECT; slot_used = 0` => `page_out_ended(f)`
 *   bug: a collapse keeps a page that is hidden: `:: leaf[other] != NOTHING -> drop(BELOW)` => `:: leaf[other] != NOTHING -> skip`
 *   bug: a collapse loses a page on its way: `:: leaf[other] == NOTHING -> move(BELOW, other)` => `:: leaf[other] == NOTHING -> if :: leaf[BELOW] >= PAGE && pstate[leaf[BELOW] - PAGE] == BUSY -> drop(BELOW) :: else -> move(BELOW, other) fi`
 *   bug: a write takes a page that another space sees: `needs_copy(s)  (writes[s] && leaf[s] == NOTHING && seen_by_other(s))` => `needs_copy(s)  false`
 */
#define BELOW   2 /* the object below; 0 and 1 are the tops, of the space with that number */
#define OBJECTS 3
#define NOTHING 0
#define SLOT    1
#define PAGE    2 /* + frame */
#define FAULTS  2 /* of each space */
#define OUTS    2 /* pages written out, of all */
#define OTHERS  1 /* frames that others take and give back */

mtype = { FREE, OBJECT, BUSY, OUT, STRAY, OTHER };
mtype = { NONE, IN, WRITE };

byte leaf[OBJECTS];        /* what each object holds at the index of the page */
bit gone[2];               /* the top is off its tree */
mtype pstate[2] = FREE;
mtype transfer[2] = NONE;
byte object[2];            /* of the frame's page */
byte began[2];             /* what it was when the transfer began */
bit value[2];              /* what the frame holds */
bit slot_used;
bit slot_value;

bit alive[2] = 1;
bit asked[2];              /* a fault of the space is not answered */
bit writes[2];             /* it is a write */
bit ready[2];
byte parked[2];            /* frame + 1 of the page that the fault waits for */
bit refused[2];            /* the page-in that it waited for failed */
byte mapping[2];           /* frame + 1 */
bit writable[2];
bit wanted[2];             /* what the space wrote last */
byte outs;

#define visible(s)        (leaf[s] != NOTHING -> s : BELOW)
#define seen_by_other(s)  (!gone[1 - s] && leaf[1 - s] == NOTHING)
#define in_object(f)      (pstate[f] == OBJECT || pstate[f] == BUSY || pstate[f] == OUT)
#define leaf_right(o)     (leaf[o] < PAGE || (in_object(leaf[o] - PAGE) && object[leaf[o] - PAGE] == o))
#define frame_right(f)    (in_object(f) -> leaf[object[f]] == PAGE + f : \
                           transfer[f] == NONE || pstate[f] == STRAY)
#define wait_right(s)     (parked[s] == 0 || (alive[s] && asked[s] && !ready[s] && pstate[parked[s] - 1] == BUSY))
#define map_right(s)      (mapping[s] == 0 || (pstate[mapping[s] - 1] == OBJECT && \
                           leaf[visible(s)] == PAGE + mapping[s] - 1))
#define reads_slot(f)     (transfer[f] == WRITE || pstate[f] == BUSY)
#define slot_users        ((leaf[0] == SLOT) + (leaf[1] == SLOT) + (leaf[BELOW] == SLOT) + \
                           reads_slot(0) + reads_slot(1))
#define is_shared         (!gone[0] && !gone[1] && (leaf[0] == NOTHING || leaf[1] == NOTHING))

inline check()
{
    assert(leaf_right(0) && leaf_right(1) && leaf_right(BELOW));
    assert(frame_right(0) && frame_right(1));
    assert(wait_right(0) && wait_right(1));
    assert(map_right(0) && map_right(1));
    assert(slot_users == slot_used);
    assert(leaf[BELOW] == NOTHING || is_shared)
}

inline wake_one(s, frame)
{
    if
    :: parked[s] == frame + 1 -> parked[s] = 0; ready[s] = 1; refused[s] = failed
    :: else
    fi
}

inline wake(frame)
{
    wake_one(0, frame);
    wake_one(1, frame);
    failed = 0
}

inline unmap_one(s, frame)
{
    if
    :: mapping[s] == frame + 1 -> mapping[s] = 0; writable[s] = 0
    :: else
    fi
}

inline unmap_all(frame)
{
    unmap_one(0, frame);
    unmap_one(1, frame)
}

inline drop(o)
{
    if
    :: leaf[o] == SLOT -> slot_used = 0
    :: leaf[o] >= PAGE ->
        page = leaf[o] - PAGE;
        wake(page); unmap_all(page);
        if
        :: pstate[page] == BUSY -> slot_used = 0
        :: else
        fi;
        if
        :: transfer[page] != NONE -> pstate[page] = STRAY
        :: else -> pstate[page] = FREE; value[page] = 0
        fi;
        object[page] = 0;
        page = 0
    :: else
    fi;
    leaf[o] = NOTHING
}

inline move(from, to)
{
    leaf[to] = leaf[from];
    if
    :: leaf[to] >= PAGE -> object[leaf[to] - PAGE] = to
    :: else
    fi;
    leaf[from] = NOTHING
}

inline let_go(s)
{
    other = 1 - s;
    gone[s] = 1;
    mapping[s] = 0; writable[s] = 0;
    drop(s);
    if
    :: gone[other] -> drop(BELOW)
    :: else ->
        if
        :: leaf[other] != NOTHING -> drop(BELOW)
        :: leaf[other] == NOTHING -> move(BELOW, other)
        fi
    fi
}

inline exit(s)
{
    alive[s] = 0;
    parked[s] = 0; ready[s] = 0; asked[s] = 0;
    if
    :: !gone[s] -> let_go(s)
    :: else
    fi
}

/* ---- transfers ---- */

inline begin_out(f)
{
    outs++;
    slot_used = 1; slot_value = 1 - value[f] /* not there yet */; began[f] = object[f];
    transfer[f] = WRITE;
    unmap_all(f); pstate[f] = OUT
}

inline page_out_ended(f)
{
    leaf[where] = SLOT;
    pstate[f] = FREE; value[f] = 0; object[f] = 0
}

inline end_in(f)
{
    if
    :: pstate[f] == STRAY -> pstate[f] = FREE; value[f] = 0
    :: else ->
        if
        :: true -> pstate[f] = OBJECT; leaf[where] = PAGE + f; value[f] = slot_value; slot_used = 0; wake(f)
        :: true -> leaf[where] = SLOT; object[f] = 0; pstate[f] = FREE; failed = 1; wake(f)
        fi
    fi
}

inline end_out(f)
{
    if
    :: pstate[f] == STRAY -> pstate[f] = FREE; value[f] = 0; slot_used = 0
    :: pstate[f] == OBJECT -> slot_used = 0
    :: pstate[f] == OUT ->
        if
        :: true -> slot_value = value[f]; page_out_ended(f)
        :: true -> pstate[f] = OBJECT; slot_used = 0
        fi
    fi
}

inline end_transfer(f)
{
    assert(pstate[f] != FREE && pstate[f] != OTHER);
    where = object[f];
    if
    :: transfer[f] == IN -> end_in(f)
    :: transfer[f] == WRITE -> end_out(f)
    fi;
    transfer[f] = NONE; began[f] = 0; where = 0;
    check()
}

proctype Device()
{
    byte where;
    bit failed;

end:
    do
    :: atomic { transfer[0] != NONE -> end_transfer(0) }
    :: atomic { transfer[1] != NONE -> end_transfer(1) }
    od
}

/* ---- a fault ---- */

#define free_frame     (pstate[0] == FREE -> 0 : 1)
#define frame_is_free  (pstate[0] == FREE || pstate[1] == FREE)
#define needs_copy(s)  (writes[s] && leaf[s] == NOTHING && seen_by_other(s))
#define needs_frame(s) (!gone[s] && (leaf[visible(s)] == SLOT || needs_copy(s)))

inline map(s, frame)
{
    mapping[s] = frame + 1; writable[s] = writes[s];
    asked[s] = 0; writes[s] = 0
}

inline begin_in(s)
{
    page = free_frame;
    object[page] = visible(s); began[page] = object[page];
    leaf[object[page]] = PAGE + page;
    pstate[page] = BUSY; transfer[page] = IN;
    parked[s] = page + 1
}

inline copy(s)
{
    other = free_frame;
    pstate[other] = OBJECT; object[other] = s; value[other] = value[page];
    leaf[s] = PAGE + other;
    map(s, other)
}

/* `break` ends it: the fault is parked or answered. */
inline handle(s)
{
    do
    :: gone[s] || refused[s] -> asked[s] = 0; writes[s] = 0; refused[s] = 0; break /* an error */
    :: !gone[s] && !refused[s] && leaf[visible(s)] == SLOT -> begin_in(s); break
    :: !gone[s] && !refused[s] && leaf[visible(s)] >= PAGE ->
        page = leaf[visible(s)] - PAGE;
        if
        :: pstate[page] == BUSY -> parked[s] = page + 1; break
        :: pstate[page] == OUT -> pstate[page] = OBJECT
        :: pstate[page] == OBJECT -> skip
        fi;
        if
        :: needs_copy(s) && frame_is_free -> copy(s)
        :: needs_copy(s) && !frame_is_free -> ready[s] = 1 /* put off */
        :: !needs_copy(s) && writes[s] && leaf[s] == NOTHING -> move(BELOW, s); map(s, page)
        :: else -> map(s, page)
        fi;
        break
    od;
    page = 0; other = 0
}

proctype Space(byte s)
{
    byte page, other, faults;

    do
    :: atomic { alive[s] && !asked[s] && !gone[s] && faults < FAULTS && !writable[s] ->
        faults++; asked[s] = 1; ready[s] = 1;
        if
        :: mapping[s] == 0
        :: writes[s] = 1
        fi
       }
    :: atomic { mapping[s] != 0 -> assert(value[mapping[s] - 1] == wanted[s]); break }
    :: atomic { mapping[s] != 0 && writable[s] ->
        value[mapping[s] - 1] = 1 - value[mapping[s] - 1]; wanted[s] = value[mapping[s] - 1] }
    :: atomic { !alive[s] || (!asked[s] && (faults == FAULTS || gone[s]) && mapping[s] == 0) -> break }
    od
}

proctype Pager()
{
    byte page, other;
    bit failed;

end:
    do
    :: atomic { ready[0] && (!needs_frame(0) || frame_is_free) -> ready[0] = 0; handle(0); check() }
    :: atomic { ready[1] && (!needs_frame(1) || frame_is_free) -> ready[1] = 0; handle(1); check() }
    :: atomic { !gone[0] -> let_go(0); other = 0; check() }
    :: atomic { !gone[1] -> let_go(1); other = 0; check() }
    :: atomic { alive[0] -> exit(0); other = 0; check() }
    :: atomic { alive[1] -> exit(1); other = 0; check() }
    :: atomic { outs < OUTS && !slot_used && pstate[0] == OBJECT && transfer[0] == NONE -> begin_out(0); check() }
    :: atomic { outs < OUTS && !slot_used && pstate[1] == OBJECT && transfer[1] == NONE -> begin_out(1); check() }
    od
}

/* Somebody else who needs a frame for a while. */
proctype Others()
{
    byte f, taken;

end:
    do
    :: atomic { taken < OTHERS && frame_is_free ->
        f = free_frame; assert(transfer[f] == NONE); pstate[f] = OTHER; taken++ }
    :: atomic { pstate[f] == OTHER -> pstate[f] = FREE; f = 0 }
    od
}

/* When nothing moves any more. */
proctype Judge()
{
    timeout;
    assert(!asked[0] && !asked[1] && transfer[0] == NONE && transfer[1] == NONE)
}

init
{
    atomic {
        if
        :: leaf[BELOW] = SLOT; slot_used = 1
        :: leaf[BELOW] = PAGE; pstate[0] = OBJECT; object[0] = BELOW
        fi;
        run Space(0);
        run Space(1);
        run Pager();
        run Device();
        run Others();
        run Judge()
    }
}
