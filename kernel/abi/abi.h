/* The kernel's user ABI in C: everything here is generated from, or described by, the .def lists.
 *
 * Registers of a call: a7 = number, a0..a6 = arguments; back come a0 = status, a1 = value.
 * ipc_* calls return a0 = status, a1 = info, a2..a5 = message words 0..3, a6 = badge.
 * A call preserves what a C function call preserves (s0..s11, sp, gp, tp, ra and, by the kernel's
 * care, the floating-point registers); every other register comes back zero. */
#ifndef FAULTLINE_ABI_H
#define FAULTLINE_ABI_H

#include <stdint.h>

#define FL_ABI_VERSION 1u

#define FL_ERROR(number, name, doc) FL_##name = (number),
enum fl_error {
#include "errors.def"
};
#undef FL_ERROR

#define FL_OBJECT(number, name, bytes, doc) FL_OBJECT_##name = (number),
enum fl_object {
#include "objects.def"
    FL_OBJECT_COUNT
};
#undef FL_OBJECT

#define FL_LABEL(number, name, doc) FL_LABEL_##name = (number),
enum fl_label {
#include "labels.def"
};
#undef FL_LABEL

#define FL_CALL(number, name, args, doc) FL_CALL_##name = (number),
#define FL_RESERVED(number, name)        FL_CALL_##name = (number),
enum fl_call_number {
#include "calls.def"
    FL_CALL_COUNT
};
#undef FL_CALL
#undef FL_RESERVED

#define FL_COUNTER(number, name, doc) FL_COUNTER_##name = (number),
enum fl_counter {
#include "counters.def"
    FL_COUNTER_COUNT
};
#undef FL_COUNTER

/* Status words: code in bits 0..7, position of the argument to blame (1 = first) in bits 8..11. */
#define FL_STATUS(code, argument) ((uint64_t)(code) | (uint64_t)(argument) << 8)
#define FL_STATUS_CODE(status)    ((uint64_t)(status)&0xff)
#define FL_STATUS_ARG(status)     (((uint64_t)(status) >> 8) & 0xf)

#define FL_PAGE_BYTES    4096u
#define FL_CNODE_SLOTS   128u /* of each frame of a CNode */
#define FL_CNODE_FRAMES  16u  /* most frames of one CNode */
#define FL_PRIORITIES    64u
#define FL_RANGE_PAGES   (1ull << 26) /* most pages that one range call may name */
#define FL_CONSOLE_EMPTY UINT64_MAX
#define FL_USER_BASE     0x1000ull       /* page 0 is never mapped */
#define FL_USER_END      0x4000000000ull /* first address that is not a program's (Sv39) */

/* Rights of capabilities.  READ, WRITE, EXEC double as the rights of an entry. */
#define FL_RIGHT_READ   (1u << 0)  /* Memory: needed to map at all; CNode: copy from, be a CSpace */
#define FL_RIGHT_WRITE  (1u << 1)  /* Memory; CNode: fill, move from, delete */
#define FL_RIGHT_EXEC   (1u << 2)  /* Memory */
#define FL_RIGHT_MAP    (1u << 3)  /* Memory, VSpace */
#define FL_RIGHT_PIN    (1u << 4)  /* Memory */
#define FL_RIGHT_DONATE (1u << 5)  /* Memory */
#define FL_RIGHT_RETYPE (1u << 6)  /* Memory */
#define FL_RIGHT_SEND   (1u << 7)  /* Endpoint: ipc_send, be a fault handler; Notification */
#define FL_RIGHT_RECV   (1u << 8)  /* Endpoint, Notification */
#define FL_RIGHT_CALL   (1u << 9)  /* Endpoint: may wait for an answer */
#define FL_RIGHT_REVOKE (1u << 10) /* Memory: revoke takes the frames out of every space */
#define FL_RIGHTS_ALL   ((1u << 11) - 1)

/* Flags beside READ, WRITE, EXEC in the rights of a map call or item. */
#define FL_MAP_REPLACE     (1u << 8)  /* an entry for another frame may be in the way */
#define FL_MAP_ACCESSED    (1u << 9)  /* set A at once */
#define FL_MAP_DIRTY       (1u << 10) /* set D at once (only with WRITE) */
#define FL_MAP_RIGHTS_MASK 0x707u

/* Message info: label in bits 0..31, words in 32..39, map items in 40..47, the rest zero
 * (bit 48 is reserved for passing a capability). */
#define FL_INFO(label, words)              ((uint64_t)(uint32_t)(label) | (uint64_t)(words) << 32)
#define FL_INFO_ITEMS(label, words, items) (FL_INFO(label, words) | (uint64_t)(items) << 40)
#define FL_INFO_LABEL(info)                ((uint32_t)(info))
#define FL_INFO_WORDS(info)                ((uint32_t)((info) >> 32) & 0xff)
#define FL_INFO_ITEM_COUNT(info)           ((uint32_t)((info) >> 40) & 0xff)
#define FL_INFO_RESERVED(info)             ((info) >> 48)
/* What a receive reports when the bound notification woke it: word 0 holds the bits, badge 0. */
#define FL_LABEL_NOTIFICATION 0xffffffffu

