/* Requests that wait: see wait.h.
 *
 * The records are few, so each question is a walk over them, which ends when it has seen as many as
 * there are: no queue that could disagree with the states. */
#include "wait.h"

#include <errno.h>
#include <string.h>

#include "vm.h"

void wait_init(struct waits *waits)
{
    *waits = (struct waits){.wanted = PAGE_NONE, .held = PAGE_NONE};
    waits->counts[WAIT_FREE] = WAIT_RECORDS;
}

static void wait_set_state(struct waits *waits, struct wait *wait, enum wait_state state)
{
    waits->counts[wait->state]--;
    waits->counts[state]++;
    wait->state = (uint8_t)state;
}

/* ---- what is waited for ---- */

int wait_for_page(struct vm *vm, uint32_t page)
{
    victims_give(vm, page);
    vm->waits.wanted = page;
    return EINPROGRESS;
}

int wait_for_disk(struct vm *vm)
{
    vm->waits.wanted = WAIT_ANY_DISK;
    return EINPROGRESS;
}

static bool wait_is_frame_coming(const struct vm *vm)
{
    return reclaim_is_promised(vm) || reclaim_has_hope(vm);
}

bool wait_for_memory(struct vm *vm)
{
    vm->waits.wanted = PAGE_NONE;
    return wait_is_frame_coming(vm);
}

/* True if frames of a start are missing, and some may come from a disk. */
static bool wait_is_reserve_short(const struct vm *vm)
{
    return vm->table.counts[PAGE_FREE] < RECLAIM_START_FRAMES && paging_requests(vm) > 0;
}

int wait_for_reserve(struct vm *vm)
{
    if (!wait_is_reserve_short(vm))
        return 0;
    vm->waits.wanted = WAIT_FOR_RESERVE;
    return EINPROGRESS;
}

void wait_for_resume(struct vm *vm)
{
    vm->waits.wanted = WAIT_FOR_RESUME;
}

/* ---- frames kept for the first that waits for memory ---- */

/* What a fault gave back when it failed: fewer frames than one fault takes. */
static void wait_hold_frames(struct vm *vm)
{
    while (reclaim_has_frame(vm)) {
        uint32_t page = page_allocate(&vm->table, PAGE_HELD);

        vm->table.pages[page].link = vm->waits.held;
        vm->waits.held = page;
    }
}

static void wait_give_frames(struct vm *vm)
{
    while (vm->waits.held != PAGE_NONE) {
        uint32_t page = vm->waits.held;

        vm->waits.held = vm->table.pages[page].link;
        page_release(&vm->table, page);
    }
}

/* ---- parking and starting again ---- */

/* The record in this state that came first, or WAIT_NONE. */
static uint32_t wait_find(const struct vm *vm, enum wait_state state)
{
    uint32_t found = WAIT_NONE, left = vm->waits.counts[state];

    for (uint32_t i = 0; left > 0; i++) {
        const struct wait *wait = &vm->waits.record[i];

        if (wait->state != state)
            continue;
        left--;
        if (found == WAIT_NONE || wait->turn < vm->waits.record[found].turn)
            found = i;
    }
    return found;
}

uint64_t wait_first_for_memory(const struct vm *vm)
{
    uint32_t token = wait_find(vm, WAIT_MEMORY);

    return token == WAIT_NONE ? 0 : vm->waits.record[token].turn;
}

uint32_t wait_find_free(const struct vm *vm)
{
    uint32_t token = 0;

    while (vm->waits.record[token].state != WAIT_FREE)
        token++;
    return token;
}

bool wait_has_room(const struct vm *vm)
{
    return vm->waits.active < WAIT_RECORDS - 1;
}

bool wait_park(struct vm *vm, struct space *space, uint32_t token)
{
    struct waits *waits = &vm->waits;
    struct wait *wait = &waits->record[token];

    if (wait->state == WAIT_FREE) {
        if (!wait_has_room(vm))
            return false;
        *wait = (struct wait){.space = space, .turn = ++waits->turns};
        waits->active++;
    }
    waits->parked++;
    waits->failed_object = NULL;
    wait->failed_object = NULL;
    wait->page = waits->wanted;
    if (waits->wanted == PAGE_NONE) {
        wait_set_state(waits, wait, WAIT_MEMORY);
        wait_hold_frames(vm);
    } else if (waits->wanted == WAIT_ANY_DISK) {
        wait_set_state(waits, wait, WAIT_DISK);
    } else if (waits->wanted == WAIT_FOR_RESUME) {
        wait_set_state(waits, wait, WAIT_RESUME);
    } else if (waits->wanted == WAIT_FOR_RESERVE) {
        wait_set_state(waits, wait, WAIT_RESERVE);
    } else {
        wait_set_state(waits, wait, WAIT_PAGE);
        wait->fetched = true;
    }
    return true;
}

/* The first that waits for memory, if something came since it failed or nothing will come. */
static uint32_t wait_next_for_memory(struct vm *vm)
{
    uint32_t token = wait_find(vm, WAIT_MEMORY);

    if (token == WAIT_NONE || (!reclaim_has_frame(vm) && wait_is_frame_coming(vm)))
        return WAIT_NONE;
    wait_give_frames(vm);
    return token;
}

