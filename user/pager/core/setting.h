/* Settings: what can be switched while the pager runs, by name and as text.
 *
 * Each is a row of the table in setting.c: a name, a function that tells the value, and one that takes
 * another.  Programs use them by the call SETTING (`sysctl vm.NAME=VALUE`); the words `vm.NAME=VALUE` of
 * the boot arguments are written at the start, before anything of the system is used.
 *
 * Names are of small letters, digits and '-', values are one printable word each: what was read can be
 * written.  A value that is not taken changes nothing, nor does the one that is set already. */
#ifndef PAGER_SETTING_H
#define PAGER_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define SETTING_BYTES 48u /* of a name or a value, with its NUL */

struct setting {
    const char *name;
    void (*read)(const struct vm *vm, char value[SETTING_BYTES]);
    int (*write)(struct vm *vm, const char *value); /* 0; EINVAL: not a value of this setting;
                                                         ENOMEM */
};

/* 0 and the value; ENOENT: there is no such setting. */
int setting_read(const struct vm *vm, const char *name, char value[SETTING_BYTES]);

/* 0; ENOENT; EINVAL; ENOMEM (it cannot be had now); and nothing changed. */
int setting_write(struct vm *vm, const char *name, const char *value);

/* The name of a row, counted from 0, or NULL behind the last one. */
const char *setting_name(uint64_t row);

/* ---- for the functions of a row ---- */

/* The number of the word that `value` is, or -1. */
int setting_find_word(const char *value, const char *const words[], int count);

/* "on" or "off".  False: it is neither. */
bool setting_take_switch(const char *value, bool *on);
void setting_tell_switch(char value[SETTING_BYTES], bool on);

/* A decimal number without a sign, from `least` to `most`.  False: it is none of these. */
bool setting_take_number(const char *value, uint64_t least, uint64_t most, uint64_t *number);
void setting_tell_number(char value[SETTING_BYTES], uint64_t number);

#endif
