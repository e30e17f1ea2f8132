/* Steps and their text: see sim_step.h. */
#include "sim_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_model.h"

static const struct {
    const char *name;
    uint32_t weight;
} sim_steps[] = {
#define SIM_STEP_ROW(name, weight) {#name, weight},
    SIM_STEPS(SIM_STEP_ROW) SIM_SWAP_STEPS(SIM_STEP_ROW)
#undef SIM_STEP_ROW
};

#define SIM_STEP_ADD(name, weight) +weight
enum {
    SIM_WEIGHTS = 0 SIM_STEPS(SIM_STEP_ADD),
    SIM_SWAP_WEIGHTS = SIM_WEIGHTS SIM_SWAP_STEPS(SIM_STEP_ADD)
};
#undef SIM_STEP_ADD

uint64_t sim_random(uint64_t *seed)
{
    uint64_t value = *seed += 0x9e3779b97f4a7c15ull;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

static enum sim_step_kind sim_step_choose_kind(uint32_t at)
{
    uint32_t kind = 0;

    for (; at >= sim_steps[kind].weight; kind++)
        at -= sim_steps[kind].weight;
    return (enum sim_step_kind)kind;
}

struct sim_step sim_step_choose(uint64_t *seed, bool swap)
{
    uint32_t weights = swap ? SIM_SWAP_WEIGHTS : SIM_WEIGHTS;
    uint64_t one = sim_random(seed), other = sim_random(seed);
    struct sim_step step = {
        .kind = (uint8_t)sim_step_choose_kind((uint32_t)(one & 0xffff) % weights),
        .thread = (uint8_t)(one >> 16 & 0xff),
        .first = (uint8_t)((one >> 24 & 0xff) % SIM_PAGES),
        .to = (uint8_t)(one >> 40 & 0xff),
        .argument = (uint8_t)(one >> 48 & 0xff),
        .byte = (uint8_t)(one >> 56),
        .salt = (uint32_t)other,
    };
    uint32_t count = (uint32_t)(one >> 32 & 0xff);

    step.count = (uint8_t)(count < 200 ? count % 4 : count % SIM_PAGES);
    return step;
}

/* ---- text ---- */

uint32_t sim_step_part(const struct sim_step *step, uint32_t part)
{
    const uint32_t parts[SIM_STEP_PARTS] = {step->thread,   step->first, step->count, step->to,
                                            step->argument, step->byte,  step->salt};

    return parts[part];
}

void sim_step_set_part(struct sim_step *step, uint32_t part, uint32_t value)
{
    uint8_t *parts[SIM_STEP_PARTS - 1] = {&step->thread, &step->first,    &step->count,
                                          &step->to,     &step->argument, &step->byte};

    if (part == SIM_STEP_PARTS - 1)
        step->salt = value;
    else
        *parts[part] = (uint8_t)value;
}

size_t sim_step_write(const struct sim_step *step, char *text, size_t bytes)
{
    uint32_t parts = SIM_STEP_PARTS;
    size_t length = (size_t)snprintf(text, bytes, "%s", sim_steps[step->kind].name);

    while (parts > 0 && sim_step_part(step, parts - 1) == 0)
        parts--;
    for (uint32_t part = 0; part < parts && length < bytes; part++)
        length +=
            (size_t)snprintf(text + length, bytes - length, ".%" PRIu32, sim_step_part(step, part));
    return length < bytes ? length : bytes - 1;
}

bool sim_step_read(const char **text, struct sim_step *step)
{
    size_t length = strcspn(*text, "./");
    uint32_t kind = 0;

    while (kind < SIM_STEP_KINDS && (strlen(sim_steps[kind].name) != length ||
                                     strncmp(sim_steps[kind].name, *text, length) != 0))
        kind++;
    if (kind == SIM_STEP_KINDS)
        return false;
    *step = (struct sim_step){.kind = (uint8_t)kind};
    *text += length;
    for (uint32_t part = 0; **text == '.' && part < SIM_STEP_PARTS; part++) {
        char *end;

        sim_step_set_part(step, part, (uint32_t)strtoul(*text + 1, &end, 10));
        *text = end;
    }
    *text += **text == '/';
    return true;
}
