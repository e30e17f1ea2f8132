/* What a client asks of the disks, by the word `do=NAME` of the boot command line; each prints what
 * came of it, in lines that tests/target/blk/blk_test.py reads. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "fl_calls.h"

#define PAGE_WORDS (CLIENT_PAGE_BYTES / 8)

/* --- contents ---------------------------------------------------------------------------------- */

/* Word `i` of a page; the test on the host computes the same. */
static uint64_t pattern(unsigned disk, uint64_t page, uint64_t generation, uint64_t i)
{
    return (page << 32 | (uint64_t)disk << 24 | generation << 16) + i;
}

static void fill(const struct client_request *request, uint64_t generation)
{
    uint64_t *to = client_place(request->place);

    for (uint64_t i = 0; i < (uint64_t)request->pages * PAGE_WORDS; i++)
        to[i] = pattern(request->disk, request->page + i / PAGE_WORDS, generation, i % PAGE_WORDS);
}

/* Pages of the place that are not as they were written. */
static uint64_t count_wrong(const struct client_request *request, uint64_t generation)
{
    const uint64_t *from = client_place(request->place);
    uint64_t wrong = 0;

    for (uint64_t page = 0; page < request->pages; page++, from += PAGE_WORDS) {
        uint64_t i = 0;

        while (i < PAGE_WORDS &&
               from[i] == pattern(request->disk, request->page + page, generation, i))
            i++;
        wrong += i < PAGE_WORDS;
    }
    return wrong;
}

/* --- patterns: all disks at once, requests of all lengths, all places in flight ------------------- */

#define PATTERN_PAGES 1000u /* of each disk */

static struct {
    uint64_t next[BLK_DISKS]; /* page */
    uint32_t length, longest;
    uint64_t errors, wrong, requests;
    uint64_t generation;
    enum blk_op op;
    struct client_request place[CLIENT_PLACES];
    bool busy[CLIENT_PLACES];
    unsigned in_flight;
} sweep;

/* The next request of a disk, or false when all its pages had their turn. */
static bool sweep_next(unsigned disk, unsigned place)
{
    struct client_request *request = &sweep.place[place];
    const uint64_t left = PATTERN_PAGES - sweep.next[disk];

    if (left == 0)
        return false;
    sweep.length = sweep.length % sweep.longest + 1;
    *request = (struct client_request){
        disk,  sweep.op, sweep.next[disk], sweep.length < left ? sweep.length : (uint32_t)left,
        place, place};
    if (sweep.op == BLK_WRITE)
        fill(request, sweep.generation);
    if (!client_put(request))
        return false;
    sweep.next[disk] += request->pages;
    sweep.busy[place] = true;
    sweep.in_flight++;
    sweep.requests++;
    return true;
}

static void sweep_fill_places(void)
{
    for (unsigned place = 0; place < CLIENT_PLACES; place++)
        for (unsigned i = 0; i < client_disks() && !sweep.busy[place]; i++)
            (void)sweep_next((place + i) % client_disks(), place);
    client_ring();
}

static void sweep_take(void)
{
    unsigned disk;
    const struct blk_end end = client_wait(&disk);
    const struct client_request *request = &sweep.place[end.tag];

    sweep.busy[end.tag] = false;
    sweep.in_flight--;
    sweep.errors += end.error != 0 || request->disk != disk;
    if (sweep.op == BLK_READ)
        sweep.wrong += count_wrong(request, sweep.generation);
}

static void sweep_run(enum blk_op op, uint64_t generation)
{
    memset(sweep.next, 0, sizeof sweep.next);
    sweep.op = op;
    sweep.generation = generation;
    do {
        sweep_fill_places();
        if (sweep.in_flight > 0)
            sweep_take();
    } while (sweep.in_flight > 0);
}

static void print_statistics(unsigned disk)
{
    printf("disk %u: %" PRIu64 " requests %" PRIu64 " errors %" PRIu64 " resets %" PRIu64
           " interrupts %" PRIu64 " signals\n",
           disk, client_statistic(disk, BLK_STAT_REQUESTS), client_statistic(disk, BLK_STAT_ERRORS),
           client_statistic(disk, BLK_STAT_RESETS), client_statistic(disk, BLK_STAT_INTERRUPTS),
           client_statistic(disk, BLK_STAT_SIGNALS));
}

