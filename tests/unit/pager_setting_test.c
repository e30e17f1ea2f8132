/* Settings of the pager: names, values, and what they switch. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_core_kit.h"

#include "setting.h"

#define MAX UINT64_MAX

static const char *setting_value(const char *name)
{
    static char value[SETTING_BYTES];

    memset(value, 'x', sizeof value);
    CHECK_EQ(setting_read(&fake.vm, name, value), 0);
    CHECK(memchr(value, '\0', sizeof value));
    return value;
}

TEST("every setting has a name of its own, in order, and takes the value that it tells")
{
    const char *before = "";
    uint64_t row = 0;

    (void)core_begin();
    for (; setting_name(row); row++) {
        const char *name = setting_name(row);
        char value[SETTING_BYTES];

        CHECK(strcmp(before, name) < 0);
        CHECK_EQ(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
        CHECK(strlen(name) < SETTING_BYTES);
        strcpy(value, setting_value(name));
        CHECK(strlen(value) > 0 && !strpbrk(value, " \t\n"));
        CHECK_EQ(setting_write(&fake.vm, name, value), 0);
        CHECK_STRING(setting_value(name), value);
        before = name;
    }
    CHECK(row >= 2);
    CHECK(!setting_name(MAX));
    core_end();
}

TEST("of every setting a value that is none is refused and changes nothing")
{
    static const char *const bad[] = {"", "nonsense", " on", "18446744073709551616", "-1", "1x"};

    (void)core_begin();
    for (uint64_t row = 0; setting_name(row); row++)
        for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            char value[SETTING_BYTES];

            strcpy(value, setting_value(setting_name(row)));
            CHECK_EQ(setting_write(&fake.vm, setting_name(row), bad[i]), EINVAL);
            CHECK_STRING(setting_value(setting_name(row)), value);
        }
    core_end();
}

TEST("there is no setting of another name")
{
    static const char *const others[] = {"", "over", "overcommit2", "Fork", "vm.fork"};

    (void)core_begin();
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        char value[SETTING_BYTES] = "kept";

        CHECK_EQ(setting_read(&fake.vm, others[i], value), ENOENT);
        CHECK_STRING(value, "kept");
        CHECK_EQ(setting_write(&fake.vm, others[i], "on"), ENOENT);
    }
    core_end();
}

TEST("a number is taken in all its range, and nothing else is")
{
    static const char *const none[] = {"", " 1", "1 ", "+1", "0x1", "1.", "a", "1/", "1:"};
    uint64_t number = 7;
    char value[SETTING_BYTES];

    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK(!setting_take_number(none[i], 0, MAX, &number));
    CHECK(!setting_take_number("18446744073709551616", 0, MAX, &number));
    CHECK(!setting_take_number("99999999999999999999", 0, MAX, &number));
    CHECK(!setting_take_number("4", 5, 12, &number));
    CHECK(!setting_take_number("13", 5, 12, &number));
    CHECK(!setting_take_number("9", 0, 8, &number));
    CHECK_EQ(number, 7);
    CHECK(setting_take_number("5", 5, 12, &number));
    CHECK_EQ(number, 5);
    CHECK(setting_take_number("0012", 5, 12, &number));
    CHECK_EQ(number, 12);
    CHECK(setting_take_number("18446744073709551615", 0, MAX, &number));
    CHECK_EQ(number, MAX);
    setting_tell_number(value, number);
    CHECK_STRING(value, "18446744073709551615");
}

TEST("a switch is on or off")
{
    char value[SETTING_BYTES];
    bool on = false;

    CHECK(setting_take_switch("on", &on));
    CHECK(on);
    setting_tell_switch(value, on);
    CHECK_STRING(value, "on");
    CHECK(!setting_take_switch("of", &on));
    CHECK(on);
    CHECK(setting_take_switch("off", &on));
    CHECK(!on);
    setting_tell_switch(value, on);
    CHECK_STRING(value, "off");
}

TEST("strict promises hold from when they are switched on until they are switched off")
{
    struct space *space = core_begin();
    uint64_t at, pages = FRAMES / 2;

    (void)core_map_anywhere(space, pages, RW);
    (void)core_map_anywhere(space, pages, RW);
    CHECK_EQ(setting_write(&fake.vm, "overcommit", "strict"), 0);
    CHECK_STRING(setting_value("overcommit"), "strict");
    CHECK_EQ(core_map(space, 0, 1, RW, 0, &at), ENOMEM);
    CHECK_EQ(setting_write(&fake.vm, "overcommit", "heuristic"), 0);
    CHECK_STRING(setting_value("overcommit"), "heuristic");
    CHECK_EQ(core_map(space, 0, pages, RW, 0, &at), 0);
    core_end();
}

TEST("disks with a swap header are used from the start unless it is set that they wait")
{
    (void)core_begin();
    CHECK_STRING(setting_value("swap-auto"), "on");
    CHECK(!fake.vm.swap_waits);
    CHECK_EQ(setting_write(&fake.vm, "swap-auto", "off"), 0);
    CHECK_STRING(setting_value("swap-auto"), "off");
    CHECK(fake.vm.swap_waits);
    core_end();
}

TEST("the tables of a fork's child are filled by the fork or by faults, as it is set")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 2, RW);

    core_write(space, at, 1);
    for (uint32_t clones = 0; clones < 2; clones++) {
        struct space *child = space_create(&fake.vm, 2 + clones);

        CHECK_EQ(setting_write(&fake.vm, "fork", clones ? "clone" : "fault"), 0);
        CHECK_STRING(setting_value("fork"), clones ? "clone" : "fault");
        CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
        CHECK_EQ(fake_peek(&fake, child, at, FL_ACCESS_READ) != NULL, clones == 1);
    }
    core_end();
}
