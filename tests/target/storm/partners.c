/* See partners.h. */
#include "partners.h"

#include <stddef.h>

#include "fl_calls.h"
#include "harness.h"
#include "plausible.h"

#define CNODE            FL_BOOT_CNODE
#define ALL              FL_RIGHTS_ALL
#define PRIORITY         22u
#define MEDDLER_PRIORITY 25u
#define OWN_PAGES        4u
#define IMAGE_TABLES     5u /* tables of a space with the image and one stack */

/* Of the buffer: what thread_resume_upcall seems to answer.  The caller that has filled it may be at that call, on another
 * hart: what it counts is the kernel's word, not ours. */
#define RESUMED_A0 (FL_UPCALL_WORD + offsetof(struct fl_upcall, a) / sizeof(uint64_t))

/* Slots of the partners' CSpace. */
enum {
    OWN_SERVED = 1,
    OWN_SOURCE,
    OWN_LONELY,
    OWN_SERVER_REPLY,
    OWN_MEDDLER_REPLY,
    OWN_SPACE, /* of the faulting threads, two */
    OWN_ALARM = 8,
    OWN_MEMORY, /* OWN_PAGES, to be read */
    OWN_TIMER,
    OWN_NOTIFICATION /* four */
};

enum { SERVER, CLIENT, FAULTER, FAULTER_WITHOUT_TABLES, MEDDLER, PARTNERS };

static struct kit_thread *threads[PARTNERS];
static struct random randoms[PARTNERS];
static uint64_t cspace;

/* --- what they do: in user mode, with their own CSpace ------------------------------------- */

/* A send wants no answer, a caller may have gone, and a fault takes no such answer. */
static void serve(uint64_t self)
{
    struct fl_message message;

    fl_ipc_recv(OWN_SERVED, OWN_SERVER_REPLY, &message);
    for (;;) {
        message.info = FL_INFO(3, random_below(&randoms[self], 5));
        fl_ipc_reply_recv(OWN_SERVED, OWN_SERVER_REPLY, &message);
        if (message.status == FL_OK)
            continue;
        fl_ipc_reply(OWN_SERVER_REPLY, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0);
        fl_ipc_recv(OWN_SERVED, OWN_SERVER_REPLY, &message);
    }
}

static void call(uint64_t self)
{
    for (;;)
        fl_ipc_call(OWN_SOURCE, FL_INFO(4, random_below(&randoms[self], FL_MESSAGE_WORDS)), 1, 2, 3,
                    4);
}

/* Takes away what was put there, and puts something else in the way of answers. */
static void clear_areas(uint64_t space)
{
    flr_vspace_unmap(space, BOX_AREA, 2 * BOX_AREA_PAGES);
    flr_vspace_unmap(space, BOX_FAR_AREA, 4 * BOX_AREA_PAGES);
    flr_vspace_map(space, OWN_MEMORY, 0, BOX_AREA, OWN_PAGES, FL_RIGHT_READ);
}

/* Touches pages.  Takes upcalls again now and then. */
static void fault(uint64_t self)
{
    uint64_t space = OWN_SPACE + (self - FAULTER);
    volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)FL_BUFFER;

    clear_areas(space);
    for (;;) {
        uint64_t page = random_below(&randoms[self], BOX_AREA_PAGES);
        volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)(BOX_AREA + page * FL_PAGE_BYTES);

        if (page % 4 == 0 && self == FAULTER)
            words[FL_UPCALL_WORD] = 0;
        if (page % 2 == 0)
            *byte = 1;
        else
            (void)*byte;
        if (page % 8 == 0)
            clear_areas(space);
    }
}

/* Back to the instruction that faulted.  Uses no register that the save area does not hold. */
static void take_upcall(void)
{
    fl_ecall(FL_CALL_thread_resume_upcall, 0, 0, 0, 0, 0, 0, 0);
}

void partners_fill_buffer(struct random *random)
{
    volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)FL_BUFFER;
    bool good = random_below(random, 4) != 0;

    for (unsigned i = 4; i + 2 < 4 + 3 * 4; i++) {
        unsigned argument = 2 + (i - 4) % 3; /* of ipc_reply: an item's address, source, page */

        words[i] = good ? plausible_good(random, FL_CALL_ipc_reply, argument)
                        : plausible_bad(random, FL_CALL_ipc_reply, argument);
    }
    for (unsigned i = 0; i < 6; i++) {
        uint64_t word = 4 + random_below(random, FL_BUFFER_WORDS - 4);

        if (word != RESUMED_A0)
            words[word] = plausible_any(random);
    }
}

