/* Views of the pager's state: exact texts of small worlds, long views in steps, and what is refused. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_view_kit.h"
#include "rmap.h"

#include <stdio.h>

/* ---- maps ---- */

static struct space *view_load_program(void)
{
    static const struct fake_segment segments[] = {{0x10000, 0x1000, 0x2000, 0x2000, 5},
                                                   {0x20000, 0x3000, 0x1100, 0x4000, 6}};
    static uint8_t file[0x5000];
    struct vm_program loaded;
    struct space *space;

    memset(file, 0x5a, sizeof(file));
    fake_make_elf(file, segments, 2, 0x10000);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "bin/program_of_name", file, sizeof(file), true);
    fake_start(&fake);
    space = space_create(&fake.vm, 7);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "bin/program_of_name"), &loaded), 0);
    return space;
}

TEST(
    "maps of a program name its file, what is behind the file's end, heap and stack, not the guard")
{
    struct space *space = view_load_program();
    unsigned long number = fake_find_file(&fake, "bin/program_of_name")->offset, padding;
    char expected[1024], head[80];
    uint64_t end;

    CHECK_EQ(vm_break(&fake.vm, space, 0x25001, &end), 0);
    view_map_at(space, 0x1000000000, 2, RW, MAP_PRIVATE);
    view_map_at(space, 0x1000002000, 1, PROT_NONE, MAP_PRIVATE);
    view_map_at(space, 0x1000004000, 1, PROT_READ | PROT_EXEC, MAP_SHARED);
    padding = (unsigned long)snprintf(head, sizeof head,
                                      "00010000-00012000 r-xp 00001000 00:01 %lu ", number);
    snprintf(expected, sizeof expected,
             "00010000-00012000 r-xp 00001000 00:01 %lu %*s/bin/program_of_name\n"
             "00020000-00022000 rw-p 00003000 00:01 %lu %*s/bin/program_of_name\n"
             "00022000-00024000 rw-p 00000000 00:00 0 \n"
             "00024000-00026000 rw-p 00000000 00:00 0 %33s[heap]\n"
             "1000000000-1000002000 rw-p 00000000 00:00 0 \n"
             "1000002000-1000003000 ---p 00000000 00:00 0 \n"
             "1000004000-1000005000 r-xs 00000000 00:00 0 \n"
             "3fef800000-3ff0000000 rw-p 00000000 00:00 0 %29s[stack]\n",
             number, (int)(73 - padding), "", number, (int)(73 - padding), "", "", "");
    CHECK_STRING(view_text(space, "/proc/7/maps"), expected);
    view_end();
}

TEST("a process is named by its number or self; other paths have no view")
{
    static const char *const bad[] = {"",
                                      "/",
                                      "/proc",
                                      "/proc/",
                                      "/proc/7",
                                      "/proc/7/",
                                      "/proc/07/maps",
                                      "/proc/8/maps",
                                      "/proc/7/mapsx",
                                      "/proc/7/map",
                                      "/proc/maps",
                                      "/proc/self",
                                      "/proc/self/",
                                      "/proc/x/maps",
                                      "/proc/7x/maps",
                                      "proc/7/maps",
                                      "/proc/7/meminfo",
                                      "/proc/18446744073709551623/maps",
                                      "/proc/4294967303/maps",
                                      "/proc//meminfo"};
    struct space *space = view_begin(FRAMES);
    struct object *file;

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(view_open(&fake.vm, space, bad[i], &file), ENOENT);
    CHECK_EQ(view_open(&fake.vm, NULL, "/proc/self/maps", &file), ENOENT);
    view_map_at(space, 0x10000, 1, RW, MAP_PRIVATE);
    CHECK_STRING(view_text(space, "/proc/self/maps"), "00010000-00011000 rw-p 00000000 00:00 0 \n");
    CHECK_STRING(view_text(NULL, "/proc/7/maps"), "00010000-00011000 rw-p 00000000 00:00 0 \n");
    view_end();
}

/* ---- smaps, status, objects ---- */

