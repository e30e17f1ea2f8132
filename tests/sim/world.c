/* Small worlds: see world.h. */
#define _POSIX_C_SOURCE 200809L
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case_name.h"
#include "harness.h"

static world_describe *world_now;

/* ---- ids ---- */

/* A program that dies tells its case first; then it dies as it would have. */
#define WORLD_DEADLY 4u
static const int world_deadly[WORLD_DEADLY] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
static struct sigaction world_before[WORLD_DEADLY];

static void world_die(int number)
{
    char id[WORLD_ID_BYTES + 16] = "# WORLD=";

    world_now(id + strlen(id));
    strcat(id, "\n");
    if (write(STDOUT_FILENO, id, strlen(id)) < 0)
        _exit(1);
    for (uint32_t i = 0; i < WORLD_DEADLY; i++)
        sigaction(world_deadly[i], &world_before[i], NULL);
    if (number == SIGABRT)
        raise(number); /* the others come again by themselves */
}

void world_begin(world_describe *describe)
{
    const struct sigaction action = {.sa_handler = world_die};

    for (uint32_t i = 0; !world_now && i < WORLD_DEADLY; i++)
        sigaction(world_deadly[i], &action, &world_before[i]);
    world_now = describe;
}

static _Noreturn void world_fail(const char *what)
{
    char id[WORLD_ID_BYTES];

    world_now(id);
    harness_note("WORLD=%s", id);
    harness_fail(__FILE__, __LINE__, what);
}

void world_expect(bool holds, const char *what)
{
    if (!holds)
        world_fail(what);
}

void world_expect_equal(uint64_t found, uint64_t expected, const char *what)
{
    if (found == expected)
        return;
    harness_note("found %" PRIu64 ", expected %" PRIu64, found, expected);
    world_fail(what);
}

const char *world_wanted(void)
{
    return case_name_wanted("WORLD");
}

bool world_wants(void)
{
    const char *wanted = world_wanted();
    char id[WORLD_ID_BYTES];

    if (!wanted)
        return true;
    world_now(id);
    if (strcmp(id, wanted) != 0)
        return false;
    case_name_found();
    return true;
}

uint32_t world_number(const char *name, uint32_t otherwise)
{
    const char *given = getenv(name);

    return given ? (uint32_t)strtoul(given, NULL, 0) : otherwise;
}

/* ---- keys ---- */

void world_key_add(struct world_key *key, uint64_t value)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t mixed = key->word[i] * 0x9e3779b97f4a7c15ull + value + 1 + i;

        mixed = (mixed ^ mixed >> 31) * (i ? 0xd6e8feb86659fd93ull : 0xbf58476d1ce4e5b9ull);
        key->word[i] = mixed ^ mixed >> 29;
    }
}

/* ---- the search ---- */

#define WORLD_NO_STATE UINT32_MAX

struct world_state {
    struct world_key key;
    uint32_t from; /* WORLD_NO_STATE: the first */
    uint16_t step;
    uint16_t depth;
};

static struct {
    const struct world_steps *steps;
    const char *name;
    struct world_state *state;
    uint32_t states;
    uint32_t room;
    uint32_t *place; /* hash table: state + 1, or 0 */
    uint32_t places;
    uint32_t at;  /* the state that steps are tried from ... */
    uint32_t try; /* ... and the one that is; steps->count: none yet */
} search;

static void world_describe_state(char *id, uint32_t state)
{
    char name[WORLD_NAME_BYTES];

    if (search.state[state].from == WORLD_NO_STATE)
        return;
    world_describe_state(id, search.state[state].from);
    search.steps->name(search.state[state].step, name);
    snprintf(id + strlen(id), WORLD_ID_BYTES - strlen(id), ".%s", name);
}

static void world_describe_path(char *id)
{
    char name[WORLD_NAME_BYTES];

    snprintf(id, WORLD_ID_BYTES, "%s", search.name);
    if (search.state)
        world_describe_state(id, search.at);
    if (search.try == search.steps->count)
        return;
    search.steps->name(search.try, name);
    snprintf(id + strlen(id), WORLD_ID_BYTES - strlen(id), ".%s", name);
}

/* The place in the table of a key, or of where it belongs. */
static uint32_t *world_find_place(const struct world_key *key)
{
    uint32_t at = (uint32_t)key->word[0] & (search.places - 1);

    while (search.place[at] &&
           memcmp(&search.state[search.place[at] - 1].key, key, sizeof(*key)) != 0)
        at = (at + 1) & (search.places - 1);
    return &search.place[at];
}

