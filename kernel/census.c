/* See census.h. */
#include "census.h"

#include "place.h"

bool census_has_size(unsigned type)
{
    return type < FL_OBJECT_COUNT && object_bytes[type] != 0;
}

unsigned census_places(const struct frame *entry)
{
    unsigned type = census_frame_type(entry);
    uint64_t place = census_frame_place(entry);

    if (type == FL_OBJECT_CNODE)
        return place == 0 ? 1 : 0;
    unsigned most = FL_PAGE_BYTES / object_bytes[type];
    return place < most ? (unsigned)place : most;
}

struct cap census_object_at(uint64_t index, unsigned place)
{
    unsigned type = census_frame_type(&kernel.frames.frames[index]);
    uint8_t *contents = frame_contents(&kernel.frames, frame_plus(kernel.frames.first, index));
    struct cap object = {.type = (uint8_t)type};

    object.object = contents + (size_t)place * object_bytes[type];
    return object;
}

bool census_is_alive(const void *object, unsigned type)
{
    paddr_t address = {(uint64_t)(uintptr_t)object - kernel.frames.direct_offset};
    frame_t frame = frame_containing(address);

    if (!frame_known(&kernel.frames, frame))
        return false;
    const struct frame *entry = frame_entry(&kernel.frames, frame);
    if (entry->type != FRAME_OBJECT || census_frame_type(entry) != type)
        return false;
    unsigned offset = (unsigned)(address.value % FL_PAGE_BYTES);
    unsigned place = offset / object_bytes[type];
    if (offset % object_bytes[type] != 0 || place >= census_places(entry))
        return false;
    uint64_t index = frame.value - kernel.frames.first.value;
    struct cap found = census_object_at(index, place);
    return cap_object(&found)->type == type;
}

struct census census_start(void)
{
    return (struct census){.left = kernel.frames.totals[FRAME_OBJECT]};
}

bool census_next(struct census *walk)
{
    for (; walk->left > 0; walk->index++) {
        const struct frame *entry = &kernel.frames.frames[walk->index];

        if (entry->type != FRAME_OBJECT)
            continue;
        while (walk->place < census_places(entry)) {
            walk->object = census_object_at(walk->index, walk->place++);
            if (cap_object(&walk->object)->type != FL_OBJECT_NONE)
                return true;
        }
        walk->place = 0;
        walk->left--;
    }
    return false;
}

struct census_caps census_caps_start(void)
{
    return (struct census_caps){.holders = census_start()};
}

struct cap *census_caps_next(struct census_caps *walk)
{
    for (;;) {
        struct cap *cap = NULL;

        if (walk->inside)
            cap = place_in(walk->holders.object.object, walk->holders.object.type, walk->place++);
        if (cap != NULL && cap->type != FL_OBJECT_NONE)
            return cap;
        if (cap != NULL)
            continue;
        walk->inside = census_next(&walk->holders);
        walk->place = 0;
        if (!walk->inside)
            return NULL;
    }
}
