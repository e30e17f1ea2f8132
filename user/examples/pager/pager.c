/* The smallest pager: zero-filled memory on first touch, and nothing else.  It keeps every rule of
 * user/protocol/pager_rules.def; docs/writing-a-pager.md walks through it.
 *
 *  G1  page i describes frame i: the page of a client that it holds, or why it holds none;
 *  G2  no two pages in use have the same badge and address;
 *  G3  a frame that holds no page is nobody's: mapped in no client, so it may be given or donated.
 *
 * There is no list of free frames: the hash of badge and address says where the search begins, and
 * a page lies before the first frame that was never used. */
#include <stdbool.h>
#include <stddef.h>

#include "fl_calls.h"
#include "pager_contract.h"

#define WINDOW     0x1000000000ull /* where we see all frames */
#define FRAMES_MAX 8192u
#define DONATION   4u /* frames at a time: one access needs at most two tables */
#define ACCESSES   (FL_ACCESS_READ | FL_ACCESS_WRITE | FL_ACCESS_EXEC)
#define READ_WRITE (FL_RIGHT_READ | FL_RIGHT_WRITE)

enum use { NEVER_USED, FREE, IN_USE, DONATED };

struct page {
    uint64_t badge;
    uint64_t address;
    enum use use;
};

static const struct pager_start *const start = (const struct pager_start *)(uintptr_t)PAGER_START;
static struct page pages[FRAMES_MAX];
static uint64_t frames;

static uint64_t page_frame(const struct page *page)
{
    return (uint64_t)(page - pages);
}

/* Volatile, or the compiler calls a memset that may go byte by byte. */
static void page_zero(const struct page *page)
{
    volatile uint64_t *word = (uint64_t *)(uintptr_t)(WINDOW + page_frame(page) * FL_PAGE_BYTES);

    for (unsigned i = 0; i < FL_PAGE_BYTES / sizeof *word; i += 4)
        word[i] = word[i + 1] = word[i + 2] = word[i + 3] = 0;
}

static void window_map(void)
{
    struct fl_result result = {FL_MORE, 0};

    for (uint64_t done = 0; FL_STATUS_CODE(result.status) == FL_MORE; done += result.value)
        result = flr_vspace_map(PAGER_START_SPACE, PAGER_START_FRAMES, done,
                                WINDOW + done * FL_PAGE_BYTES, frames - done, READ_WRITE);
}

/* The page at an address of a badge, or a free one to become it; NULL when there is none. */
static struct page *page_find(uint64_t badge, uint64_t address)
{
    uint64_t at = (address / FL_PAGE_BYTES + badge * 0x9e3779b1u) % frames;
    struct page *free = NULL;

    for (uint64_t n = 0; n < frames; n++, at = at + 1 < frames ? at + 1 : 0) {
        struct page *page = &pages[at];

        if (page->use == IN_USE && page->badge == badge && page->address == address)
            return page;
        if (free == NULL && (page->use == FREE || page->use == NEVER_USED))
            free = page;
        if (page->use == NEVER_USED)
            break;
    }
    return free;
}

/* Gives frames to the clients' pool; they leave the window first, for only free frames can go. */
static void tables_donate(void)
{
    unsigned given = 0;

    for (uint64_t frame = frames; frame-- > 0 && given < DONATION;) {
        if (pages[frame].use == IN_USE || pages[frame].use == DONATED)
            continue;
        flr_vspace_unmap(PAGER_START_SPACE, WINDOW + frame * FL_PAGE_BYTES, 1);
        flr_pool_donate(PAGER_START_CLIENT_POOL, PAGER_START_FRAMES, frame, 1);
        pages[frame].use = DONATED;
        given++;
    }
}

static const struct pager_region *region_find(uint64_t badge, uint64_t address)
{
    for (uint64_t i = 0; i < start->regions; i++) {
        const struct pager_region *region = &start->region[i];

        if (region->badge == badge && address >= region->start && address < region->end)
            return region;
    }
    return NULL;
}

static void answer_stop(struct fl_message *message)
{
    message->info = FL_INFO(FL_LABEL_STOP, 0);
}

static void answer_map(struct fl_message *message, const struct page *page, uint64_t rights)
{
    message->info = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
    message->word[0] = FL_ITEM_ADDRESS(page->address, rights);
    message->word[1] = FL_ITEM_SOURCE(PAGER_START_FRAMES, 1);
    message->word[2] = page_frame(page);
}

/* Turns a message into its answer.  Returns the page that was made for it, or NULL. */
static struct page *message_answer(struct fl_message *message)
{
    uint64_t address = message->word[0], access = message->word[2];
    const struct pager_region *region = region_find(message->badge, address);

    if (FL_INFO_LABEL(message->info) != FL_LABEL_PAGE_FAULT || region == NULL ||
        (access & ACCESSES & ~region->rights) != 0 || (access & FL_ACCESS_PHYSICAL) != 0) {
        answer_stop(message);
        return NULL;
    }
    if (access & FL_ACCESS_POOL_LOW)
        tables_donate();
    address -= address % FL_PAGE_BYTES;
    struct page *page = page_find(message->badge, address);
    if (page == NULL) {
        answer_stop(message);
        return NULL;
    }
    bool made = page->use != IN_USE;
    if (made) {
        page_zero(page);
        *page = (struct page){message->badge, address, IN_USE};
    }
    answer_map(message, page, region->rights);
    return made ? page : NULL;
}

/* The kernel refused the answer and mapped nothing: GONE, or there is nobody to answer; else the
 * thread waits still. */
static void message_refused(uint64_t status, struct page *made)
{
    if (made != NULL)
        made->use = FREE;
    if (FL_STATUS_CODE(status) != FL_GONE)
        fl_ipc_reply(PAGER_START_REPLIES, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0);
}

int main(void)
{
    struct fl_message message;

    if (start->version != PAGER_CONTRACT_VERSION)
        return 1;
    frames = start->frames < FRAMES_MAX ? start->frames : FRAMES_MAX;
    window_map();
    fl_ipc_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
    for (;;) {
        struct page *made = message_answer(&message);

        fl_ipc_reply_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
        if (message.status == FL_OK)
            continue;
        message_refused(message.status, made);
        fl_ipc_recv(PAGER_START_ENDPOINT, PAGER_START_REPLIES, &message);
    }
}
