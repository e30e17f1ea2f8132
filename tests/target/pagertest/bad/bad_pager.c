/* A pager with one vice of vices.def, chosen when it is compiled: the suite must find that vice and
 * no other. */
#include <stdbool.h>
#include <stddef.h>

#include "fl_calls.h"
#include "pager_contract.h"

#define WINDOW     0x1800000000ull
#define FRAMES_MAX 512u
#define WORDS      (FL_PAGE_BYTES / sizeof(uint64_t))
#define REUSED     4u /* frames, by a vice */
#define ALL_RIGHTS (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)

enum vice {
#define VICE(name, rules, doc) VICE_##name,
#include "vices.def"
#undef VICE
};
static const enum vice vice = BAD_PAGER_VICE;

struct page {
    bool used;
    bool lost; /* its first client was gone */
    uint64_t badge;
    uint64_t address;
    uint64_t stack; /* of the thread, for one vice */
};

static const struct pager_start *const start = (const struct pager_start *)(uintptr_t)PAGER_START;
static struct page pages[FRAMES_MAX];
static uint64_t frames;
static uint64_t last; /* frame of the last answer */
static uint64_t grudge_badge, grudge_address;
static volatile uint64_t *volatile nowhere;

static void page_clear(uint64_t frame)
{
    volatile uint64_t *word = (uint64_t *)(uintptr_t)(WINDOW + frame * FL_PAGE_BYTES);
    size_t words = vice == VICE_nearly_clean ? WORDS - 1 : WORDS;

    for (size_t i = 0; i < words && vice != VICE_dirty; i++)
        word[i] = 0;
}

static bool page_is(const struct page *page, const struct fl_message *fault, uint64_t address)
{
    uint64_t mask = vice == VICE_short_badge ? UINT32_MAX : UINT64_MAX;

    if (vice == VICE_private && page->stack != fault->word[3] / FL_PAGE_BYTES)
        return false;
    return page->used && page->address == address && ((page->badge ^ fault->badge) & mask) == 0;
}

/* The frame of the page that faulted, old or new; `frames` when there is none. */
static uint64_t page_find(const struct fl_message *fault, uint64_t address, bool *made)
{
    uint64_t frame = 0;

    *made = false;
    while (frame < frames && !page_is(&pages[frame], fault, address))
        frame++;
    if (frame < frames) {
        if (vice == VICE_forgets && address / FL_PAGE_BYTES % 128 >= 64)
            page_clear(frame);
        return frame;
    }
    for (frame = 0; frame < frames && pages[frame].used; frame++)
        ;
    if (vice == VICE_reuses && frame == REUSED)
        frame = (last + 1) % REUSED;
    if (frame == frames && vice == VICE_steals)
        frame = 7;
    if (frame == frames && vice == VICE_breaks)
        *nowhere = 0;
    if (frame == frames)
        return frame;
    page_clear(frame);
    pages[frame] = (struct page){.used = true,
                                 .badge = fault->badge,
                                 .address = address,
                                 .stack = fault->word[3] / FL_PAGE_BYTES};
    *made = true;
    return frame;
}

static void tables_donate(void)
{
    for (uint64_t frame = frames, given = 0; frame-- > 0 && given < 3;) {
        if (pages[frame].used)
            continue;
        flr_vspace_unmap(PAGER_START_SPACE, WINDOW + frame * FL_PAGE_BYTES, 1);
        if (flr_pool_donate(PAGER_START_CLIENT_POOL, PAGER_START_FRAMES, frame, 1).status != FL_OK)
            continue;
        pages[frame].used = true; /* by nobody: badge 0 */
        given++;
    }
}

static const struct pager_region *region_find(uint64_t badge, uint64_t address)
{
    uint64_t short_by = vice == VICE_skips_last ? FL_PAGE_BYTES : 0;

    for (uint64_t i = 0; i < start->regions; i++) {
        const struct pager_region *region = &start->region[i];
        uint64_t end =
            region->end - region->start > FL_PAGE_BYTES ? region->end - short_by : region->end;

        if (region->badge == badge && address >= region->start && address < end)
            return region;
    }
    return NULL;
}

static bool badge_known(uint64_t badge)
{
    for (uint64_t i = 0; i < start->regions; i++) {
        if (start->region[i].badge == badge)
            return true;
    }
    return false;
}

/* The rights to map with; 0 to refuse. */
static uint64_t rights_for(const struct fl_message *fault, uint64_t address)
{
    bool known = badge_known(fault->badge) || vice != VICE_any_badge;
    uint64_t badge = known ? fault->badge : start->region[0].badge;
    const struct pager_region *region = region_find(badge, address);
    uint64_t wanted = fault->word[2] & ALL_RIGHTS;

    if (vice == VICE_boundless && region == NULL && badge_known(fault->badge))
        return FL_RIGHT_READ | FL_RIGHT_WRITE | wanted;
    if (region == NULL || (vice == VICE_no_code && (wanted & FL_RIGHT_EXEC)))
        return 0;
    if (vice == VICE_all_rights)
        return (wanted & ~region->rights) == 0 ? ALL_RIGHTS : 0;
    if (vice == VICE_generous)
        return region->rights | wanted;
    if ((wanted & ~region->rights) != 0)
        return 0;
    return vice == VICE_no_exec ? region->rights & ~(uint64_t)FL_RIGHT_EXEC : region->rights;
}