/* The message buffer: 128 words.  Message words 0..3 travel in registers, whatever the count says; word i >= 4 is buffer
 * word i.  Map item 0 of a reply to a fault lies in message words 0..2, item i >= 1 in buffer
 * words 4 + 3 (i - 1) and following. */
#define FL_BUFFER_BYTES  1024u
#define FL_BUFFER_WORDS  128u
#define FL_MESSAGE_WORDS 100u /* most words of one message; from 100 on lies struct fl_upcall */
#define FL_BUFFER_DATA   32u  /* byte offset of message word 4 */
#define FL_ITEMS         16u  /* most map items of one reply */
#define FL_ITEM_PAGES    64u  /* most pages of one reply */

/* A map item.  address: page-aligned virtual address, rights and FL_MAP_* in bits 0..11.
 * source: slot of a Memory capability in bits 0..31 and number of pages in bits 32..63.
 * page: first page of the Memory range. */
struct fl_item {
    uint64_t address;
    uint64_t source;
    uint64_t page;
};
#define FL_ITEM_ADDRESS(address, rights) ((uint64_t)(address) | (rights))
#define FL_ITEM_SOURCE(slot, pages)      ((uint64_t)(slot) | (uint64_t)(pages) << 32)

/* Word 2 of a page fault. */
#define FL_ACCESS_READ     (1u << 0)
#define FL_ACCESS_WRITE    (1u << 1)
#define FL_ACCESS_EXEC     (1u << 2)
#define FL_ACCESS_PRESENT  (1u << 4) /* a valid entry was there, with these rights: */
#define FL_ACCESS_MAY_R    (1u << 5)
#define FL_ACCESS_MAY_W    (1u << 6)
#define FL_ACCESS_MAY_X    (1u << 7)
#define FL_ACCESS_POOL_LOW (1u << 8)
#define FL_ACCESS_UPCALL   (1u << 9)
#define FL_ACCESS_PHYSICAL (1u << 10) /* access fault: no memory behind the entry (SIGBUS) */
#define FL_POOL_LOW        8u         /* fewer spare frames than this: FL_ACCESS_POOL_LOW */

/* The upcall save area: words FL_UPCALL_WORD on of the message buffer.  The kernel sets `busy` when it
 * fills the area and never clears it; an upcall is refused while it is set.  thread_resume_upcall loads
 * pc, sp, a and t, whatever the rest says.  arch/riscv/user/upcall.h has the program's half. */
#define FL_UPCALL_WORD 100u
struct fl_upcall {
    uint64_t busy;
    uint64_t pc;
    uint64_t sp;
    uint64_t a[8];
    uint64_t t[7];
    uint64_t label;   /* FL_LABEL_* of the fault, 0 = tcb_upcall; also in a0 at the entry */
    uint64_t word[3]; /* of the answer or call; also in a1..a3 at the entry */
    uint64_t zero[6];
};

/* What a harvest writes from FL_BUFFER_DATA on.  The pages done are `absent` pages without a mapping,
 * then pages of which two bits each tell: A of page absent + i is bit 2 (i % 32) of word i / 32, D the
 * next one.  Words without a page are left as they were. */
#define FL_HARVEST_ACCESSED     (1u << 0)
#define FL_HARVEST_DIRTY        (1u << 1)
#define FL_HARVEST_PAGES        512u /* most pages with bits of one call */
#define FL_HARVEST_WORDS(pages) (((pages) + 31) / 32)
struct fl_harvest {
    uint64_t absent;
    uint64_t bits[FL_HARVEST_PAGES / 32];
};

/* Beside these in `clear` of memory_harvest: the pages are those whose numbers are 64-bit words from FL_BUFFER_DATA on,
 * where the harvest is written afterwards. */
#define FL_HARVEST_LISTED (1u << 2)
#define FL_HARVEST_LIST   32u /* most of one call */

/* Beside READ, WRITE, EXEC in the rights of vspace_clone. */
#define FL_CLONE_PROTECT (1u << 8)

#define FL_PIN_PAGES 512u /* most pages of one Pin */

#define FL_WITHDRAW_STEP 256u /* spare frames that one pool_withdraw looks at */

/* Value of tcb_state. */
enum fl_state {
    FL_STATE_STOPPED,
    FL_STATE_READY,
    FL_STATE_SENDING,
    FL_STATE_RECEIVING,
    FL_STATE_AWAIT_REPLY,
    FL_STATE_AWAIT_BITS
};
#define FL_STATE(value) ((enum fl_state)((value)&0xff))
#define FL_STATE_FAULT  (1u << 8) /* because of a fault; STOPPED: nobody handles it */
#define FL_STATE_UPCALL (1u << 9) /* an upcall is on its way */
#define FL_STATE_COUNT(value) \
    ((uint32_t)((value) >> 32)) /* of its last fault: faults go up from 1 */

