/* Owns the run of a test program: finds the registered tests, runs them, prints KTAP.
 *
 * I1. Every test of the plan gives exactly one line "ok" or "not ok".
 * I2. The exit status is 0 only if each planned test ran to its end and passed or was skipped.
 *
 * A test that kills the process leaves the plan unfulfilled: whoever reads the output counts. */
#include "harness.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HARNESS_LAWS_MAX 16

/* The linker puts these around the section "tests". */
extern const struct harness_entry *__start_tests[];
extern const struct harness_entry *__stop_tests[];

enum outcome { OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_SKIPPED };

static struct {
    jmp_buf leave;      /* out of the running test */
    bool has_test;      /* that one can leave so; else a failed check ends the program */
    const char *reason; /* of a skip */
    unsigned number;    /* of the test that was looked at last */
    unsigned only;      /* the test that runs; 0: all do */
    const char *count;  /* the program's second argument, or NULL */
    uint64_t before[HARNESS_LAWS_MAX];
} harness;

void harness_note(const char *format, ...)
{
    va_list arguments;

    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
}

void harness_run_only(unsigned number)
{
    harness.only = number;
}

unsigned long harness_count_wanted(unsigned long otherwise)
{
    return harness.count ? strtoul(harness.count, NULL, 10) : otherwise;
}

static _Noreturn void harness_leave(enum outcome outcome)
{
    if (harness.has_test)
        longjmp(harness.leave, outcome);
    harness_note("no test runs that this could end");
    exit(1);
}

_Noreturn void harness_fail(const char *file, int line, const char *text)
{
    harness_note("%s:%d: %s", file, line, text);
    if (harness_explain)
        harness_explain(text);
    harness_leave(OUTCOME_FAILED);
}

_Noreturn void harness_skip(const char *reason)
{
    harness.reason = reason;
    harness_leave(OUTCOME_SKIPPED);
}

bool harness_try(void (*run)(void *context), void *context)
{
    const bool has_test = harness.has_test;
    jmp_buf outer;
    int outcome;

    memcpy(&outer, &harness.leave, sizeof(outer));
    harness.has_test = true;
    outcome = setjmp(harness.leave);
    if (outcome == 0)
        run(context);
    memcpy(&harness.leave, &outer, sizeof(outer));
    harness.has_test = has_test;
    return outcome == 0;
}

void harness_check_equal(const char *file, int line, const char *text, uint64_t a, uint64_t b)
{
    if (a == b)
        return;
    harness_note("left 0x%" PRIx64 " (%" PRId64 "), right 0x%" PRIx64 " (%" PRId64 ")", a,
                 (int64_t)a, b, (int64_t)b);
    harness_fail(file, line, text);
}

void harness_check_string(const char *file, int line, const char *text, const char *a,
                          const char *b)
{
    if (strcmp(a, b) == 0)
        return;
    harness_note("left \"%s\", right \"%s\"", a, b);
    if (harness_explain)
        harness_explain(a);
    harness_fail(file, line, text);
}

static void harness_measure_laws(uint64_t *values)
{
    unsigned law = 0;

    for (const struct harness_entry **entry = __start_tests; entry < __stop_tests; entry++)
        if ((*entry)->measure && law < HARNESS_LAWS_MAX)
            values[law++] = (*entry)->measure();
}

static bool harness_laws_hold(void)
{
    uint64_t after[HARNESS_LAWS_MAX] = {0};
    unsigned law = 0;
    bool hold = true;

    harness_measure_laws(after);
    for (const struct harness_entry **entry = __start_tests; entry < __stop_tests; entry++) {
        if (!(*entry)->measure || law == HARNESS_LAWS_MAX)
            continue;
        if (after[law] != harness.before[law]) {
            harness_note("%s: %" PRIu64 " before the test, %" PRIu64 " after", (*entry)->name,
                         harness.before[law], after[law]);
            hold = false;
        }
        law++;
    }
    return hold;
}

/* Laws that hold are before the next test what they were before this one; what is broken is measured anew. */
static enum outcome harness_run(const struct harness_entry *test)
{
    int outcome = setjmp(harness.leave);

    harness.has_test = outcome == 0;
    if (outcome == 0)
        test->run();
    harness.has_test = false;
    if (harness_laws_hold())
        return (enum outcome)outcome;
    harness_measure_laws(harness.before);
    return OUTCOME_FAILED;
}

/* Counts the test, if it is one. */
static bool harness_selects(const struct harness_entry *entry, const char *part)
{
    if (!entry->run)
        return false;
    harness.number++;
    return (!part || strstr(entry->name, part)) &&
           (harness.only == 0 || harness.only == harness.number);
}

static unsigned harness_count(const char *part)
{
    unsigned count = 0;

    for (const struct harness_entry **entry = __start_tests; entry < __stop_tests; entry++)
        count += harness_selects(*entry, part);
    harness.number = 0;
    return count;
}

static unsigned harness_count_laws(void)
{
    unsigned count = 0;

    for (const struct harness_entry **entry = __start_tests; entry < __stop_tests; entry++)
        count += (*entry)->measure != 0;
    return count;
}

/* Compilers emit a file's objects in any order: back to the order of the text. */
static int harness_compare(const void *a, const void *b)
{
    const struct harness_entry *left = *(const struct harness_entry *const *)a;
    const struct harness_entry *right = *(const struct harness_entry *const *)b;
    int files = strcmp(left->file, right->file);

    return files ? files : left->line - right->line;
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : NULL;
    unsigned planned = harness_count(part), ran = 0, failed = 0;

    harness.count = argc > 2 ? argv[2] : NULL;
    qsort(__start_tests, (size_t)(__stop_tests - __start_tests), sizeof *__start_tests,
          harness_compare);
    printf("KTAP version 1\n1..%u\n", planned);
    fflush(stdout);
    if (harness_count_laws() > HARNESS_LAWS_MAX) {
        harness_note("%u laws, at most %d are measured", harness_count_laws(), HARNESS_LAWS_MAX);
        return 1;
    }
    harness_measure_laws(harness.before);
    for (const struct harness_entry **entry = __start_tests; entry < __stop_tests; entry++) {
        enum outcome outcome;

        if (!harness_selects(*entry, part))
            continue;
        outcome = harness_run(*entry);
        failed += outcome == OUTCOME_FAILED;
        printf("%sok %u - %s%s%s\n", outcome == OUTCOME_FAILED ? "not " : "", ++ran, (*entry)->name,
               outcome == OUTCOME_SKIPPED ? " # SKIP " : "",
               outcome == OUTCOME_SKIPPED ? harness.reason : "");
        fflush(stdout);
    }
    if (planned == 0)
        harness_note("no test is named like that");
    return planned > 0 && ran == planned && failed == 0 ? 0 : 1;
}
