/* Costs of moving pages to swap and back, in instructions of everybody: run it by
 * faultline-run --icount -m 128M -s 64M, with memory for all of it, so that pages move only when it says so.
 * Lines as those of vm_bench.c, a page each.
 *
 * Idle is subtracted.  While pages are written the program spins, so that the disk has time of the host; what that takes
 * is measured before, and subtracted too.  Disks answer in the host's time, so figures do not repeat exactly. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <faultline/process.h>

#include "abi.h"
#include "order.h"
#include "protocol.h"

#define PAGES      4096u
#define SCATTERED  1024u /* pages of the rows with one page a request */
#define PAGE_BYTES 4096u
#define CHUNK \
    256u /* pages of a call, in order: 8 requests of 32 are what the pager writes at a time */
#define AT_A_TIME 8u /* pages that leave one by one */
#define TURNS     100000u
#define WAITS_MAX 100000u

static uint32_t order[PAGES];
static volatile uint64_t *base;
static uint64_t wait_cost;

/* --- counting ---------------------------------------------------------------------------------- */

static uint64_t counter(enum faultline_source source, unsigned which)
{
    uint64_t value = 0;

    faultline_counter(source, which, &value);
    return value;
}

static uint64_t work(void)
{
    return faultline_cycles() - counter(FAULTLINE_KERNEL, FL_COUNTER_IDLE_CYCLES);
}

/* What a row began with. */
struct row {
    uint64_t work, fences, in, reads, out, writes;
    uint64_t waits;
};

static struct row row_begin(void)
{
    return (struct row){.fences = counter(FAULTLINE_KERNEL, FL_COUNTER_FENCES),
                        .in = counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_IN),
                        .reads = counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_READS),
                        .out = counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_OUT),
                        .writes = counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_WRITES),
                        .work = work()};
}

static void row_end(const char *operation, const struct row *row, uint32_t pages, bool in, bool out)
{
    uint64_t done = work() - row->work - row->waits * wait_cost;
    struct row now = row_begin();

    if (now.in - row->in != (in ? pages : 0) || now.out - row->out != (out ? pages : 0)) {
        printf("FAIL\t%s\t%llu pages in, %llu out, of %u\n", operation,
               (unsigned long long)(now.in - row->in), (unsigned long long)(now.out - row->out),
               (unsigned)pages);
        exit(1);
    }
    printf(
        "RES\t%s\t%llu\t%u\t%.2f\tmean, all work but idle; %llu requests to read, %llu to write\n",
        operation, (unsigned long long)(done / pages), (unsigned)pages,
        (double)(now.fences - row->fences) / pages, (unsigned long long)(now.reads - row->reads),
        (unsigned long long)(now.writes - row->writes));
    fflush(stdout);
}

/* --- waiting ----------------------------------------------------------------------------------- */

/* Gives the host time, and asks whether pages are on their way. */
static bool is_moving(void)
{
    for (volatile uint32_t turn = 0; turn < TURNS; turn++)
        ;
    return counter(FAULTLINE_PAGER, PAGER_STAT_DISK_REQUESTS) > 0;
}

static void calibrate(void)
{
    uint64_t start;

    is_moving();
    work();
    start = work();
    is_moving();
    wait_cost = work() - start;
    start = work();
    wait_cost -= work() - start;
}

static void wait_until_written(struct row *row)
{
    do
        if (++row->waits > WAITS_MAX) {
            printf("FAIL\tthe disk does not end a request\n");
            exit(1);
        }
    while (is_moving());
}

/* --- rows -------------------------------------------------------------------------------------- */

/* Half of each page is noise, so no store of compressed pages makes it small for nothing. */
static void fill(void)
{
    uint64_t random = ORDER_SEED;

    for (uint32_t i = 0; i < PAGES * PAGE_BYTES / sizeof *base; i++)
        base[i] = i % 512 < 256 ? order_random(&random) : i;
}

static void put_out(uint32_t page, uint32_t pages)
{
    madvise((void *)(base + (size_t)page * (PAGE_BYTES / sizeof *base)), (size_t)pages * PAGE_BYTES,
            MADV_PAGEOUT);
}

static void out_row(const char *operation, bool dirty)
{
    struct row row = row_begin();

    for (uint32_t page = 0; page < PAGES; page += CHUNK) {
        put_out(page, CHUNK);
        if (dirty)
            wait_until_written(&row);
    }
    row_end(operation, &row, PAGES, false, dirty);
}

static void scattered_out_row(const char *operation)
{
    struct row row = row_begin();

    for (uint32_t i = 0; i < SCATTERED; i++) {
        put_out(order[i], 1);
        if (i % AT_A_TIME == AT_A_TIME - 1)
            wait_until_written(&row);
    }
    row_end(operation, &row, SCATTERED, false, true);
}

static void in_row(const char *operation, uint32_t pages, bool in_order)
{
    struct row row = row_begin();

    for (uint32_t i = 0; i < pages; i++)
        (void)base[(size_t)(in_order ? i : order[i]) * (PAGE_BYTES / sizeof *base)];
    row_end(operation, &row, pages, true, false);
}

int main(void)
{
    base = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return 1;
    order_shuffle(order, PAGES);
    fill();
    calibrate();
    out_row("swap: page-out, dirty, 32 pages a request", true);
    in_row("swap: page-in, in order", PAGES, true);
    out_row("swap: eviction of a clean page", false);
    in_row("swap: page-in, in order, again", PAGES, true);
    fill();
    scattered_out_row("swap: page-out, dirty, one page a request");
    in_row("swap: page-in, random, one page a request", SCATTERED, false);
    return 0;
}
