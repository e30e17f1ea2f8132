/* The world of the tests of upcalls: that of faults, with threads whose registers are all known. */
#ifndef UPCALL_WORLD_H
#define UPCALL_WORLD_H

#include "fault_world.h"
#include "upcall.h"

#define UPCALL_PROBE   ((uint64_t)(uintptr_t)registers_upcall) /* entry: stores all registers */
#define UPCALL_WORDS   11, 22, 33
#define UPCALL_ANSWER  FL_INFO(FL_LABEL_UPCALL, 3)
#define UPCALL_PATTERN 0x5a5a000000000000ull

enum { SP = 2, GP = 3, TP = 4, T0 = 5, T1 = 6, A0 = 10, A7 = 17 };

/* In test_registers.S: see there. */
void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void registers_spin(uint64_t *registers);
void registers_upcall(void);
uint64_t upcall_round_trip(volatile struct fl_upcall *area, uint64_t argument);
extern char registers_call_ecall[], registers_load_load[];

/* `registers`: the thread's before, afterwards and at the upcall entry, 32 words each.  Its sp points
 * to them, so a C function that interrupts it has the room below for its stack. */
struct upcall_world {
    _Alignas(16) uint64_t room[512];
    uint64_t registers[96];
    volatile uint64_t flag;          /* ends upcall_fill_to_spin's loop */
    volatile struct fl_upcall *area; /* of the last thread, as the root task sees it */
};
extern struct upcall_world uw;

/* A thread of the world of faults with an empty save area and the entry UPCALL_PROBE; started. */
struct kit_thread *upcall_thread(void (*function)(uint64_t), uint64_t argument);
struct kit_thread *upcall_run(void (*function)(uint64_t), uint64_t argument);

/* A pattern in each register that a thread of upcall_with_registers(function) will load; for
 * function = registers_spin. */
void upcall_fill_registers(void);
void upcall_fill_to_spin(void);
void upcall_with_registers(uint64_t function);
/* A spinning thread's registers after all: as before but for the flag that ended it. */
void upcall_check_spun(void);

/* Lets lower threads run for a millisecond: they need not come to an end. */
void upcall_nap(void);
/* tcb_state without the number of the fault. */
uint64_t upcall_state(const struct kit_thread *thread);

/* Waits for a fault of any kind; answers it with UPCALL_WORDS. */
void upcall_take_fault(void);
struct fl_result upcall_answer(uint64_t info);

#endif
