/* See rules.h. */
#include "rules.h"

#include <inttypes.h>

static struct {
    unsigned current;
    unsigned begun[PAGER_RULE_END];
    unsigned kept[PAGER_RULE_END];
    unsigned broken[PAGER_RULE_END];
} rules;

void rule_begin(unsigned rule)
{
    rules.current = rule;
    rules.begun[rule]++;
}

void rule_end(void)
{
    rules.kept[rules.current]++;
}

void rule_check(const char *file, int line, const char *text, bool holds, enum rule_verdict verdict)
{
    if (holds)
        return;
    if (verdict == RULE_BROKEN)
        rules.broken[rules.current]++;
    harness_note("P%u is %s here", rules.current,
                 verdict == RULE_BROKEN ? "broken" : "not reached");
    harness_fail(file, line, text);
}

void rule_check_equal(const char *file, int line, const char *text, uint64_t a, uint64_t b)
{
    if (a != b)
        harness_note("left 0x%" PRIx64 ", right 0x%" PRIx64, a, b);
    rule_check(file, line, text, a == b, RULE_BROKEN);
}

unsigned rule_kept(unsigned rule)
{
    return rules.kept[rule];
}

enum rule_verdict rule_verdict(unsigned rule)
{
    if (rules.broken[rule] > 0)
        return RULE_BROKEN;
    return rules.kept[rule] < rules.begun[rule] || rules.begun[rule] == 0 ? RULE_NOT_REACHED
                                                                          : RULE_KEPT;
}