TEST("smaps tells what of an area is resident, whose it is, and what holds for it")
{
    struct space *space = view_begin(FRAMES), *child;
    uint64_t at = view_map_at(space, 0x10000, 8, RW, MAP_PRIVATE | MAP_NORESERVE);

    for (uint64_t i = 0; i < 5; i++)
        view_write(space, at + i * PAGE);
    child = view_fork(space, 8);
    view_write(child, at);
    view_touch(space, at + 7 * PAGE, FL_ACCESS_READ); /* the zero page is nobody's */
    CHECK_EQ(vm_wire(&fake.vm, space, at, PAGE, 0), 0);
    CHECK_STRING(
        view_text(space, "/proc/7/smaps"),
        "00010000-00011000 rw-p 00000000 00:00 0 \n"
        "Size:                  4 kB\nKernelPageSize:        4 kB\n"
        "MMUPageSize:           4 kB\nRss:                   4 kB\n"
        "Pss:                   4 kB\n"
        "Shared_Clean:          0 kB\nShared_Dirty:          0 kB\n"
        "Private_Clean:         0 kB\nPrivate_Dirty:         4 kB\n"
        "Anonymous:             4 kB\nKSM:                   0 kB\nLazyFree:              0 kB\n"
        "Swap:                  0 kB\nSwapPss:               0 kB\n"
        "Locked:                4 kB\nVmFlags: rd wr mr mw me lo nr \n"
        "00011000-00018000 rw-p 00000000 00:00 0 \n"
        "Size:                 28 kB\nKernelPageSize:        4 kB\n"
        "MMUPageSize:           4 kB\nRss:                  16 kB\n"
        "Pss:                   8 kB\n"
        "Shared_Clean:          0 kB\nShared_Dirty:         16 kB\n"
        "Private_Clean:         0 kB\nPrivate_Dirty:         0 kB\n"
        "Anonymous:            16 kB\nKSM:                   0 kB\nLazyFree:              0 kB\n"
        "Swap:                  0 kB\nSwapPss:               0 kB\n"
        "Locked:                0 kB\nVmFlags: rd wr mr mw me nr \n");
    view_end();
}

TEST("status names the program, its parent and its memory; a parent that is gone is 1")
{
    struct space *space = view_load_program(), *child;

    view_write(space, 0x20000);
    view_write(space, PROGRAM_STACK_END - 1);
    view_touch(space, 0x11000, FL_ACCESS_EXEC);
    child = view_fork(space, 9);
    view_write(child, 0x23000);
    CHECK_STRING(view_text(child, "/proc/self/status"),
                 "Name:\tprogram_of_name\nTgid:\t9\nPid:\t9\nPPid:\t7\n"
                 "VmSize:\t    8216 kB\nVmLck:\t       0 kB\n"
                 "VmRSS:\t      24 kB\nRssAnon:\t      12 kB\nRssFile:\t      12 kB\n"
                 "RssShmem:\t       0 kB\nVmData:\t      16 kB\nVmStk:\t    8192 kB\n"
                 "VmExe:\t       8 kB\nVmSwap:\t       0 kB\nThreads:\t1\n"
                 "Charged:\t       4 kB\nChargedPeak:\t       4 kB\n"
                 "Entries:\t4\nMinorFaults:\t1\nMajorFaults:\t0\n");
    view_text(NULL, "/proc/7/status");
    CHECK_EQ(view_figure("PPid"), PROCESS_ROOT);
    fake_destroy_space(&fake, space);
    view_text(NULL, "/proc/9/status");
    CHECK_EQ(view_figure("PPid"), PROCESS_ROOT);
    CHECK_EQ(view_figure("Charged"), 12);
    view_end();
}

TEST("objects shows the chain of each entry as a fork makes it and an end merges it")
{
    struct space *space = view_begin(FRAMES), *child;

    view_map_at(space, 0x10000, 4, RW, MAP_PRIVATE);
    view_write(space, 0x10000);
    view_write(space, 0x11000);
    CHECK_STRING(view_text(space, "/proc/7/objects"),
                 "00010000-00014000 rw-p mapped\n"
                 "  anonymous 1 references 1 pages 2 first 0 above 0 charged 7\n");
    child = view_fork(space, 8);
    view_write(child, 0x10000);
    CHECK_STRING(view_text(space, "/proc/8/objects"),
                 "00010000-00014000 rw-p mapped\n"
                 "  anonymous 2 references 1 pages 1 first 0 above 0 charged 8\n"
                 "  anonymous 1 references 2 pages 2 first 0 above 2 charged 7\n");
    CHECK_STRING(view_text(space, "/proc/7/objects"),
                 "00010000-00014000 rw-p mapped\n"
                 "  anonymous 3 references 1 pages 0 first 0 above 0 charged 7\n"
                 "  anonymous 1 references 2 pages 2 first 0 above 2 charged 7\n");
    fake_destroy_space(&fake, child);
    CHECK_STRING(view_text(space, "/proc/7/objects"),
                 "00010000-00014000 rw-p mapped\n"
                 "  anonymous 1 references 1 pages 2 first 0 above 0 charged 7\n");
    view_end();
}

