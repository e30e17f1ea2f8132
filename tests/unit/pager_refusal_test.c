/* A refused call changes nothing: every call that programs make, with arguments of every bad kind in every
 * place, over a world with one of everything.  What there is, is compared before and after. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "pager_mapping_kit.h"
#include "protocol.h"

#define BASE     0x20000000ull
#define SHARED   (BASE + 16 * PAGE)
#define IN_FILE  (BASE + 32 * PAGE)
#define PRIVATE  (BASE + 48 * PAGE)
#define LOCKED   (BASE + 64 * PAGE)
#define RANDOMLY 20000u /* tuples for each call of more than two arguments */

static struct space *space;
static uint64_t seed;

/* ---- the world ---- */

static void refusal_map(uint64_t address, uint64_t pages, uint32_t protection, uint32_t flags)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = protection,
                                     .flags = flags | MAP_FIXED | MAP_ANONYMOUS};
    uint64_t at;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
}

static void refusal_map_file(uint64_t handle, uint64_t address, uint32_t flags)
{
    struct vm_map_request request = {
        .address = address, .bytes = 4 * PAGE, .protection = RW, .flags = flags | MAP_FIXED};
    uint64_t at;

    CHECK_EQ(vm_file_map(&fake.vm, space, handle, &request, &at), 0);
}

/* Anonymous memory with a hole, a read-only page and one without rights; shared memory; a file mapped in
 * both ways; locked memory; a heap; a child, so that all of it is shared since a fork. */
static void refusal_begin(void)
{
    const struct file_path path = {"/tmp/file", 9};
    uint32_t handle;
    uint64_t end;

    (void)file_begin();
    space = space_create(&fake.vm, 1);
    refusal_map(BASE, 12, RW, MAP_PRIVATE);
    refusal_map(SHARED, 4, RW, MAP_SHARED);
    refusal_map(LOCKED, 2, RW, MAP_PRIVATE | MAP_LOCKED);
    CHECK_EQ(vm_unmap(&fake.vm, space, BASE + 4 * PAGE, PAGE), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, BASE + 5 * PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, BASE + 6 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(vm_file_open(&fake.vm, space, &path, FILE_O_RDWR, &handle), 0);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, handle, 2 * PAGE + 5), 0);
    refusal_map_file(handle, IN_FILE, MAP_SHARED);
    refusal_map_file(handle, PRIVATE, MAP_PRIVATE);
    space->heap_start = space->heap_end = 0x40000;
    CHECK_EQ(vm_break(&fake.vm, space, 0x42010, &end), 0);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(file_put(space, BASE + i * PAGE, (uint8_t)i));
    CHECK_EQ(vm_fork(&fake.vm, space, space_create(&fake.vm, 2)), 0);
    CHECK(file_put(space, BASE, 9));
}

static void refusal_end(void)
{
    struct object *file = fake.vm.files;

    file_end(file && !file->file ? file : NULL);
}

/* ---- what there is, as one number ---- */

static uint64_t refusal_mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * 0x100000001b3ull ^ digest >> 29;
}

static uint64_t refusal_digest_entry(uint64_t digest, const struct entry *entry)
{
    const uint64_t words[] = {entry->start,  entry->end,  entry->protection,  entry->max_protection,
                              entry->offset, entry->use,  entry->inheritance, entry->advice,
                              entry->charge, entry->wired};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        digest = refusal_mix(digest, words[i]);
    for (const struct object *object = entry->object; object; object = object->below) {
        digest = refusal_mix(digest, object->references);
        digest = refusal_mix(digest, object->resident);
        digest = refusal_mix(digest, object->bytes);
    }
    return digest;
}

static uint64_t refusal_digest_space(uint64_t digest, const struct space *one)
{
    for (const struct entry *entry = one->map.first; entry; entry = entry->next)
        digest = refusal_digest_entry(digest, entry);
    for (uint32_t i = 0; i < LIMITS; i++)
        digest = refusal_mix(refusal_mix(digest, one->limits[i].soft), one->limits[i].hard);
    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        digest = refusal_mix(digest, one->handles[i] ? one->handles[i]->offset + 1 : 0);
    return refusal_mix(refusal_mix(digest, one->heap_end), one->wire_future);
}

