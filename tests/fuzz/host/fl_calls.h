/* The kernel's calls for servers that run on the host, above the kernel there (kernel_host.h): the way into
 * it, and the stubs of arch/riscv/user. */
#ifndef FL_ENTRY_H
#define FL_ENTRY_H

#include "abi.h"

struct fl_result {
    uint64_t status;
    uint64_t value;
};

struct fl_message {
    uint64_t status;
    uint64_t info;
    uint64_t word[4];
    uint64_t badge;
};

struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                          uint64_t r4, uint64_t r5, uint64_t r6);
void fl_ipc(uint64_t number, uint64_t r0, uint64_t info, const uint64_t word[4], uint64_t r6,
            struct fl_message *out);
void *fl_buffer_data(void);
/* They count their calls: there is no other clock here. */
uint64_t fl_rdcycle(void);
uint64_t fl_rdtime(void);

#endif

#include "../../../arch/riscv/user/fl_calls.h"