TEST("objects of a program lead down to its file, and a guard leads nowhere")
{
    struct space *space = view_load_program();
    unsigned long number = fake_find_file(&fake, "bin/program_of_name")->offset;
    char expected[1024];

    view_write(space, 0x23000);
    snprintf(expected, sizeof expected,
             "00010000-00012000 r-xp program\n"
             "  file %lu references 2 pages 0 first 1 name /bin/program_of_name\n"
             "00020000-00024000 rw-p program\n"
             "  anonymous 1 references 1 pages 1 first 0 above 0 charged 7\n"
             "  file %lu references 2 pages 0 first 3 name /bin/program_of_name\n"
             "3fef7ff000-3fef800000 ---p guard\n"
             "3fef800000-3ff0000000 rw-p stack\n"
             "  anonymous 2 references 1 pages 0 first 0 above 0 charged 7\n",
             number, number);
    CHECK_STRING(view_text(space, "/proc/7/objects"), expected);
    view_end();
}

/* As windows of time do: the page that a space shows was used in so many. */
static void view_use(const struct space *space, uint64_t address, uint8_t windows)
{
    uint32_t page = rmap_find_page(entry_find(&space->map, address), address);

    CHECK(page != PAGE_NONE);
    fake.vm.table.pages[page].uses = windows;
}

TEST("uses tells pages side by side that can leave, at most 16 in a line, also those below a fork")
{
    struct space *space = view_begin(FRAMES), *child;

    view_map_at(space, 0x10000, 24, RW, MAP_PRIVATE);
    view_map_at(space, 0x40000, 2, RW, MAP_PRIVATE | MAP_FIXED);
    for (uint64_t i = 0; i < 20; i++)
        if (i != 1) {
            view_write(space, 0x10000 + i * PAGE);
            view_use(space, 0x10000 + i * PAGE, (uint8_t)i);
        }
    view_use(space, 0x13000, 255);
    CHECK_STRING(view_text(space, "/proc/7/uses"),
                 "00010000 0\n"
                 "00012000 2 255 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
                 "00022000 18 19\n");
    child = view_fork(space, 8);
    view_write(child, 0x13000);
    view_use(child, 0x13000, 100);
    CHECK_EQ(vm_unmap(&fake.vm, child, 0x15000, 15 * PAGE), 0);
    CHECK_STRING(view_text(space, "/proc/8/uses"), "00010000 0\n"
                                                   "00012000 2 100 4\n");
    view_end();
}

TEST("uses has no line for files, nor for what is not in memory")
{
    struct space *space = view_load_program();

    view_touch(space, 0x10000, FL_ACCESS_EXEC);
    view_touch(space, 0x20000, FL_ACCESS_READ);
    CHECK_STRING(view_text(space, "/proc/7/uses"), "");
    view_write(space, 0x23000);
    view_use(space, 0x23000, 3);
    CHECK_STRING(view_text(space, "/proc/7/uses"), "00023000 3\n");
    view_end();
}

/* ---- the system ---- */

