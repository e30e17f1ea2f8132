/* Words of the boot arguments that the kernel reads. */
/* sources: kernel/boot_word.c */
#include "boot_word.h"
#include "harness.h"

static uint64_t value;

static enum boot_word read(const char *arguments)
{
    value = 99;
    return boot_word_number(arguments, "asid=", 16, &value);
}

static void check_found(const char *arguments, uint64_t expected)
{
    CHECK_EQ(read(arguments), BOOT_WORD_FOUND);
    CHECK_EQ(value, expected);
}

TEST("a number is found wherever its word stands")
{
    check_found("asid=0", 0);
    check_found("asid=16", 16);
    check_found("asid=007", 7);
    check_found("  asid=9\t", 9);
    check_found("nonce=00 asid=3 tour=no", 3);
    check_found("tour=no\nasid=4\r\n", 4);
}

TEST("of several words the last counts")
{
    check_found("asid=1 asid=2", 2);
    check_found("asid=x asid=2", 2);
    CHECK_EQ(read("asid=2 asid=x"), BOOT_WORD_BAD);
}

TEST("a word that only contains the name, or part of it, is another word")
{
    static const char *const others[] = {"",       "asid",       "asid 3",    "noasid=3",
                                         "ASID=3", "x=asid=3",   "-asid=3",   "asi=d3",
                                         "a=b",    "\"asid=3\"", "asid =3 =3"};

    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK_EQ(read(others[i]), BOOT_WORD_ABSENT);
}

TEST("a value that is no number, too large or followed by anything is bad")
{
    static const char *const bad[] = {"asid=",    "asid= 3",  "asid=-1",   "asid=+1",
                                      "asid=0x1", "asid=3,",  "asid=3k",   "asid=17",
                                      "asid=99",  "asid=160", "asid=three"};

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(read(bad[i]), BOOT_WORD_BAD);
    CHECK_EQ(read("asid=18446744073709551616"), BOOT_WORD_BAD);
    CHECK_EQ(read("asid=18446744073709551617"), BOOT_WORD_BAD);
}

TEST("a limit of all 64 bits is reached and not passed")
{
    CHECK_EQ(boot_word_number("n=18446744073709551615", "n=", UINT64_MAX, &value), BOOT_WORD_FOUND);
    CHECK_EQ(value, UINT64_MAX);
    CHECK_EQ(boot_word_number("n=18446744073709551616", "n=", UINT64_MAX, &value), BOOT_WORD_BAD);
    CHECK_EQ(boot_word_number("n=9", "n=", 5, &value), BOOT_WORD_BAD);
    CHECK_EQ(boot_word_number("n=5", "n=", 5, &value), BOOT_WORD_FOUND);
}
