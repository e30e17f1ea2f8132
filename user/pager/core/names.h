/* Names of files in memory: two flat directories, /tmp and /dev/shm.
 *
 * A name and its file are made together and a file never has a second name.  The name holds one
 * reference, so that a file without handles and mappings stays; unlink takes it back, and the file
 * goes with its last handle or mapping.  Until then the record stays with the file, which is shown
 * as "(deleted)" where it is mapped.
 *
 *  N1  a listed name is in the chain of its hash once, in the list once, and no other name of its
 *      directory has its text;
 *  N2  name->file->name is the name; a listed name holds a reference to the file, a removed one
 *      (in no chain and no list) does not;
 *  N3  count = listed names; records = listed names + files whose name was removed. */
#ifndef PAGER_NAMES_H
#define PAGER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;
struct object;

#define NAME_BYTES   255u
#define NAME_BUCKETS 64u

enum name_directory { NAME_IN_TMP, NAME_IN_SHM, NAME_DIRECTORIES };

struct name {
    struct name *next; /* in the order in which they were made */
    struct name *previous;
    struct name *chain; /* the next with its bucket */
    struct object *file;
    uint32_t hash;
    uint8_t directory; /* enum name_directory */
    uint8_t bytes;     /* of the text, 1..NAME_BYTES */
    bool removed;
    char text[NAME_BYTES]; /* not NUL-terminated */
};

struct names {
    struct name *first;
    struct name *last;
    uint64_t count;
    struct name *bucket[NAME_BUCKETS];
};

/* What a name is looked up by; the text is the caller's. */
struct name_key {
    enum name_directory directory;
    const char *text;
    uint32_t bytes; /* 1..NAME_BYTES */
};

/* The path of a directory, without a "/" at its end. */
const char *names_directory_path(enum name_directory directory);

/* NULL: no such name. */
struct name *names_find(const struct vm *vm, const struct name_key *key);

/* The listed name number `number`, counted from 0 in the order in which they were made, or NULL. */
struct name *names_at(const struct vm *vm, uint64_t number);

/* Gives a file in memory, which never had a name, one that is not there; takes over one reference to the
 * file.  False: no memory, nothing done. */
bool names_create(struct vm *vm, const struct name_key *key, struct object *file);

/* Takes a listed name away, and its reference: name and file may be freed. */
void names_remove(struct vm *vm, struct name *name);

/* Gives a listed name another text; a file that had it loses its name.  Cannot fail. */
void names_move(struct vm *vm, struct name *name, const struct name_key *key);

/* Frees the record of a file that goes and has one; for object_free. */
void names_forget(struct vm *vm, struct object *file);

/* Writes the path that is shown for a file, with a NUL, cut to `bytes` > 0: "/tmp/NAME" or
 * "/dev/shm/NAME", with " (deleted)" behind it after unlink, "/NAME" for a file of the initrd, the path
 * of a device, and nothing for a file without a name.  Returns its length without the NUL. */
size_t names_of_file(const struct vm *vm, const struct object *file, char *out, size_t bytes);

/* NULL, or the number of the first invariant that does not hold. */
const char *names_check(const struct vm *vm);

#endif