TEST("every frame is in one line of meminfo")
{
    static const char *const classes[] = {"MemFree",        "AnonPages",   "Cached",
                                          "Slab",           "PageTables",  "KernelObjects",
                                          "MessageBuffers", "PageRecords", "ZeroPage"};
    struct space *space = view_begin(FRAMES);
    uint64_t at = view_map_at(space, 0x10000, 32, RW, MAP_PRIVATE), done;
    struct object *file = object_create_memory(&fake.vm);
    long sum = 0;

    for (uint64_t i = 0; i < 19; i++)
        view_write(space, at + i * PAGE);
    space_take_buffer(&fake.vm, space);
    CHECK_EQ(object_write(&fake.vm, file, 0, text, 3 * PAGE, &done), 0);
    for (uint64_t i = 0; i < 5; i++)
        page_allocate(&fake.vm.table, PAGE_LENT);
    fake.vm.table_frames = 3;
    view_text(NULL, "/proc/meminfo");
    for (unsigned i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        CHECK(view_figure(classes[i]) >= 0);
        sum += view_figure(classes[i]);
    }
    CHECK_EQ(view_figure("MemTotal"), 4 * (FRAMES - 3)); /* three were the root task's */
    CHECK_EQ(sum, view_figure("MemTotal"));
    CHECK_EQ(view_figure("AnonPages"), 4 * 19);
    CHECK_EQ(view_figure("Cached"), 4 * 3); /* the view itself takes its page later */
    CHECK_EQ(view_figure("Shmem"), 4 * 3);
    CHECK_EQ(view_figure("PageTables"), 12);
    CHECK_EQ(view_figure("KernelObjects"), 8);
    CHECK_EQ(view_figure("Committed_AS"), 4 * 32);
    object_release(&fake.vm, file);
    fake_unlimit(&fake);
    view_end();
}

TEST("vmstat counts faults, copies and shadow objects")
{
    struct space *space = view_begin(FRAMES), *child;

    view_map_at(space, 0x10000, 4, RW, MAP_PRIVATE);
    view_write(space, 0x10000);
    view_write(space, 0x11000);
    child = view_fork(space, 8);
    view_write(child, 0x10000);
    view_write(space, 0x10000);
    fake_destroy_space(&fake, child);
    view_text(NULL, "/proc/vmstat");
    CHECK_EQ(view_figure("pgfault"), fake.faults);
    CHECK_EQ(view_figure("pgmajfault"), 0);
    CHECK_EQ(view_figure("cow_copies"), 1);
    CHECK_EQ(view_figure("cow_takes"), 1);
    CHECK_EQ(view_figure("shadow_objects"), 2);
    CHECK_EQ(view_figure("shadow_merges"), 1);
    CHECK_EQ(view_figure("nr_anon_pages"), 2);
    CHECK_EQ(view_figure("nr_entries"), 1);
    view_end();
}

/* The free blocks of an order, by the page records alone. */
static uint32_t view_count_blocks(uint32_t order)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < fake.vm.table.count; n++)
        count += fake.vm.table.pages[n].state == PAGE_FREE && fake.vm.table.pages[n].order == order;
    return count;
}

/* The line that Linux would print of such memory, as mm/vmstat.c of Linux 6.1 has its format. */
static void view_check_blocks(void)
{
    char line[200];
    size_t used = (size_t)snprintf(line, sizeof line, "Node %d, zone %8s ", 0, "Normal");

    for (uint32_t order = 0; order < 10; order++)
        used += (size_t)snprintf(line + used, sizeof line - used, "%6lu ",
                                 (unsigned long)view_count_blocks(order));
    snprintf(line + used, sizeof line - used, "\n");
    CHECK_STRING(view_text(NULL, "/proc/buddyinfo"), line);
}

TEST("buddyinfo tells the free blocks of each order as they are taken, split and merged")
{
    struct space *space = view_begin(1600);
    uint64_t at = view_map_at(space, 0x10000, 700, RW, MAP_PRIVATE);
    struct page_table *table = &fake.vm.table;
    struct object *kept = view_must_open(NULL, "/proc/vmstat"); /* the others need no record */
    uint32_t run;

    view_check_blocks();
    CHECK(view_count_blocks(9) > 0);
    for (uint64_t i = 0; i < 700; i++)
        view_write(space, at + i * PAGE);
    view_check_blocks();
    CHECK_EQ(vm_unmap(&fake.vm, space, at, 700 * PAGE), 0);
    CHECK(page_zero_ahead(table));
    view_check_blocks();
    CHECK(view_count_blocks(0) >= 700);
    run = page_allocate_run(table, 512, PAGE_LENT);
    CHECK(run != PAGE_NONE);
    CHECK(page_allocate_run(table, 512, PAGE_LENT) != PAGE_NONE); /* of single ones, merged */
    view_check_blocks();
    page_release_run(table, run, 300);
    view_check_blocks();
    object_release(&fake.vm, kept);
    fake_unlimit(&fake);
    view_end();
}

