/* sources: drivers/virtio/virtq.c drivers/virtio/virtio_blk_check.c */
/* The queue alone: layout, notifications and interrupts by index; what a device may say is tried in
 * virtio_blk_test.c. */
#include <string.h>

#include "../../drivers/virtio/virtio_blk_check.h"
#include "harness.h"

static uint8_t memory[VIRTQ_BYTES] __attribute__((aligned(VIRTQ_ALIGN)));
static struct virtq queue;

/* The device's view: halfwords of the rings. */
static uint16_t *word(uint32_t ring, uint32_t index)
{
    return (uint16_t *)(void *)(memory + ring) + index;
}

static void use(uint32_t head, uint32_t bytes)
{
    const struct virtq_layout layout = virtq_layout(queue.size);
    uint16_t *index = word(layout.used, 1);
    const struct virtq_element element = {head, bytes};

    memcpy(memory + layout.used + 4 + 8 * (*index % queue.size), &element, sizeof element);
    ++*index;
}

static void check(void)
{
    CHECK_STRING(virtq_check(&queue) ? virtq_check(&queue) : "", "");
}

/* Moves all indexes on to `index`: chains that come and go. */
static void advance(uint16_t index)
{
    struct virtq_element done;

    while (queue.published != index) {
        virtq_offer(&queue, 0, 1);
        (void)virtq_publish(&queue);
        use(0, 1);
        CHECK(virtq_take(&queue, &done));
    }
    check();
}

TEST("the parts of a queue lie as the legacy layout has them, in 3 pages at most")
{
    for (uint16_t size = 2; size <= VIRTQ_SIZE_MAX; size = (uint16_t)(2 * size)) {
        const struct virtq_layout layout = virtq_layout(size);

        CHECK_EQ(layout.available, 16u * size);
        CHECK(layout.used % 4096 == 0 && layout.used >= layout.available + 6u + 2u * size);
        CHECK(layout.used - layout.available - 6u - 2u * size < 4096);
        CHECK_EQ(layout.end, layout.used + 6u + 8u * size);
        CHECK(layout.end <= VIRTQ_BYTES);
    }
}

TEST("the device is notified exactly when the index that it named is written, over the wrap too")
{
    static const uint16_t starts[] = {0, 5, 32767, 65533, 65535};

    for (unsigned s = 0; s < 5; s++)
        for (unsigned batch = 1; batch <= 3; batch++)
            for (int event = -4; event <= 4; event++) {
                const uint16_t named = (uint16_t)(starts[s] + event);
                bool due = false;

                virtq_init(&queue, memory, 4, true);
                advance(starts[s]);
                *word(virtq_layout(4).used, 2 + 4 * 4) = named;
                for (unsigned i = 0; i < batch; i++) {
                    due |= (uint16_t)(starts[s] + i) == named;
                    virtq_offer(&queue, (uint16_t)i, 1);
                }
                CHECK_EQ(virtq_publish(&queue), due);
                CHECK(!virtq_publish(&queue)); /* nothing new */
                check();
            }
}

TEST("without event index a flag of the device's decides, and used_event is left alone")
{
    virtq_init(&queue, memory, 8, false);
    virtq_offer(&queue, 3, 1);
    CHECK(virtq_publish(&queue));
    *word(virtq_layout(8).used, 0) = 1;
    virtq_offer(&queue, 4, 1);
    CHECK(!virtq_publish(&queue));
    use(3, 0);
    CHECK(virtq_sleep(&queue));
    CHECK_EQ(*word(virtq_layout(8).available, 2 + 8), 0);
}

TEST("nothing is visible before it is published, and then all of it in order")
{
    const struct virtq_layout layout = virtq_layout(8);

    virtq_init(&queue, memory, 8, true);
    virtq_offer(&queue, 6, 1);
    virtq_offer(&queue, 2, 1);
    CHECK_EQ(*word(layout.available, 1), 0);
    CHECK(virtq_publish(&queue));
    CHECK_EQ(*word(layout.available, 1), 2);
    CHECK(*word(layout.available, 2) == 6 && *word(layout.available, 3) == 2);
}

TEST("who goes to sleep names the next chain, unless one is there")
{
    struct virtq_element done;

    virtq_init(&queue, memory, 8, true);
    advance(65535);
    CHECK(virtq_sleep(&queue));
    CHECK_EQ(*word(virtq_layout(8).available, 2 + 8), 65535);
    virtq_offer(&queue, 1, 10);
    (void)virtq_publish(&queue);
    use(1, 10);
    CHECK(!virtq_sleep(&queue));
    CHECK(virtq_take(&queue, &done));
    CHECK(done.head == 1 && done.bytes == 10);
    CHECK(!virtq_take(&queue, &done));
    CHECK(!queue.broken);
    check();
}

TEST("a chain is believed up to its limit, and what is beyond breaks the queue for good")
{
    struct virtq_element done;

    virtq_init(&queue, memory, 8, true);
    virtq_offer(&queue, 1, 10);
    virtq_offer(&queue, 2, 10);
    (void)virtq_publish(&queue);
    use(1, 11);
    use(2, 10);
    CHECK(!virtq_take(&queue, &done));
    CHECK(queue.broken);
    CHECK(!virtq_take(&queue, &done));
    check();
}

TEST("an index that leaps or goes back breaks the queue before anything is taken")
{
    static const uint16_t steps[] = {2, 1000, 0xffff};
    struct virtq_element done;

    for (unsigned i = 0; i < 3; i++) {
        virtq_init(&queue, memory, 8, true);
        advance(2);
        virtq_offer(&queue, 1, 10);
        (void)virtq_publish(&queue);
        use(1, 10);
        *word(virtq_layout(8).used, 1) = (uint16_t)(2 + steps[i]);
        CHECK(!virtq_take(&queue, &done));
        CHECK(queue.broken);
    }
}
