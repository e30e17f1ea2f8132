/* sources: drivers/virtio/virtio_blk.c drivers/virtio/virtio_blk_start.c drivers/virtio/virtq.c */
/* sources: drivers/virtio/virtio_blk_check.c tests/unit/virtio_fake.c */
#include <errno.h>
#include <string.h>

#include "../../drivers/virtio/virtio_registers.h"
#include "virtio_kit.h"

#define MODERN false
#define LEGACY true

static void start(bool legacy)
{
    virtio_fake_init(&fake, legacy);
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
}

static void drop_feature(unsigned bit)
{
    fake.offered &= ~(1ull << bit);
}

/* Everything that was accepted reaches the device. */
static void kick(void)
{
    virtio_blk_kick(&blk);
    kit_check();
}

/* Finishes the oldest request with a vice, serves the interrupt that must come, and takes one end. */
static struct virtio_blk_end finish(enum fake_vice vice)
{
    struct virtio_blk_end end = {0, -1};

    CHECK(virtio_blk_sleep(&blk));
    virtio_fake_finish(&fake, 0, vice);
    CHECK(fake.interrupt_status != 0);
    virtio_blk_interrupt(&blk);
    CHECK_EQ(fake.interrupt_status, 0);
    CHECK(virtio_blk_take(&blk, &end));
    kit_check();
    return end;
}

static void check_no_end(void)
{
    struct virtio_blk_end end;

    CHECK(!virtio_blk_take(&blk, &end));
    CHECK(virtio_blk_sleep(&blk));
}

/* A disk that was in trouble serves as if nothing had been. */
static void check_works(void)
{
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 16, 2, 16, KIT_DATA, 99), 0);
    memset(fake.ram + KIT_DATA, 0, 16 * 512);
    kick();
    CHECK_EQ(finish(VICE_NONE).error, 0);
    CHECK(memcmp(fake.ram + KIT_DATA, fake.disk + 16 * 512, 16 * 512) == 0);
    check_no_end();
}

/* --- start ------------------------------------------------------------------------------------- */

TEST("both versions start, with what was offered and is known")
{
    start(MODERN);
    CHECK_EQ(blk.features, fake.accepted);
    CHECK_EQ(blk.features, fake.offered & ~(1ull << 4 | 1ull << 10));
    CHECK_EQ(fake.status, 1 | 2 | 4 | 8);
    start(LEGACY);
    CHECK_EQ(blk.features, fake.offered & ~(1ull << 4 | 1ull << 10));
    CHECK_EQ(fake.status, 1 | 2 | 4);
    CHECK_EQ(blk.places, VIRTIO_BLK_PLACES);
}

TEST("a disk is told from other devices and from none by three registers")
{
    struct virtio_port port = virtio_fake_port(&fake);

    virtio_fake_init(&fake, MODERN);
    CHECK(virtio_is_disk(&port));
    fake.device_id = 0; /* no other register may be touched now: the device checks it */
    CHECK(!virtio_is_disk(&port));
    CHECK_EQ(kit_start(), VIRTIO_BLK_OTHER_KIND);
    fake.device_id = 1;
    CHECK(!virtio_is_disk(&port));
    CHECK_EQ(fake.accesses, 12);
}

TEST("a device without version 1, or that does not keep FEATURES_OK, is refused and told so")
{
    virtio_fake_init(&fake, MODERN);
    drop_feature(32);
    CHECK_EQ(kit_start(), VIRTIO_BLK_REFUSED);
    CHECK(fake.status & 128);
    virtio_fake_init(&fake, MODERN);
    fake.refuses_features = true;
    CHECK_EQ(kit_start(), VIRTIO_BLK_REFUSED);
    CHECK_EQ(blk.state, VIRTIO_BLK_GONE);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 1, 8, KIT_DATA, 1), ENXIO);
}

TEST("a queue that is absent or too small is refused, one of 4 serves requests of 2 segments")
{
    virtio_fake_init(&fake, LEGACY);
    fake.queue_max = 0;
    CHECK_EQ(kit_start(), VIRTIO_BLK_BAD_QUEUE);
    virtio_fake_init(&fake, MODERN);
    fake.queue_max = 2;
    CHECK_EQ(kit_start(), VIRTIO_BLK_BAD_QUEUE);
    virtio_fake_init(&fake, MODERN);
    fake.queue_max = 4;
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
    CHECK_EQ(blk.geometry.segments, 2);
    check_works();
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 3, 3, KIT_DATA, 1), EINVAL);
}

