/* The laws of the suite, its opening, and its last test: what is to be said of each rule.  Tests run
 * in the order of their files' names: this one is the last. */
#include <stdio.h>
#include <stdlib.h>

#include "kit.h"
#include "program.h"
#include "rules.h"

/* Laws are measured before the first test, so the first one opens the suite; they hold for the
 * kernel and this suite, whatever the pager did. */
static uint64_t measure(enum fl_counter which)
{
    static bool opened;
    const char *wrong = opened ? NULL : program_open();

    opened = true;
    if (wrong != NULL) {
        printf("Bail out! The pager can't be tested: %s\n", wrong);
        exit(1);
    }
    kit_end();
    return kit_counter(which);
}

TEST_LAW("free frames")
{
    return measure(FL_COUNTER_FRAMES_FREE);
}
TEST_LAW("objects")
{
    return measure(FL_COUNTER_OBJECTS);
}
TEST_LAW("capabilities")
{
    return measure(FL_COUNTER_CAPABILITIES);
}
TEST_LAW("mappings")
{
    return measure(FL_COUNTER_MAPPINGS);
}

TEST("every rule is kept")
{
    static const struct {
        unsigned number;
        const char *name;
    } list[] = {
#define PAGER_RULE(number, name, doc) {number, #name},
#include "pager_rules.def"
#undef PAGER_RULE
    };
    static const char *const words[] = {
        [RULE_KEPT] = "kept", [RULE_BROKEN] = "broken", [RULE_NOT_REACHED] = "not reached"};
    bool all = true;

    for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
        enum rule_verdict verdict = rule_verdict(list[i].number);

        harness_note("verdict P%u %s: %s", list[i].number, list[i].name, words[verdict]);
        all = all && verdict == RULE_KEPT;
    }
    CHECK(all);
}
