/* Instruction sets as device trees tell them. */
/* sources: drivers/fdt.c drivers/isa.c */
#include "isa.h"

#include "harness.h"

static void check(const char *text, bool expected)
{
    if (isa_is_usable(text) != expected)
        harness_fail(__FILE__, __LINE__, text);
}

TEST("harts of 64 bits are usable, with any extensions")
{
    check("rv64imafdc", true);
    check("rv64imac", true);
    check("rv64i", true);
    check("rv64imafdc_zba_zbb", true);
    check("rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc", true);
    check("rv64i2p1m2p0a2p1f2p2d2p2c2p0_zicsr2p0", true);
}

TEST("other harts are not")
{
    check("rv32imafdc", false);
    check("rv128i", false);
    check("RV64IMAC", false);
    check("rv6", false);
    check("r", false);
    check("", false);
}

TEST("a hart with user mode needs supervisor mode, where they are named")
{
    check("rv64imacu", false);
    check("rv64imacu_zba", false);
    check("rv64imafdcsu", true);
    check("rv64imafdcus", true);
    check("rv64imacsu_zicsr", true);
}

TEST("letters of longer names are no modes, but those of supervisor mode tell of it")
{
    check("rv64imac_zihintpause_zfu", true);
    check("rv64imaczicsru", true);
    check("rv64imacxu", true);
    check("rv64imacu_s", false);
    check("rv64imacuzihpms", false);
    check("rv64imacusstc", true);
}

/* `list`: names, each with its NUL, as the property holds them. */
static void check_list(const char *list, uint32_t bytes, bool expected)
{
    struct fdt_prop prop = {.value = (const uint8_t *)list, .bytes = bytes};

    if (isa_list_is_usable(&prop) != expected)
        harness_fail(__FILE__, __LINE__, list);
}
#define CHECK_LIST(list, expected) check_list(list, sizeof(list), expected)

TEST("a list of extensions needs m, a and c, in any order, each as a name of its own")
{
    CHECK_LIST("i\0m\0a\0c", true);
    CHECK_LIST("i\0m\0a\0f\0d\0c\0zba\0zicsr", true);
    CHECK_LIST("zicsr\0c\0a\0i\0m", true);
    CHECK_LIST("i\0m\0a\0f\0d\0zca", false);
    CHECK_LIST("i\0m\0c\0zaamo", false);
    CHECK_LIST("i\0a\0c\0zmmul", false);
    CHECK_LIST("imac", false);
    CHECK_LIST("i", false);
    CHECK_LIST("", false);
}

TEST("a list of extensions that is cut ends where it is cut")
{
    static const char list[] = "i\0m\0a\0c";

    check_list(list, sizeof list - 1, false); /* the last name lacks its end */
    check_list(list, 0, false);
}