static bool refuse(struct fl_message *message)
{
    while (vice == VICE_sulks && FL_INFO_LABEL(message->info) == FL_LABEL_PAGE_FAULT &&
           badge_known(message->badge))
        ;
    message->info = FL_INFO(FL_LABEL_STOP, 0);
    return false;
}

static uint64_t item_pages(uint64_t address, uint64_t frame)
{
    return vice == VICE_overruns && address == FL_USER_BASE && frame + 1 < frames ? 2 : 1;
}

static void waste_a_frame(void)
{
    for (uint64_t frame = 0; frame < frames; frame++) {
        if (!pages[frame].used) {
            pages[frame].used = true;
            return;
        }
    }
}

/* Vices that show when an access is refused. */
static void act_on_refusal(const struct fl_message *fault, uint64_t address)
{
    if (vice == VICE_wasteful)
        waste_a_frame();
    if (vice == VICE_spiteful)
        page_clear(last);
    if (address >= FL_USER_BASE && address < FL_USER_END &&
        region_find(fault->badge, address) == NULL) {
        grudge_badge = fault->badge;
        grudge_address = address;
    }
}

/* A second item, for what was refused before. */
static void add_grudge(struct fl_message *answer)
{
    uint64_t *item = (uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

    if (grudge_badge != answer->badge)
        return;
    item[0] = FL_ITEM_ADDRESS(grudge_address, FL_RIGHT_READ);
    item[1] = answer->word[1];
    item[2] = answer->word[2];
    answer->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 2);
    grudge_badge = 0;
}

/* Turns a page fault into its answer.  Returns whether a page was made for it. */
static bool fault_answer(struct fl_message *message)
{
    uint64_t at = message->word[0], frame;
    bool made;

    if (vice == VICE_rounds_up && (message->word[2] & FL_ACCESS_EXEC) == 0 && at % 8 != 0 &&
        region_find(message->badge, at) != NULL)
        at += 7;
    uint64_t address = at - at % FL_PAGE_BYTES;
    uint64_t rights = rights_for(message, address);
    if (rights == 0) {
        act_on_refusal(message, address);
        return refuse(message);
    }
    if ((message->word[2] & FL_ACCESS_POOL_LOW) && vice != VICE_no_tables)
        tables_donate();
    frame = page_find(message, address, &made);
    if (frame == frames || pages[frame].lost)
        return refuse(message);
    message->info =
        vice == VICE_resumes ? FL_INFO(FL_LABEL_RESUME, 0) : FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
    message->word[1] = FL_ITEM_SOURCE(PAGER_START_FRAMES, item_pages(address, frame));
    message->word[0] =
        FL_ITEM_ADDRESS(address, vice == VICE_private ? rights | FL_MAP_REPLACE : rights);
    message->word[2] = frame;
    if (vice == VICE_grudging)
        add_grudge(message);
    last = frame;
    return made;
}

static bool message_answer(struct fl_message *message)
{
    bool is_fault = FL_INFO_LABEL(message->info) == FL_LABEL_PAGE_FAULT;

    for (;;) {
        if (vice == VICE_silent)
            flr_notification_wait(PAGER_START_NOTIFICATION);
        else if (vice == VICE_garbles)
            fl_ipc_reply(PAGER_START_REPLIES, FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 9), 1, ~0ull, 3, 4);
        else if (vice != VICE_spins)
            break;
    }
    if (vice == VICE_faults_only && !is_fault)
        *nowhere = 0;
    if (is_fault)
        return fault_answer(message);
    refuse(message);
    if (vice == VICE_chatty)
        message->info = FL_INFO(FL_LABEL_RESUME, 0);
    return false;
}

static void window_map(void)
{
    struct fl_result result = {FL_MORE, 0};

    for (uint64_t done = 0; FL_STATUS_CODE(result.status) == FL_MORE; done += result.value)
        result = flr_vspace_map(PAGER_START_SPACE, PAGER_START_FRAMES, done,
                                WINDOW + done * FL_PAGE_BYTES, frames - done,
                                FL_RIGHT_READ | FL_RIGHT_WRITE);
}

/* The kernel refused the answer to a message for which `frame` was or was not made. */
static void message_refused(uint64_t code, bool made, uint64_t frame)
{
    pages[frame].lost = made && vice == VICE_mourns;
    if (made && vice != VICE_keeps_lost && vice != VICE_mourns)
        pages[frame].used = false;
    while (vice == VICE_any_badge && code != FL_GONE)
        ;
    if (code != FL_GONE)
        fl_ipc_reply(PAGER_START_REPLIES, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0);
}

int main(void)
{
    struct fl_message message;

    if (vice == VICE_leaves)
        return 0;
    frames = start->frames < FRAMES_MAX ? start->frames : FRAMES_MAX;
    window_map();
    if (vice == VICE_hoards)
        frames -= PAGER_SPARE_FRAMES + 1;
    fl_ipc_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
    for (;;) {
        bool made = message_answer(&message);
        uint64_t frame = last;

        fl_ipc_reply_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
        if (message.status == FL_OK)
            continue;
        if (FL_STATUS_CODE(message.status) == FL_GONE && vice == VICE_quits)
            return 0;
        message_refused(FL_STATUS_CODE(message.status), made, frame);
        fl_ipc_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
    }
}