static void world_grow(void)
{
    search.room = search.room ? 2 * search.room : 1024;
    search.places = 2 * search.room;
    search.state = realloc(search.state, search.room * sizeof(search.state[0]));
    free(search.place);
    search.place = calloc(search.places, sizeof(search.place[0]));
    for (uint32_t i = 0; i < search.states; i++)
        *world_find_place(&search.state[i].key) = i + 1;
}

/* Notes a state if its key is new. */
static void world_note_state(const struct world_key *key, uint32_t from, uint32_t step)
{
    uint32_t *place;

    if (search.states == search.room)
        world_grow();
    place = world_find_place(key);
    if (*place)
        return;
    search.state[search.states] = (struct world_state){
        .key = *key,
        .from = from,
        .step = (uint16_t)step,
        .depth = from == WORLD_NO_STATE ? 0 : (uint16_t)(search.state[from].depth + 1)};
    *place = ++search.states;
}

static void world_replay_state(uint32_t state)
{
    if (search.state[state].from == WORLD_NO_STATE) {
        search.steps->begin();
        return;
    }
    world_replay_state(search.state[state].from);
    search.steps->apply(search.state[state].step);
}

/* Tries every step from a state, each in a world of its own. */
static void world_visit(uint32_t state, struct world_counts *counts)
{
    const struct world_steps *steps = search.steps;
    bool made = false;

    search.at = state;
    for (search.try = 0; search.try < steps->count; search.try++) {
        struct world_key key;

        if (!made)
            world_replay_state(state);
        made = !steps->may(search.try);
        if (made)
            continue;
        steps->apply(search.try);
        steps->check();
        key = steps->key();
        steps->end();
        world_note_state(&key, state, search.try);
        counts->cases++;
    }
    if (made)
        steps->end();
}

/* Does the steps that an id names, and checks after each. */
static void world_replay_id(const char *id)
{
    const struct world_steps *steps = search.steps;

    steps->begin();
    steps->check();
    while (*id == '.') {
        uint32_t length = (uint32_t)strcspn(++id, ".");
        char name[WORLD_NAME_BYTES] = "";

        for (search.try = 0; search.try < steps->count; search.try++) {
            steps->name(search.try, name);
            if (strlen(name) == length && strncmp(name, id, length) == 0)
                break;
        }
        world_expect(search.try < steps->count && steps->may(search.try),
                     "WORLD names a step that is not possible");
        harness_note("step %s", name);
        steps->apply(search.try);
        steps->check();
        id += length;
    }
    case_name_found();
    steps->end();
}

static void world_search_all(uint32_t depth, struct world_counts *counts)
{
    struct world_key key;

    search.steps->begin();
    search.steps->check();
    key = search.steps->key();
    search.steps->end();
    world_note_state(&key, WORLD_NO_STATE, 0);
    counts->complete = true;
    for (uint32_t state = 0; state < search.states; state++) {
        counts->depth = search.state[state].depth;
        if (search.state[state].depth == depth) {
            counts->complete = false;
            break;
        }
        world_visit(state, counts);
    }
    counts->states = search.states;
}

struct world_counts world_search(const struct world_steps *steps, const char *name, uint32_t depth)
{
    struct world_counts counts = {0};
    const char *wanted = world_wanted();

    free(search.state); /* a search that failed left them */
    free(search.place);
    memset(&search, 0, sizeof(search));
    search.steps = steps;
    search.name = name;
    search.try = steps->count;
    world_begin(world_describe_path);
    if (!wanted)
        world_search_all(depth, &counts);
    else if (strncmp(wanted, name, strlen(name)) == 0 && strchr(".", wanted[strlen(name)]))
        world_replay_id(wanted + strlen(name));
    return counts;
}

void world_counts_add(struct world_counts *sum, const struct world_counts *counts)
{
    sum->states += counts->states;
    sum->cases += counts->cases;
    if (counts->depth > sum->depth)
        sum->depth = counts->depth;
    sum->complete = sum->complete && counts->complete;
}

void world_counts_note(const struct world_counts *counts, const char *what)
{
    harness_note("%s: %" PRIu64 " states, %" PRIu64 " cases, at most %u steps%s", what,
                 counts->states, counts->cases, (unsigned)counts->depth,
                 counts->complete ? ", and no state is new after them" : "");
}
