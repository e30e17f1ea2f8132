/* Settings: see setting.h. */
#include "setting.h"

#include <errno.h>
#include <string.h>

#include "text.h"
#include "vm.h"

/* ---- values ---- */

int setting_find_word(const char *value, const char *const words[], int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

static void setting_tell_word(char value[SETTING_BYTES], const char *word)
{
    text_format(value, SETTING_BYTES, "%s", word);
}

static const char *const setting_switch[] = {"off", "on"};

bool setting_take_switch(const char *value, bool *on)
{
    int word = setting_find_word(value, setting_switch, 2);

    if (word < 0)
        return false;
    *on = word == 1;
    return true;
}

void setting_tell_switch(char value[SETTING_BYTES], bool on)
{
    setting_tell_word(value, setting_switch[on]);
}

bool setting_take_number(const char *value, uint64_t least, uint64_t most, uint64_t *number)
{
    uint64_t sum = 0;

    if (!*value)
        return false;
    for (; *value; value++) {
        uint64_t digit = (uint64_t)(*value - '0');

        if (*value < '0' || *value > '9' || digit > most || sum > (most - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum < least)
        return false;
    *number = sum;
    return true;
}

void setting_tell_number(char value[SETTING_BYTES], uint64_t number)
{
    text_format(value, SETTING_BYTES, "%lu", number);
}

/* ---- promises (commit.h): strict holds for those that are made from then on ---- */

static const char *const setting_promises[] = {"heuristic", "strict"};

static void setting_read_overcommit(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_word(value, setting_promises[vm->commit.strict]);
}

static int setting_write_overcommit(struct vm *vm, const char *value)
{
    int word = setting_find_word(value, setting_promises, 2);

    if (word < 0)
        return EINVAL;
    vm->commit.strict = word == 1;
    return 0;
}

/* ---- the store of compressed pages (tier.h): percent of memory ---- */

static void setting_read_compress(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_number(value, vm->tier.percent);
}

static int setting_write_compress(struct vm *vm, const char *value)
{
    uint64_t percent;

    return setting_take_number(value, 0, TIER_MOST, &percent) ? tier_set(vm, percent) : EINVAL;
}

/* ---- who fills the tables of a fork's child ---- */

static const char *const setting_forks[] = {"fault", "clone"};

static void setting_read_fork(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_word(value, setting_forks[vm->fork_clones]);
}

static int setting_write_fork(struct vm *vm, const char *value)
{
    int word = setting_find_word(value, setting_forks, 2);

    if (word < 0)
        return EINVAL;
    vm->fork_clones = word == 1;
    return 0;
}

/* ---- equal pages (samepage.h) ---- */

static const char *const setting_merges[] = {
    [SAMEPAGE_OFF] = "off", [SAMEPAGE_ON] = "on", [SAMEPAGE_UNMERGE] = "unmerge"};

static void setting_read_merge(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_word(value, setting_merges[vm->samepage.mode]);
}

static int setting_write_merge(struct vm *vm, const char *value)
{
    int word = setting_find_word(value, setting_merges, SAMEPAGE_MODES);

    if (word < 0)
        return EINVAL;
    return samepage_set(vm, (enum samepage_mode)word) ? 0 : ENOMEM;
}

/* ---- which pages leave memory (replace.h) ---- */

static void setting_read_replacement(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_word(value, replace_name((enum replace_policy)vm->victims.policy));
}

static int setting_write_replacement(struct vm *vm, const char *value)
{
    return victims_set_policy(vm, value) ? 0 : EINVAL;
}

/* ---- disks with a swap header are used from the start ---- */

static void setting_read_swap_auto(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_switch(value, !vm->swap_waits);
}

static int setting_write_swap_auto(struct vm *vm, const char *value)
{
    bool on;

    if (!setting_take_switch(value, &on))
        return EINVAL;
    vm->swap_waits = !on;
    return 0;
}

/* ---- who waits outside when memory is overloaded (load.h) ---- */

static void setting_read_load(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_switch(value, vm->load.on);
}

static int setting_write_load(struct vm *vm, const char *value)
{
    bool on;

    if (!setting_take_switch(value, &on))
        return EINVAL;
    load_set(vm, on);
    return 0;
}

/* ---- milliseconds of a window (window.h), 0: none ---- */

#define SETTING_MILLISECOND 1000u

static void setting_read_window(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_number(value, vm->windows.asked / SETTING_MILLISECOND);
}

static int setting_write_window(struct vm *vm, const char *value)
{
    uint64_t milliseconds;

    if (!setting_take_number(value, 0, WINDOW_MAX / SETTING_MILLISECOND, &milliseconds))
        return EINVAL;
    window_set_length(vm, milliseconds * SETTING_MILLISECOND);
    return 0;
}

/* ---- page-out with no free frame (paging.h) ---- */

static void setting_read_torture(const struct vm *vm, char value[SETTING_BYTES])
{
    setting_tell_switch(value, vm->paging.torture);
}

static int setting_write_torture(struct vm *vm, const char *value)
{
    return setting_take_switch(value, &vm->paging.torture) ? 0 : EINVAL;
}

/* ---- the table, in the order of names ---- */

static const struct setting settings[] = {
    {"compress", setting_read_compress, setting_write_compress},
    {"fork", setting_read_fork, setting_write_fork},
    {"load-control", setting_read_load, setting_write_load},
    {"merge", setting_read_merge, setting_write_merge},
    {"overcommit", setting_read_overcommit, setting_write_overcommit},
    {"replacement", setting_read_replacement, setting_write_replacement},
    {"swap-auto", setting_read_swap_auto, setting_write_swap_auto},
    {"torture", setting_read_torture, setting_write_torture},
    {"window", setting_read_window, setting_write_window},
};
#define SETTINGS (sizeof settings / sizeof settings[0])

static const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

int setting_read(const struct vm *vm, const char *name, char value[SETTING_BYTES])
{
    const struct setting *setting = setting_find(name);

    if (!setting)
        return ENOENT;
    setting->read(vm, value);
    return 0;
}

int setting_write(struct vm *vm, const char *name, const char *value)
{
    const struct setting *setting = setting_find(name);
    char now[SETTING_BYTES];

    if (!setting)
        return ENOENT;
    setting->read(vm, now);
    return strcmp(now, value) == 0 ? 0 : setting->write(vm, value);
}

const char *setting_name(uint64_t row)
{
    return row < SETTINGS ? settings[row].name : NULL;
}
