/* Names of files in memory: see names.h. */
#include "names.h"

#include <string.h>

#include "vm.h"

static const struct {
    const char *path;
    uint32_t bytes;
} names_directories[NAME_DIRECTORIES] = {
    [NAME_IN_TMP] = {"/tmp", 4},
    [NAME_IN_SHM] = {"/dev/shm", 8},
};

const char *names_directory_path(enum name_directory directory)
{
    return names_directories[directory].path;
}

/* FNV-1a, 32 bits. */
static uint32_t names_hash(const struct name_key *key)
{
    uint32_t hash = 2166136261u ^ key->directory;

    for (uint32_t i = 0; i < key->bytes; i++)
        hash = (hash ^ (uint8_t)key->text[i]) * 16777619u;
    return hash;
}

static bool names_match(const struct name *name, const struct name_key *key, uint32_t hash)
{
    return name->hash == hash && name->directory == key->directory && name->bytes == key->bytes &&
           memcmp(name->text, key->text, key->bytes) == 0;
}

struct name *names_find(const struct vm *vm, const struct name_key *key)
{
    uint32_t hash = names_hash(key);

    for (struct name *name = vm->names.bucket[hash % NAME_BUCKETS]; name; name = name->chain)
        if (names_match(name, key, hash))
            return name;
    return NULL;
}

struct name *names_at(const struct vm *vm, uint64_t number)
{
    struct name *name = number < vm->names.count ? vm->names.first : NULL;

    for (; name && number > 0; number--)
        name = name->next;
    return name;
}

/* ---- chains and list ---- */

static void names_enter_chain(struct names *names, struct name *name, const struct name_key *key)
{
    struct name **bucket;

    name->hash = names_hash(key);
    name->directory = (uint8_t)key->directory;
    name->bytes = (uint8_t)key->bytes;
    memcpy(name->text, key->text, key->bytes);
    bucket = &names->bucket[name->hash % NAME_BUCKETS];
    name->chain = *bucket;
    *bucket = name;
}

static void names_leave_chain(struct names *names, const struct name *name)
{
    struct name **link = &names->bucket[name->hash % NAME_BUCKETS];

    while (*link != name)
        link = &(*link)->chain;
    *link = name->chain;
}

static void names_enter_list(struct names *names, struct name *name)
{
    name->previous = names->last;
    if (names->last)
        names->last->next = name;
    else
        names->first = name;
    names->last = name;
    names->count++;
}

static void names_leave_list(struct names *names, const struct name *name)
{
    if (name->previous)
        name->previous->next = name->next;
    else
        names->first = name->next;
    if (name->next)
        name->next->previous = name->previous;
    else
        names->last = name->previous;
    names->count--;
}

/* ---- changes ---- */

bool names_create(struct vm *vm, const struct name_key *key, struct object *file)
{
    struct name *name = slab_allocate(&vm->name_records);

    if (!name)
        return false;
    name->file = file;
    file->name = name;
    names_enter_chain(&vm->names, name, key);
    names_enter_list(&vm->names, name);
    return true;
}

void names_remove(struct vm *vm, struct name *name)
{
    names_leave_chain(&vm->names, name);
    names_leave_list(&vm->names, name);
    name->removed = true;
    object_release(vm, name->file);
}

void names_move(struct vm *vm, struct name *name, const struct name_key *key)
{
    struct name *other = names_find(vm, key);

    if (other == name)
        return;
    if (other)
        names_remove(vm, other);
    names_leave_chain(&vm->names, name);
    names_enter_chain(&vm->names, name, key);
}

void names_forget(struct vm *vm, struct object *file)
{
    slab_release(&vm->name_records, file->name);
    file->name = NULL;
}

/* ---- what is shown ---- */

/* A text that is put together in a buffer of fixed size. */
struct names_text {
    char *out;
    size_t length;
    size_t limit; /* most bytes, without the NUL */
};

static void names_append(struct names_text *text, const char *bytes, size_t count)
{
    size_t part = count < text->limit - text->length ? count : text->limit - text->length;

    memcpy(text->out + text->length, bytes, part);
    text->length += part;
}

size_t names_of_file(const struct vm *vm, const struct object *file, char *out, size_t bytes)
{
    struct names_text text = {out, 0, bytes - 1};
    const struct name *name = file->name;
    char path[DEVICES_PATH_BYTES];

    if (file->file) {
        names_append(&text, "/", 1);
        names_append(&text, file->file->name, file->file->name_bytes);
    } else if (name) {
        names_append(&text, names_directories[name->directory].path,
                     names_directories[name->directory].bytes);
        names_append(&text, "/", 1);
        names_append(&text, name->text, name->bytes);
        if (name->removed)
            names_append(&text, " (deleted)", 10);
    } else if (object_is_device(file)) {
        names_append(&text, path,
                     devices_path(&vm->devices, file->slot - vm->devices.first_slot, path));
    }
    out[text.length] = '\0';
    return text.length;
}

/* ---- the checker ---- */

static bool names_is_chained_once(const struct names *names, const struct name *name)
{
    uint32_t found = 0;

    for (const struct name *n = names->bucket[name->hash % NAME_BUCKETS]; n; n = n->chain)
        found += n == name;
    return found == 1;
}

const char *names_check(const struct vm *vm)
{
    const struct name *previous = NULL;
    uint64_t listed = 0, chained = 0, removed = 0;

    for (const struct name *name = vm->names.first; name; previous = name, name = name->next) {
        struct name_key key = {(enum name_directory)name->directory, name->text, name->bytes};

        if (name->previous != previous || name->hash != names_hash(&key) ||
            !names_is_chained_once(&vm->names, name) || names_find(vm, &key) != name)
            return "N1";
        if (name->removed || name->file->name != name)
            return "N2";
        listed++;
    }
    for (uint32_t i = 0; i < NAME_BUCKETS; i++)
        for (const struct name *name = vm->names.bucket[i]; name; name = name->chain)
            chained++;
    if (chained != listed || vm->names.last != previous)
        return "N1";
    for (const struct object *file = vm->files; file; file = file->next_file) {
        if (file->name && file->name->file != file)
            return "N2";
        removed += file->name && file->name->removed;
    }
    return listed == vm->names.count && vm->name_records.used == listed + removed ? NULL : "N3";
}
