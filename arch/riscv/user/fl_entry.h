/* The way into the kernel, and the message buffer: all that fl_calls.h needs of the machine. */
#ifndef FL_ENTRY_H
#define FL_ENTRY_H

#include "abi.h"

struct fl_result {
    uint64_t status; /* FL_STATUS_CODE(), FL_STATUS_ARG() */
    uint64_t value;
};

struct fl_message {
    uint64_t status;
    uint64_t info;
    uint64_t word[4];
    uint64_t badge;
};

#define FL_ECALL_CLOBBERS "memory", "t0", "t1", "t2", "t3", "t4", "t5", "t6"

static inline struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2,
                                        uint64_t r3, uint64_t r4, uint64_t r5, uint64_t r6)
{
    register uint64_t a0 __asm__("a0") = r0;
    register uint64_t a1 __asm__("a1") = r1;
    register uint64_t a2 __asm__("a2") = r2;
    register uint64_t a3 __asm__("a3") = r3;
    register uint64_t a4 __asm__("a4") = r4;
    register uint64_t a5 __asm__("a5") = r5;
    register uint64_t a6 __asm__("a6") = r6;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6),
                       "+r"(a7)
                     :
                     : FL_ECALL_CLOBBERS);
    return (struct fl_result){a0, a1};
}

/* The ipc_* calls: `number` picks which; see calls.def for what r0..r6 mean. */
static inline void fl_ipc(uint64_t number, uint64_t r0, uint64_t info, const uint64_t word[4],
                          uint64_t r6, struct fl_message *out)
{
    register uint64_t a0 __asm__("a0") = r0;
    register uint64_t a1 __asm__("a1") = info;
    register uint64_t a2 __asm__("a2") = word[0];
    register uint64_t a3 __asm__("a3") = word[1];
    register uint64_t a4 __asm__("a4") = word[2];
    register uint64_t a5 __asm__("a5") = word[3];
    register uint64_t a6 __asm__("a6") = r6;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6),
                       "+r"(a7)
                     :
                     : FL_ECALL_CLOBBERS);
    *out = (struct fl_message){a0, a1, {a2, a3, a4, a5}, a6};
}

/* Message word 4 on, of the thread that asks. */
static inline void *fl_buffer_data(void)
{
    return (void *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

/* Orders memory and a device's registers: what stands before it happens before what stands after. */
static inline void fl_fence_device(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

/* Clears the aligned block of fl_boot_info.zero_block_bytes that holds the address.  Spec: CMO 1.0, 3.3 (cbo.zero). */
static inline void fl_zero_block(void *at)
{
    __asm__ volatile(".insn i 0x0f, 2, zero, %0, 4" ::"r"(at) : "memory");
}

static inline uint64_t fl_rdcycle(void)
{
    uint64_t value;
    __asm__ volatile("rdcycle %0" : "=r"(value)::"memory");
    return value;
}

static inline uint64_t fl_rdtime(void)
{
    uint64_t value;
    __asm__ volatile("rdtime %0" : "=r"(value)::"memory");
    return value;
}

#endif