static void do_patterns(void)
{
    sweep.longest = (uint32_t)client_option("longest=", BLK_SEGMENTS);
    for (uint64_t generation = 1; generation <= client_option("rounds=", 2); generation++) {
        sweep_run(BLK_WRITE, generation);
        sweep_run(BLK_READ, generation);
    }
    for (unsigned disk = 0; disk < client_disks(); disk++) {
        const struct client_request flush = {.disk = disk, .op = BLK_FLUSH};

        printf("disk %u: flush error %d\n", disk, client_do(&flush));
        print_statistics(disk);
    }
    printf("patterns: %" PRIu64 " requests %" PRIu64 " errors %" PRIu64 " wrong pages\n",
           sweep.requests, sweep.errors, sweep.wrong);
}

/* --- ranges: discard and zeros ------------------------------------------------------------------- */

static void do_ranges(void)
{
    struct client_request request = {.op = BLK_WRITE, .pages = 32};
    const uint64_t *read = client_place(1);
    uint64_t zeros = 0, kept = 0;

    fill(&request, 1);
    printf("write error %d\n", client_do(&request));
    request = (struct client_request){.op = BLK_WRITE_ZEROES, .page = 8, .pages = 8};
    printf("zeros error %d\n", client_do(&request));
    request = (struct client_request){.op = BLK_DISCARD, .page = 24, .pages = 8};
    printf("discard error %d\n", client_do(&request));
    request = (struct client_request){.op = BLK_READ, .pages = 24, .place = 1};
    printf("read error %d\n", client_do(&request));
    for (uint64_t page = 0; page < 24; page++, read += PAGE_WORDS) {
        uint64_t i = 0;

        while (i < PAGE_WORDS && read[i] == 0)
            i++;
        zeros += i == PAGE_WORDS;
        kept += read[5] == pattern(0, page, 1, 5);
    }
    printf("ranges: %" PRIu64 " zeros %" PRIu64 " kept\n", zeros, kept);
}

/* --- errors: one request after the other, and which of them failed ------------------------------- */

static void errors_run(const char *name, enum blk_op op, uint64_t count)
{
    struct client_request request = {.op = op, .pages = 1};
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < count; i++) {
        int error;

        request.page = i;
        memset(client_place(0), 0xee, CLIENT_PAGE_BYTES);
        if (op == BLK_WRITE)
            fill(&request, 3);
        error = client_do(&request);
        if (error)
            printf("%s %" PRIu64 ": error %d\n", name, i, error);
        else if (op == BLK_READ)
            wrong += count_wrong(&request, 3);
    }
    printf("%s: %" PRIu64 " done %" PRIu64 " wrong\n", name, count, wrong);
}

static void do_errors(void)
{
    const uint64_t count = client_option("count=", 20);

    errors_run("write", BLK_WRITE, count);
    errors_run("read", BLK_READ, count);
    errors_run("again", BLK_READ, count);
    print_statistics(0);
}

/* --- silent: a disk that does not answer in time --------------------------------------------------- */

static int silent_request(const char *name, uint64_t count)
{
    const uint64_t start = fl_rdtime();
    struct blk_end end = {0};

    for (uint64_t i = 0; i < count; i++) {
        const struct client_request request = {
            .op = BLK_READ, .page = i, .pages = 1, .place = (unsigned)i, .tag = i};

        (void)client_put(&request);
    }
    client_ring();
    for (uint64_t i = 0; i < count; i++) {
        unsigned disk;

        end = client_wait(&disk);
        printf("%s: error %d after %" PRIu64 " ms\n", name, end.error,
               (fl_rdtime() - start) / client_ticks_per_ms());
    }
    return end.error;
}

static void do_silent(void)
{
    uint64_t tries = client_option("tries=", UINT64_MAX);

    (void)silent_request("first", 1);
    (void)silent_request("batch", 5);
    while (tries-- > 0 && silent_request("again", 1) != 0)
        ; /* the test lets the disk go on, or ends at its limit of time */
    print_statistics(0);
}

