/* Five processes work on more memory than there is, while the host makes the disks of swap fail
 * (tests/target/swap/faults_test.py).  Every byte is checked.  A process may fall by SIGBUS, and is told
 * below with the address that it touched; the host compares that with what the system says.  All
 * others must end right, whatever happened beside them.
 *
 * All memory but WORK_FRAMES is locked away, so that little work is enough. */
#include "swap_kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>

enum {
    WORK_FRAMES = 320,
    PRIVATE_PAGES = 200,
    FORKED_PAGES = 160,
    SHARED_PAGES = 160,
    TURNS = 2,
    SOME_READS = 130,
    SOME_WRITES = 60,
    ROUNDS_MAX = 1000
};

enum who { PRIVATE, PARENT, CHILD, OWNER, SHARER, WORKERS };

/* What a worker says before it touches a page, in locked memory that all of them share. */
static volatile struct worker {
    pid_t pid;
    const void *touches;
    uint64_t written; /* pages, by SHARER */
    bool done;
} * workers;

static void touch(enum who who, const uint64_t *memory, uint64_t page)
{
    workers[who].touches = memory + page * SWAP_WORDS;
}

static void check_page(enum who who, const uint64_t *memory, uint64_t page, uint64_t generation)
{
    touch(who, memory, page);
    CHILD_CHECK(swap_wrong(memory, page, page + 1, generation) == 0);
}

static void write_page(enum who who, uint64_t *memory, uint64_t page, uint64_t generation)
{
    touch(who, memory, page);
    swap_write(memory, page, page + 1, generation);
}

static void write_pages(enum who who, uint64_t *memory, uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++)
        write_page(who, memory, page, 1);
}

/* True if a page is written in this turn. */
static bool is_written(uint64_t page, uint64_t turn)
{
    return (page / 8 + turn) % 3 == 0;
}

static uint64_t generation_of(uint64_t page, uint64_t turn)
{
    uint64_t generation = 1;

    for (uint64_t t = 0; t < turn; t++)
        generation += is_written(page, t);
    return generation;
}

/* Checks all pages of a range, in orders that differ, and writes some of them each time. */
static void churn(enum who who, uint64_t *memory, uint64_t first, uint64_t end)
{
    uint64_t pages = end - first;

    for (uint64_t turn = 0; turn < TURNS; turn++) {
        uint64_t stride = turn % 2 == 0 ? 1 : 7; /* ranges are no multiples of it */

        for (uint64_t i = 0; i < pages; i++) {
            uint64_t page = first + i * stride % pages;

            check_page(who, memory, page, generation_of(page, turn));
            if (is_written(page, turn))
                write_page(who, memory, page, generation_of(page, turn + 1));
        }
    }
}

/* While no page can leave, as when a disk is silent, the frames that are kept for calls may be used up. */
static pid_t fork_at_last(void)
{
    pid_t pid;

    while ((pid = fork()) < 0 && errno == ENOMEM)
        sched_yield();
    return pid;
}

static void begin(enum who who)
{
    workers[who].pid = getpid();
}

static _Noreturn void end(enum who who)
{
    workers[who].done = true;
    _exit(0);
}

static bool may_run_out; /* of memory: the system may end workers */

static bool may_end_by(int status)
{
    return status == EXITED(0) || status == SIGBUS || (may_run_out && status == SIGKILL);
}

/* In a worker: how its child ends. */
static void join(pid_t pid)
{
    int status = -1;

    CHILD_CHECK(waitpid(pid, &status, 0) == pid);
    CHILD_CHECK(may_end_by(status));
}

static _Noreturn void work_alone(void)
{
    uint64_t *memory = swap_map(PRIVATE_PAGES, MAP_PRIVATE);

    begin(PRIVATE);
    write_pages(PRIVATE, memory, 0, PRIVATE_PAGES);
    churn(PRIVATE, memory, 0, PRIVATE_PAGES);
    end(PRIVATE);
}

