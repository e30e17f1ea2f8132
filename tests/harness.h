/* The test harness: one for programs of the host and programs of the target (plain C and stdio).
 *
 * A test file is a list of
 *
 *     TEST("a range of no pages is refused") { CHECK_EQ(range_check(0), FL_OUT_OF_RANGE); }
 *
 * and links with harness.c, which brings main().  The program prints KTAP, runs all its tests or
 * those whose name contains its first argument, and ends with 0 when all of them passed.
 * The first check that fails ends its test; it may stand in a function that the test calls.  Where no test runs, in a
 * constructor or a law, it ends the program.
 *
 * Tests register themselves in the linker section "tests", so none can be written and forgotten;
 * they run in the order in which they stand.
 */
#ifndef FAULTLINE_TESTS_HARNESS_H
#define FAULTLINE_TESTS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

/* One registered test, or one law (then `measure` is set and `run` is not). */
struct harness_entry {
    const char *name;
    const char *file;
    int line;
    void (*run)(void);
    uint64_t (*measure)(void);
};

#define HARNESS_PASTE_(a, b) a##b
#define HARNESS_PASTE(a, b)  HARNESS_PASTE_(a, b)
#define HARNESS_REGISTER(id, sentence, kind, function)                           \
    static const struct harness_entry HARNESS_PASTE(harness_entry_, id) = {      \
        .name = sentence, .file = __FILE__, .line = __LINE__, .kind = function}; \
    static const struct harness_entry *HARNESS_PASTE(harness_pointer_, id)       \
        __attribute__((used, section("tests"))) = &HARNESS_PASTE(harness_entry_, id);

/* A test: the sentence says what holds. */
#define TEST(sentence)                                                                \
    static void HARNESS_PASTE(harness_test_, __LINE__)(void);                         \
    HARNESS_REGISTER(__LINE__, sentence, run, HARNESS_PASTE(harness_test_, __LINE__)) \
    static void HARNESS_PASTE(harness_test_, __LINE__)(void)

/* A law: a quantity that every test of the program must leave as it found it (free frames, slots,
 * ...).  The body returns the quantity, the same as long as nothing happens; a test after which it differs fails. */
#define TEST_LAW(quantity)                                                               \
    static uint64_t HARNESS_PASTE(harness_law_, __LINE__)(void);                         \
    HARNESS_REGISTER(__LINE__, quantity, measure, HARNESS_PASTE(harness_law_, __LINE__)) \
    static uint64_t HARNESS_PASTE(harness_law_, __LINE__)(void)

/* Checks.  CHECK_EQ takes integers and pointers (signed ones are sign-extended to 64 bits first)
 * and evaluates each argument once. */
#define CHECK(condition) \
    ((condition) ? (void)0 : harness_fail(__FILE__, __LINE__, "CHECK(" #condition ")"))
#define CHECK_EQ(a, b) \
    harness_check_equal(__FILE__, __LINE__, #a " == " #b, (uint64_t)(a), (uint64_t)(b))
#define CHECK_STRING(a, b) harness_check_string(__FILE__, __LINE__, #a " == " #b, (a), (b))

/* Ends the test as skipped; the reason appears in the summary of the run. */
#define SKIP(reason) harness_skip(reason)

_Noreturn void harness_fail(const char *file, int line, const char *text);
_Noreturn void harness_skip(const char *reason);
void harness_check_equal(const char *file, int line, const char *text, uint64_t a, uint64_t b);
void harness_check_string(const char *file, int line, const char *text, const char *a,
                          const char *b);

/* Before the tests run, of a constructor say: of all, only this one does, counted from 1. */
void harness_run_only(unsigned number);

/* How often a test shall do what it repeats: the program's second argument, behind a first that may be "", else `otherwise`. */
unsigned long harness_count_wanted(unsigned long otherwise);

/* Of a host test (invariant.c): says what a text means that a check failed of, if it is the number of an invariant. */
void harness_explain(const char *text) __attribute__((weak));

/* Runs something that a failed check ends, and not the test.  False: one failed. */
bool harness_try(void (*run)(void *context), void *context);

/* Prints a line of commentary ("# ...") that belongs to the running test; printf's arguments. */
void harness_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