static void meddle_once(struct random *random)
{
    struct fl_message message;

    partners_fill_buffer(random);
    switch (random_below(random, 8)) {
    case 0:
        fl_ipc_poll(OWN_LONELY, OWN_MEDDLER_REPLY, &message);
        fl_ipc_reply(OWN_MEDDLER_REPLY, FL_INFO(5, 4), 1, 2, 3, 4);
        break;
    case 1:
        fl_ipc_poll(OWN_SOURCE, OWN_MEDDLER_REPLY, &message);
        fl_ipc_reply(OWN_MEDDLER_REPLY, FL_INFO(FL_LABEL_RESUME, 0), 0, 0, 0, 0);
        break;
    case 2:
        *(volatile uint8_t *)(uintptr_t)BOX_AREA; /* a fault for whoever receives */
        break;
    default:
        flr_notification_signal(OWN_NOTIFICATION + random_below(random, 4));
        break;
    }
}

static void meddle(uint64_t self)
{
    for (;;) {
        meddle_once(&randoms[self]);
        flr_timer_set(OWN_TIMER, fl_rdtime() + 20 + random_below(&randoms[self], 300));
        flr_notification_wait(OWN_ALARM);
    }
}

/* --- how they are made --------------------------------------------------------------------- */

static void give(uint64_t slot, uint64_t from)
{
    CHECK_EQ(flr_cnode_copy(cspace, slot, CNODE, from, ALL, 0).status, FL_OK);
}

/* The only capability is the partners' own. */
static void make(uint64_t slot, enum fl_object type)
{
    CHECK_EQ(flr_memory_retype(FL_BOOT_RAM, kit_frames(1), type, 1, cspace, slot).status, FL_OK);
}

static void fill_cspace(const struct sandbox *box)
{
    give(OWN_SERVED, box->served);
    give(OWN_SOURCE, box->source);
    give(OWN_LONELY, box->lonely);
    make(OWN_SERVER_REPLY, FL_OBJECT_REPLY);
    make(OWN_MEDDLER_REPLY, FL_OBJECT_REPLY);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(
            flr_cnode_copy(cspace, OWN_NOTIFICATION + i, box->cnode, BOX_NOTIFICATION + i, ALL, 0)
                .status,
            FL_OK);
    uint64_t alarm = kit_object(FL_OBJECT_NOTIFICATION), timer = kit_object(FL_OBJECT_TIMER);
    CHECK_EQ(flr_timer_bind(timer, alarm).status, FL_OK);
    give(OWN_ALARM, alarm);
    CHECK_EQ(flr_memory_derive(FL_BOOT_RAM, kit_frames(OWN_PAGES), OWN_PAGES,
                               FL_RIGHT_READ | FL_RIGHT_MAP, cspace, OWN_MEMORY)
                 .status,
             FL_OK);
    give(OWN_TIMER, timer);
}

void partners_begin(const struct sandbox *box, uint64_t space, uint64_t seed)
{
    uint64_t shared = kit_space(kit_pool(12));
    uint64_t roomy = kit_space(kit_pool(40)), tight = kit_space(kit_pool(IMAGE_TABLES));

    cspace = kit_object(FL_OBJECT_CNODE);
    fill_cspace(box);
    give(OWN_SPACE, roomy);
    give(OWN_SPACE + 1, tight);
    threads[SERVER] = kit_thread(shared, 0, PRIORITY, serve, SERVER);
    threads[CLIENT] = kit_thread_without_buffer(shared, 0, PRIORITY, call, CLIENT);
    threads[FAULTER] = kit_thread(roomy, box->source, PRIORITY, fault, FAULTER);
    threads[FAULTER_WITHOUT_TABLES] =
        kit_thread_without_buffer(tight, box->source, PRIORITY, fault, FAULTER_WITHOUT_TABLES);
    threads[MEDDLER] =
        kit_thread_without_buffer(space, box->source, MEDDLER_PRIORITY, meddle, MEDDLER);
    CHECK_EQ(flr_tcb_set_upcall(threads[FAULTER]->tcb, (uint64_t)(uintptr_t)take_upcall).status,
             FL_OK);
    for (unsigned i = 0; i < PARTNERS; i++) {
        randoms[i] = random_start(seed * PARTNERS + i);
        CHECK_EQ(flr_tcb_set_cspace(threads[i]->tcb, cspace).status, FL_OK);
    }
}

void partners_start(void)
{
    for (unsigned i = 0; i < PARTNERS; i++)
        kit_start(threads[i]);
}

void partners_wake(void)
{
    for (unsigned i = 0; i < PARTNERS; i++)
        flr_tcb_resume(threads[i]->tcb);
}

void partners_stop(void)
{
    for (unsigned i = 0; i < PARTNERS; i++)
        flr_tcb_suspend(threads[i]->tcb);
}

void partners_end(void)
{
    for (uint64_t slot = 1; slot < OWN_NOTIFICATION + 4; slot++)
        while (FL_STATUS_CODE(flr_cnode_delete(cspace, slot).status) == FL_MORE)
            ;
}