/* Each writes one half, and sees the other as it was when they parted. */
static void work_after_fork(enum who who, uint64_t *memory, uint64_t first, uint64_t other)
{
    begin(who);
    churn(who, memory, first, first + FORKED_PAGES / 2);
    for (uint64_t page = other; page < other + FORKED_PAGES / 2; page++)
        check_page(who, memory, page, 1);
}

static _Noreturn void work_apart(void)
{
    uint64_t *memory = swap_map(FORKED_PAGES, MAP_PRIVATE);
    pid_t pid;

    begin(PARENT);
    write_pages(PARENT, memory, 0, FORKED_PAGES);
    pid = fork_at_last();
    if (pid == 0) {
        work_after_fork(CHILD, memory, 0, FORKED_PAGES / 2);
        end(CHILD);
    }
    CHILD_CHECK(pid > 0);
    work_after_fork(PARENT, memory, FORKED_PAGES / 2, 0);
    join(pid);
    end(PARENT);
}

static void write_odd_pages(uint64_t *memory)
{
    begin(SHARER);
    for (uint64_t page = 0; page < SHARED_PAGES; page++) {
        check_page(SHARER, memory, page, 1);
        if (page % 2 == 1)
            write_page(SHARER, memory, page, 2);
        workers[SHARER].written = page + 1;
    }
}

/* A page that its writer was at when it fell may be either. */
static void check_odd_pages(const uint64_t *memory)
{
    uint64_t written = workers[SHARER].written;

    for (uint64_t page = 1; page < SHARED_PAGES; page += 2)
        if (page != written)
            check_page(OWNER, memory, page, page < written ? 2 : 1);
}

static _Noreturn void work_together(void)
{
    uint64_t *memory = swap_map(SHARED_PAGES, MAP_SHARED);
    pid_t pid;

    begin(OWNER);
    write_pages(OWNER, memory, 0, SHARED_PAGES);
    pid = fork_at_last();
    if (pid == 0) {
        write_odd_pages(memory);
        end(SHARER);
    }
    CHILD_CHECK(pid > 0);
    for (uint64_t turn = 0; turn < TURNS; turn++)
        for (uint64_t page = 0; page < SHARED_PAGES; page += 2)
            check_page(OWNER, memory, page, 1);
    join(pid);
    check_odd_pages(memory);
    end(OWNER);
}

/* Who began and did not come to the end.  Returns: how many. */
static unsigned tell_fallen(void)
{
    unsigned fallen = 0;

    for (unsigned who = 0; who < WORKERS; who++) {
        if (workers[who].pid == 0 || workers[who].done)
            continue;
        fallen++;
        harness_note("fell: %d touching 0x%lx", (int)workers[who].pid,
                     (unsigned long)workers[who].touches);
    }
    return fallen;
}

static void (*beside)(void); /* what we do meanwhile, or NULL */

static unsigned work_for_a_round(void)
{
    unsigned fallen;

    static void (*const work[])(void) = {work_alone, work_apart, work_together};
    uint64_t spaces = fork_spaces();
    pid_t pid[3];

    memset((void *)workers, 0, WORKERS * sizeof *workers);
    for (unsigned i = 0; i < 3; i++) {
        pid[i] = fork_at_last();
        if (pid[i] == 0)
            work[i]();
        CHECK(pid[i] > 0);
    }
    if (beside)
        beside();
    for (unsigned i = 0; i < 3; i++)
        CHECK(may_end_by(fork_wait(pid[i])));
    fork_await_spaces(spaces); /* children whose parent fell */
    fallen = tell_fallen();
    swap_settle();
    return fallen;
}

/* Shared: a fork copies private memory that is locked. */
static void *map_locked(uint64_t pages)
{
    void *memory =
        mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    CHECK_EQ(mlock(memory, pages * FORK_PAGE), 0);
    return memory;
}

static uint64_t count(unsigned which)
{
    return fork_counter(FAULTLINE_PAGER, which);
}

