/* sources: user/common/text.c user/init/boot_arguments.c user/init/event_text.c */
#include <stdio.h>
#include <string.h>

#include "../../user/init/boot_arguments.h"
#include "../../user/init/event_text.h"
#include "harness.h"
#include "protocol.h"

TEST("a command line without our words means interactive mode with the tour")
{
    static const char *const lines[] = {"", " ", "events=1", "  a  nonceless=1 tourist=no "};

    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct boot_arguments arguments;

        boot_arguments_parse(lines[i], &arguments);
        CHECK_STRING(arguments.nonce, "");
        CHECK_EQ(arguments.tour, BOOT_TOUR_FIRST);
        CHECK(!arguments.refused);
    }
}

TEST("nonce and tour are read wherever they stand, the last one counts")
{
    struct boot_arguments arguments;

    boot_arguments_parse("tour=only nonce=00ffAA events=1 fork=clone overcommit=strict event=2  "
                         "tour=no",
                         &arguments);
    CHECK_STRING(arguments.nonce, "00ffAA");
    CHECK_EQ(arguments.tour, BOOT_TOUR_SKIPPED);
    CHECK(!arguments.refused);
    boot_arguments_parse("tour=only", &arguments);
    CHECK_EQ(arguments.tour, BOOT_TOUR_ONLY);
    CHECK_STRING(arguments.nonce, "");
}

TEST("a nonce is 1 to 64 hexadecimal digits, other values are of a few words")
{
    static const char *const bad[] = {"nonce=",      "nonce=12g4",  "tour=",           "tour=maybe",
                                      "tour=noo",    "overcommit=", "overcommit=none", "fork=",
                                      "fork=clones", "events=",     "events=yes"};
    char line[80] = "nonce=";
    struct boot_arguments arguments;

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        boot_arguments_parse(bad[i], &arguments);
        CHECK(arguments.refused == bad[i]);
        CHECK_STRING(arguments.nonce, "");
    }
    memset(line + 6, 'a', 64);
    boot_arguments_parse(line, &arguments);
    CHECK(!arguments.refused);
    CHECK_EQ(strlen(arguments.nonce), 64);
    line[70] = 'a';
    boot_arguments_parse(line, &arguments);
    CHECK(arguments.refused == line);
}

TEST("the clock is time unless it is work, a disk's limit is 1 ms to an hour and 10 s when nothing "
     "is said")
{
    static const char *const bad[] = {
        "clock=",        "clock=wor",          "clock=worktime",
        "clock=none",    "disk-limit=",        "disk-limit=0",
        "disk-limit=1s", "disk-limit=3600001", "disk-limit=18446744073709551617",
        "disk-limit=-1"};
    struct boot_arguments arguments;

    boot_arguments_parse("", &arguments);
    CHECK(!arguments.counts_work && arguments.disk_limit_ms == 10000);
    boot_arguments_parse("clock=work disk-limit=3600000", &arguments);
    CHECK(arguments.counts_work && arguments.disk_limit_ms == 3600000 && !arguments.refused);
    boot_arguments_parse("clock=work clock=time disk-limit=1", &arguments);
    CHECK(!arguments.counts_work && arguments.disk_limit_ms == 1 && !arguments.refused);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        boot_arguments_parse(bad[i], &arguments);
        CHECK(arguments.refused == bad[i]);
    }
}

TEST("memory is a number of bytes, or of KiB, MiB or GiB, and all when nothing is said")
{
    static const char *const bad[] = {
        "mem=",   "mem=0",   "mem=0M",  "mem=M",        "mem=4T",
        "mem=4m", "mem=-4M", "mem=4MM", "mem=1048577G", "mem=18446744073709551616"};
    static const struct {
        const char *line;
        uint64_t bytes;
    } good[] = {{"", 0},
                {"mem=4096", 4096},
                {"mem=5K", 5 << 10},
                {"mem=16M", 16 << 20},
                {"mem=3G", 3ull << 30},
                {"mem=1048576G", 1ull << 50},
                {"mem=1G mem=4M xmem=2M", 4 << 20}};
    struct boot_arguments arguments;

    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        boot_arguments_parse(good[i].line, &arguments);
        CHECK(!arguments.refused);
        CHECK_EQ(arguments.memory_bytes, good[i].bytes);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        boot_arguments_parse(bad[i], &arguments);
        CHECK(arguments.refused == bad[i]);
    }
}