/* Value of vspace_entry and system_entry: rights in bits 0..2 and these. */
#define FL_ENTRY_VALID    (1u << 3)
#define FL_ENTRY_ACCESSED (1u << 4)
#define FL_ENTRY_DIRTY    (1u << 5)
#define FL_ENTRY_CEIL_W   (1u << 6)
#define FL_ENTRY_CEIL_X   (1u << 7)
#define FL_ENTRY_USER     (1u << 8)
/* system_entry only.  0: a leaf of 4 KiB, 1: 2 MiB, 2: 1 GiB; without FL_ENTRY_VALID, how much around
 * the address is not mapped. */
#define FL_ENTRY_LEVEL_SHIFT  12u
#define FL_ENTRY_LEVEL(value) ((uint32_t)((value) >> FL_ENTRY_LEVEL_SHIFT & 3))

/* Value of memory_frame_state: type in bits 0..7 (FL_FRAME_*), sticky A and D in 8 and 9, map
 * count in 16..47, pin count in 48..63. */
enum fl_frame { FL_FRAME_FREE, FL_FRAME_USER, FL_FRAME_TABLE, FL_FRAME_OBJECT, FL_FRAME_FIRMWARE };
#define FL_FRAME_ACCESSED (1u << 8)
#define FL_FRAME_DIRTY    (1u << 9)

/* What the root task finds: slots of its CSpace and a read-only page at FL_BOOT_INFO. */
enum fl_boot_slot {
    FL_BOOT_CNODE = 1,
    FL_BOOT_TCB,
    FL_BOOT_VSPACE,
    FL_BOOT_POOL,
    FL_BOOT_SYSTEM,
    FL_BOOT_SCHED,
    FL_BOOT_INITRD, /* Memory, read, execute and map; empty without an initrd */
    FL_BOOT_RAM,    /* the first of `ram_count` Memory capabilities */
    FL_BOOT_RAM_MAX = 8,
    FL_BOOT_DEVICES =
        FL_BOOT_RAM + FL_BOOT_RAM_MAX, /* the first of `device_count` Memory capabilities */
    FL_BOOT_DEVICES_MAX = 48,
    FL_BOOT_SLOTS = FL_BOOT_DEVICES + FL_BOOT_DEVICES_MAX
};
#define FL_BOOT_DEVICE_INFO 0x3ffefff000ull /* struct fl_boot_device[device_count], read-only */
#define FL_BOOT_INFO        0x3fff000000ull /* address of struct fl_boot_info in the root task */
#define FL_BUFFER \
    0x3fff001000ull /* address of the message buffers of a space: the root task, servers, programs \
                     */
#define FL_BOOT_STACK       0x3fff020000ull /* end of its stack of FL_BOOT_STACK_PAGES */
#define FL_BOOT_STACK_PAGES 16u

struct fl_boot_ram {
    uint64_t pages;      /* of the Memory capability */
    uint64_t first_free; /* pages below are the root task's own */
    uint64_t physical;   /* address of page 0: what is aligned, and for logs */
};

/* An enabled device of the device tree: its first `reg` range, which capability FL_BOOT_DEVICES + i
 * covers in whole pages. */
struct fl_boot_device {
    uint64_t physical;
    uint64_t bytes;
    uint32_t interrupt; /* source at the interrupt controller, 0 = none */
    uint32_t reg_shift;
    uint32_t io_width; /* bytes; 0 = not told */
    uint32_t clock_hz; /* 0 = not told */
    char compatible
        [48]; /* its strings, as many as fit, each with its NUL; the first is cut if longer */
};
_Static_assert(FL_BOOT_DEVICES_MAX * sizeof(struct fl_boot_device) <= FL_PAGE_BYTES, "one page");

struct fl_boot_info {
    uint64_t version; /* FL_ABI_VERSION */
    uint64_t timebase_hz;
    uint64_t initrd_bytes;  /* 0 without an initrd */
    uint64_t initrd_offset; /* of its first byte in page 0 of FL_BOOT_INITRD */
    uint64_t cnode_slots;   /* of the root task's CNode */
    uint64_t harts;         /* that run */
    uint64_t image_page; /* of RAM 0: where the root task's own image begins, in order of address */
    uint64_t ram_count;
    struct fl_boot_ram ram[FL_BOOT_RAM_MAX];
    uint64_t device_count;
    char bootargs[2048];       /* NUL-terminated */
    uint64_t zero_block_bytes; /* what cbo.zero clears, divides a page; 0: it is not to be used */
    uint64_t console;          /* physical address of the firmware's console, 0 = not told */
};

#endif
