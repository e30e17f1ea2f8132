/* Takes frames out of every space: the second half of a revoke.
 *
 * There is no reverse map. The sweep visits the frame table: a table frame's owner word names its space
 * and the address that it maps. It is done in bounded steps; beside a flag of the frames concerned, all
 * that a step leaves for the next one is the cursor, which comes back from user mode, so any value of it is safe (a wrong one only leaves work
 * undone). The life of a sweep:
 *
 *   MARK    each user frame of the range gets FRAME_REVOKING: from now on vspace_clone refuses it, so
 *           that no mapping is carried behind the cursor. When all frames of the range are free, objects
 *           or firmware's, that is all.
 *   TABLES  each frame of the frame table: a leaf table loses its entries for frames of the range; a
 *           table that lies in the range moves to a spare frame of its pool outside it, without its
 *           entries for devices; a spare frame of a pool in the range is withdrawn.
 *   END     each frame of the range loses FRAME_REVOKING; pins are reported.
 *
 *  S1  a mapping that was there when the sweep began has ended when it says OK or BUSY; what was
 *      mapped through a capability meanwhile may stay (the caller has deleted all such capabilities
 *      but those that it means to keep);
 *  S2  D is never lost: entries end as everywhere, by removal.h.
 * A sweep that is not brought to its end leaves FRAME_REVOKING on its frames until they are free or
 * another sweep of them ends. Two sweeps of one range at a time are the caller's to avoid.
 * Does not look at capabilities, objects or the frames' contents. */
#ifndef MM_SWEEP_H
#define MM_SWEEP_H

#include "frame.h"

struct vspace;

/* One step: at most VSPACE_STEP frames of the table or of the range looked at, or one table emptied and
 * moved.
 * frames [first, first + pages): pages > 0, no overflow; frames outside the frame table (a device's)
 * are fine.
 * *cursor: 0 to begin, then what the step before left. Never 0 after MORE and NO_TABLE.
 *   bits 0..55   where the phase stands, bits 56..57 the phase, bit 62: there is something to do, bit
 *   63: a pin was seen.
 * Returns: FL_MORE (repeat); FL_OK: done; FL_BUSY: done, but some frame is pinned, so that it still is
 * a user frame; FL_NO_TABLE: a root table lies in the range and its pool has no spare frame outside it:
 * take the tables from the space that sweep_stuck_space names, or give its pool a frame, then repeat with
 * the same cursor.  Lower tables that cannot move are emptied instead: their pages come back by faults. */
enum fl_error sweep_step(struct frame_table *frames, frame_t first, uint64_t pages,
                         uint64_t *cursor);

/* After FL_NO_TABLE: the space whose root table could not move. */
struct vspace *sweep_stuck_space(struct frame_table *frames, uint64_t cursor);

#endif
