/* The root task's CSpace: what the kernel put there is enum fl_boot_slot, the rest is ours. */
#ifndef INIT_SLOTS_H
#define INIT_SLOTS_H

#include "abi.h"
#include "blk.h"
#include "protocol.h"

#define PROCESSES_MAX 60u

/* Each fills one frame of 64-byte objects. */
#define STOCK_OBJECTS 64u

enum init_slot {
    SLOT_ENDPOINTS = FL_BOOT_SLOTS,
    SLOT_POSIX = SLOT_ENDPOINTS, /* our own endpoint, all rights, no badge */
    SLOT_PAGER,                  /* the pager's endpoint, all rights, no badge */
    SLOT_CONSOLE,                /* the console driver's endpoint, all rights, no badge */
    SLOT_BLK,                    /* the disk driver's endpoint, all rights, no badge */
    SLOT_ENDPOINTS_END,
    SLOT_PAGER_ROOT = SLOT_ENDPOINTS_END, /* the pager's endpoint, our badge */
    SLOT_CONSOLE_ROOT,                    /* the console driver's endpoint, our badge */
    SLOT_BLK_ROOT,                        /* the disk driver's endpoint, our badge */
    SLOT_SERVER_TCBS,
    SLOT_PAGER_TCB = SLOT_SERVER_TCBS,
    SLOT_CONSOLE_TCB,
    SLOT_WATCH_TCB,
    SLOT_PAGER_IDLE_TCB,
    SLOT_SERVER_VSPACES,
    SLOT_PAGER_VSPACE = SLOT_SERVER_VSPACES,
    SLOT_CONSOLE_VSPACE,
    SLOT_BLK_VSPACE,
    SLOT_SERVER_VSPACES_END,
    SLOT_PAGER_CNODE = SLOT_SERVER_VSPACES_END,
    SLOT_CONSOLE_CNODE,
    SLOT_BLK_CNODE,
    SLOT_POOL,         /* of the pager and all programs */
    SLOT_WAKE_PAGER,   /* our notification with EVENT_PAGER, for the pager */
    SLOT_WAKE_TIMER,   /* our notification with EVENT_TIMER */
    SLOT_WAKE_CONSOLE, /* our notification with EVENT_CONSOLE, for the console driver */
    SLOT_WAKE_WATCH,   /* our notification with EVENT_WATCH, for the watch */
    SLOT_CONSOLE_IRQ,
    SLOT_CONSOLE_REPLIES, /* until the driver has them */
    SLOT_CONSOLE_REPLIES_END = SLOT_CONSOLE_REPLIES + CONSOLE_CLIENTS + 1,
    SLOT_BLK_TCB = SLOT_CONSOLE_REPLIES_END,
    SLOT_BLK_NOTIFICATION, /* the disk driver's, with no badge */
    SLOT_BLK_CLIENT,       /* its client's, the pager's: of its timer too */
    SLOT_BLK_BELL,         /* the driver's with BLK_EVENT_BELL, for its client */
    SLOT_BLK_HANDED,       /* what is about to be bound or handed over */
    SLOT_BLK_IRQS,         /* one for each disk */
    SLOT_REPLIES = FL_BOOT_SLOTS + 64,
    SLOT_NOTIFICATIONS = SLOT_REPLIES + STOCK_OBJECTS, /* the first one is ours */
    SLOT_PAGER_IDLE_WAKE = SLOT_NOTIFICATIONS + STOCK_OBJECTS - 3,
    SLOT_WATCH_NOTIFICATION = SLOT_NOTIFICATIONS + STOCK_OBJECTS - 2,
    SLOT_TIMERS = SLOT_NOTIFICATIONS + STOCK_OBJECTS, /* the first one is ours */
    SLOT_PAGER_TIMER = SLOT_TIMERS + STOCK_OBJECTS - 3,
    SLOT_BLK_TIMER = SLOT_TIMERS + STOCK_OBJECTS - 2,
    SLOT_WATCH_TIMER = SLOT_TIMERS + STOCK_OBJECTS - 1,
    SLOT_PROCESSES = SLOT_TIMERS + STOCK_OBJECTS, /* two each: TCB, CNode */
    SLOTS_END = SLOT_PROCESSES + 2 * PROCESSES_MAX
};
_Static_assert((int)SLOT_BLK_IRQS + (int)BLK_DISKS <= (int)SLOT_REPLIES, "the stocks come last");
/* The last notification is the console driver's, those before it the watch's and the pager's. */
_Static_assert(4 + PROCESSES_MAX <= STOCK_OBJECTS, "one notification and timer each, and ours");
/* A process parks at most one Reply (one thread each); one receives. */
_Static_assert(PROCESSES_MAX + 1 <= STOCK_OBJECTS, "replies for all");

/* Bits of our notification. */
#define EVENT_PAGER   (1ull << 0)
#define EVENT_TIMER   (1ull << 1)
#define EVENT_CONSOLE (1ull << 2)
#define EVENT_WATCH   (1ull << 3)

#define PRIORITY_CONSOLE 50u
#define PRIORITY_WATCH   45u
#define PRIORITY_BLK     42u
#define PRIORITY_PAGER   40u
#define PRIORITY_INIT    30u
#define PRIORITY_PROGRAM 10u
#define PRIORITY_IDLE    1u

#endif
