/* What the store of compressed pages costs, in instructions: boot it with -icount shift=0,sleep=off.  Lines as
 * of kernel_bench.c; the contents are those of the host tests. */
#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "compress_kit.h"
#include "fl_calls.h"

#define SAMPLES 64u

static struct kit kit;
static _Alignas(4096) uint64_t contents[KIT_WORDS], got[KIT_WORDS];
static uint64_t overhead;

struct cost {
    uint64_t put, get, drop, pages, units;
};

static void report(const char *operation, const char *kind, uint64_t instructions, uint64_t note)
{
    printf("RES\t%s, %s\t%lu\t%u\t0\t%lu bytes stored\n", operation, kind, instructions / SAMPLES,
           SAMPLES, note / SAMPLES * COMPRESS_UNIT_BYTES);
}

static uint64_t since(uint64_t start)
{
    return fl_rdcycle() - start - overhead;
}

static void sample(enum kit_kind kind, struct cost *cost)
{
    uint64_t handle, start;
    enum compress_result result;

    kit_settle(&kit, COMPRESS_RESERVE);
    kit_write(&kit, kind, contents);
    start = fl_rdcycle();
    result = compress_put(&kit.store, contents, &handle);
    cost->put += since(start);
    if (result != COMPRESS_OK)
        return;
    cost->pages++;
    cost->units += kit_units(contents);
    start = fl_rdcycle();
    result = compress_get(&kit.store, handle, got);
    cost->get += since(start);
    if (result != COMPRESS_OK || memcmp(got, contents, sizeof got) != 0)
        printf("FAIL\twhat was put did not come back\n");
    start = fl_rdcycle();
    compress_drop(&kit.store, handle);
    cost->drop += since(start);
}

static void bench_kind(enum kit_kind kind)
{
    struct cost cost = {0};

    for (uint32_t i = 0; i < SAMPLES; i++)
        sample(kind, &cost);
    report("compress a page", kit_kind_names[kind], cost.put, cost.units);
    if (cost.pages == 0)
        return;
    report("expand a page", kit_kind_names[kind], cost.get, cost.units);
    report("drop a compressed page", kit_kind_names[kind], cost.drop, cost.units);
}

static void bench_checksum(void)
{
    uint64_t start = fl_rdcycle(), sum = checksum_page(contents, 1);

    printf("RES\tchecksum of a page\t%lu\t1\t0\tof random bytes: %lx\n", since(start), sum);
}

int main(void)
{
    uint64_t start = fl_rdcycle();

    overhead = fl_rdcycle() - start;
    setvbuf(stdout, NULL, _IONBF, 0);
    kit_begin(&kit, KIT_FRAMES, KIT_FRAMES, 1);
    for (enum kit_kind kind = 0; kind < KIT_KINDS; kind++)
        bench_kind(kind);
    bench_checksum();
    flr_system_reset(FL_BOOT_SYSTEM, 0);
    return 0;
}