/* The figure behind a name in a file of figures. */
static unsigned long tell(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    size_t length = strlen(name);
    unsigned long figure = 0;
    bool found = false;
    char line[128];

    CHECK(file != NULL);
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, name, length) == 0 && sscanf(line + length, " %lu", &figure) == 1;
    CHECK_EQ(fclose(file), 0);
    CHECK(found);
    return figure;
}

static unsigned long swap_kib(void)
{
    return tell("/proc/meminfo", "SwapTotal:");
}

static void unmap(volatile void *memory, uint64_t pages)
{
    CHECK_EQ(munmap((void *)(uintptr_t)memory, pages * FORK_PAGE), 0);
}

static unsigned long kib_at_start; /* of swap */

struct requests {
    uint64_t reads, writes;
    uint64_t slot_uses; /* by pages that went out, of each slot in the mean */
};

/* Since the start. */
static bool were_done(struct requests wanted)
{
    return count(PAGER_STAT_SWAP_READS) >= wanted.reads &&
           count(PAGER_STAT_SWAP_WRITES) >= wanted.writes &&
           count(PAGER_STAT_SWAP_OUT) >= wanted.slot_uses * kib_at_start / (FORK_PAGE >> 10);
}

static void work_until(struct requests wanted)
{
    unsigned round = 0;

    do
        (void)work_for_a_round();
    while (++round < ROUNDS_MAX && !were_done(wanted));
    CHECK(round < ROUNDS_MAX);
}

static int do_nothing(void)
{
    return 0;
}

/* The end of a program leaves as many spare tables as ever. */
static void settle_tables(void)
{
    CHECK_EQ(swap_run(do_nothing), EXITED(0));
}

static uint64_t ballast; /* pages that are locked away */

/* Tables of the largest mappings, and what the servers keep for reuse, are there before the laws are
 * measured for the first time.  Unless the host leaves us little, the disks have no request but for their
 * headers. */
static void __attribute__((constructor)) warm_up(void)
{
    void *locked;

    kib_at_start = swap_kib();
    ballast = count(PAGER_STAT_FREE_FRAMES) - WORK_FRAMES;
    locked = map_locked(ballast);
    workers = map_locked(1);
    unmap(locked, ballast);
    work_until((struct requests){0});
    unmap(workers, 1);
    settle_tables();
}

/* Works in little memory until there were so many requests, and tells how many. */
static void work_and_tell(struct requests wanted)
{
    void *locked = map_locked(ballast);

    workers = map_locked(1);
    work_until(wanted);
    unmap(workers, 1);
    unmap(locked, ballast);
    settle_tables();
    harness_note("%lu reads, %lu writes, %lu pages in, %lu out, retired %lu kB",
                 count(PAGER_STAT_SWAP_READS), count(PAGER_STAT_SWAP_WRITES),
                 count(PAGER_STAT_SWAP_IN), count(PAGER_STAT_SWAP_OUT), kib_at_start - swap_kib());
    harness_note("%lu writes while no frame was free",
                 tell("/proc/vmstat", "swap_writes_at_zero "));
}

/* The host says how many requests of the kind there must be, and which of them fail. */
TEST("while reads of swap fail, who touches a page that is lost falls, and nobody else")
{
    CHECK_EQ(count(PAGER_STAT_SWAP_WRITES), 0);
    work_and_tell((struct requests){.reads = harness_count_wanted(SOME_READS)});
}

TEST("while writes of swap fail, nobody falls")
{
    CHECK_EQ(count(PAGER_STAT_SWAP_WRITES), 0);
    work_and_tell((struct requests){.writes = harness_count_wanted(SOME_WRITES)});
}

/* Some of each kind are enough, since no disk counts them. */
TEST("while disks differ, who touches a page that is lost falls, and nobody else")
{
    CHECK_EQ(count(PAGER_STAT_SWAP_WRITES), 0);
    work_and_tell((struct requests){.reads = SOME_READS, .writes = SOME_WRITES});
}