static uint64_t refusal_digest(void)
{
    uint64_t digest = refusal_mix(0, fake.vm.commit.pages);

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            digest = refusal_digest_space(digest, fake.vm.spaces[id]);
    for (uint32_t state = 0; state < PAGE_STATES; state++)
        digest = refusal_mix(digest, fake.vm.table.counts[state]);
    return refusal_mix(digest, fake.vm.entries.used + fake.vm.objects.used + fake.vm.nodes.used);
}

/* ---- calls ---- */

static uint64_t out;

static int refusal_mmap(const uint64_t *a)
{
    struct vm_map_request request = {.address = a[0],
                                     .bytes = a[1],
                                     .protection = (uint32_t)a[2],
                                     .flags = (uint32_t)a[3] | MAP_ANONYMOUS};

    return vm_map(&fake.vm, space, &request, &out);
}
static int refusal_mmap_file(const uint64_t *a)
{
    struct vm_map_request request = {
        .address = a[0], .bytes = a[1], .offset = a[2], .protection = RW, .flags = MAP_SHARED};

    return vm_file_map(&fake.vm, space, a[3], &request, &out);
}
static int refusal_munmap(const uint64_t *a)
{
    return vm_unmap(&fake.vm, space, a[0], a[1]);
}
static int refusal_mprotect(const uint64_t *a)
{
    return vm_protect(&fake.vm, space, a[0], a[1], (uint32_t)a[2]);
}
static int refusal_brk(const uint64_t *a)
{
    return vm_break(&fake.vm, space, a[0], &out);
}
static int refusal_madvise(const uint64_t *a)
{
    return vm_advise(&fake.vm, space, a[0], a[1], a[2]);
}
static int refusal_mincore(const uint64_t *a)
{
    return vm_resident(&fake.vm, space, a[0], a[1], a[2], &out);
}
static int refusal_msync(const uint64_t *a)
{
    return vm_sync(space, a[0], a[1], a[2]);
}
static int refusal_mlock(const uint64_t *a)
{
    return vm_wire(&fake.vm, space, a[0], a[1], a[2]);
}
static int refusal_munlock(const uint64_t *a)
{
    return vm_unwire(&fake.vm, space, a[0], a[1]);
}
static int refusal_mlockall(const uint64_t *a)
{
    return vm_wire_all(&fake.vm, space, a[0]);
}
static int refusal_mremap(const uint64_t *a)
{
    struct vm_remap_request request = {a[0], a[1], a[2], a[3] % 8, a[3] & ~(uint64_t)7};

    return vm_remap(&fake.vm, space, &request, &out);
}
static int refusal_rlimit(const uint64_t *a)
{
    const struct limit limit = {a[1], a[2]};
    struct limit old;

    return vm_limit(&fake.vm, space, a[0], &limit, &old);
}
static int refusal_read(const uint64_t *a)
{
    const struct file_transfer transfer = {a[0], a[1], a[2], a[3]};

    return vm_file_read(&fake.vm, space, &transfer, &out);
}
static int refusal_write(const uint64_t *a)
{
    const struct file_transfer transfer = {a[0], a[1], a[2], a[3]};

    return vm_file_write(&fake.vm, space, &transfer, &out);
}
static int refusal_seek(const uint64_t *a)
{
    return vm_file_seek(space, a[0], (int64_t)a[1], a[2], &out);
}
static int refusal_truncate(const uint64_t *a)
{
    return vm_file_truncate(&fake.vm, space, a[0], a[1]);
}
static int refusal_close(const uint64_t *a)
{
    return vm_file_close(&fake.vm, space, a[0]);
}
static int refusal_access(const uint64_t *a)
{
    return vm_check_access(space, a[0], a[1], (uint32_t)a[2]);
}