uint32_t wait_next(struct vm *vm)
{
    uint32_t token = wait_find(vm, WAIT_READY);
    struct wait *wait;

    if (token == WAIT_NONE && !wait_is_reserve_short(vm))
        token = wait_find(vm, WAIT_RESERVE);
    if (token == WAIT_NONE)
        token = wait_next_for_memory(vm);
    if (token == WAIT_NONE)
        return WAIT_NONE;
    wait = &vm->waits.record[token];
    wait_set_state(&vm->waits, wait, WAIT_RUNNING);
    vm->waits.failed_object = wait->failed_object;
    vm->waits.failed_index = wait->failed_index;
    return token;
}

void wait_release(struct vm *vm, uint32_t token)
{
    wait_set_state(&vm->waits, &vm->waits.record[token], WAIT_FREE);
    vm->waits.active--;
    vm->waits.failed_object = NULL;
}

void wait_drop_space(struct vm *vm, const struct space *space)
{
    if (vm->waits.active == 0)
        return;
    for (uint32_t i = 0; i < WAIT_RECORDS; i++) {
        const struct wait *wait = &vm->waits.record[i];

        if (wait->state == WAIT_FREE || wait->space != space)
            continue;
        if (wait->state == WAIT_MEMORY) /* another may be the first now, and need less */
            wait_give_frames(vm);
        wait_release(vm, i);
    }
}

void wait_wake_space(struct vm *vm, const struct space *space)
{
    for (uint32_t i = 0; i < WAIT_RECORDS; i++) {
        struct wait *wait = &vm->waits.record[i];

        if (wait->state == WAIT_RESUME && wait->space == space)
            wait_set_state(&vm->waits, wait, WAIT_READY);
    }
}

/* ---- pages ---- */

/* failed: the record of the page if its fetch failed.  True: somebody waited. */
static void wait_make_ready(struct vm *vm, uint32_t page, const struct page *failed)
{
    uint32_t left = vm->waits.counts[WAIT_PAGE];

    for (uint32_t i = 0; left > 0; i++) {
        struct wait *wait = &vm->waits.record[i];

        if (wait->state != WAIT_PAGE)
            continue;
        left--;
        if (wait->page != page)
            continue;
        wait_set_state(&vm->waits, wait, WAIT_READY);
        wait->failed_object = failed ? failed->object : NULL;
        wait->failed_index = failed ? failed->link : 0;
    }
}

void wait_wake(struct vm *vm, uint32_t page)
{
    wait_make_ready(vm, page, NULL);
}

void wait_wake_disk(struct vm *vm)
{
    for (uint32_t i = 0; vm->waits.counts[WAIT_DISK] > 0 && i < WAIT_RECORDS; i++)
        if (vm->waits.record[i].state == WAIT_DISK)
            wait_set_state(&vm->waits, &vm->waits.record[i], WAIT_READY);
}

void vm_page_done(struct vm *vm, uint32_t page, bool ok)
{
    struct page *record = &vm->table.pages[page];
    struct object *object = record->object;

    if (record->state == PAGE_STRAY) {
        vm_forget_copy(vm, page);
        page_release(&vm->table, page);
        return;
    }
    vm_keep_copy(vm, page);
    wait_make_ready(vm, page, ok ? NULL : record);
    if (ok) {
        victims_note(vm, page);
        if (record->given != 0) /* somebody waited */
            victims_give(vm, page);
        return;
    }
    if (record->slot != SWAP_NONE) {
        paging_leave(vm, page, index_leaf_swap(record->slot));
        return;
    }
    object_free_pages(vm, object, record->link, 1);
    if (object->above)
        shadow_settle(vm, object);
}

void vm_end_wait(struct vm *vm, uint32_t token, struct vm_answer *answer)
{
    const struct wait *wait = &vm->waits.record[token];

    if (!wait->fetched)
        return;
    around_add_read(vm, wait->space, answer);
    wait->space->minor_faults--;
    vm->minor_faults--;
    wait->space->major_faults++;
    vm->major_faults++;
}

/* ---- the checker ---- */

static const char *wait_check_record(const struct vm *vm, const struct wait *wait)
{
    bool live = false;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        live = live || vm->spaces[id] == wait->space;
    if (!wait->space || !live || wait->turn > vm->waits.turns)
        return "Q2";
    for (const struct wait *other = vm->waits.record; other < wait; other++)
        if (other->state != WAIT_FREE && other->turn == wait->turn)
            return "Q2";
    if (wait->state == WAIT_PAGE &&
        (wait->page >= vm->table.count || vm->table.pages[wait->page].state != PAGE_BUSY))
        return "Q1";
    return NULL;
}

static bool wait_check_held(const struct vm *vm)
{
    uint32_t held = 0;

    for (uint32_t page = vm->waits.held; page != PAGE_NONE && held <= vm->table.count;
         page = vm->table.pages[page].link) {
        if (vm->table.pages[page].state != PAGE_HELD)
            return false;
        held++;
    }
    return held == vm->table.counts[PAGE_HELD] &&
           (held == 0 || wait_find(vm, WAIT_MEMORY) != WAIT_NONE);
}

const char *wait_check(const struct vm *vm)
{
    uint32_t counts[WAIT_STATES] = {0}, active;

    for (uint32_t i = 0; i < WAIT_RECORDS; i++) {
        const struct wait *wait = &vm->waits.record[i];
        const char *broken = wait->state != WAIT_FREE ? wait_check_record(vm, wait) : NULL;

        if (broken)
            return broken;
        counts[wait->state]++;
    }
    active = WAIT_RECORDS - counts[WAIT_FREE];
    if (active != vm->waits.active || memcmp(counts, vm->waits.counts, sizeof counts) != 0)
        return "Q2";
    if (active >= WAIT_RECORDS)
        return "Q4";
    return wait_check_held(vm) ? NULL : "Q3";
}