TEST("sizes that no disk of ours has are refused")
{
    static const uint32_t blocks[] = {0, 256, 513, 1536, 8192};

    for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        virtio_fake_init(&fake, MODERN);
        fake.block_bytes = blocks[i];
        CHECK_EQ(kit_start(), VIRTIO_BLK_BAD_GEOMETRY);
    }
    virtio_fake_init(&fake, LEGACY);
    fake.segments_max = 0;
    CHECK_EQ(kit_start(), VIRTIO_BLK_BAD_GEOMETRY);
    virtio_fake_init(&fake, MODERN);
    fake.size_max = 511;
    CHECK_EQ(kit_start(), VIRTIO_BLK_BAD_GEOMETRY);
}

TEST("a number of sectors that never settles is no disk to read from, and no hang")
{
    virtio_fake_init(&fake, MODERN);
    fake.restless = true;
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
    CHECK_EQ(blk.geometry.sectors, 0);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 1, 1, KIT_DATA, 1), EINVAL);
}

TEST("a device that does not confirm a reset is not started")
{
    virtio_fake_init(&fake, LEGACY);
    fake.never_resets = true;
    CHECK_EQ(kit_start(), VIRTIO_BLK_NOT_RESET);
}

/* --- requests ---------------------------------------------------------------------------------- */

static void check_segments(uint32_t segments)
{
    uint8_t *data = fake.ram + KIT_DATA;
    const uint32_t bytes = segments * 4096;

    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i * 13 + i / 4096 + segments);
    CHECK_EQ(kit_submit(VIRTIO_BLK_WRITE, 64, segments, segments * 8, KIT_DATA, segments), 0);
    kick();
    CHECK_EQ(fake.held[0].count, segments + 2);
    CHECK_EQ(finish(VICE_NONE).error, 0);
    CHECK(memcmp(fake.disk + 64 * 512, data, bytes) == 0);
    memset(data, 0, bytes);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 64, segments, segments * 8, KIT_DATA, 70 + segments), 0);
    kick();
    CHECK_EQ(finish(VICE_NONE).tag, 70 + segments);
    CHECK(memcmp(fake.disk + 64 * 512, data, bytes) == 0);
}

TEST("1 to 32 segments are written and read, by both versions, with indirect descriptors and "
     "without")
{
    for (unsigned world = 0; world < 4; world++) {
        virtio_fake_init(&fake, world % 2 == 0);
        if (world >= 2)
            drop_feature(28);
        CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
        CHECK_EQ(blk.geometry.segments, 32);
        for (uint32_t segments = 1; segments <= 32; segments++)
            check_segments(segments);
    }
}

TEST("flush, discard and zeros do what they say, and only where the device knows them")
{
    const struct virtio_blk_request flush = {.op = VIRTIO_BLK_FLUSH, .tag = 1};
    struct virtio_blk_request range = {
        .op = VIRTIO_BLK_DISCARD, .sector = 8, .sectors = 16, .tag = 2};

    start(MODERN);
    CHECK_EQ(virtio_blk_submit(&blk, &flush), 0);
    CHECK_EQ(virtio_blk_submit(&blk, &range), 0);
    range.op = VIRTIO_BLK_WRITE_ZEROES;
    range.sector = 100;
    CHECK_EQ(virtio_blk_submit(&blk, &range), 0);
    kick();
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(finish(VICE_NONE).error, 0);
    CHECK(fake.disk[8 * 512] == 0 && fake.disk[24 * 512 - 1] == 0 && fake.disk[24 * 512] != 0);
    CHECK(fake.disk[100 * 512 + 5] == 0 && fake.disk[116 * 512 - 1] == 0);
    range.sectors = 1025;
    CHECK_EQ(virtio_blk_submit(&blk, &range), EINVAL);
    virtio_fake_init(&fake, LEGACY);
    drop_feature(9), drop_feature(13), drop_feature(14);
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
    CHECK_EQ(virtio_blk_submit(&blk, &flush), EOPNOTSUPP);
    CHECK_EQ(virtio_blk_submit(&blk, &range), EOPNOTSUPP);
}

TEST("a bad request is refused by name, and leaves nothing behind")
{
    const uint64_t page = VIRTIO_BLK_SEGMENT(virtio_fake_address(KIT_DATA), 8);
    const uint64_t empty = VIRTIO_BLK_SEGMENT(virtio_fake_address(KIT_DATA), 0);
    struct virtio_blk_request request = {.op = VIRTIO_BLK_READ, .segments = 1, .segment = &page};

    start(MODERN);
    request.op = VIRTIO_BLK_OPS;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.op = VIRTIO_BLK_READ;
    request.sectors = 8;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.sectors = 0;
    request.segments = 0;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.segments = 33;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.segments = 1;
    request.sector = FAKE_DISK_SECTORS - 7;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.sector = UINT64_MAX - 3;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request.sector = 0;
    request.segment = &empty;
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request = (struct virtio_blk_request){.op = VIRTIO_BLK_FLUSH, .sector = 1};
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    request = (struct virtio_blk_request){.op = VIRTIO_BLK_DISCARD, .sector = 1};
    CHECK_EQ(virtio_blk_submit(&blk, &request), EINVAL);
    kick();
    CHECK_EQ(fake.held_count, 0);
    check_works();
}

