/* Small worlds: see world_chain.h. */
#include "world_chain.h"

#include <string.h>

#include "world.h"

/* ---- cells ---- */

static uint8_t cell_make(struct chain *chain, enum chain_state state, uint8_t byte)
{
    uint8_t cell = 1;

    while (cell < CHAIN_CELLS && chain->cell[cell].state != CHAIN_ABSENT)
        cell++;
    world_expect(cell < CHAIN_CELLS, "the model has too few cells");
    chain->cell[cell] = (struct chain_cell){.state = state, .byte = byte};
    if (state == CHAIN_OUT || state == CHAIN_WRITING)
        chain->cell[cell].slot = chain->cell[cell].clean = true;
    return cell;
}

/* Takes a cell out of a stack that may hold it. */
static void stack_remove(struct chain_stack *stack, uint8_t cell)
{
    uint8_t left = 0;

    for (uint8_t i = 0; i < stack->cells; i++)
        if (stack->cell[i] != cell)
            stack->cell[left++] = stack->cell[i];
    stack->cells = left;
}

static struct chain_stack *chain_stack(struct chain *chain, uint32_t number)
{
    return &chain->space[number / CHAIN_PAGES].stack[number % CHAIN_PAGES];
}

/* Takes a cell out of all stacks but one, or NULL. */
static void cell_remove(struct chain *chain, uint8_t cell, const struct chain_stack *except)
{
    for (uint32_t i = 0; i < CHAIN_SPACES * CHAIN_PAGES; i++)
        if (chain_stack(chain, i) != except)
            stack_remove(chain_stack(chain, i), cell);
}

static uint32_t cell_count_views(struct chain *chain, uint8_t cell)
{
    uint32_t views = 0;

    for (uint32_t i = 0; i < CHAIN_SPACES * CHAIN_PAGES; i++) {
        const struct chain_stack *stack = chain_stack(chain, i);

        views += stack->cells > 0 && stack->cell[0] == cell;
    }
    return views;
}

static void thread_run(struct chain *chain, uint32_t space);

/* Starts the threads again that waited for a cell, in the order in which they came. */
static void cell_wake(struct chain *chain, uint8_t cell, bool failed)
{
    bool woken[CHAIN_SPACES];

    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_thread *thread = &chain->space[i].thread;

        woken[i] = chain->space[i].lives && thread->outcome == CHAIN_WAITS && thread->cell == cell;
    }
    for (;;) {
        uint32_t next = CHAIN_SPACES;

        for (uint32_t i = 0; i < CHAIN_SPACES; i++)
            if (woken[i] && (next == CHAIN_SPACES ||
                             chain->space[i].thread.turn < chain->space[next].thread.turn))
                next = i;
        if (next == CHAIN_SPACES)
            return;
        woken[next] = false;
        chain->space[next].thread.failed = failed;
        thread_run(chain, next);
    }
}

/* A cell leaves the memory of programs: its frame is free, or will be when the fetch ends.  Who waited is
 * started again by the caller, when all cells are in order. */
static void cell_free(struct chain *chain, uint8_t cell, bool *stray)
{
    cell_remove(chain, cell, NULL);
    *stray = chain->cell[cell].state == CHAIN_BUSY || chain->cell[cell].state == CHAIN_WRITING;
    chain->cell[cell].state = *stray ? CHAIN_STRAY : CHAIN_ABSENT;
}

/* Frees what nobody sees any more, and wakes who waited for that. */
static void chain_sweep(struct chain *chain)
{
    bool stray[CHAIN_CELLS] = {false};

    for (uint8_t cell = 1; cell < CHAIN_CELLS; cell++) {
        enum chain_state state = chain->cell[cell].state;

        if (cell != chain->file_cell && state != CHAIN_ABSENT && state != CHAIN_STRAY &&
            cell_count_views(chain, cell) == 0)
            cell_free(chain, cell, &stray[cell]);
    }
    for (uint8_t cell = 1; cell < CHAIN_CELLS; cell++)
        if (stray[cell])
            cell_wake(chain, cell, false);
}

