/* The protocols between programs, the process server, the pager and the console driver, and the
 * CSpace layouts that they rely on.  Generated from pager.def, posix.def and console.def. */
#ifndef FAULTLINE_PROTOCOL_H
#define FAULTLINE_PROTOCOL_H

#include <stdint.h>

#include "abi.h"

#define PAGER_VERSION   1u
#define POSIX_VERSION   1u
#define CONSOLE_VERSION 1u

/* Labels of protocols carry the version, so no label of theirs equals one of the kernel's. */
#define FL_PROTOCOL_LABEL(version, number) ((uint32_t)(version) << 16 | (uint32_t)(number))
#define FL_PROTOCOL_BYTES                  ((FL_MESSAGE_WORDS - 4u) * 8u) /* most bytes of one message */

#define PAGER_CALL(number, name, who, in, out, doc) PAGER_##name = (number),
enum pager_call {
#include "pager.def"
};
#undef PAGER_CALL

#define POSIX_CALL(number, name, in, out, doc) POSIX_##name = (number),
enum posix_call {
#include "posix.def"
};
#undef POSIX_CALL

#define CONSOLE_CALL(number, name, who, in, out, doc) CONSOLE_##name = (number),
enum console_call {
#include "console.def"
};
#undef CONSOLE_CALL

/* Badges on the pager's endpoint: kind in bits 60..63, space in 0..31, generation of the space in
 * 32..59.  The badge, never the message, says who speaks. */
enum pager_badge {
    PAGER_BADGE_FAULT = 1,
    PAGER_BADGE_PROGRAM = 2,
    PAGER_BADGE_ROOT = 3,
    PAGER_BADGE_IDLE = 4 /* the pager's own thread for idle time */
};
#define PAGER_BADGE(kind, space, generation) \
    ((uint64_t)(kind) << 60 | ((uint64_t)(generation)&0xfffffff) << 32 | (uint32_t)(space))

enum pager_statistic {
    PAGER_STAT_FREE_FRAMES,
    PAGER_STAT_TOTAL_FRAMES,
    PAGER_STAT_SPACES,
    PAGER_STAT_ENTRIES,
    PAGER_STAT_OBJECTS,
    PAGER_STAT_MINOR_FAULTS,
    PAGER_STAT_MAJOR_FAULTS,
    PAGER_STAT_METADATA_FRAMES,
    PAGER_STAT_SHADOWS_MADE,   /* objects that forks put over others, since the start */
    PAGER_STAT_PAGES_COPIED,   /* pages copied because others still saw them */
    PAGER_STAT_PAGES_TAKEN,    /* pages written without a copy: nobody else saw them any more */
    PAGER_STAT_OBJECTS_MERGED, /* objects that went into the one above or below them */
    PAGER_STAT_COMMITTED,      /* pages promised to programs */
    PAGER_STAT_COMMIT_LIMIT,   /* most that strict mode promises, as of now */
    PAGER_STAT_NEIGHBOURS,     /* pages of files mapped beside one that was touched */
    PAGER_STAT_WAITS,          /* times that a fault or call had to wait for a page or a frame */
    PAGER_STAT_ZEROED_AHEAD,   /* frames zeroed in idle time, since the start */
    PAGER_STAT_ZEROED_TAKEN,   /* pages of zeros that were ready when they were wanted */
    PAGER_STAT_ZEROED_FRAMES,  /* free frames that are zeroed, as of now */
    PAGER_STAT_DISK_REQUESTS,  /* of the pager that disks have, as of now */
    PAGER_STAT_SWAP_USED,      /* slots of swap, as of now */
    PAGER_STAT_SWAP_IN,        /* pages that came from swap, since the start ... */
    PAGER_STAT_SWAP_READS,     /* ... by so many requests */
    PAGER_STAT_SWAP_OUT,       /* pages written to swap ... */
    PAGER_STAT_SWAP_WRITES,    /* ... by so many requests */
    PAGER_STAT_SUSPENDED,      /* programs that load control keeps waiting, as of now */
    PAGER_STAT_OUT_CYCLES, /* of the pager and its calls of the kernel, to find and write these */
    PAGER_STAT_PINS,       /* that stay, as of now ... */
    PAGER_STAT_PINNED,     /* ... and the frames that they pin */
    PAGER_STAT_COUNT
};

/* Kinds of NEXT_EVENT (word 6). */
enum pager_event_kind {
    PAGER_EVENT_UNMAPPED,   /* no entry at the address */
    PAGER_EVENT_PROTECTION, /* the entry forbids the access */
    PAGER_EVENT_MEMORY,     /* physical access fault */
    PAGER_EVENT_EXCEPTION,  /* other exception; `access` is the RISC-V cause */
    PAGER_EVENT_SYSCALL,    /* unknown system call; `address` is its number */
    PAGER_EVENT_NO_MEMORY, /* no frame left; access 0: for others, and `address` are the pages that it had */
    PAGER_EVENT_BEYOND_END, /* a mapping of a file, past the file's last page */
    PAGER_EVENT_UNREADABLE  /* the page could not be read from where it is kept */
};