/* ---- steps ---- */

/* Pages [0, count) of every second address, so that none joins. */
static void view_map_many(struct space *space, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        view_map_at(space, 0x100000 + 2 * i * PAGE, 1, RW, MAP_PRIVATE);
}

/* Reads on by the program's own calls into `text`, some hundred bytes a call.  Returns: bytes. */
static uint64_t view_read_by_calls(struct space *space, uint32_t handle, uint64_t buffer)
{
    struct file_transfer transfer = {handle, buffer, 500, FILE_AT_POSITION};
    uint64_t used = 0, done = 1;

    while (done > 0) {
        int error = vm_file_read(&fake.vm, space, &transfer, &done);

        CHECK(error == 0 || (error == EAGAIN && done == 0));
        for (uint64_t i = 0; i < done; i++)
            CHECK_EQ(
                fake_touch(&fake, space, buffer + i, FL_ACCESS_READ, (uint8_t *)&text[used + i]),
                FAKE_DONE);
        used += done;
        done = error ? 1 : done;
    }
    text[used] = '\0';
    return used;
}

TEST("a newline in a name does not begin a line")
{
    struct space *space = view_begin(FRAMES);
    const struct file_path path = {"/tmp/a\nb", 8};
    struct vm_map_request request = {.address = 0x10000,
                                     .bytes = PAGE,
                                     .protection = PROT_READ,
                                     .flags = MAP_SHARED | MAP_FIXED};
    uint32_t handle;
    uint64_t at;

    CHECK_EQ(vm_file_open(&fake.vm, space, &path, FILE_O_RDWR | FILE_O_CREAT, &handle), 0);
    CHECK_EQ(vm_file_map(&fake.vm, space, handle, &request, &at), 0);
    CHECK(strstr(view_text(space, "/proc/7/maps"), " /tmp/a\\012b\n"));
    CHECK(strstr(view_text(space, "/proc/7/objects"), " name /tmp/a\\012b\n"));
    CHECK_EQ(vm_path_unlink(&fake.vm, space, &path), 0);
    view_end();
}

TEST("maps of three thousand entries is told in steps as a program reads it, and lacks none")
{
    static const char path[] = "/proc/self/maps";
    const struct file_path named = {path, sizeof path - 1};
    struct space *space = view_begin(2048);
    uint64_t buffer = view_map_at(space, 0x10000, 1, RW, MAP_PRIVATE), at = 0;
    struct file_status status;
    uint32_t handle;

    view_map_many(space, 2999);
    CHECK_EQ(vm_file_open(&fake.vm, space, &named, FILE_O_RDONLY, &handle), 0);
    CHECK(space->handles[handle]->file->view);
    CHECK(space->handles[handle]->file->bytes < 3000u * 40 / 4);
    CHECK_EQ(vm_file_status(space, handle, &status), 0);
    CHECK_EQ(status.mode, 0100444);
    view_sound();
    CHECK_EQ(view_read_by_calls(space, handle, buffer), 3000u * 41);
    for (uint64_t i = 0; i < 3000; i++, at += 41) {
        uint64_t start = i == 0 ? 0x10000 : 0x100000 + 2 * (i - 1) * PAGE;
        char expected[64];

        snprintf(expected, sizeof expected, "%08lx-%08lx rw-p 00000000 00:00 0 \n",
                 (unsigned long)start, (unsigned long)(start + PAGE));
        CHECK(strncmp(text + at, expected, 41) == 0);
    }
    CHECK_EQ(vm_file_close(&fake.vm, space, handle), 0);
    view_end();
}

#define VIEW_SHARED 0x100000ull

/* A program with an area of so many pages that four children show too. */
static struct space *view_begin_shared(uint64_t pages)
{
    struct space *space = view_begin(4096);
    uint64_t at = view_map_at(space, VIEW_SHARED, pages, RW, MAP_PRIVATE);

    for (uint64_t i = 0; i < pages; i++)
        view_write(space, at + i * PAGE);
    for (uint64_t pid = 8; pid < 12; pid++)
        view_fork(space, pid);
    return space;
}