TEST("in thousands of requests all bytes are right")
{
    work_and_tell((struct requests){.reads = 4000, .slot_uses = 5});
}

TEST("in a hundred thousand requests all bytes are right")
{
    work_and_tell((struct requests){.reads = 90000, .writes = 15000, .slot_uses = 10});
}

enum { KEPT_PAGES = 32 };

static uint64_t *kept; /* shared; out since the medium was there */

static int read_kept(void)
{
    begin(PRIVATE);
    workers[PRIVATE].done = false;
    check_page(PRIVATE, kept, KEPT_PAGES / 2, 1);
    return 0;
}

/* The host takes the medium away. */
static void work_until_somebody_falls(void)
{
    unsigned round = 0;

    harness_note("working");
    while (work_for_a_round() == 0)
        CHECK(round++ < ROUNDS_MAX);
}

/* Nothing is locked away, since the largest program is ended when memory is: the host leaves us little. */
TEST("when the medium goes, who needs a page of it falls, others for want of memory, and the "
     "system goes on")
{
    may_run_out = true;
    workers = map_locked(1);
    kept = swap_map(KEPT_PAGES, MAP_SHARED);
    swap_write(kept, 0, KEPT_PAGES, 1);
    CHECK_EQ(madvise(kept, KEPT_PAGES * FORK_PAGE, MADV_PAGEOUT), 0);
    swap_settle();
    work_until_somebody_falls();
    for (unsigned round = 0; round < 3; round++)
        (void)work_for_a_round();
    CHECK_EQ(swap_run(read_kept), SIGBUS);
    (void)tell_fallen();
    unmap(kept, KEPT_PAGES);
    unmap(workers, 1);
    settle_tables();
    harness_note("%lu reads, %lu writes, retired %lu kB", count(PAGER_STAT_SWAP_READS),
                 count(PAGER_STAT_SWAP_WRITES), kib_at_start - swap_kib());
}

/* The host makes the disk silent, and lets it speak before it sends a letter. */
TEST("while the disk is silent requests end by a limit, and when it speaks again all is as before")
{
    void *locked = map_locked(ballast);
    char letter;

    workers = map_locked(1);
    harness_note("working");
    (void)work_for_a_round();
    (void)work_for_a_round();
    CHECK_EQ(read(STDIN_FILENO, &letter, 1), 1);
    (void)work_for_a_round();
    unmap(workers, 1);
    unmap(locked, ballast);
    settle_tables();
}

static unsigned taken_out, not_taken_out;

/* One disk goes out of use while everybody works, or stays because a page of it cannot be read or fits
 * nowhere else; its header may be what cannot be read, once. */
static void take_out_and_in(void)
{
    const char *disk = (taken_out + not_taken_out) % 2 == 0 ? "/dev/vda" : "/dev/vdb";

    if (swapoff(disk) != 0) {
        CHECK(errno == EIO || errno == ENOMEM);
        not_taken_out++;
        return;
    }
    taken_out++;
    while (swapon(disk, 0) != 0)
        CHECK_EQ(errno, EIO);
}

TEST("while requests fail and disks go out of use and in again, only who touches a lost page falls")
{
    void *locked = map_locked(ballast);

    workers = map_locked(1);
    beside = take_out_and_in;
    for (unsigned round = 0; round < 6; round++)
        (void)work_for_a_round();
    unmap(workers, 1);
    unmap(locked, ballast);
    settle_tables();
    harness_note("swapoff: %u done, %u not", taken_out, not_taken_out);
}

static int more_than_there_is(void)
{
    const uint64_t pages = count(PAGER_STAT_TOTAL_FRAMES);

    swap_write(swap_map(pages, MAP_PRIVATE | MAP_NORESERVE), 0, pages, 1);
    return 0;
}

TEST("without swap the program that wants too much is ended, and nobody else")
{
    CHECK_EQ(kib_at_start, 0);
    CHECK_EQ(swap_run(more_than_there_is), SIGKILL);
}
