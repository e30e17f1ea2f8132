/* sources: user/apps/sh/words.c */
#include "../../user/apps/sh/words.h"

#include <string.h>

#include "harness.h"

static struct words words;

static void check_words(const char *line, int count, const char *const *expected)
{
    const char *wrong = words_split(line, &words);

    CHECK_STRING(wrong ? wrong : "", "");
    CHECK_EQ(words.count, count);
    for (int i = 0; i < count; i++)
        CHECK_STRING(words.word[i], expected[i]);
    CHECK(words.word[count] == NULL);
}

TEST("blanks part words, quotes and backslashes keep what they are given")
{
    const char *const plain[] = {"ls", "-l", "a#b"};
    const char *const quoted[] = {"a b", "c\"d\\e", "f'g", "", "h i"};

    check_words("  ls\t-l a#b \r\n", 3, plain);
    check_words("'a b' \"c\\\"d\\\\e\" \"f'g\" '' h\\ i # and no more", 5, quoted);
    check_words("", 0, NULL);
    check_words(" # nothing", 0, NULL);
}

TEST("& ends a command and sends it to the background")
{
    const char *const spin[] = {"spin"};

    check_words("spin& # meanwhile", 1, spin);
    CHECK(words.background);
    check_words("spin", 1, spin);
    CHECK(!words.background);
    CHECK_STRING(words_split("spin & ls", &words), "& must stand at the end");
    CHECK_STRING(words_split(" &", &words), "no command stands before &");
}

TEST("what other shells know is refused by name, and taken as letters in quotes")
{
    const char *const letters[] = {"a|b", "c;d", "<e>"};
    const char *const lines[] = {"ls | cat", "ls|cat", "cat <f", "ls > f",
                                 "ls>f",     "ls; ls", "ls ;"};

    check_words("'a|b' \"c;d\" \\<e\\>", 3, letters);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *wrong = words_split(lines[i], &words);

        CHECK(wrong != NULL);
        CHECK(strstr(wrong, strchr(lines[i], '|')   ? "no pipes"
                            : strchr(lines[i], ';') ? "one command"
                                                    : "no redirection") != NULL);
    }
}

TEST("what is not finished, or too much, is told")
{
    char many[2 * (SH_WORDS_MAX + 1) + 1];

    CHECK_STRING(words_split("echo 'a", &words), "a ' is not closed");
    CHECK_STRING(words_split("echo \"a", &words), "a \" is not closed");
    CHECK_STRING(words_split("echo \\", &words), "nothing follows the backslash");
    for (size_t i = 0; i + 1 < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'w';
    many[sizeof many - 1] = '\0';
    CHECK_STRING(words_split(many, &words), "too many words");
    many[2 * SH_WORDS_MAX] = '\0';
    CHECK(words_split(many, &words) == NULL);
    CHECK_EQ(words.count, SH_WORDS_MAX);
}
