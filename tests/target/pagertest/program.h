/* The pager under test as a file: found in the initrd, decoded once, loaded into a new space for
 * each test.
 *
 * Also owns the suite's way to the contents of frames, a window of its own in the root task. */
#ifndef PAGERTEST_PROGRAM_H
#define PAGERTEST_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Finds and decodes the file `pager`.  Returns: NULL, or what is wrong with it. */
const char *program_open(void);

/* Loads the program into a space from new frames.  Returns its entry point. */
uint64_t program_load(uint64_t space);

/* Takes the right to run from the program that was loaded into a space, or gives it back: who runs it faults at the
 * next instruction. */
void program_allow(uint64_t space, bool to_run);

/* Maps frames `page` on of RAM 0 into a space.  Ends the run when the kernel refuses. */
void program_map(uint64_t space, uint64_t page, uint64_t address, uint64_t pages, uint64_t rights);

/* New frames that hold `byte` everywhere, mapped nowhere; their first page of RAM 0. */
uint64_t program_filled_frames(uint64_t pages, uint8_t byte);

/* Copies into a frame of RAM 0. */
void program_fill_frame(uint64_t page, const void *bytes, uint64_t count);

#endif