static const struct refusal_call {
    const char *name;
    int (*call)(const uint64_t *arguments);
    unsigned arguments;
} calls[] = {
    {"mmap", refusal_mmap, 4},         {"mmap of a file", refusal_mmap_file, 4},
    {"munmap", refusal_munmap, 2},     {"mprotect", refusal_mprotect, 3},
    {"brk", refusal_brk, 1},           {"madvise", refusal_madvise, 3},
    {"mincore", refusal_mincore, 3},   {"msync", refusal_msync, 3},
    {"mlock", refusal_mlock, 3},       {"munlock", refusal_munlock, 2},
    {"mlockall", refusal_mlockall, 1}, {"mremap", refusal_mremap, 4},
    {"rlimit", refusal_rlimit, 3},     {"read", refusal_read, 4},
    {"write", refusal_write, 4},       {"seek", refusal_seek, 3},
    {"truncate", refusal_truncate, 2}, {"close", refusal_close, 1},
    {"access", refusal_access, 3},
};
#define CALLS (sizeof calls / sizeof calls[0])

/* Values that are something in one place or another, and those that are nothing anywhere. */
static const uint64_t values[] = {0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  8,
                                  MAP_PRIVATE | MAP_FIXED,
                                  MAP_SHARED | MAP_FIXED_NOREPLACE,
                                  PAGE - 1,
                                  PAGE,
                                  3 * PAGE,
                                  12 * PAGE,
                                  BASE,
                                  BASE + 1,
                                  BASE + 3 * PAGE,
                                  BASE + 4 * PAGE,
                                  BASE + 5 * PAGE,
                                  SHARED,
                                  IN_FILE,
                                  IN_FILE + 3 * PAGE,
                                  PRIVATE,
                                  LOCKED + PAGE,
                                  0x41000,
                                  AREA_LIMIT - PAGE,
                                  AREA_LIMIT,
                                  FL_USER_END - PAGE,
                                  FL_USER_END,
                                  1ull << 32,
                                  1ull << 62,
                                  1ull << 63,
                                  0xffffffc000000000ull,
                                  UINT64_MAX - PAGE + 1,
                                  UINT64_MAX - 1,
                                  UINT64_MAX};
#define VALUES (sizeof values / sizeof values[0])

/* madvise of a range with a hole follows the advice where something is, as on Linux. */
static bool refusal_may_change(const struct refusal_call *call, int error)
{
    return call->call == refusal_madvise && error == ENOMEM;
}

/* One call.  False: it was not refused, and the world is another one now. */
static bool refusal_try(const struct refusal_call *call, const uint64_t *arguments, uint64_t before)
{
    int error = call->call(arguments);

    if (error == 0 || refusal_may_change(call, error))
        return false;
    if (refusal_digest() == before)
        return true;
    harness_note("%s(0x%lx, 0x%lx, 0x%lx, 0x%lx): error %d", call->name,
                 (unsigned long)arguments[0], (unsigned long)arguments[1],
                 (unsigned long)arguments[2], (unsigned long)arguments[3], error);
    CHECK(!"something changed");
    return true;
}

static void refusal_choose(uint64_t tuple, uint64_t arguments[4], unsigned count)
{
    memset(arguments, 0, 4 * sizeof arguments[0]);
    for (unsigned i = 0; i < count; i++, tuple /= VALUES)
        arguments[i] = values[(count > 2 ? fake_random(&seed) : tuple) % VALUES];
}

static uint64_t refusal_count(const struct refusal_call *call)
{
    return call->arguments > 2 ? RANDOMLY : call->arguments == 2 ? VALUES * VALUES : VALUES;
}

TEST("a call with a bad argument of any kind, in any place, changes nothing")
{
    seed = 11;
    for (size_t i = 0; i < CALLS; i++) {
        uint64_t refused = 0, before;

        refusal_begin();
        before = refusal_digest();
        for (uint64_t tuple = 0; tuple < refusal_count(&calls[i]); tuple++) {
            uint64_t arguments[4];

            refusal_choose(tuple, arguments, calls[i].arguments);
            if (refusal_try(&calls[i], arguments, before)) {
                refused++;
                continue;
            }
            refusal_end();
            refusal_begin();
            before = refusal_digest();
        }
        refusal_end();
        harness_note("%s: %lu of %lu refused", calls[i].name, (unsigned long)refused,
                     (unsigned long)refusal_count(&calls[i]));
        CHECK(refused > 0);
    }
}