TEST("a disk with blocks of 4096 bytes takes whole blocks only, one that is read-only no writes")
{
    virtio_fake_init(&fake, MODERN);
    fake.block_bytes = 4096;
    fake.offered |= 1ull << 5;
    CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 4, 1, 8, KIT_DATA, 1), EINVAL);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 8, 1, 4, KIT_DATA, 1), EINVAL);
    CHECK_EQ(kit_submit(VIRTIO_BLK_WRITE, 8, 1, 8, KIT_DATA, 1), EROFS);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 8, 2, 8, KIT_DATA, 1), 0); /* two halves of a block */
}

TEST("as many requests as there are places, the next one is told to come again")
{
    for (unsigned indirect = 0; indirect < 2; indirect++) {
        virtio_fake_init(&fake, MODERN);
        if (!indirect)
            drop_feature(28);
        CHECK_EQ(kit_start(), VIRTIO_BLK_STARTED);
        CHECK_EQ(blk.places, indirect ? 16 : 7);
        for (uint32_t i = 0; i < blk.places; i++)
            CHECK_EQ(kit_submit(VIRTIO_BLK_READ, i * 8, 1, 8, KIT_DATA + i * 4096, i), 0);
        CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 1, 8, KIT_DATA, 77), EAGAIN);
        kick();
        CHECK_EQ(finish(VICE_NONE).error, 0);
        CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 1, 8, KIT_DATA, 77), 0);
    }
}

TEST("a batch is one notification and one interrupt")
{
    struct virtio_blk_end end;
    uint32_t ends = 0;

    start(MODERN);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(kit_submit(VIRTIO_BLK_READ, i * 8, 1, 8, KIT_DATA + i * 4096, i), 0);
    kick();
    kick();
    CHECK(virtio_blk_sleep(&blk));
    while (fake.held_count > 0)
        virtio_fake_finish(&fake, fake.held_count - 1, VICE_NONE);
    CHECK_EQ(fake.notifications, 1);
    virtio_blk_interrupt(&blk);
    while (virtio_blk_take(&blk, &end))
        ends++;
    CHECK_EQ(ends, 8);
    CHECK_EQ(fake.interrupts, 1);
    CHECK(virtio_blk_sleep(&blk));
}

TEST("an end that comes while the driver goes to sleep is seen")
{
    struct virtio_blk_end end;

    start(MODERN);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 1, 8, KIT_DATA, 5), 0);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 8, 1, 8, KIT_DATA, 6), 0);
    kick();
    virtio_fake_finish(&fake, 0, VICE_NONE);
    CHECK(virtio_blk_take(&blk, &end));
    virtio_fake_finish(&fake, 0, VICE_NONE); /* no interrupt: nobody asked for a second one */
    CHECK(!virtio_blk_sleep(&blk));
    CHECK(virtio_blk_take(&blk, &end));
    CHECK_EQ(end.tag, 6);
}

TEST("70,000 requests wrap all indexes")
{
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        start(legacy != 0);
        for (uint32_t i = 0; i < 70000; i++) {
            CHECK_EQ(kit_submit(VIRTIO_BLK_READ, i % 256 * 8, 1, 8, KIT_DATA, i), 0);
            virtio_blk_kick(&blk);
            CHECK_EQ(finish(VICE_NONE).tag, i);
        }
        CHECK_EQ(fake.notifications, 70000);
    }
}

/* --- failures ---------------------------------------------------------------------------------- */

TEST("what the device says of a request becomes its error, and only its")
{
    static const struct {
        enum fake_vice vice;
        int error, legacy_error;
    } cases[] = {{VICE_IO_ERROR, EIO, EIO},
                 {VICE_UNSUPPORTED, EOPNOTSUPP, EOPNOTSUPP},
                 {VICE_NO_STATUS, EIO, EIO},
                 {VICE_ODD_STATUS, EIO, EIO},
                 {VICE_SHORT, EIO, 0}}; /* what old devices say of lengths means nothing */

    for (unsigned i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        start(i % 2 == 1);
        CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 0, 4, 32, KIT_DATA, 1), 0);
        CHECK_EQ(kit_submit(VIRTIO_BLK_WRITE, 40, 1, 8, KIT_DATA + 65536, 2), 0);
        kick();
        CHECK_EQ(finish(cases[i / 2].vice).error,
                 i % 2 == 1 ? cases[i / 2].legacy_error : cases[i / 2].error);
        CHECK_EQ(finish(VICE_NONE).error, 0);
        CHECK_EQ(blk.resets, 0);
        check_works();
    }
}

