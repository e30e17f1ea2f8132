/* Views of random worlds: maps against what was asked for, page by page, and the figures of smaps against
 * a count of who shows which frame that knows nothing of chains. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "effort.h"
#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES     2048u
#define PAGE       ((uint64_t)FL_PAGE_BYTES)
#define BASE       0x100000ull
#define PAGES      64u /* of the part of each space that is worked on */
#define STEPS      400u
#define RUNS       25u
#define SPACES     6u
#define FILE_PAGES 5u
#define FRAMES_ALL (FRAMES + FAKE_ARCHIVE_BYTES / FL_PAGE_BYTES)

static struct fake fake;
static char text[1u << 17];

/* What is mapped at a page, as it was asked for. */
struct model_page {
    bool mapped;
    bool shared;
    uint32_t protection;
};

struct model {
    struct space *space;
    struct model_page page[PAGES];
};

static struct model models[SPACES];

static uint32_t random_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)(fake_random(seed) % limit);
}

static void random_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

static const char *random_read(const char *name, uint64_t pid)
{
    struct object *file = NULL;
    uint64_t used = 0, done = 1;
    char path[64];

    snprintf(path, sizeof path, "/proc/%lu/%s", (unsigned long)pid, name);
    CHECK_EQ(view_open(&fake.vm, NULL, path, &file), 0);
    while (done > 0) {
        CHECK_EQ(view_reach(&fake.vm, file, used), 0);
        CHECK_EQ(object_read(&fake.vm, file, used, text + used, sizeof text - 1 - used, &done), 0);
        used += done;
    }
    text[used] = '\0';
    object_release(&fake.vm, file);
    return text;
}

/* ---- the world ---- */

static void random_map(struct model *model, uint64_t *seed, uint32_t first, uint32_t count)
{
    struct vm_map_request request = {.address = BASE + first * PAGE,
                                     .bytes = count * PAGE,
                                     .protection = random_below(seed, 8),
                                     .flags = MAP_ANONYMOUS | MAP_FIXED};
    bool shared = random_below(seed, 4) == 0;
    uint64_t at;

    request.flags |= shared ? MAP_SHARED : MAP_PRIVATE;
    CHECK_EQ(vm_map(&fake.vm, model->space, &request, &at), 0);
    for (uint32_t i = first; i < first + count; i++)
        model->page[i] = (struct model_page){true, shared, request.protection};
}

/* A file below: the object is private over one of the initrd, or the file itself. */
static void random_map_file(struct model *model, uint64_t *seed, uint32_t first)
{
    uint32_t count = 1 + random_below(seed, FILE_PAGES), from = random_below(seed, 3);
    struct object *file =
        object_open_file(&fake.vm, fake_find_file(&fake, random_below(seed, 2) ? "even" : "odd"));
    bool direct = random_below(seed, 2);
    struct entry like = {.protection = direct ? PROT_READ : PROT_READ | PROT_WRITE,
                         .max_protection = direct ? 5 : 7,
                         .use = ENTRY_MAPPED};

    if (first + count > PAGES)
        count = PAGES - first;
    if (from + count > FILE_PAGES)
        count = FILE_PAGES - from;
    like.start = BASE + first * PAGE;
    like.end = like.start + count * PAGE;
    CHECK_EQ(vm_unmap(&fake.vm, model->space, like.start, count * PAGE), 0);
    like.object = file;
    like.offset = from;
    if (!direct) {
        like.object = object_create_anonymous(&fake.vm, model->space);
        object_set_source(like.object, file, from, (FILE_PAGES - from) * PAGE);
        like.offset = 0;
    }
    CHECK(vm_add_entry(&fake.vm, model->space, &like));
    for (uint32_t i = first; i < first + count; i++)
        model->page[i] = (struct model_page){true, false, like.protection};
}

static void random_protect(struct model *model, uint64_t *seed, uint32_t first, uint32_t count)
{
    uint32_t protection = random_below(seed, 8);
    int error = vm_protect(&fake.vm, model->space, BASE + first * PAGE, count * PAGE, protection);

    for (uint32_t i = first; error == 0 && i < first + count; i++)
        model->page[i].protection = protection;
}

static void random_touch(const struct model *model, uint64_t *seed)
{
    uint64_t address = BASE + random_below(seed, PAGES) * PAGE;
    uint8_t byte = 1;

    fake_touch(&fake, model->space, address,
               random_below(seed, 2) ? FL_ACCESS_WRITE : FL_ACCESS_READ, &byte);
}

/* Forks into a free place, or ends a space of which there are others. */
static void random_live(uint32_t at, uint64_t *seed)
{
    static uint64_t pid = 100;
    struct model *other = &models[random_below(seed, SPACES)];

    if (!other->space) {
        *other = models[at];
        other->space = space_create(&fake.vm, ++pid);
        CHECK_EQ(vm_fork(&fake.vm, models[at].space, other->space), 0);
    } else if (other != &models[at]) {
        fake_destroy_space(&fake, other->space);
        other->space = NULL;
    }
}