uint8_t chain_put(struct chain *chain, uint32_t space, uint32_t page, enum chain_state state,
                  uint8_t byte)
{
    struct chain_stack *stack = &chain->space[space].stack[page];

    world_expect(stack->cells < CHAIN_DEPTH, "the model is not deep enough");
    memmove(stack->cell + 1, stack->cell, stack->cells);
    stack->cell[0] = cell_make(chain, state, byte);
    stack->cells++;
    return stack->cell[0];
}

uint8_t chain_put_in_file(struct chain *chain, enum chain_state state)
{
    chain->file_cell = cell_make(chain, state, chain->file_byte);
    return chain->file_cell;
}

uint8_t chain_find(const struct chain *chain, uint32_t space, uint32_t page)
{
    const struct chain_stack *stack = &chain->space[space].stack[page];

    return stack->cells > 0 ? stack->cell[0] : 0;
}

uint32_t chain_find_free(const struct chain *chain)
{
    uint32_t space = 0;

    while (space < CHAIN_SPACES && chain->space[space].lives)
        space++;
    return space;
}

/* ---- spaces ---- */

static uint32_t cell_count_holders(const struct chain *chain, uint8_t cell)
{
    uint32_t holders = 0;

    for (uint32_t space = 0; space < CHAIN_SPACES; space++)
        for (uint32_t page = 0; page < CHAIN_PAGES; page++) {
            const struct chain_stack *stack = &chain->space[space].stack[page];

            holders += memchr(stack->cell, cell, stack->cells) != NULL;
        }
    return holders;
}

void chain_fork(struct chain *chain, uint32_t parent, uint32_t child)
{
    struct chain_space made = chain->space[parent];

    for (uint32_t page = 0; made.locked && page < CHAIN_PAGES; page++) {
        uint8_t *cell = &made.stack[page].cell[0];

        if (made.stack[page].cells > 0 && chain->cell[*cell].state == CHAIN_PRESENT &&
            cell_count_holders(chain, *cell) == 1)
            *cell = cell_make(chain, CHAIN_PRESENT, chain->cell[*cell].byte);
    }
    made.locked = false;
    made.thread = (struct chain_thread){0};
    chain->space[child] = made;
}

static void chain_free_file_page(struct chain *chain)
{
    uint8_t cell = chain->file_cell;
    bool stray;

    chain->file_cell = 0;
    if (cell)
        cell_free(chain, cell, &stray);
    if (cell && stray)
        cell_wake(chain, cell, false);
}

void chain_exit(struct chain *chain, uint32_t space)
{
    chain->space[space] = (struct chain_space){0};
    chain_sweep(chain);
    for (uint32_t i = 0; i < CHAIN_SPACES; i++)
        if (chain->space[i].lives)
            return;
    chain_free_file_page(chain);
}

void chain_drop(struct chain *chain, uint32_t space, uint32_t page)
{
    chain->space[space].stack[page].cells = 0;
    chain_sweep(chain);
}

void chain_unmap(struct chain *chain, uint32_t space, uint32_t page)
{
    chain->space[space].stack[page] = (struct chain_stack){0};
    chain_sweep(chain);
}

void chain_cut(struct chain *chain)
{
    chain->cut = true;
    chain_free_file_page(chain);
}

/* ---- requests ---- */

static void thread_wait(struct chain *chain, struct chain_thread *thread, uint8_t cell)
{
    thread->cell = cell;
    if (thread->outcome != CHAIN_WAITS)
        thread->turn = ++chain->turns;
    thread->outcome = CHAIN_WAITS;
}

static void chain_begin_fetch(struct chain *chain, uint8_t cell)
{
    chain->began[chain->begun++] = cell;
    chain->cell[cell].state = CHAIN_BUSY;
}

/* A touch of what lies below all cells. */
static void thread_run_below(struct chain *chain, uint32_t space)
{
    struct chain_thread *thread = &chain->space[space].thread;
    uint8_t byte = 0;

    if (chain->file && chain->cut && thread->page == CHAIN_PAGE) {
        thread->outcome = CHAIN_BEYOND_END;
        return;
    }
    if (chain->file) {
        if (!chain->file_cell && thread->failed) {
            thread->outcome = CHAIN_UNREADABLE;
            return;
        }
        if (!chain->file_cell) {
            chain_begin_fetch(chain, chain_put_in_file(chain, CHAIN_BUSY));
        }
        if (chain->cell[chain->file_cell].state == CHAIN_BUSY) {
            thread_wait(chain, thread, chain->file_cell);
            return;
        }
        byte = chain->file_byte;
    }
    if (thread->write)
        chain_put(chain, space, thread->page, CHAIN_PRESENT, byte);
    thread->outcome = CHAIN_SERVED;
}