TEST("a device that breaks the rules of the queue is reset: each request ends once, and it works "
     "again")
{
    for (unsigned i = 0; i < 2 * (VICES - VICE_HONEST); i++) {
        const enum fake_vice vice = (enum fake_vice)(VICE_HONEST + i / 2);
        struct virtio_blk_end end;
        unsigned ends = 1;

        start(i % 2 == 1);
        for (uint32_t k = 0; k < 5; k++)
            CHECK_EQ(kit_submit(VIRTIO_BLK_READ, k * 8, 1, 8, KIT_DATA + k * 4096, k), 0);
        kick();
        CHECK_EQ(finish(vice).error, EIO);
        while (virtio_blk_take(&blk, &end)) {
            CHECK_EQ(end.error, EIO);
            ends++;
        }
        CHECK_EQ(ends, 5);
        CHECK_EQ(blk.resets, 1);
        check_works();
    }
}

TEST("a device that asks for a reset gets it, its requests end with an error")
{
    struct virtio_blk_end end;

    for (unsigned i = 0; i < 2; i++) {
        start(i == 1);
        CHECK_EQ(kit_submit(VIRTIO_BLK_WRITE, 0, 1, 8, KIT_DATA, 3), 0);
        kick();
        virtio_fake_need_reset(&fake);
        virtio_blk_interrupt(&blk);
        CHECK(!virtio_blk_sleep(&blk));
        CHECK(virtio_blk_take(&blk, &end));
        CHECK(end.tag == 3 && end.error == EIO);
        check_no_end();
        check_works();
    }
}

TEST("a device that never answers is reset at the first deadline: all ends are ETIMEDOUT, it works "
     "again")
{
    struct virtio_blk_end end;

    start(MODERN);
    for (uint32_t k = 1; k <= 3; k++)
        CHECK_EQ(kit_submit(VIRTIO_BLK_READ, k * 8, 1, 8, KIT_DATA + k * 4096, 10 * k), 0);
    kick();
    CHECK_EQ(virtio_blk_deadline(&blk), 1010);
    virtio_blk_expire(&blk, 1009);
    check_no_end();
    virtio_blk_expire(&blk, 1010);
    kit_check();
    CHECK_EQ(virtio_blk_deadline(&blk), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(virtio_blk_take(&blk, &end));
        CHECK_EQ(end.error, ETIMEDOUT);
    }
    check_works();
}

TEST("without a reset that is confirmed an end says that memory may still change, and the disk is "
     "gone")
{
    struct virtio_blk_end end;

    start(MODERN);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 8, 1, 8, KIT_DATA, 1), 0);
    kick();
    fake.never_resets = true;
    virtio_blk_expire(&blk, 5000);
    CHECK(virtio_blk_take(&blk, &end));
    CHECK_EQ(end.error, ENOTRECOVERABLE);
    CHECK_EQ(blk.state, VIRTIO_BLK_GONE);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 8, 1, 8, KIT_DATA, 1), ENXIO);
    kick();
    check_no_end();
}

TEST("a device that is another one after a reset is gone, and no end is lost")
{
    static const unsigned changed[] = {28, 32};
    struct virtio_blk_end end;

    for (unsigned i = 0; i < 2; i++) {
        start(MODERN);
        for (uint32_t k = 0; k < 16; k++)
            CHECK_EQ(kit_submit(VIRTIO_BLK_READ, k * 8, 1, 8, KIT_DATA + k * 4096, k), 0);
        kick();
        drop_feature(changed[i]);
        virtio_blk_expire(&blk, 5000);
        for (uint32_t k = 0; k < 16; k++) {
            CHECK(virtio_blk_take(&blk, &end));
            CHECK_EQ(end.error, ETIMEDOUT);
            kit_check();
        }
        check_no_end();
        CHECK_EQ(blk.state, VIRTIO_BLK_GONE);
    }
}

TEST("an interrupt without a cause changes nothing, a new size counts from then on")
{
    start(LEGACY);
    virtio_blk_interrupt(&blk);
    check_no_end();
    virtio_fake_resize(&fake, 80);
    virtio_blk_interrupt(&blk);
    CHECK_EQ(blk.geometry.sectors, 80);
    CHECK_EQ(kit_submit(VIRTIO_BLK_READ, 80, 1, 8, KIT_DATA, 1), EINVAL);
    check_works();
}