static void random_step(uint64_t *seed)
{
    uint32_t at = random_below(seed, SPACES), first = random_below(seed, PAGES);
    uint32_t count = 1 + random_below(seed, PAGES - first < 12 ? PAGES - first : 12);
    struct model *model = &models[at];

    if (!model->space)
        return;
    switch (random_below(seed, 16)) {
    case 0:
        random_map(model, seed, first, count);
        break;
    case 1:
        CHECK_EQ(vm_unmap(&fake.vm, model->space, BASE + first * PAGE, count * PAGE), 0);
        memset(&model->page[first], 0, count * sizeof model->page[0]);
        break;
    case 2:
        random_protect(model, seed, first, count);
        break;
    case 3:
        random_map_file(model, seed, first);
        break;
    case 4:
        random_live(at, seed);
        break;
    default:
        random_touch(model, seed);
    }
}

/* ---- maps ---- */

static void random_check_line(const struct model *model, const char *line, uint64_t *behind)
{
    unsigned long start, end, offset, number;
    char rights[8], expected[8];

    CHECK_EQ(sscanf(line, "%lx-%lx %5s %lx 00:%*x %lu", &start, &end, rights, &offset, &number), 5);
    CHECK(start >= *behind && end > start && end <= BASE + PAGES * PAGE);
    for (; *behind < start; *behind += PAGE)
        CHECK(!model->page[(*behind - BASE) / PAGE].mapped);
    for (; *behind < end; *behind += PAGE) {
        const struct model_page *page = &model->page[(*behind - BASE) / PAGE];

        CHECK(page->mapped);
        snprintf(expected, sizeof expected, "%c%c%c%c", page->protection & 3 ? 'r' : '-',
                 page->protection & 2 ? 'w' : '-', page->protection & 4 ? 'x' : '-',
                 page->shared ? 's' : 'p');
        CHECK_STRING(rights, expected);
    }
}

static void random_check_maps(const struct model *model)
{
    uint64_t behind = BASE;

    for (char *line = strtok((char *)random_read("maps", model->space->pid), "\n"); line;
         line = strtok(NULL, "\n"))
        random_check_line(model, line, &behind);
    for (; behind < BASE + PAGES * PAGE; behind += PAGE)
        CHECK(!model->page[(behind - BASE) / PAGE].mapped);
}

/* ---- who shows which frame ---- */

/* The frame that a page shows, or 0: frames first, behind them those of the archive. */
static uint32_t frame_of(const struct entry *entry, uint64_t index)
{
    const struct object *object = entry->object;
    uint64_t leaf = 0;

    for (; object && leaf == 0; object = object->below)
        leaf = index_lookup(&object->index, index);
    object = entry->object;
    if (leaf == 0 && object->source && index * PAGE < object->source_bytes) {
        index += object->source_first;
        object = object->source;
        leaf = index_lookup(&object->index, index);
    }
    if (leaf != 0)
        return index_leaf_page(leaf);
    if (object->file && index * PAGE < object->bytes)
        return FRAMES + (uint32_t)(object->file->offset / PAGE + index);
    return 0;
}

static void frames_count(uint32_t users[FRAMES_ALL])
{
    memset(users, 0, FRAMES_ALL * sizeof users[0]);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        for (const struct entry *entry = fake.vm.spaces[id] ? fake.vm.spaces[id]->map.first : NULL;
             entry; entry = entry->next)
            for (uint64_t i = 0; i < entry_pages(entry); i++)
                users[frame_of(entry, entry->offset + i)]++;
}

/* Figures of one area, in KiB but for Pss: in bytes. */
struct figures {
    long rss, pss, shared_clean, shared_dirty, private_clean, private_dirty, anonymous;
};

static struct figures figures_count(const uint32_t users[FRAMES_ALL], const struct entry *entry)
{
    struct figures figures = {0};

    for (uint64_t i = 0; i < entry_pages(entry); i++) {
        uint32_t frame = frame_of(entry, entry->offset + i);
        bool clean, private;

        if (frame == 0)
            continue;
        clean = frame >= FRAMES || !fake.vm.table.pages[frame].object->owner;
        private = users[frame] == 1;
        figures.rss += 4;
        figures.pss += 4096 / (long)users[frame];
        figures.anonymous += clean || entry->inheritance == ENTRY_SHARE ? 0 : 4;
        *(clean     ? private ? &figures.private_clean : &figures.shared_clean
          : private ? &figures.private_dirty
                    : &figures.shared_dirty) += 4;
    }
    return figures;
}

