/* Control and status registers that the kernel uses.  Spec: RISC-V Privileged 1.12, 2.2 and 4.1. */
#ifndef ARCH_CSR_H
#define ARCH_CSR_H

#include <stdint.h>

#define SSTATUS_SPIE     (1ull << 5)
#define SSTATUS_SPP      (1ull << 8)
#define SSTATUS_SIE      (1ull << 1)
#define SSTATUS_VS       (3ull << 9)
#define SSTATUS_FS       (3ull << 13)
#define SSTATUS_SUM      (1ull << 18)
#define SSTATUS_MXR      (1ull << 19)
#define SSTATUS_FS_CLEAN (2ull << 13)
#define SSTATUS_FS_DIRTY (3ull << 13)

#define SIE_SOFTWARE (1ull << 1)
#define SIE_TIMER    (1ull << 5)
#define SIE_EXTERNAL (1ull << 9)

#define SATP_SV39       (8ull << 60)
#define SATP_ASID_SHIFT 44u
#define SATP_ASID_BITS  16u
#define SATP_ASID_MASK  0xffffull

#define CAUSE_INTERRUPT        (1ull << 63)
#define CAUSE_SOFTWARE         (CAUSE_INTERRUPT | 1)
#define CAUSE_TIMER            (CAUSE_INTERRUPT | 5)
#define CAUSE_EXTERNAL         (CAUSE_INTERRUPT | 9)
#define CAUSE_FETCH_ACCESS     1u
#define CAUSE_BREAKPOINT       3u
#define CAUSE_ILLEGAL          2u
#define CAUSE_LOAD_ACCESS      5u
#define CAUSE_STORE_ACCESS     7u
#define CAUSE_USER_ECALL       8u
#define CAUSE_FETCH_PAGE_FAULT 12u
#define CAUSE_LOAD_PAGE_FAULT  13u
#define CAUSE_STORE_PAGE_FAULT 15u

/* Numbers of registers that an assembler may not know by name; CSR_TEXT: in its text. */
#define CSR_SENVCFG  0x10a
#define CSR_STIMECMP 0x14d

#define CSR_TEXT_(name) #name
#define CSR_TEXT(name)  CSR_TEXT_(name)

#define csr_read(name)                                                    \
    ({                                                                    \
        uint64_t csr_value_;                                              \
        __asm__ volatile("csrr %0, " #name : "=r"(csr_value_)::"memory"); \
        csr_value_;                                                       \
    })
#define csr_write(name, value) \
    __asm__ volatile("csrw " CSR_TEXT(name) ", %0" ::"r"(value) : "memory")
#define csr_set(name, bits)   __asm__ volatile("csrs " #name ", %0" ::"r"(bits) : "memory")
#define csr_clear(name, bits) __asm__ volatile("csrc " #name ", %0" ::"r"(bits) : "memory")
#define csr_read_clear(name, bits)                                                             \
    ({                                                                                         \
        uint64_t csr_value_;                                                                   \
        __asm__ volatile("csrrc %0, " #name ", %1" : "=r"(csr_value_) : "r"(bits) : "memory"); \
        csr_value_;                                                                            \
    })

#endif
