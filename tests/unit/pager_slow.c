/* A slow object kind, and a driver that parks: see pager_slow.h. */
#include "pager_slow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE ((uint64_t)FL_PAGE_BYTES)

static struct slow *slow_now; /* whose kind it is: the ops have no context */

uint8_t slow_byte(uint64_t index)
{
    return (uint8_t)(0x40 + index);
}

/* ---- the kind ---- */

void slow_note_fetch(struct slow *slow, uint32_t page, uint64_t index)
{
    slow->fetch[slow->fetches] = page;
    slow->fetch_index[slow->fetches] = index;
    slow->fetches++;
    slow->fetches_begun++;
}

static enum object_supply slow_supply(struct vm *vm, struct object *object, uint64_t index,
                                      struct object_page *found)
{
    uint32_t page;

    (void)found;
    if (index * PAGE >= object->bytes)
        return OBJECT_BEYOND_END;
    page = slow_now->fetches < SLOW_FETCHES ? object_begin_fetch(vm, object, index) : PAGE_NONE;
    if (page == PAGE_NONE)
        return OBJECT_NO_FRAME;
    slow_note_fetch(slow_now, page, index);
    return OBJECT_FETCHING;
}

static struct object_ops slow_ops = {
    .leaves = VICTIMS_FILE, .name = "slow", .supply = slow_supply, .destroy = object_leave_files};

void slow_set_leaves(enum victims_class leaves)
{
    slow_ops.leaves = (uint8_t)leaves;
}

void slow_init(struct slow *slow, uint32_t frames)
{
    memset(slow, 0, sizeof(*slow));
    slow_now = slow;
    slow_set_leaves(VICTIMS_FILE);
    fake_init(&slow->fake, frames);
    fake_add_file(&slow->fake, "slow", NULL, 0, false);
}

void slow_begin(struct slow *slow, uint32_t frames)
{
    slow_init(slow, frames);
    fake_start(&slow->fake);
}

struct object *slow_object(struct slow *slow)
{
    struct object *object = slow->fake.vm.files;

    while (object && object->ops != &slow_ops)
        object = object->next_file;
    return object;
}

static struct object *slow_open(struct slow *slow)
{
    bool fresh = !slow_object(slow);
    struct object *object = object_open_file(&slow->fake.vm, fake_find_file(&slow->fake, "slow"));

    if (!object || !fresh)
        return object;
    object->ops = &slow_ops;
    object->bytes = SLOW_PAGES * PAGE;
    return object;
}

bool slow_map(struct slow *slow, struct space *space, uint64_t address, uint64_t first,
              uint64_t pages, bool private)
{
    struct vm *vm = &slow->fake.vm;
    struct object *file = slow_open(slow), *object = file;
    struct entry like = {.start = address,
                         .end = address + pages * PAGE,
                         .offset = first,
                         .protection = FL_RIGHT_READ,
                         .max_protection = FL_RIGHT_READ | FL_RIGHT_EXEC,
                         .inheritance = ENTRY_SHARE};

    if (!file)
        return false;
    if (private) {
        object = object_create_anonymous(vm, space);
        if (!object) {
            object_release(vm, file);
            return false;
        }
        object_set_source(object, file, first, pages * PAGE);
        like.offset = 0;
        like.protection = like.max_protection = FL_RIGHT_READ | FL_RIGHT_WRITE;
        like.inheritance = ENTRY_COPY;
        like.charge = ENTRY_CHARGED;
    }
    like.object = object;
    if (vm_add_entry(vm, space, &like))
        return true;
    object_release(vm, object);
    return false;
}

void slow_truncate(struct slow *slow, uint64_t pages)
{
    struct vm *vm = &slow->fake.vm;
    struct object *object = slow_object(slow);

    if (!object)
        return;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            vm->port.unmap(vm->port.context, id, FL_USER_BASE, (FL_USER_END - FL_USER_BASE) / PAGE);
    object->bytes = pages * PAGE;
    object_free_pages(vm, object, pages, INDEX_LIMIT - pages);
}

/* ---- fetches ---- */