static const char *figures_read(const char *at, const char *name, long *figure)
{
    at = strstr(at, name);
    CHECK(at && at[-1] == '\n' && at[strlen(name)] == ':');
    *figure = strtol(at + strlen(name) + 1, NULL, 10);
    return at;
}

/* Compares each area, and adds the resident pages up. */
static long figures_check(const uint32_t users[FRAMES_ALL], const struct space *space)
{
    const char *at = random_read("smaps", space->pid);
    long sum = 0;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next) {
        struct figures told, counted = figures_count(users, entry);
        long size;

        at = figures_read(at, "Size", &size);
        CHECK_EQ(size, (entry->end - entry->start) / 1024);
        at = figures_read(at, "Rss", &told.rss);
        at = figures_read(at, "Pss", &told.pss);
        at = figures_read(at, "Shared_Clean", &told.shared_clean);
        at = figures_read(at, "Shared_Dirty", &told.shared_dirty);
        at = figures_read(at, "Private_Clean", &told.private_clean);
        at = figures_read(at, "Private_Dirty", &told.private_dirty);
        at = figures_read(at, "Anonymous", &told.anonymous);
        CHECK_EQ(told.rss, counted.rss);
        CHECK_EQ(told.shared_clean, counted.shared_clean);
        CHECK_EQ(told.shared_dirty, counted.shared_dirty);
        CHECK_EQ(told.private_clean, counted.private_clean);
        CHECK_EQ(told.private_dirty, counted.private_dirty);
        CHECK_EQ(told.anonymous, counted.anonymous);
        CHECK(told.pss == counted.pss / 1024 || told.pss == (counted.pss + 64) / 1024);
        sum += told.rss;
    }
    CHECK(!strstr(at, "\nSize"));
    return sum;
}

static void figures_check_status(const struct space *space, long resident)
{
    long told, part, sum = 0;
    const char *at = random_read("status", space->pid);

    at = figures_read(at, "VmRSS", &told);
    CHECK_EQ(told, resident);
    at = figures_read(at, "RssAnon", &part);
    sum += part;
    at = figures_read(at, "RssFile", &part);
    sum += part;
    figures_read(at, "RssShmem", &part);
    CHECK_EQ(sum + part, told);
}

static void random_begin(void)
{
    static uint8_t data[FILE_PAGES * FL_PAGE_BYTES];

    memset(data, 0x5a, sizeof data);
    memset(models, 0, sizeof models);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "even", data, sizeof data, true);     /* mapped where it lies */
    fake_add_file(&fake, "odd", data, sizeof data - 1, false); /* copied */
    fake_start(&fake);
    models[0].space = space_create(&fake.vm, 1);
}

static void random_end(void)
{
    for (uint32_t i = 0; i < SPACES; i++)
        if (models[i].space)
            fake_destroy_space(&fake, models[i].space);
    random_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    fake_free(&fake);
}

static void run_compare(void)
{
    static uint32_t users[FRAMES_ALL];

    random_sound();
    frames_count(users);
    for (uint32_t i = 0; i < SPACES; i++) {
        if (!models[i].space)
            continue;
        random_check_maps(&models[i]);
        figures_check_status(models[i].space, figures_check(users, models[i].space));
    }
}

static void run_trace(uint64_t seed, uint32_t variant)
{
    effort_trace_begin(seed, variant);
    random_begin();
    for (uint32_t step = 0; step < STEPS; step++) {
        random_step(&seed);
        if (step % 50 == 49)
            run_compare();
    }
    random_end();
    effort_trace_end();
}

TEST("maps, smaps and status of random trees of programs agree with what was mapped and is shown")
{
    effort_run_traces(RUNS, STEPS, 0, run_trace);
}

TEST("the next page of an index is the one that a lookup of each finds")
{
    struct object *file;
    uint64_t seed = 5;
    char byte = 1;

    random_begin();
    file = object_create_memory(&fake.vm);
    for (uint32_t round = 0; round < 60; round++) {
        uint64_t limit = 1ull << (2 * (round % 6) + 4), done, next = 0;

        CHECK_EQ(object_write(&fake.vm, file, fake_random(&seed) % limit * PAGE, &byte, 1, &done),
                 0);
        for (uint64_t key = 0; key <= limit; key++) {
            if (key > next || key == 0)
                next = index_next(&file->index, key, limit);
            CHECK(next <= limit);
            CHECK_EQ(next == key && key < limit,
                     key < limit && index_lookup(&file->index, key) != 0);
        }
        CHECK_EQ(index_next(&file->index, limit, limit), limit);
        for (uint32_t i = 0; i < 16; i++) { /* from any key, in subtrees that are there or not */
            uint64_t key = fake_random(&seed) % limit, found = key;

            while (found < limit && index_lookup(&file->index, found) == 0)
                found++;
            CHECK_EQ(index_next(&file->index, key, limit), found);
        }
    }
    object_release(&fake.vm, file);
    random_end();
}
