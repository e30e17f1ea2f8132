/* Small worlds: what the exhaustive tests share.
 *
 * A case has an id.  When it fails the id is printed, also when the program dies of it; WORLD=id in
 * the environment runs that case alone.
 *
 * The search visits every state that a set of steps can reach from a first one.  A state is known by
 * its key: where two orders of steps lead to the same key, whatever follows is the same, so only the
 * first is gone on from.  When no new key turns up, all orders of any length are covered.  A state is
 * not kept but made again from the first by its shortest order of steps. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define WORLD_ID_BYTES   256u
#define WORLD_NAME_BYTES 8u

/* Writes the id of the case that runs. */
typedef void world_describe(char *id);

/* Whose cases run from now on. */
void world_begin(world_describe *describe);

/* Ends the test with the id of the case, unless this holds. */
void world_expect(bool holds, const char *what);
void world_expect_equal(uint64_t found, uint64_t expected, const char *what);

/* NULL, or what WORLD asks for. */
const char *world_wanted(void);

/* True if the case that runs is to be run: all are, or it is the one that is wanted. */
bool world_wants(void);

/* As many as the environment says (`name`=n), or `otherwise`. */
uint32_t world_number(const char *name, uint32_t otherwise);

struct world_key {
    uint64_t word[2];
};

/* Takes a value into a key that began as zeros. */
void world_key_add(struct world_key *key, uint64_t value);

/* The steps of a search; all functions act on the one world that the test has. */
struct world_steps {
    uint32_t count;
    void (*begin)(void);          /* makes the first state */
    bool (*may)(uint32_t step);   /* whether the step is possible now */
    void (*apply)(uint32_t step); /* does it, on the world and on the model */
    void (*check)(void);          /* compares the two; changes nothing */
    void (*end)(
        void); /* compares what programs see by themselves, and ends the world: nothing is left */
    struct world_key (*key)(void);
    void (*name)(uint32_t step, char *name); /* of at most WORLD_NAME_BYTES with its NUL */
};

struct world_counts {
    uint64_t states; /* different ones */
    uint64_t cases;  /* steps from a state, each checked and ended */
    uint32_t depth;  /* of the longest order */
    bool complete;   /* no new state was left */
};

/* Visits all states that orders of at most `depth` steps reach.  `name`: begins the ids. */
struct world_counts world_search(const struct world_steps *steps, const char *name, uint32_t depth);

/* Adds the counts of another search. */
void world_counts_add(struct world_counts *sum, const struct world_counts *counts);

/* Says what was searched. */
void world_counts_note(const struct world_counts *counts, const char *what);

#endif
