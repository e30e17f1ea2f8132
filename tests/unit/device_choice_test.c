/* sources: user/init/device_choice.c user/init/boot_arguments.c */
#include <string.h>

#include "../../user/init/device_choice.h"
#include "harness.h"

static struct fl_boot_device device_of(const char *name, uint64_t physical, uint64_t bytes)
{
    struct fl_boot_device device = {.physical = physical, .bytes = bytes};

    strncpy(device.compatible, name, sizeof device.compatible - 1);
    return device;
}

/* One letter a device: what becomes of each ('-' unnamed, o open, d driven, b beside, m too many). */
static void choice_check(const char *arguments, const struct fl_boot_device *devices,
                         uint64_t count, uint64_t driven, const char *expected)
{
    enum device_verdict verdict[FL_BOOT_DEVICES_MAX];
    char found[FL_BOOT_DEVICES_MAX + 1] = "";
    struct boot_arguments parsed;

    boot_arguments_parse(arguments, &parsed);
    CHECK(!parsed.refused);
    device_choice_decide(&parsed, devices, count, driven, verdict);
    for (uint64_t i = 0; i < count; i++)
        found[i] = "-odbm"[verdict[i]];
    CHECK_STRING(found, expected);
}

TEST("devices of exactly the names that were given are opened, all of them")
{
    const struct fl_boot_device devices[] = {
        device_of("a,clock", 0x1000, 0x1000), device_of("a,clock2", 0x2000, 0x1000),
        device_of("clock", 0x3000, 0x1000), device_of("a,clock", 0x4000, 0x1000),
        device_of("", 0x5000, 0x1000)};

    choice_check("", devices, 5, 0, "-----");
    choice_check("device=a,clock", devices, 5, 0, "o--o-");
    choice_check("device=clock device=a,clock2 events=1", devices, 5, 0, "-oo--");
    choice_check("device=a,cloc device=lock devices=clock", devices, 5, 0, "-----");
    choice_check("device=clock device=clock", devices, 5, 0, "--o--");
}

TEST("a name that the kernel had to cut is matched as far as it goes")
{
    char line[80] = "device=";
    const struct fl_boot_device devices[] = {
        device_of("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 0x1000, 0x1000)};

    memcpy(line + 7, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 52);
    choice_check(line, devices, 1, 0, "o");
    line[7 + 47] = '\0';
    choice_check(line, devices, 1, 0, "o");
    line[7 + 46] = '\0';
    choice_check(line, devices, 1, 0, "-");
}

TEST("what our driver has stays closed, and its twin elsewhere does not")
{
    const struct fl_boot_device devices[] = {device_of("uart", 0x1000, 0x100),
                                             device_of("uart", 0x2000, 0x100)};

    choice_check("device=uart", devices, 2, 1u << 0, "do");
    choice_check("device=uart", devices, 2, 0, "oo");
}

TEST("a page is opened only when all devices in it may be")
{
    static const struct {
        uint64_t physical, bytes;
        const char *expected;
    } cases[] = {{0x1000, 0x1000, "o-"}, {0x1ffc, 4, "o-"}, {0x1ffc, 5, "b-"},
                 {0x2800, 4, "b-"},      {0x2fff, 1, "b-"}, {0x3000, 8, "o-"},
                 {0x1000, 0x9000, "b-"}, {0, 0x2001, "b-"}};

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fl_boot_device devices[] = {
            device_of("one", cases[i].physical, cases[i].bytes), device_of("other", 0x2004, 0x10)};

        choice_check("device=one", devices, 2, 0, cases[i].expected);
        choice_check("device=one device=other", devices, 2, 0, "oo");
        choice_check("device=one device=other", devices, 2, 1u << 1,
                     cases[i].expected[0] == 'o' ? "od" : "bd");
    }
}

TEST("there is room for 32, and those behind them are told")
{
    struct fl_boot_device devices[FL_BOOT_DEVICES_MAX];

    for (uint64_t i = 0; i < FL_BOOT_DEVICES_MAX; i++)
        devices[i] = device_of(i == 3 ? "other" : "led", i << 12, 0x1000);
    choice_check("device=led", devices, FL_BOOT_DEVICES_MAX, 0,
                 "ooo-ooooooooooooooooooooooooooooommmmmmmmmmmmmmm");
    choice_check("device=led device=other", devices, 33, 1u << 0,
                 "doooooooooooooooooooooooooooooooo");
}