TEST("devices are the values of all their words, in order, at most 32")
{
    struct boot_arguments arguments;
    char line[33 * 10] = "";

    boot_arguments_parse("device=a,b tour=no device=c  xdevice=d device=c", &arguments);
    CHECK(!arguments.refused);
    CHECK_EQ(arguments.device_count, 3);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(arguments.device[i].bytes, i == 0 ? 3 : 1);
    CHECK(memcmp(arguments.device[0].text, "a,b", 3) == 0);
    CHECK(arguments.device[1].text < arguments.device[2].text);
    boot_arguments_parse("tour=no device= device=a", &arguments);
    CHECK(arguments.refused && strncmp(arguments.refused, "device= ", 8) == 0);
    for (unsigned i = 0; i < 32; i++)
        strcat(line, "device=a ");
    boot_arguments_parse(line, &arguments);
    CHECK(!arguments.refused);
    strcat(line, "device=b");
    boot_arguments_parse(line, &arguments);
    CHECK_EQ(arguments.device_count, 32);
    CHECK(arguments.refused && strcmp(arguments.refused, "device=b") == 0);
}

TEST("an event's line names the access, the address and the pc")
{
    static const struct {
        struct pager_event event;
        const char *line;
    } cases[] = {
        {{0, 11, 0, 0x10234, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED},
         "write to 0x0 (not mapped) at pc 0x10234"},
        {{0, 11, 0x10000, 0x10238, FL_ACCESS_WRITE | FL_ACCESS_PRESENT, PAGER_EVENT_PROTECTION},
         "write to 0x10000 (not allowed there) at pc 0x10238"},
        {{0, 11, 0x3fefffff00, 0x3fefffff00, FL_ACCESS_EXEC, PAGER_EVENT_PROTECTION},
         "instruction fetch from 0x3fefffff00 (not allowed there) at pc 0x3fefffff00"},
        {{0, 7, 0x20000, 0x1000, FL_ACCESS_READ, PAGER_EVENT_MEMORY},
         "read from 0x20000 (no memory behind the address) at pc 0x1000"},
        {{0, 7, 0x20000, 0x1000, FL_ACCESS_READ, PAGER_EVENT_BEYOND_END},
         "read from 0x20000 (past the end of the file) at pc 0x1000"},
        {{0, 7, 0x20000, 0x1000, FL_ACCESS_READ, PAGER_EVENT_UNREADABLE},
         "read from 0x20000 (can't be read from where it is kept) at pc 0x1000"},
        {{0, 9, 0x20000, 0x1000, FL_ACCESS_READ, PAGER_EVENT_NO_MEMORY},
         "read from 0x20000 (no free frame left) at pc 0x1000"},
        {{0, 9, 1234, 0, 0, PAGER_EVENT_NO_MEMORY},
         "no memory is left, and it had the most, 1234 pages"},
        {{0, 4, 0xffff, 0x1000, 2, PAGER_EVENT_EXCEPTION},
         "illegal instruction (cause 2, value 0xffff) at pc 0x1000"},
        {{0, 4, 0, 0x1000, 99, PAGER_EVENT_EXCEPTION},
         "exception (cause 99, value 0x0) at pc 0x1000"},
        {{0, 31, 1234, 0x1000, 0, PAGER_EVENT_SYSCALL}, "unknown system call 1234 at pc 0x1000"},
        {{0, 31, 5, 6, 0, 77}, "event of unknown kind 77, address 0x5, pc 0x6"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[160];

        CHECK_EQ(event_text(&cases[i].event, line, sizeof line), strlen(cases[i].line));
        CHECK_STRING(line, cases[i].line);
    }
}
