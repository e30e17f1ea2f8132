/* The root task's kernel objects that are made once, at boot: endpoints, the servers' threads and
 * spaces, and the stocks that fill a frame each. */
#ifndef INIT_OBJECTS_H
#define INIT_OBJECTS_H

/* Fills enum init_slot.  What fails ends the system. */
void objects_make(void);

#endif