/* --- gone: the medium is taken away ----------------------------------------------------------------- */

static void do_gone(void)
{
    const struct client_request request = {.op = BLK_READ, .pages = 32};
    int error;

    printf("reading\n");
    do
        error = client_do(&request);
    while (error == 0);
    printf("gone: error %d\n", error);
    errors_run("after", BLK_READ, 3);
}

/* --- bad: what a client may not ask for --------------------------------------------------------------- */

static void bad_request(const char *name, struct client_request request)
{
    printf("%s: error %d\n", name, client_do(&request));
}

static void do_bad(void)
{
    const uint64_t pages = client_disk(0)->info.sectors / CLIENT_PAGE_SECTORS;
    const unsigned last = client_disks() - 1;
    struct client_request request = {.op = BLK_READ, .page = pages - 1, .pages = 2};
    unsigned disk;

    bad_request("beyond the end", request);
    request.page = UINT64_MAX / CLIENT_PAGE_BYTES;
    bad_request("far beyond the end", request);
    bad_request("no pages", (struct client_request){.op = BLK_WRITE});
    bad_request("no such op", (struct client_request){.op = BLK_OPS});
    bad_request("flush of a part", (struct client_request){.op = BLK_FLUSH, .page = 1, .pages = 1});
    bad_request("read-only", (struct client_request){.disk = last, .op = BLK_WRITE, .pages = 1});
    bad_request("fine", (struct client_request){.op = BLK_READ, .pages = 1});
    /* A ring that cannot be: more words than it has. */
    client_disk(0)->ring.put += 10 * BLK_RING_WORDS;
    client_ring();
    printf("broken ring: %d\n", client_wait(&disk).error);
    print_statistics(0);
    bad_request("the other disk",
                (struct client_request){.disk = last, .op = BLK_READ, .pages = 1});
}

/* --- measure: instructions, without those of an idle processor ---------------------------------------- */

static uint64_t measure_now(void)
{
    return fl_rdcycle() - flr_system_counter(FL_BOOT_SYSTEM, FL_COUNTER_IDLE_CYCLES).value;
}

/* `count` requests of `pages`, `depth` of them at a time. */
static void measure(const char *name, enum blk_op op, uint32_t pages, unsigned depth)
{
    const unsigned rounds = 32;
    const uint64_t start = measure_now();
    uint64_t spent;

    for (unsigned round = 0; round < rounds; round++) {
        unsigned disk;

        for (unsigned i = 0; i < depth; i++) {
            const struct client_request request = {
                .op = op, .page = (round % 8 * depth + i) * pages, .pages = pages, .place = i};

            (void)client_put(&request);
        }
        client_ring();
        for (unsigned i = 0; i < depth; i++)
            (void)client_wait(&disk);
    }
    spent = measure_now() - start;
    printf("RES\t%s of %u page%s, %u at a time\t%" PRIu64 "\t%u\t0\t%" PRIu64 " a page\n", name,
           pages, pages == 1 ? "" : "s", depth, spent / (rounds * depth), rounds * depth,
           spent / (rounds * depth * pages));
}

static void do_measure(void)
{
    static const struct {
        uint32_t pages;
        unsigned depth;
    } cases[] = {{1, 1}, {32, 1}, {1, 8}, {32, 6}};

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        measure("disk read", BLK_READ, cases[i].pages, cases[i].depth);
        measure("disk write", BLK_WRITE, cases[i].pages, cases[i].depth);
    }
    print_statistics(0);
}

int main(void)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } scenarios[] = {{"do=patterns", do_patterns}, {"do=ranges", do_ranges},
                     {"do=errors", do_errors},     {"do=silent", do_silent},
                     {"do=gone", do_gone},         {"do=bad", do_bad},
                     {"do=measure", do_measure}};

    client_start(client_option("limit=", 0));
    for (unsigned i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        if (client_has_word(scenarios[i].word))
            scenarios[i].run();
    printf("the end\n");
    return 0;
}
