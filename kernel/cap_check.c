/* See cap_check.h. */
#include "cap_check.h"

#include "census.h"
#include "place.h"

static bool lies_in_device(const struct cap *memory)
{
    for (uint32_t i = 0; i < kernel.device_count; i++) {
        uint64_t page = memory->first_frame - kernel.devices[i].first.value;

        if (page < kernel.devices[i].pages && memory->pages != 0 &&
            memory->pages <= kernel.devices[i].pages - page)
            return true;
    }
    return false;
}

/* What lies between the banks, and what firmware keeps, is firmware's in the frame table. */
static bool lies_in_bank(const struct cap *memory)
{
    uint64_t first = memory->first_frame - kernel.frames.first.value;

    if (first >= kernel.frames.count || memory->pages == 0 ||
        memory->pages > kernel.frames.count - first)
        return false;
    for (uint64_t i = 0; i < memory->pages; i++) {
        if (kernel.frames.frames[first + i].type == FRAME_FIRMWARE)
            return false;
    }
    return true;
}

static const char *check_all(void)
{
    struct census_caps walk = census_caps_start();
    const struct cap *cap;
    uint64_t caps = 0;

    while ((cap = census_caps_next(&walk)) != NULL) {
        if (census_has_size(cap->type) && !census_is_alive(cap->object, cap->type))
            return "O1";
        if (cap->type == FL_OBJECT_MEMORY && !lies_in_bank(cap) && !lies_in_device(cap))
            return "O3";
        if (cap->type == FL_OBJECT_PIN && !lies_in_bank(cap))
            return "O3";
        caps++;
    }
    return caps == kernel.caps ? NULL : "O4";
}

bool derivation_is_cap(const struct cap *cap)
{
    if (cap == kernel.derivation.root)
        return true;
    frame_t frame = place_frame(cap);
    if (!frame_known(&kernel.frames, frame))
        return false;
    const struct frame *entry = frame_entry(&kernel.frames, frame);
    if (entry->type != FRAME_OBJECT || !census_has_size(census_frame_type(entry)))
        return false;
    if (census_frame_type(entry) == FL_OBJECT_CNODE)
        return cap != &place_cnode(cap)->slots[0] && cap->type != FL_OBJECT_NONE;
    unsigned type = census_frame_type(entry);
    struct cap *held;
    for (unsigned i = 0; (held = place_in(place_holder(cap), type, i)) != NULL; i++) {
        if (held == cap)
            return census_is_alive(place_holder(cap), type) && cap->type != FL_OBJECT_NONE;
    }
    return false;
}

/* Every link agrees, and as many capabilities as there are hang below the root. */
static const char *check_derivation(void)
{
    const struct derivation *tree = &kernel.derivation;
    struct census_caps walk = census_caps_start();
    const char *broken = derivation_check(tree, tree->root);
    uint64_t met = 0;

    for (const struct cap *cap; broken == NULL && (cap = census_caps_next(&walk)) != NULL;)
        broken = derivation_check(tree, cap);
    if (broken != NULL)
        return broken;
    for (const struct cap *cap = tree->root; cap != NULL && met <= kernel.caps;
         cap = derivation_walk(tree, cap))
        met++;
    return met == kernel.caps + 1 ? NULL : "D3";
}

static void tally_frames(frame_t first, uint64_t pages, int change)
{
    for (uint64_t i = 0; i < pages; i++) {
        struct frame *entry = frame_entry(&kernel.frames, frame_plus(first, i));

        entry->pins = (uint16_t)(entry->pins + change);
    }
}

/* Adds `change` to the pin count of a frame for each Pin and message buffer that names it. */
static void tally_pins(int change)
{
    struct census_caps caps = census_caps_start();
    const struct cap *cap;

    while ((cap = census_caps_next(&caps)) != NULL) {
        if (cap->type == FL_OBJECT_PIN)
            tally_frames((frame_t){cap->first_frame}, cap->pages, change);
    }
    for (struct census walk = census_start(); census_next(&walk);) {
        const struct tcb *thread = walk.object.object;

        if (walk.object.type == FL_OBJECT_TCB && thread->buffer != NULL)
            tally_frames(thread->buffer_frame, 1, change);
    }
}

static const char *check_pins(void)
{
    bool holds = true;

    tally_pins(-1);
    for (uint64_t i = 0; holds && i < kernel.frames.count; i++)
        holds = kernel.frames.frames[i].pins == 0;
    tally_pins(1);
    return holds ? NULL : "O5";
}

/* Condemned CNodes are those that only their own slots name. */
static const char *check_condemned(void)
{
    uint64_t listed = 0, marked = 0;

    for (struct census walk = census_start(); census_next(&walk);) {
        const struct cnode_header *header = walk.object.object;

        if (walk.object.type != FL_OBJECT_CNODE)
            continue;
        marked += header->emptied != 0;
        if ((header->object.caps <= header->self) != (header->emptied != 0))
            return "O1";
    }
    for (const struct cnode *cnode = kernel.condemned; cnode != NULL;
         cnode = cnode->header.condemned) {
        if (listed++ == marked || !census_is_alive(cnode, FL_OBJECT_CNODE) ||
            cnode->header.emptied == 0)
            return "O1";
    }
    return listed == marked ? NULL : "O1";
}

const char *cap_check(void)
{
    const char *broken = check_all();

    if (broken == NULL)
        broken = check_derivation();
    if (broken == NULL)
        broken = check_pins();
    return broken != NULL ? broken : check_condemned();
}
