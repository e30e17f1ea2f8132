/* Owns the disk of software, see virtio_fake.h. */
#include "virtio_fake.h"

#include <string.h>

#include "harness.h"

/* 2.1, 6, 5.2.3 */
enum {
    ACKNOWLEDGE = 1,
    DRIVER = 2,
    DRIVER_OK = 4,
    FEATURES_OK = 8,
    NEEDS_RESET = 64,
    FAILED = 128
};
enum { BIT_INDIRECT = 28, BIT_EVENT = 29, BIT_VERSION_1 = 32 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

static bool fake_has(const struct virtio_fake *fake, unsigned bit)
{
    return (fake->accepted >> bit & 1) != 0;
}

/* --- memory ------------------------------------------------------------------------------------ */

uint64_t virtio_fake_address(uint32_t offset)
{
    return FAKE_RAM_BASE + offset;
}

static uint8_t *fake_at(struct virtio_fake *fake, uint64_t address, uint64_t bytes)
{
    CHECK(address >= FAKE_RAM_BASE && bytes <= FAKE_RAM_BYTES);
    CHECK(address - FAKE_RAM_BASE <= FAKE_RAM_BYTES - bytes);
    return &fake->ram[address - FAKE_RAM_BASE];
}

static uint64_t fake_load(struct virtio_fake *fake, uint64_t address, unsigned bytes)
{
    const uint8_t *at = fake_at(fake, address, bytes);
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static void fake_store(struct virtio_fake *fake, uint64_t address, unsigned bytes, uint64_t value)
{
    uint8_t *at = fake_at(fake, address, bytes);

    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* --- registers --------------------------------------------------------------------------------- */

static void fake_reset(struct virtio_fake *fake)
{
    fake->resets++;
    fake->interrupt_status = 0;
    fake->accepted = 0;
    fake->page_bytes = fake->align = fake->queue_page = fake->queue_size = fake->ready = 0;
    fake->descriptors = fake->available = fake->used = 0;
    fake->next_available = fake->next_used = 0;
    fake->held_count = 0;
    fake->broken = false;
    if (!fake->never_resets)
        fake->status = 0;
}

/* The order of 3.1.1; legacy devices know no FEATURES_OK. */
static void fake_write_status(struct virtio_fake *fake, uint32_t value)
{
    const uint32_t ready = fake->legacy ? fake->queue_page : fake->ready;

    if (value == 0) {
        fake_reset(fake);
        return;
    }
    CHECK_EQ(fake->status & ~(uint32_t)NEEDS_RESET & ~value, 0);
    if (value & DRIVER)
        CHECK(value & ACKNOWLEDGE);
    if (value & FEATURES_OK) {
        CHECK(!fake->legacy && fake->status & DRIVER);
        if (fake->refuses_features)
            value &= ~(uint32_t)FEATURES_OK;
    }
    if (value & DRIVER_OK)
        CHECK(ready != 0 && (fake->legacy || fake->status & FEATURES_OK));
    fake->status = value;
}

static void fake_write_features(struct virtio_fake *fake, uint32_t value)
{
    const unsigned shift = fake->driver_select * 32;

    CHECK(fake->status & DRIVER && !(fake->status & (FEATURES_OK | DRIVER_OK)));
    CHECK(fake->driver_select <= (fake->legacy ? 0u : 1u));
    fake->accepted = (fake->accepted & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
    CHECK_EQ(fake->accepted & ~fake->offered, 0);
}

static void fake_start_legacy_queue(struct virtio_fake *fake)
{
    const uint64_t size = fake->queue_size;

    CHECK(fake->page_bytes == 4096 && fake->align == 4096 && size > 0);
    fake->descriptors = (uint64_t)fake->queue_page * fake->page_bytes;
    fake->available = fake->descriptors + 16 * size;
    fake->used = (fake->available + 6 + 2 * size + fake->align - 1) / fake->align * fake->align;
    (void)fake_at(fake, fake->descriptors, fake->used + 6 + 8 * size - fake->descriptors);
}

static void fake_start_queue(struct virtio_fake *fake)
{
    const uint64_t size = fake->queue_size;

    CHECK(fake->status & FEATURES_OK && size > 0);
    CHECK(fake->descriptors % 16 == 0 && fake->available % 2 == 0 && fake->used % 4 == 0);
    (void)fake_at(fake, fake->descriptors, 16 * size);
    (void)fake_at(fake, fake->available, 6 + 2 * size);
    (void)fake_at(fake, fake->used, 6 + 8 * size);
}

/* One half of a 64-bit address. */
static void fake_write_half(uint64_t *word, bool high, uint32_t value)
{
    *word = high ? (*word & 0xffffffff) | (uint64_t)value << 32 : (*word & ~0xffffffffull) | value;
}

/* Registers of the queue that both versions have, and those of one. */
static void fake_write_queue(struct virtio_fake *fake, uint32_t offset, uint32_t value)
{
    CHECK_EQ(fake->queue_select, 0);
    CHECK(fake->ready == 0 && (fake->queue_page == 0 || offset == 0x40));
    CHECK(fake->legacy == (offset == 0x3c || offset == 0x40) || offset == 0x38);
    if (offset == 0x38) {
        CHECK(value > 0 && value <= fake->queue_max && (value & (value - 1)) == 0);
        fake->queue_size = value;
    } else if (offset == 0x3c) {
        fake->align = value;
    } else if (offset == 0x40) {
        fake->queue_page = value;
        fake_start_legacy_queue(fake);
    } else if (offset == 0x44) {
        CHECK_EQ(value, 1);
        fake_start_queue(fake);
        fake->ready = 1;
    } else {
        uint64_t *which[] = {&fake->descriptors, &fake->available, &fake->used};

        CHECK(offset >= 0x80 && offset < 0xb0 && offset % 16 < 8);
        fake_write_half(which[(offset - 0x80) / 16], offset % 8 == 4, value);
    }
}

static void fake_notify(struct virtio_fake *fake, uint32_t queue)
{
    CHECK_EQ(queue, 0);
    CHECK(fake->status & DRIVER_OK);
    fake->notifications++;
    if (!fake->deaf)
        virtio_fake_look(fake);
}

static void fake_write(void *context, uint32_t offset, uint32_t value)
{
    struct virtio_fake *fake = context;

    fake->accesses++;
    CHECK(offset % 4 == 0 && fake->device_id == 2);
    switch (offset) {
    case 0x14:
        fake->device_select = value;
        break;
    case 0x20:
        fake_write_features(fake, value);
        break;
    case 0x24:
        fake->driver_select = value;
        break;
    case 0x28:
        CHECK(fake->legacy);
        fake->page_bytes = value;
        break;
    case 0x30:
        fake->queue_select = value;
        break;
    case 0x50:
        fake_notify(fake, value);
        break;
    case 0x64:
        CHECK_EQ(value & ~3u, 0);
        fake->interrupt_status &= ~value;
        break;
    case 0x70:
        fake_write_status(fake, value);
        break;
    default:
        fake_write_queue(fake, offset, value);
    }
}

static uint32_t fake_read_config(struct virtio_fake *fake, uint32_t offset)
{
    const struct {
        uint32_t offset, value;
    } fields[] = {{0x00, (uint32_t)fake->sectors}, {0x04, (uint32_t)(fake->sectors >> 32)},
                  {0x08, fake->size_max},          {0x0c, fake->segments_max},
                  {0x14, fake->block_bytes},       {0x24, fake->discard_max},
                  {0x28, fake->discard_max != 0},  {0x30, fake->zeroes_max},
                  {0x34, fake->zeroes_max != 0}};

    CHECK(fake->legacy || fake->status & FEATURES_OK);
    fake->sectors += fake->restless;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].offset == offset)
            return fields[i].value;
    harness_fail(__FILE__, __LINE__,
                 "a field of the configuration that the driver should not need");
}

static uint32_t fake_read(void *context, uint32_t offset)
{
    struct virtio_fake *fake = context;

    fake->accesses++;
    CHECK(offset % 4 == 0 && (offset <= 8 || fake->device_id == 2));
    if (offset >= 0x100)
        return fake_read_config(fake, offset - 0x100);
    switch (offset) {
    case 0x00:
        return 0x74726976;
    case 0x04:
        return fake->legacy ? 1 : 2;
    case 0x08:
        return fake->device_id;
    case 0x10:
        CHECK(fake->device_select <= 1);
        return (uint32_t)(fake->offered >> (32 * fake->device_select));
    case 0x34:
        return fake->queue_select == 0 ? fake->queue_max : 0;
    case 0x40:
        CHECK(fake->legacy);
        return fake->queue_page;
    case 0x44:
        CHECK(!fake->legacy);
        return fake->ready;
    case 0x60:
        return fake->interrupt_status;
    case 0x70:
        return fake->status;
    default:
        harness_fail(__FILE__, __LINE__, "a register that is not read");
    }
}

struct virtio_port virtio_fake_port(struct virtio_fake *fake)
{
    return (struct virtio_port){fake, fake_read, fake_write};
}

void virtio_fake_init(struct virtio_fake *fake, bool legacy)
{
    static const uint8_t features[] = {1, 2, 6, 9, 13, 14, BIT_INDIRECT, BIT_EVENT};

    memset(fake, 0, sizeof *fake);
    fake->legacy = legacy;
    fake->device_id = 2;
    fake->queue_max = 1024;
    fake->sectors = FAKE_DISK_SECTORS;
    fake->size_max = 1u << 20;
    fake->segments_max = 126;
    fake->block_bytes = 512;
    fake->discard_max = fake->zeroes_max = 1024;
    for (size_t i = 0; i < sizeof features; i++)
        fake->offered |= 1ull << features[i];
    fake->offered |= 1ull << 4 | 1ull << 10; /* ones that the driver need not know */
    if (!legacy)
        fake->offered |= 1ull << BIT_VERSION_1;
    for (size_t i = 0; i < sizeof fake->disk; i++)
        fake->disk[i] = (uint8_t)(i * 7 + i / 512);
    memset(fake->ram, 0xa5, sizeof fake->ram);
    fake->status = ACKNOWLEDGE | DRIVER; /* as some firmware left it */
}

/* --- chains ------------------------------------------------------------------------------------ */

static void fake_add_piece(struct virtio_fake *fake, struct fake_held *held, uint64_t descriptor)
{
    const uint32_t bytes = (uint32_t)fake_load(fake, descriptor + 8, 4);
    const bool written = (fake_load(fake, descriptor + 12, 2) & WRITE) != 0;
    const uint64_t address = fake_load(fake, descriptor, 8);

    CHECK(held->count < FAKE_PIECES_MAX && bytes > 0);
    (void)fake_at(fake, address, bytes);
    CHECK(held->count == 0 || written || !held->piece[held->count - 1].written);
    held->piece[held->count++] = (struct fake_piece){address, bytes, written};
}

/* Follows a chain in a table of `size` descriptors. */
static void fake_follow(struct virtio_fake *fake, struct fake_held *held, uint64_t table,
                        uint64_t size, uint64_t index, bool indirect)
{
    uint64_t flags;

    do {
        uint64_t at = table + 16 * index;

        CHECK(index < size && held->count < fake->queue_size);
        flags = fake_load(fake, at + 12, 2);
        CHECK_EQ(flags & ~(uint64_t)(NEXT | WRITE | INDIRECT), 0);
        if (flags & INDIRECT) {
            uint64_t bytes = fake_load(fake, at + 8, 4);

            CHECK(!indirect && !(flags & NEXT) && fake_has(fake, BIT_INDIRECT) && bytes % 16 == 0);
            fake_follow(fake, held, fake_load(fake, at, 8), bytes / 16, 0, true);
            return;
        }
        fake_add_piece(fake, held, at);
        index = fake_load(fake, at + 14, 2);
    } while (flags & NEXT);
}

/* The form of 5.2.6: header, data, status; each in pieces of their own, as old devices need it. */
static void fake_check_request(struct virtio_fake *fake, const struct fake_held *held)
{
    const struct fake_piece *header = &held->piece[0], *status = &held->piece[held->count - 1];

    CHECK(held->count >= 2);
    CHECK(header->bytes == 16 && !header->written && status->bytes == 1 && status->written);
    CHECK_EQ(fake_load(fake, header->address + 4, 4), 0);
    for (uint32_t i = 1; i + 1 < held->count; i++) {
        CHECK(!(fake->accepted & 2) || held->piece[i].bytes <= fake->size_max);
        CHECK_EQ(held->piece[i].written, fake_load(fake, header->address, 4) == 0);
    }
    CHECK(held->count - 2 <= fake->segments_max);
    for (uint32_t i = 0; i < fake->held_count; i++)
        CHECK(fake->held[i].head != held->head);
}

void virtio_fake_look(struct virtio_fake *fake)
{
    uint16_t index = (uint16_t)fake_load(fake, fake->available + 2, 2);

    if (fake->broken)
        return;
    CHECK((uint16_t)(index - fake->next_available) <= fake->queue_size);
    while (fake->next_available != index) {
        struct fake_held *held = &fake->held[fake->held_count];
        uint64_t at = fake->available + 4 + 2 * (fake->next_available++ % fake->queue_size);

        CHECK(fake->held_count < FAKE_HELD_MAX);
        *held = (struct fake_held){.head = (uint16_t)fake_load(fake, at, 2)};
        fake_follow(fake, held, fake->descriptors, fake->queue_size, held->head, false);
        fake_check_request(fake, held);
        fake->held_count++;
    }
    /* avail_event: notify me at the next one. */
    if (fake_has(fake, BIT_EVENT))
        fake_store(fake, fake->used + 4 + 8 * fake->queue_size, 2, fake->next_available);
}

/* --- requests ---------------------------------------------------------------------------------- */

static void fake_interrupt(struct virtio_fake *fake, uint32_t cause)
{
    fake->interrupts += fake->interrupt_status == 0;
    fake->interrupt_status |= cause;
}

/* Copies between the disk and the pieces, at most `bytes`.  Returns: bytes copied. */
static uint64_t fake_copy(struct virtio_fake *fake, const struct fake_held *held, uint64_t sector,
                          uint64_t bytes)
{
    uint64_t done = 0;

    for (uint32_t i = 1; i + 1 < held->count && done < bytes; i++) {
        const struct fake_piece *piece = &held->piece[i];
        uint64_t part = piece->bytes < bytes - done ? piece->bytes : bytes - done;
        uint8_t *memory = fake_at(fake, piece->address, part),
                *disk = &fake->disk[sector * 512 + done];

        memcpy(piece->written ? memory : disk, piece->written ? disk : memory, part);
        done += part;
    }
    return done;
}

static void fake_discard(struct virtio_fake *fake, const struct fake_held *held, uint32_t most)
{
    const uint64_t at = held->piece[1].address;
    const uint64_t sector = fake_load(fake, at, 8), sectors = fake_load(fake, at + 8, 4);

    CHECK(held->count == 3 && held->piece[1].bytes == 16);
    CHECK_EQ(fake_load(fake, at + 12, 4), 0);
    CHECK(sectors > 0 && sectors <= most && sector + sectors <= fake->sectors);
    memset(&fake->disk[sector * 512], 0, sectors * 512);
}

/* Does what the header says, at most `bytes` of it.  Returns: bytes written to memory. */
static uint64_t fake_execute(struct virtio_fake *fake, const struct fake_held *held, uint64_t bytes)
{
    const uint64_t header = held->piece[0].address;
    const uint64_t type = fake_load(fake, header, 4), sector = fake_load(fake, header + 8, 8);
    uint64_t data = 0;

    for (uint32_t i = 1; i + 1 < held->count; i++)
        data += held->piece[i].bytes;
    if (type == 4 || type == 11 || type == 13)
        CHECK_EQ(sector, 0);
    if (type <= 1) {
        CHECK(data > 0 && data % fake->block_bytes == 0 && sector * 512 % fake->block_bytes == 0);
        CHECK(sector + data / 512 <= fake->sectors && sector + data / 512 <= FAKE_DISK_SECTORS);
        data = fake_copy(fake, held, sector, bytes);
    } else if (type == 4) {
        CHECK(held->count == 2 && fake_has(fake, 9));
    } else if (type == 11 && fake_has(fake, 13)) {
        fake_discard(fake, held, fake->discard_max);
    } else {
        CHECK(type == 13 && fake_has(fake, 14));
        fake_discard(fake, held, fake->zeroes_max);
    }
    return type == 0 ? data : 0;
}

/* Puts an element into the used ring, and interrupts as it was asked to. */
static void fake_use(struct virtio_fake *fake, uint32_t id, uint64_t bytes, uint16_t step)
{
    const uint64_t at = fake->used + 4 + 8 * (fake->next_used % fake->queue_size);
    const uint16_t old = fake->next_used;
    uint16_t event = (uint16_t)fake_load(fake, fake->available + 4 + 2 * fake->queue_size, 2);

    fake_store(fake, at, 4, id);
    fake_store(fake, at + 4, 4, bytes);
    fake->next_used = (uint16_t)(old + step);
    fake_store(fake, fake->used + 2, 2, fake->next_used);
    CHECK_EQ(fake_load(fake, fake->available, 2), 0);
    if (!fake_has(fake, BIT_EVENT) || old == event || step != 1)
        fake_interrupt(fake, 1);
}

static uint64_t fake_room(const struct fake_held *held)
{
    uint64_t room = 0;

    for (uint32_t i = 0; i < held->count; i++)
        room += held->piece[i].written ? held->piece[i].bytes : 0;
    return room;
}

/* An id that is no head of a chain that it has. */
static uint32_t fake_wrong_id(const struct virtio_fake *fake)
{
    uint32_t id = fake->queue_size - 1;

    for (uint32_t i = 0; i < fake->held_count; i++)
        if (fake->held[i].head == id)
            id--, i = UINT32_MAX;
    return id;
}

/* Breaks the rules of the queue; nothing but a reset helps then. */
static void fake_lie(struct virtio_fake *fake, const struct fake_held *held, enum fake_vice vice)
{
    const uint64_t bytes = vice == VICE_LONG ? 0xfffffff0u : 1;

    fake->broken = true;
    fake_use(fake,
             vice == VICE_WRONG_ID ? fake_wrong_id(fake)
             : vice == VICE_BIG_ID ? 0x10000u + held->head
                                   : held->head,
             bytes,
             vice == VICE_LEAP   ? 1000
             : vice == VICE_BACK ? 0xffff
                                 : 1);
    if (vice == VICE_TWICE)
        fake_use(fake, held->head, 1, 1);
}

void virtio_fake_finish(struct virtio_fake *fake, uint32_t which, enum fake_vice vice)
{
    const struct fake_held held = fake->held[which];
    const uint64_t room = fake_room(&held), status = held.piece[held.count - 1].address;
    static const uint8_t said[] = {
        [VICE_IO_ERROR] = 1, [VICE_UNSUPPORTED] = 2, [VICE_ODD_STATUS] = 77};
    uint64_t written;

    fake->held[which] = fake->held[--fake->held_count];
    if (vice >= VICE_HONEST) {
        fake->held[fake->held_count++] = held;
        fake_lie(fake, &held, vice);
        return;
    }
    written = fake_execute(fake, &held, vice == VICE_NONE ? UINT64_MAX : room / 2);
    if (vice != VICE_NO_STATUS)
        fake_store(fake, status, 1, vice < sizeof said ? said[vice] : 0);
    if (fake->legacy) /* which says what it likes */
        written = vice == VICE_SHORT ? 0 : room + 15;
    else if (vice == VICE_SHORT)
        written = room - 1;
    else
        written++;
    fake_use(fake, held.head, written, 1);
}

void virtio_fake_need_reset(struct virtio_fake *fake)
{
    fake->broken = true;
    fake->status |= NEEDS_RESET;
    fake_interrupt(fake, 2);
}

void virtio_fake_resize(struct virtio_fake *fake, uint64_t sectors)
{
    fake->sectors = sectors;
    fake_interrupt(fake, 2);
}
