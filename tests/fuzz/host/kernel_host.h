/* The kernel itself on the host: all of kernel/ and mm/ over memory of the test, with nothing fake but what
 * arch/ provides.  Programs do not run: the test says what the current thread does next.
 *
 *     kernel_host_boot();                        the root task is the current thread
 *     kernel_host_call(FL_CALL_..., a0, ...);    it makes a call; somebody else may run afterwards
 *     kernel.harts[0].current                        who
 *
 * A panic or a failed assert of the kernel's fails the test. */
#ifndef FAULTLINE_TESTS_KERNEL_HOST_H
#define FAULTLINE_TESTS_KERNEL_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "cap.h"
#include "kernel.h"

#define KERNEL_HOST_FRAMES 320u /* of memory */

extern uint8_t kernel_host_memory[KERNEL_HOST_FRAMES * FL_PAGE_BYTES];
extern uint64_t kernel_host_time;  /* the `time` counter */
extern char kernel_host_line[200]; /* what was written last on the console */

/* How a step ended. */
enum kernel_host_end {
    KERNEL_HOST_RUNS,
    KERNEL_HOST_ASLEEP, /* nobody is ready and no timer is armed */
    KERNEL_HOST_OFF,    /* switched off, or a thread that the system needs faulted */
};

/* Starts anew.  Memory that nobody has is not zero. */
void kernel_host_boot(void);

/* The current thread enters the kernel with a call; any number will do. */
enum kernel_host_end kernel_host_call(uint64_t number, const uint64_t argument[7]);

/* It traps for another reason: cause as in scause. */
enum kernel_host_end kernel_host_trap(uint64_t cause, uint64_t value);

/* It is as if it had made a fault with such a message, whether a processor would or not. */
enum kernel_host_end kernel_host_fault(uint32_t label, uint64_t value, uint64_t detail);

/* Time goes to the next deadline, which interrupts; nothing happens if there is none. */
enum kernel_host_end kernel_host_tick(void);

/* A call of the root task during the start, which must succeed.  Returns the value. */
uint64_t kernel_host_must(uint64_t number, const uint64_t argument[7]);
#define KERNEL_HOST_MUST(name, ...) \
    kernel_host_must(FL_CALL_##name, (const uint64_t[7]){__VA_ARGS__})

/* The page, in the Memory capability FL_BOOT_RAM, of the lowest of so many free frames. */
uint64_t kernel_host_find_free(uint64_t frames);

/* All that the kernel knows and owns: its own state and all of memory. */
struct kernel_host_state {
    struct kernel kernel;
    uint64_t time;
    uint8_t memory[sizeof(kernel_host_memory)]
        __attribute__((aligned(4096))); /* as what it is a copy of */
};
void kernel_host_save(struct kernel_host_state *state);
void kernel_host_load(const struct kernel_host_state *state);

#endif
