/* A disk of software with its driver, for the tests of both. */
#ifndef TESTS_VIRTIO_KIT_H
#define TESTS_VIRTIO_KIT_H

#include "../../drivers/virtio/virtio_blk_check.h"
#include "harness.h"
#include "virtio_fake.h"

#define KIT_SHARED 0u          /* offset of the driver's memory */
#define KIT_DATA   (64u << 10) /* where tests keep what they read and write */

static struct virtio_fake fake;
static struct virtio_blk blk;

static void kit_check(void)
{
    const char *broken = virtio_blk_check(&blk);

    CHECK_STRING(broken ? broken : "nothing", "nothing");
}

static enum virtio_blk_start kit_start(void)
{
    const struct virtio_port port = virtio_fake_port(&fake);
    const struct virtio_memory memory = {(void *)(fake.ram + KIT_SHARED),
                                         virtio_fake_address(KIT_SHARED)};
    const enum virtio_blk_start result = virtio_blk_start(&blk, &port, &memory);

    kit_check();
    return result;
}

/* A read or write of `sectors` in `segments` equal pieces, from offset `data` on in memory. */
static int kit_submit(enum virtio_blk_op op, uint64_t sector, uint32_t segments, uint32_t sectors,
                      uint32_t data, uint64_t tag)
{
    uint64_t segment[VIRTIO_BLK_SEGMENTS + 1];
    const struct virtio_blk_request request = {.op = op,
                                               .segments = segments,
                                               .sector = sector,
                                               .segment = segment,
                                               .tag = tag,
                                               .deadline = 1000 + tag};
    int error;

    for (uint32_t i = 0; i < segments; i++)
        segment[i] = VIRTIO_BLK_SEGMENT(virtio_fake_address(data + i * (sectors / segments) * 512),
                                        sectors / segments);
    error = virtio_blk_submit(&blk, &request);
    kit_check();
    return error;
}

#endif
