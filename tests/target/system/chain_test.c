/* Memory that generations of processes hand on: what is shared stays small however many there have
 * been, a page is copied only while two want it, and nothing is left behind.  Where processes must wait for
 * each other they do so on memory that they share. */
#include "fork_kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GENERATIONS 300      /* and forks in a row; or what the program's second argument says */
#define EARLY       10       /* the generation that the last one is compared with */
#define LOOKS       100      /* generations from one look at the depth of a chain to the next */
#define PAGES       16u      /* private ones that are handed on */
#define DONE_NS     10000000 /* from one look whether the last generation is done to the next */
#define ORDER_NS    500000   /* from one look whether there is an order to the next */
#define ORDER_RESTS 20000u   /* until nobody follows an order any more: 10 s */

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: objects", FAULTLINE_KERNEL, FL_COUNTER_OBJECTS)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

static uint64_t chain_counter(enum pager_statistic which)
{
    return fork_counter(FAULTLINE_PAGER, which);
}

static void *chain_map(size_t pages, int sharing)
{
    void *memory =
        mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

/* --- generations ----------------------------------------------------------------------------------
 */
/* What the system holds while only the test and one generation live. */
struct chain_state {
    uint64_t frames; /* free, or records of the pager */
    uint64_t objects;
    uint64_t entries;
};

/* Shared by all generations. */
static struct chain_line {
    volatile int turn; /* 2 n + 1: the child of generation n may write, 2 n + 2: it has */
    volatile int done;
    volatile int wrong; /* line of the first check that failed */
    int depth;          /* most objects in the chain of the pages, when somebody looked */
    int bytes[PAGES];   /* what the pages hold: the model */
    struct chain_state early;
    struct chain_state late;
} * chain_line;

#define CHAIN_CHECK(condition) chain_check((condition), __LINE__)

static void chain_check(bool holds, int line)
{
    if (!holds && !chain_line->wrong)
        chain_line->wrong = line;
}

/* Looks again later: who only yields keeps a hart, and there may be fewer than those who wait. */
static void chain_rest(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

static void chain_await(int turn)
{
    while (chain_line->turn != turn)
        sched_yield();
}

static struct chain_state chain_look(void)
{
    return (struct chain_state){
        chain_counter(PAGER_STAT_FREE_FRAMES) + chain_counter(PAGER_STAT_METADATA_FRAMES),
        chain_counter(PAGER_STAT_OBJECTS), chain_counter(PAGER_STAT_ENTRIES)};
}

/* Counts the objects that the area of these pages shows: those listed behind its line. */
static void chain_look_at_depth(const volatile int *memory)
{
    static char text[16384];
    int fd = open("/proc/self/objects", O_RDONLY), depth = 0;
    size_t used = 0;
    ssize_t got;
    char *line;

    while ((got = read(fd, text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    text[used] = '\0';
    for (line = strtok(text, "\n"); line && strtoul(line, NULL, 16) != (uintptr_t)memory;)
        line = strtok(NULL, "\n");
    while (line && (line = strtok(NULL, "\n")) && line[0] == ' ')
        depth++;
    CHAIN_CHECK(depth > 0);
    chain_line->depth = depth > chain_line->depth ? depth : chain_line->depth;
}

/* Writes one page and counts the copies that takes. */
static void chain_write(volatile int *memory, int generation, unsigned page, uint64_t copies)
{
    volatile int *word = memory + page * (FORK_PAGE / sizeof *memory);
    uint64_t before = chain_counter(PAGER_STAT_PAGES_COPIED);

    CHAIN_CHECK(*word == chain_line->bytes[page]);
    *word = chain_line->bytes[page] = generation;
    CHAIN_CHECK(chain_counter(PAGER_STAT_PAGES_COPIED) - before == copies);
}

/* The rest of the life of generation n - 1, which is n's parent: it lets its child write, and ends. */
static _Noreturn void chain_end(int n)
{
    fork_spaces(); /* what it needs itself is its own again */
    chain_line->turn = 2 * n + 1;
    chain_await(2 * n + 2);
    _exit(0);
}

/* The generations, each the child of the one before. */
static _Noreturn void chain_live(uint64_t spaces, int generations)
{
    volatile int *memory = chain_map(PAGES, MAP_PRIVATE);

    for (unsigned page = 0; page < PAGES; page++)
        memory[page * (FORK_PAGE / sizeof *memory)] = chain_line->bytes[page] = -1;
    for (int n = 1; n <= generations; n++) {
        if (fork() != 0)
            chain_end(n);
        chain_await(2 * n + 1);
        chain_write(memory, n, (unsigned)n % PAGES, 1);
        if (n % LOOKS == 1)
            chain_look_at_depth(memory); /* the longest: the parent lives */
        chain_line->turn = 2 * n + 2;
        fork_await_spaces(spaces); /* the parent is gone */
        chain_write(memory, n, (unsigned)(n + 5) % PAGES, 0);
        if (n == EARLY)
            chain_line->early = chain_look();
    }
    chain_line->late = chain_look();
    chain_line->done = 1;
    _exit(0);
}

TEST("generations by the hundred leave no more frames in use, and no longer chains, than 10")
{
    uint64_t spaces = fork_spaces(), shadows = chain_counter(PAGER_STAT_SHADOWS_MADE);
    uint64_t copies = chain_counter(PAGER_STAT_PAGES_COPIED);
    uint64_t takes = chain_counter(PAGER_STAT_PAGES_TAKEN);
    int generations = (int)harness_count_wanted(GENERATIONS);
    struct chain_state early, late;
    int depth, wrong;
    pid_t pid;

    CHECK(generations > EARLY);
    chain_line = chain_map(1, MAP_SHARED);
    pid = fork();
    if (pid == 0)
        chain_live(spaces + 1, generations);
    while (!chain_line->done)
        chain_rest(DONE_NS);
    CHECK_EQ(fork_wait(pid), EXITED(0)); /* init waits for those behind it */
    fork_await_spaces(spaces);
    shadows = chain_counter(PAGER_STAT_SHADOWS_MADE) - shadows;
    copies = chain_counter(PAGER_STAT_PAGES_COPIED) - copies;
    takes = chain_counter(PAGER_STAT_PAGES_TAKEN) - takes;
    early = chain_line->early;
    late = chain_line->late;
    depth = chain_line->depth;
    wrong = chain_line->wrong;
    harness_note("%d generations: %d shadows, %d pages copied, %d taken over", generations,
                 (int)shadows, (int)copies, (int)takes);
    munmap(chain_line, FORK_PAGE);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(depth, 2);
    CHECK_EQ(late.frames, early.frames);
    CHECK_EQ(late.objects, early.objects);
    CHECK_EQ(late.entries, early.entries);
    CHECK(shadows > (uint64_t)generations / 10 * 9);
    CHECK(copies >= (uint64_t)generations);
}

/* --- again and again ------------------------------------------------------------------------------
 */
TEST("forks by the hundred whose children touch everything come back to the same frames each time")
{
    volatile int *memory = chain_map(PAGES, MAP_PRIVATE);
    struct chain_state before, after;
    uint64_t spaces = fork_spaces();
    int rounds = (int)harness_count_wanted(GENERATIONS);

    for (unsigned page = 0; page < PAGES; page++)
        memory[page * (FORK_PAGE / sizeof *memory)] = 7;
    for (int round = -1; round < rounds; round++) {
        pid_t pid = fork();

        for (unsigned page = 0; pid == 0 && page < PAGES; page++)
            memory[page * (FORK_PAGE / sizeof *memory)] += round;
        if (pid == 0)
            _exit(0);
        CHECK_EQ(fork_wait(pid), EXITED(0));
        fork_await_spaces(spaces);
        after = chain_look();
        before = round < 0 ? after : before;
        CHECK_EQ(after.frames, before.frames);
        CHECK_EQ(after.objects, before.objects);
        CHECK_EQ(after.entries, before.entries);
    }
    for (unsigned page = 0; page < PAGES; page++)
        CHECK_EQ(memory[page * (FORK_PAGE / sizeof *memory)], 7);
    munmap((void *)memory, PAGES * FORK_PAGE);
}

/* --- a random tree --------------------------------------------------------------------------------
 * The test tells the processes what to do, one at a time, and knows what each should see.
 */
#define TREE_PLACES 10u /* processes that live at once */
#define TREE_FORKS  64u
#define TREE_SHARE  150u /* a tree for each so many generations */

enum tree_order { TREE_READY, TREE_READ, TREE_WRITE, TREE_FORK, TREE_EXIT };

/* Shared by all: what the process at `place` is to do.  It sets `order` to TREE_READY when it has. */
static struct tree_board {
    volatile enum tree_order order;
    volatile unsigned place; /* who; the child of a fork gets `target` */
    volatile unsigned target;
    volatile unsigned page;
    volatile int value;
} * tree_board;

static struct tree_process {
    bool lives;
    int bytes[PAGES]; /* what it should see */
} tree_model[TREE_PLACES];

static uint64_t tree_seed;

static unsigned tree_pick(unsigned below)
{
    tree_seed = tree_seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(tree_seed >> 33) % below;
}

/* Follows one order for the process at *place.  True: it is to end.  (The child of a fork leaves it to its
 * parent to say that the order was followed.) */
static bool tree_follow(unsigned *place, volatile int *memory)
{
    volatile int *word = memory + tree_board->page * (FORK_PAGE / sizeof *memory);
    unsigned target = tree_board->target;
    bool ends;

    switch (tree_board->order) {
    case TREE_READ:
        tree_board->value = *word;
        break;
    case TREE_WRITE:
        *word = tree_board->value;
        break;
    case TREE_FORK:
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (fork() == 0) {
            *place = target;
            return false;
        }
        break;
    default:
        break;
    }
    ends = tree_board->order == TREE_EXIT;
    tree_board->order = TREE_READY;
    return ends;
}

static _Noreturn void tree_live(volatile int *memory)
{
    unsigned place = 0;

    for (bool ends = false; !ends;) {
        while (tree_board->order == TREE_READY || tree_board->place != place)
            chain_rest(ORDER_NS);
        ends = tree_follow(&place, memory);
    }
    _exit(0);
}

/* Gives an order, and waits until it was followed. */
static void tree_tell(enum tree_order order, unsigned place)
{
    tree_board->place = place;
    tree_board->order = order;
    for (unsigned rests = 0; tree_board->order != TREE_READY; rests++) {
        CHECK(rests < ORDER_RESTS); /* whoever has the order has ended */
        chain_rest(ORDER_NS);
    }
}

static void tree_read(unsigned place, unsigned page)
{
    tree_board->page = page;
    tree_tell(TREE_READ, place);
    CHECK_EQ(tree_board->value, tree_model[place].bytes[page]);
}

static void tree_write(unsigned place, unsigned page)
{
    tree_board->page = page;
    tree_board->value = (int)tree_pick(1u << 30);
    tree_model[place].bytes[page] = tree_board->value;
    tree_tell(TREE_WRITE, place);
}

/* A place whose process lives, or does not. */
static unsigned tree_find(bool lives)
{
    unsigned place = tree_pick(TREE_PLACES);

    while (tree_model[place].lives != lives)
        place = (place + 1) % TREE_PLACES;
    return place;
}

/* One step: a fork, an end, or an access.  Returns: change of the number of processes. */
static int tree_step(unsigned living)
{
    unsigned place = tree_find(true), what = tree_pick(16);

    if (what < 2 && living < TREE_PLACES) {
        tree_board->target = tree_find(false);
        tree_model[tree_board->target] = tree_model[place];
        tree_tell(TREE_FORK, place);
        return 1;
    }
    if (what < 3 && living > 1) {
        tree_model[place].lives = false;
        tree_tell(TREE_EXIT, place);
        return -1;
    }
    if (what < 9)
        tree_read(place, tree_pick(PAGES));
    else
        tree_write(place, tree_pick(PAGES));
    return 0;
}

/* Reads all that the living see, and ends them. */
static void tree_end(void)
{
    for (unsigned place = 0; place < TREE_PLACES; place++) {
        for (unsigned page = 0; tree_model[place].lives && page < PAGES; page++)
            tree_read(place, page);
        if (tree_model[place].lives)
            tree_tell(TREE_EXIT, place);
        tree_model[place].lives = false;
    }
}

static void tree_run(uint64_t seed)
{
    volatile int *memory = chain_map(PAGES, MAP_PRIVATE);
    uint64_t spaces = fork_spaces();
    unsigned living = 1;
    pid_t pid;

    memset(tree_model, 0, sizeof tree_model);
    tree_seed = seed;
    tree_model[0].lives = true;
    pid = fork();
    if (pid == 0)
        tree_live(memory);
    for (unsigned forks = 0; forks < TREE_FORKS;) {
        int change = tree_step(living);

        living += (unsigned)change;
        forks += change > 0;
    }
    tree_end();
    CHECK_EQ(fork_wait(pid), EXITED(0));
    fork_await_spaces(spaces);
    for (unsigned page = 0; page < PAGES; page++)
        CHECK_EQ(memory[page * (FORK_PAGE / sizeof *memory)], 0);
    munmap((void *)memory, PAGES * FORK_PAGE);
}

TEST("in random trees of 64 forks every process sees what it should, and nothing is left of them")
{
    uint64_t trees = harness_count_wanted(GENERATIONS) / TREE_SHARE;

    CHECK(trees > 0);
    tree_board = chain_map(1, MAP_SHARED);
    for (uint64_t seed = 1; seed <= trees; seed++)
        tree_run(seed);
    harness_note("%d trees", (int)trees);
    munmap(tree_board, FORK_PAGE);
}
