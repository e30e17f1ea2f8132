/* Unmap, replace and protect against harts that walk, keep translations and set D: one page of one
 * space, two frames, two harts that both run the space and both enter the kernel.
 *
 * Which C is meant:
 *     end_entry      removal_take, removal_finish (mm/removal.c): R1
 *     replace_entry  removal_replace_one (mm/removal.c), or removal_take, removal_finish and
 *                    vspace_publish_rest (mm/vspace.c): R0
 *     fence          mmu_fence_page, mmu_fence_space (arch/riscv/mmu.c): T1, T2, with the part that a
 *                    second hart needs: an interrupt to each hart that has the space loaded, and its
 *                    acknowledgement
 *     load, leave    arch_load_space with settle, arch_leave_space (arch/riscv/mmu.c)
 *     publish        vspace_commit_data (mm/vspace.c), which needs no fence
 *     protect        range_protect_piece (mm/vspace_range.c)
 *     release        frame_drop_map (mm/frame.h)
 *     acquire        the entry of the kernel: one lock for all of it
 *     walk ... store what the hardware may do while a program runs (Privileged 1.12, 4.2.1, 4.3.2);
 *                    D is set in the entry by the core itself, or by vspace_set_ad, which is the same step
 *
 * Shown: no hart reads or writes a frame that the space has lost; none writes to the page between the
 * end of a protect and the next; once a hart has written the frame that took another's place, none reads
 * the other; D of a written page is never lost; nobody waits for ever.
 * Not shown: more than one page and one space; ASIDs, which asid_proof.c is about.
 *
 * Each of these must be found:
 *   bug: an entry ends without a fence: `fence(); release()` => `release()`
 *   bug: the frame is released before the fence: `fence(); release()` => `release(); fence()`
 *   bug: an entry takes another's place before the fence: `fence(); publish(other)` => `publish(other); fence()`
 *   bug: no acknowledgement is waited for: `ipi[1 - h] == 0` => `skip`
 *   bug: a hart that has left the space owes no fence: `:: else -> stale[1 - h] = 1` => `:: else`
 *   bug: what a hart owes is not fenced when it loads the space: `:: stale[h] -> clear(tlb[h])` => `:: stale[h] -> skip`
 *   bug: an entry is read, then cleared: `d_step { copy(old, pte); clear(pte) }` => `copy(old, pte); clear(pte)`
 *   bug: less rights without a fence: `fence(); frozen = 1` => `frozen = 1`
 *   bug: deaf to interrupts while it waits for the lock: `:: ipi[h] -> answer_waiting()` => `:: false`
 *   bug: D is set in an entry that has changed: `pte.valid && pte.writable && pte.frame == tlb[h].frame` => `true`
 */
#define HARTS 2

mtype = { FREE, SPACE, OTHER };

typedef entry {
    bit valid;
    bit frame;
    bit writable;
    bit dirty
};

entry pte;           /* the leaf entry of the page */
entry tlb[HARTS];    /* what each hart keeps of it */
bit loaded[HARTS];   /* hart->space is the space */
bit stale[HARTS];    /* space->stale */
bit ipi[HARTS];      /* a fence that the hart has been asked for */
bit locked;
mtype owner[2] = FREE; /* of a frame: nobody, this space, somebody else */
bit written[2];      /* the frame was written since it was mapped */
byte stored;         /* frame + 1 that was written since the entry was published; 0: none */
bit frozen;          /* a protect has ended: the page does not change */

#define copy(to, from)         to.valid = from.valid; to.frame = from.frame; \
                               to.writable = from.writable; to.dirty = from.dirty
#define clear(e)               e.valid = 0; e.frame = 0; e.writable = 0; e.dirty = 0
#define answer()               clear(tlb[h]); ipi[h] = 0
#define answer_waiting()       answer()

inline acquire()
{
    do
    :: atomic { !locked -> locked = 1 }; break
    :: ipi[h] -> answer_waiting()
    od
}

inline fence()
{
    if
    :: loaded[h] -> clear(tlb[h])
    :: else -> stale[h] = 1
    fi;
    if
    :: loaded[1 - h] -> ipi[1 - h] = 1; ipi[1 - h] == 0
    :: else -> stale[1 - h] = 1
    fi
}

inline release()
{
    d_step {
        assert(!written[old.frame] || old.dirty);
        owner[old.frame] = FREE;
        written[old.frame] = 0
    }
}

inline take_entry()
{
    d_step { copy(old, pte); clear(pte) }
}

inline end_entry()
{
    take_entry();
    fence(); release()
}

inline publish(free)
{
    atomic {
        if
        :: pte.writable = 1
        :: skip
        fi;
        owner[free] = SPACE;
        frozen = 0; stored = 0;
        pte.frame = free;
        pte.valid = 1
    }
}

inline replace_entry(other)
{
    take_entry();
    fence(); publish(other);
    release()
}

inline load()
{
    loaded[h] = 1;
    if
    :: stale[h] -> clear(tlb[h]); stale[h] = 0
    :: else
    fi
}

inline kernel_call()
{
    if
    :: !pte.valid && owner[0] == FREE -> publish(0)
    :: !pte.valid && owner[1] == FREE -> publish(1)
    :: pte.valid -> end_entry()
    :: pte.valid && owner[1 - pte.frame] == FREE -> replace_entry(1 - old.frame)
    :: pte.valid && pte.writable -> pte.writable = 0; fence(); frozen = 1
    :: pte.valid && !pte.writable -> d_step { frozen = 0; pte.writable = 1 }
    :: owner[0] == FREE -> owner[0] = OTHER
    :: owner[0] == OTHER -> owner[0] = FREE
    :: loaded[h] -> loaded[h] = 0
    :: !loaded[h] -> load()
    fi
}

inline read()
{
    assert(owner[tlb[h].frame] == SPACE);
    assert(stored == 0 || stored == tlb[h].frame + 1)
}

inline store()
{
    if
    :: tlb[h].dirty
    :: !tlb[h].dirty && (pte.valid && pte.writable && pte.frame == tlb[h].frame) ->
        pte.dirty = 1; tlb[h].dirty = 1
    :: else -> clear(tlb[h]) /* a fault: looks again */
    fi;
    if
    :: tlb[h].valid ->
        assert(owner[tlb[h].frame] == SPACE && !frozen);
        written[tlb[h].frame] = 1; stored = tlb[h].frame + 1
    :: else
    fi
}

active [HARTS] proctype Hart()
{
    byte h = _pid;
    entry old;

    do
    :: atomic { loaded[h] && pte.valid -> copy(tlb[h], pte) }                         /* walk */
    :: atomic { tlb[h].valid -> clear(tlb[h]) }                                       /* evict */
    :: atomic { loaded[h] && tlb[h].valid -> read() }
    :: atomic { loaded[h] && tlb[h].valid && tlb[h].writable -> store() }
    :: atomic { ipi[h] -> answer() }
    :: true -> acquire(); kernel_call(); atomic { clear(old); locked = 0 }
    od
}