TEST("one area of many shared pages is counted in several calls before its figures come")
{
    struct space *space = view_begin_shared(3000);
    struct object *file;

    file = view_must_open(space, "/proc/self/smaps");
    CHECK(view_read_rest(file, 0) > 1);
    CHECK_EQ(view_figure("Rss"), 12000);
    CHECK_EQ(view_figure("Pss"), 2399); /* 3000 times 4096 / 5, less what a division drops */
    CHECK_EQ(view_figure("Shared_Dirty"), 12000);
    object_release(&fake.vm, file);
    file = view_must_open(space, "/proc/self/status");
    CHECK(view_read_rest(file, 0) > 1);
    CHECK_EQ(view_figure("VmRSS"), 12000);
    object_release(&fake.vm, file);
    view_end();
}

TEST("a long view goes on when entries behind it change, and ends with its process")
{
    struct space *space = view_begin(2048);
    struct object *file;
    uint64_t told;

    view_map_many(space, 2000);
    for (uint32_t round = 0; round < 2; round++) {
        file = view_must_open(space, round == 0 ? "/proc/self/maps" : "/proc/self/smaps");
        told = file->view->next;
        CHECK_EQ(vm_unmap(&fake.vm, space, told, 0x10000000 - told), 0);
        view_map_at(space, 0x20000000, 1, RW, MAP_PRIVATE);
        view_read_rest(file, 0);
        CHECK(strstr(text, "20000000-20001000 rw-p"));
        object_release(&fake.vm, file);
        CHECK_EQ(vm_unmap(&fake.vm, space, 0x100000, 0x20000000), 0);
        view_map_many(space, 2000);
    }
    file = view_must_open(space, "/proc/self/maps");
    told = file->bytes;
    fake_destroy_space(&fake, space);
    space = space_create(&fake.vm, 7);
    CHECK_EQ(view_read_rest(file, 0), 0);
    CHECK_EQ(strlen(text), told);
    object_release(&fake.vm, file);
    view_end();
}

TEST("an area that is unmapped while it is counted has the figures of what was counted")
{
    struct space *space = view_begin_shared(3000);
    struct object *file;

    view_map_at(space, 0x10000000, 1, RW, MAP_SHARED);
    file = view_must_open(space, "/proc/self/smaps");
    CHECK(file->view->next > VIEW_SHARED && file->view->next < VIEW_SHARED + 3000 * PAGE);
    CHECK_EQ(vm_unmap(&fake.vm, space, VIEW_SHARED + PAGE, 3000 * PAGE), 0);
    view_read_rest(file, 0);
    CHECK_EQ(view_figure("Size"), 12000);
    CHECK(view_figure("Rss") > 4 && view_figure("Rss") < 12000);
    CHECK(strstr(text, "10000000-10001000 rw-s"));
    object_release(&fake.vm, file);
    view_end();
}

TEST("a view that is closed before its end leaves nothing")
{
    struct space *space = view_begin(2048);

    view_map_many(space, 2000);
    object_release(&fake.vm, view_must_open(space, "/proc/self/smaps"));
    view_end();
}

TEST("without memory a view is ENOMEM, at its opening or later, and nothing is lost or told twice")
{
    struct space *space = view_begin(1024);
    uint32_t refused = 0, late = 0;
    static char whole[65536];

    view_map_many(space, 1000);
    strcpy(whole, view_text(space, "/proc/self/maps"));
    for (uint32_t left = 0; left < 30; left++) {
        struct object *file = NULL;
        uint64_t bytes;
        int error;

        fake_limit(&fake, left);
        error = view_open(&fake.vm, space, "/proc/self/maps", &file);
        CHECK(error == 0 || error == ENOMEM);
        refused += error == ENOMEM;
        while (!error && file->view) {
            bytes = file->bytes;
            error = view_reach(&fake.vm, file, bytes);
            if (error == ENOMEM) {
                late++;
                CHECK_EQ(file->bytes, bytes);
                fake_unlimit(&fake);
                error = 0;
            }
        }
        fake_unlimit(&fake);
        if (!error) {
            view_read_rest(file, 0);
            CHECK(strcmp(text, whole) == 0);
            object_release(&fake.vm, file);
        }
        view_sound();
    }
    CHECK(refused > 0 && late > 0);
    view_end();
}