uint32_t slow_find_fetch(const struct slow *slow, uint64_t index)
{
    for (uint32_t i = 0; i < slow->fetches; i++)
        if (slow->fetch_index[i] == index && page_is_busy(&slow->fake.vm.table, slow->fetch[i]))
            return slow->fetch[i];
    return PAGE_NONE;
}

/* The fetch itself writes until it ends: whoever has the frame meanwhile would see it. */
static void slow_finish(struct slow *slow, uint32_t at, bool ok)
{
    uint32_t page = slow->fetch[at];

    memset(page_contents(&slow->fake.vm.table, page), ok ? slow_byte(slow->fetch_index[at]) : 0xbd,
           PAGE);
    slow->fetches--;
    slow->fetch[at] = slow->fetch[slow->fetches];
    slow->fetch_index[at] = slow->fetch_index[slow->fetches];
    vm_page_done(&slow->fake.vm, page, ok);
}

void slow_end_fetch(struct slow *slow, uint32_t page, bool ok)
{
    uint32_t at = 0;

    while (slow->fetch[at] != page)
        at++;
    slow_finish(slow, at, ok);
    slow_serve(slow);
}

/* ---- the driver ---- */

static enum slow_state slow_answer(struct slow *slow, struct slow_thread *thread,
                                   enum slow_state state)
{
    thread->state = state;
    thread->answers++;
    thread->order = ++slow->answers;
    return state;
}

static bool slow_park(struct slow *slow, struct slow_thread *thread)
{
    if (!wait_park(&slow->fake.vm, thread->space, thread->token))
        return false;
    slow->parked[thread->token] = thread;
    thread->state = SLOW_WAITS;
    return true;
}

static enum slow_state slow_hold_back(struct slow *slow, struct slow_thread *thread)
{
    return slow_park(slow, thread) ? SLOW_WAITS : slow_answer(slow, thread, SLOW_AGAIN);
}

static int slow_call(struct slow *slow, const struct slow_thread *thread)
{
    struct vm *vm = &slow->fake.vm;

    switch (thread->kind) {
    case SLOW_WRITE:
        return vm_write(vm, thread->space, thread->address, &thread->byte, 1);
    case SLOW_WRITE_START:
        return vm_write_start(vm, thread->space, thread->address, &thread->byte, 1);
    default:
        return wait_for_reserve(vm);
    }
}

static enum slow_state slow_run_call(struct slow *slow, struct slow_thread *thread)
{
    thread->error = slow_call(slow, thread);
    if (thread->error == EINPROGRESS)
        return slow_hold_back(slow, thread);
    return slow_answer(slow, thread, thread->error ? SLOW_FAILED : SLOW_SERVED);
}

static enum slow_state slow_run_fault(struct slow *slow, struct slow_thread *thread, bool again)
{
    struct vm *vm = &slow->fake.vm;
    struct vm_fault fault = {.address = thread->address, .access = thread->access};
    struct vm_answer answer;
    enum vm_verdict verdict = vm_handle_fault(vm, thread->space, &fault, &answer);

    if (verdict == VM_WAIT)
        return slow_hold_back(slow, thread);
    if (verdict == VM_STOPPED)
        return slow_answer(slow, thread, SLOW_STOPPED);
    if (again)
        vm_end_wait(vm, thread->token, &answer);
    if (vm_is_low(vm))
        reclaim_note_given(vm, answer.mapping[0].slot, answer.mapping[0].page);
    fake_answer(&slow->fake, thread->space->id, thread->address & ~(PAGE - 1), &answer);
    return slow_answer(slow, thread, SLOW_SERVED);
}

static enum slow_state slow_run(struct slow *slow, struct slow_thread *thread, bool again)
{
    return thread->kind == SLOW_FAULT ? slow_run_fault(slow, thread, again)
                                      : slow_run_call(slow, thread);
}

void slow_serve(struct slow *slow)
{
    uint32_t token, turns = 0;

    while ((token = wait_next(&slow->fake.vm)) != WAIT_NONE) {
        struct slow_thread *thread = slow->parked[token];

        if (turns++ > 4 * SLOW_THREADS) {
            slow->broken = "requests are started again for ever";
            return;
        }
        if (slow_run(slow, thread, true) != SLOW_WAITS)
            wait_release(&slow->fake.vm, token);
    }
}

