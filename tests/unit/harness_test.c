/* The harness on the host: a case that is named runs alone, and what is broken is told in words.  The program runs
 * itself, as one does by hand. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "effort.h"
#include "harness.h"

static char said[4000];

/* Runs this program, or the tests of it with this text in their names, with a variable of the environment.
 * Returns: its status. */
static int run_some_again(const char *part, const char *name, const char *value)
{
    char command[100];
    FILE *pipe;
    size_t got;

    snprintf(command, sizeof command, "exec /proc/%d/exe %s", (int)getpid(), part);
    setenv(name, value, 1);
    pipe = popen(command, "r");
    unsetenv(name);
    CHECK(pipe);
    got = fread(said, 1, sizeof said - 1, pipe);
    said[got] = '\0';
    return pclose(pipe);
}

static int run_again(const char *name, const char *value)
{
    return run_some_again("", name, value);
}

static uint64_t held;

TEST_LAW("what is held")
{
    static long measured;

    measured++;
    CHECK(!getenv("UNLAWFUL") || measured != atol(getenv("UNLAWFUL")));
    return held;
}

static struct {
    uint64_t seed;
    uint32_t variant;
} last;

static void trace(uint64_t seed, uint32_t variant)
{
    effort_trace_begin(seed, variant);
    last.seed = seed;
    last.variant = variant;
    CHECK(variant > 0);
    effort_trace_end();
}

TEST("a random test runs all its traces, or the one that is named")
{
    bool all = effort_run_traces(3, 10, 2, trace);

    harness_note("seed %" PRIu64 ", variant %" PRIu32 ": %s", last.seed, last.variant,
                 all ? "all" : "not all");
}

TEST("with the name of a trace the program runs its first test alone, and prints the name if it "
     "fails")
{
    CHECK_EQ(run_again("TRACE", "12/3"), 0);
    CHECK(strstr(said, "\n1..1\n# seed 12, variant 3: not all\nok 1 - a random test"));
    CHECK(run_again("TRACE", "13/0") != 0);
    CHECK(strstr(said, "# replay: TRACE=13/0\n"));
}

TEST("a test that keeps something fails, and says how much; the next one is measured by itself")
{
    if (getenv("KEEP")) {
        held++;
        return;
    }
    CHECK(run_again("KEEP", "1") != 0);
    CHECK(strstr(said, "# what is held: 0 before the test, 1 after\nnot ok 3 - a test that keeps"));
    CHECK(strstr(said, "\nok 4 - "));
}

TEST("a check that fails where no test runs, in a law say, ends the program")
{
    CHECK(run_again("UNLAWFUL", "1") != 0); /* before the first test */
    CHECK(strstr(said, "# no test runs") && !strstr(said, "ok 1 - "));
    CHECK(run_again("UNLAWFUL", "2") != 0); /* after it */
    CHECK(strstr(said, "# no test runs") && !strstr(said, "ok 1 - "));
}

TEST("what is no name of a trace is a failure")
{
    static const char *const names[] = {"12", "12/3x", "a/b", ""};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(run_again("TRACE", names[i]) != 0);
}

TEST("the environment says how far a random test goes, and it knows when that was not all")
{
    unsetenv("SECONDS");
    CHECK_EQ(run_some_again("'a random test runs'", "OPERATIONS", "11"), 0);
    CHECK(strstr(said, "\n# 20 operations\n# seed 2, variant 2: not all\nok 1 - "));
    CHECK_EQ(run_some_again("'a random test runs'", "OPERATIONS", "31"), 0);
    CHECK(strstr(said, "\n# 40 operations\n# seed 4, variant 2: all\nok 1 - "));
    CHECK_EQ(run_some_again("'a random test runs'", "SECONDS", "0"), 0);
    CHECK(strstr(said, "\n# 0 operations\n# seed 0, variant 0: not all\nok 1 - "));
}

TEST("a check that fails of the number of an invariant is told its sentence")
{
    if (getenv("BROKEN"))
        CHECK_STRING(getenv("BROKEN"), "");
    CHECK(run_again("BROKEN", "F3") != 0);
    CHECK(strstr(said,
                 "# F3 of mm/frame.h: a table, object or firmware frame has map count 0 and pin "
                 "count 0 (the field counts valid entries in a table, live objects in an "
                 "object frame);\n"));
    CHECK(run_again("BROKEN", "F33x") != 0);
    CHECK(!strstr(said, " of mm/"));
}