/* The pager's CSpace as the root task fills it. */
enum pager_slot {
    PAGER_SLOT_CNODE = 1, /* its own */
    PAGER_SLOT_ENDPOINT,  /* all rights, no badge: it mints from it */
    PAGER_SLOT_EVENTS,    /* notification of the root task: NEXT_EVENT has something */
    PAGER_SLOT_VSPACE,    /* its own */
    PAGER_SLOT_POOL,      /* TablePool of all spaces, its own included */
    PAGER_SLOT_SYSTEM,    /* for its log */
    PAGER_SLOT_INITRD,    /* Memory; may be empty */
    PAGER_SLOT_RAM,       /* as many as fl_boot_info says */
    PAGER_SLOT_RAM_END = PAGER_SLOT_RAM + FL_BOOT_RAM_MAX,
    /* up to PAGER_SLOT_TIMER: as the pager likes */
    PAGER_SLOT_TIMER = 26,    /* signals the notification that is bound to its thread */
    PAGER_SLOT_BLK = 27,      /* the disk driver's endpoint; empty without disks */
    PAGER_SLOT_BLK_BELL,      /* its bell */
    PAGER_SLOT_IDLE_TCB = 29, /* a second thread in its space, of lowest priority, not started */
    PAGER_SLOT_IDLE_WAKE,     /* notification that this thread waits for */
    PAGER_SLOT_CONSOLE = 31,  /* the console driver's endpoint; empty without one */
    PAGER_SLOT_SPACES = 32,   /* two for each space: VSPACE, then the slot for its TCB */
    PAGER_SLOT_REPLIES = 160, /* one for each message that can wait for its answer */
    PAGER_SLOT_REPLIES_END = PAGER_SLOT_REPLIES + 64,
    PAGER_SLOT_DEVICES = 224, /* Memory of devices that programs may map, read and write */
    PAGER_SLOT_DEVICES_END = 256
};
/* The pager finds struct fl_boot_info at FL_BOOT_INFO with `first_free` as the root task left it and
 * `device_count` devices that programs may map: struct fl_boot_device of number i at FL_BOOT_DEVICE_INFO
 * belongs to slot PAGER_SLOT_DEVICES + i.  Its message buffer is at FL_BUFFER, its stack ends at
 * FL_BOOT_STACK. */

/* The console driver's CSpace as the root task fills it.  Interrupts reach it through a notification
 * that is bound to its thread. */
enum console_slot {
    CONSOLE_SLOT_ENDPOINT = 1, /* receives */
    CONSOLE_SLOT_IRQ,          /* bound to the notification */
    CONSOLE_SLOT_INPUT,        /* notification of the root task: READ has something again */
    CONSOLE_SLOT_REPLIES,      /* one for each client, and one to receive with */
};

/* Badges on its endpoint: its clients, counted from 1. */
enum console_badge { CONSOLE_BADGE_ROOT = 1, CONSOLE_BADGE_PAGER, CONSOLE_CLIENTS = 2 };

enum console_uart { CONSOLE_UART_16550 = 1, CONSOLE_UART_DESIGNWARE, CONSOLE_UART_SIFIVE };

/* The page with the registers; message buffer and end of the stack are where the pager's are. */
#define CONSOLE_REGISTERS 0x3fff010000ull

/* A program's CSpace. */
enum program_slot {
    PROGRAM_SLOT_PAGER = 1,
    PROGRAM_SLOT_POSIX,
    PROGRAM_SLOT_NOTIFICATION,
    PROGRAM_SLOT_TIMER, /* bound to the notification */
    PROGRAM_SLOTS
};
/* A program starts at its ELF entry with sp at argc, argv, envp, auxv as on Linux, registers zero
 * and its message buffer at FL_BUFFER. */
#define PROGRAM_AT_TIMEBASE 0x46001u /* auxv: ticks of `time` in a second */
#define PROGRAM_AT_PID      0x46002u /* auxv: process id; a copy by FORK finds its own in a0 */

/* What ended processes used, with those that they had waited for. */
struct posix_usage {
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t peak_pages; /* resident, of the one that had most */
    uint64_t ticks;      /* of `time`, each from start to end, added up */
};

#define PROCESS_ROOT 1u /* process id of the root task: the parent of those that have no other */

/* Layout of a program's space. */
#define PROGRAM_STACK_END   0x3ff0000000ull
#define PROGRAM_STACK_BYTES (8ull << 20) /* most that the stack grows to; a guard page below */
#define PROGRAM_MMAP_BASE   0x1000000000ull
#define PROGRAM_MMAP_END    0x3f00000000ull

#endif