static enum slow_state slow_send(struct slow *slow, struct slow_thread *thread)
{
    if (thread->state == SLOW_WAITS)
        slow->broken = "the test made two requests at once";
    thread->answers = 0;
    thread->error = 0;
    thread->token = wait_find_free(&slow->fake.vm);
    if (thread->token == WAIT_NONE) {
        slow->broken = "no token to receive with";
        return SLOW_IDLE;
    }
    slow_run(slow, thread, false);
    slow_serve(slow);
    return thread->state;
}

enum slow_state slow_fault(struct slow *slow, struct slow_thread *thread, struct space *space,
                           uint64_t address, uint32_t access)
{
    thread->space = space;
    thread->address = address;
    thread->access = access;
    thread->kind = SLOW_FAULT;
    return slow_send(slow, thread);
}

static enum slow_state slow_send_write(struct slow *slow, struct slow_thread *thread,
                                       struct space *space, uint64_t address, uint8_t byte)
{
    thread->space = space;
    thread->address = address;
    thread->access = FL_ACCESS_WRITE;
    thread->byte = byte;
    return slow_send(slow, thread);
}

enum slow_state slow_write(struct slow *slow, struct slow_thread *thread, struct space *space,
                           uint64_t address, uint8_t byte)
{
    thread->kind = SLOW_WRITE;
    return slow_send_write(slow, thread, space, address, byte);
}

enum slow_state slow_write_start(struct slow *slow, struct slow_thread *thread, struct space *space,
                                 uint64_t address, uint8_t byte)
{
    thread->kind = SLOW_WRITE_START;
    return slow_send_write(slow, thread, space, address, byte);
}

enum slow_state slow_wait_for_reserve(struct slow *slow, struct slow_thread *thread,
                                      struct space *space)
{
    thread->space = space;
    thread->kind = SLOW_WAIT_FOR_RESERVE;
    return slow_send(slow, thread);
}

void slow_destroy(struct slow *slow, struct space *space)
{
    for (uint32_t i = 0; i < SLOW_THREADS; i++) {
        struct slow_thread *thread = &slow->thread[i];

        if (thread->space != space)
            continue;
        thread->space = NULL;
        if (thread->state == SLOW_WAITS)
            thread->state = SLOW_GONE;
    }
    fake_destroy_space(&slow->fake, space);
    slow_serve(slow);
}

/* ---- the end, and the checks ---- */

void slow_end(struct slow *slow)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (slow->fake.vm.spaces[id])
            slow_destroy(slow, slow->fake.vm.spaces[id]);
    while (slow->fetches > 0)
        slow_finish(slow, 0, true);
}

static const char *slow_check_thread(const struct slow *slow, const struct slow_thread *thread)
{
    const struct wait *wait = &slow->fake.vm.waits.record[thread->token];
    bool waits = thread->state == SLOW_WAITS;

    if (thread->state == SLOW_IDLE)
        return NULL;
    if (thread->answers != (waits || thread->state == SLOW_GONE ? 0u : 1u))
        return "a request was not answered exactly once";
    if (waits && (slow->parked[thread->token] != thread || wait->space != thread->space ||
                  (thread->kind == SLOW_WAIT_FOR_RESERVE
                       ? wait->state != WAIT_RESERVE
                       : wait->state != WAIT_PAGE && wait->state != WAIT_MEMORY &&
                             wait->state != WAIT_RESUME)))
        return "a request that was not answered is not parked";
    return NULL;
}

const char *slow_check(struct slow *slow)
{
    uint32_t waiting = 0;

    if (slow->broken)
        return slow->broken;
    for (uint32_t i = 0; i < SLOW_THREADS; i++) {
        const char *broken = slow_check_thread(slow, &slow->thread[i]);

        if (broken)
            return broken;
        waiting += slow->thread[i].state == SLOW_WAITS;
    }
    if (waiting != slow->fake.vm.waits.active)
        return "something is parked that nobody asked for";
    if (wait_next(&slow->fake.vm) != WAIT_NONE)
        return "a request that may be started again was left";
    return fake_check(&slow->fake);
}