static void thread_run(struct chain *chain, uint32_t space)
{
    struct chain_thread *thread = &chain->space[space].thread;
    struct chain_stack *stack = &chain->space[space].stack[thread->page];
    uint8_t cell = chain_find(chain, space, thread->page);

    if (!stack->mapped) {
        thread->outcome = CHAIN_UNMAPPED;
        return;
    }
    if (!cell) {
        thread_run_below(chain, space);
        return;
    }
    if (chain->cell[cell].state == CHAIN_OUT && thread->failed) {
        thread->outcome = CHAIN_UNREADABLE;
        return;
    }
    if (chain->cell[cell].state == CHAIN_OUT)
        chain_begin_fetch(chain, cell);
    if (chain->cell[cell].state == CHAIN_BUSY) {
        thread_wait(chain, thread, cell);
        return;
    }
    if (chain->cell[cell].state == CHAIN_PACKED)
        chain->cell[cell].state = CHAIN_PRESENT;
    chain->cell[cell].taken = chain->cell[cell].state == CHAIN_WRITING;
    thread->outcome = CHAIN_SERVED;
    if (!thread->write)
        return;
    if (cell_count_views(chain, cell) == 1)
        cell_remove(chain, cell, stack); /* it is taken: nobody else will find it */
    else
        chain_put(chain, space, thread->page, CHAIN_PRESENT, chain->cell[cell].byte);
}

void chain_touch(struct chain *chain, uint32_t space, uint32_t page, bool write)
{
    chain->space[space].thread = (struct chain_thread){.write = write, .page = (uint8_t)page};
    thread_run(chain, space);
}

void chain_write(struct chain *chain, uint32_t space, uint32_t page, uint8_t byte)
{
    struct chain_cell *cell = &chain->cell[chain_find(chain, space, page)];

    cell->byte = byte;
    cell->clean = false;
}

bool chain_is_dirty(const struct chain *chain, uint8_t cell)
{
    return !(chain->cell[cell].slot && chain->cell[cell].clean);
}

void chain_put_out(struct chain *chain, uint8_t number)
{
    struct chain_cell *cell = &chain->cell[number];

    cell->state = chain_is_dirty(chain, number) ? CHAIN_WRITING : CHAIN_OUT;
    cell->slot = cell->clean = true;
    cell->taken = false;
}

/* A page that was on its way to its slot: who found it meanwhile has it, and the slot is a copy. */
static void chain_written(struct chain_cell *cell, bool ok)
{
    cell->state = ok && !cell->taken ? CHAIN_OUT : CHAIN_PRESENT;
    cell->slot = ok;
    cell->clean = ok && cell->clean;
}

void chain_fetched(struct chain *chain, uint8_t number, bool ok)
{
    struct chain_cell *cell = &chain->cell[number];
    bool file = number == chain->file_cell, lost = !ok && !cell->slot;

    if (cell->state == CHAIN_STRAY) {
        cell->state = CHAIN_ABSENT;
        return;
    }
    if (cell->state == CHAIN_WRITING) {
        chain_written(cell, ok);
        return;
    }
    cell->state = ok ? CHAIN_PRESENT : cell->slot ? CHAIN_OUT : CHAIN_ABSENT;
    if (lost) {
        cell_remove(chain, number, NULL);
        chain->file_cell = file ? 0 : chain->file_cell;
    }
    cell_wake(chain, number, !ok && (file || !lost));
}

uint32_t chain_count_slots(const struct chain *chain)
{
    uint32_t count = 0;

    for (uint32_t cell = 1; cell < CHAIN_CELLS; cell++)
        count += chain->cell[cell].state != CHAIN_ABSENT && chain->cell[cell].slot;
    return count;
}

uint32_t chain_count(const struct chain *chain, enum chain_state state)
{
    uint32_t count = 0;

    for (uint32_t cell = 1; cell < CHAIN_CELLS; cell++)
        count += chain->cell[cell].state == state;
    return count;
}
