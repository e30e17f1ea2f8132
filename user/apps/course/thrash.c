/* Thrashing, and its end: programs that each fit into memory, but not together.
 *
 * usage: thrash [PROGRAMS [MIB [ROUNDS [WORK]]]]
 *
 * Each program has so much memory and goes over all of it in each round, in an order of its own: a word of each page is
 * read, checked and written, and WORK turns of a loop are spent on it.  The line of a program tells the turn in which
 * it ended.  Below, what all of it took: instructions of work (cycles less those idled), cycles idled, what went to and
 * from swap, and pages that came back from the store of compressed ones; `of the time` is what the programs themselves computed, the rest went into paging or was waited for.
 * Compare `sysctl vm.load-control=off` with `on`. */
#include "view.h"

#define THRASH_PROGRAMS 8u

struct thrash {
    size_t pages;
    size_t rounds;
    size_t work;
};

/* Shared with the children. */
struct thrash_board {
    volatile uint32_t ended;
    volatile uint32_t place[THRASH_PROGRAMS];
};

struct thrash_state {
    uint64_t cycles, idle;
    long in, out, unpacked, reads, writes, suspensions;
};

static uint64_t thrash_step(uint64_t value)
{
    return value * 6364136223846793005u + 1442695040888963407u;
}

/* One round over all pages, in an order that differs from round to round.  Returns: whether all was right. */
static bool thrash_round(volatile uint64_t *memory, const struct thrash *thrash, size_t round)
{
    size_t at = round * 7919 % thrash->pages, stride = 1;

    while (stride < 37 || thrash->pages % stride == 0)
        stride += 2;
    for (size_t i = 0; i < thrash->pages; i++, at = (at + stride) % thrash->pages) {
        volatile uint64_t *word = memory + at * (COURSE_PAGE / sizeof *memory);
        uint64_t value = *word;

        if (word[1] != round || value != word[2])
            return false;
        for (size_t turn = 0; turn < thrash->work; turn++)
            value = thrash_step(value);
        word[0] = word[2] = value;
        word[1] = round + 1;
    }
    return true;
}

static int thrash_run(const struct thrash *thrash, struct thrash_board *board, uint32_t number)
{
    volatile uint64_t *memory =
        (volatile uint64_t *)(uintptr_t)course_map(thrash->pages, MAP_PRIVATE);

    for (size_t round = 0; round < thrash->rounds; round++)
        if (!thrash_round(memory, thrash, round))
            return 1;
    board->place[number] = ++board->ended;
    return 0;
}

static struct thrash_state thrash_now(void)
{
    struct thrash_state now = {.in = view_figure("/proc/vmstat", "pswpin "),
                               .out = view_figure("/proc/vmstat", "pswpout "),
                               .unpacked = view_figure("/proc/vmstat", "zswpin "),
                               .reads = view_figure("/proc/vmstat", "swap_reads "),
                               .writes = view_figure("/proc/vmstat", "swap_writes "),
                               .suspensions = view_figure("/proc/vmstat", "load_suspensions ")};

    now.idle = course_counter(FAULTLINE_KERNEL, FL_COUNTER_IDLE_CYCLES);
    now.cycles = faultline_cycles();
    return now;
}

static void thrash_show(const struct thrash_state *before, const struct thrash_state *after,
                        uint64_t useful)
{
    uint64_t cycles = after->cycles - before->cycles, idle = after->idle - before->idle;

    printf("%-28s  %12lu\n", "work, thousand cycles", (unsigned long)((cycles - idle) / 1000));
    printf("%-28s  %12lu\n", "idle, thousand cycles", (unsigned long)(idle / 1000));
    printf("%-28s  %12ld\n", "pages in", after->in - before->in);
    printf("%-28s  %12ld\n", "pages out", after->out - before->out);
    printf("%-28s  %12ld\n", "compressed pages in", after->unpacked - before->unpacked);
    printf("%-28s  %12ld\n", "disk requests",
           after->reads + after->writes - before->reads - before->writes);
    printf("%-28s  %12ld\n", "programs suspended", after->suspensions - before->suspensions);
    printf("%-28s  %10lu %%\n", "computed, of the work",
           (unsigned long)(100 * useful / (cycles - idle)));
    printf("%-28s  %10lu %%\n", "computed, of the time", (unsigned long)(100 * useful / cycles));
}

/* What the programs compute in all, in cycles: a small part of it is measured. */
static uint64_t thrash_estimate(const struct thrash *thrash, uint32_t programs)
{
    const struct thrash part = {64, 8, thrash->work};
    struct thrash_board board = {0};
    uint64_t cycles;

    (void)thrash_run(&part, &board, 0);
    cycles = faultline_cycles();
    (void)thrash_run(&part, &board, 0);
    cycles = faultline_cycles() - cycles;
    return cycles / (part.pages * part.rounds) * thrash->pages * thrash->rounds * programs;
}

static uint32_t thrash_number(int argc, char **argv, int at, uint32_t otherwise)
{
    return argc > at ? (uint32_t)strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    uint32_t programs = thrash_number(argc, argv, 1, 3), wrong = 0;
    const struct thrash thrash = {(size_t)thrash_number(argc, argv, 2, 6) << 8,
                                  thrash_number(argc, argv, 3, 20),
                                  thrash_number(argc, argv, 4, 400)};
    struct thrash_board *board;
    struct thrash_state before, after;
    uint64_t useful;
    pid_t pid[THRASH_PROGRAMS];

    if (programs == 0 || programs > THRASH_PROGRAMS || thrash.pages == 0 || thrash.rounds == 0) {
        fprintf(stderr, "usage: %s [PROGRAMS [MIB [ROUNDS [WORK]]]]   (at most %u programs)\n",
                argv[0], THRASH_PROGRAMS);
        return 2;
    }
    board = (struct thrash_board *)(uintptr_t)course_map(1, MAP_SHARED);
    useful = thrash_estimate(&thrash, programs);
    before = thrash_now();
    for (uint32_t i = 0; i < programs; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(thrash_run(&thrash, board, i));
    }
    for (uint32_t i = 0; i < programs; i++)
        wrong += strcmp(course_wait(pid[i]), "status 0") != 0;
    after = thrash_now();
    for (uint32_t i = 0; i < programs; i++)
        printf("program %u: %zu rounds over %zu pages, number %u of those that ended\n", i + 1,
               thrash.rounds, thrash.pages, (unsigned)board->place[i]);
    thrash_show(&before, &after, useful);
    printf("%-28s  %12u\n", "programs that failed", (unsigned)wrong);
    return wrong != 0;
}
