/* Which rule each condition belongs to, and what is to be said of each rule at the end.
 *
 *  V1  a condition is kept, broken or not reached, exactly one of them;
 *  V2  a rule is broken when a condition of it is, else not reached when a condition of it is not,
 *      else kept. */
#ifndef PAGERTEST_RULES_H
#define PAGERTEST_RULES_H

#include "harness.h"
#include "pager_contract.h"

/* A test of one condition of rule P`number`. */
#define RULE_TEST(number, sentence)                        \
    static void HARNESS_PASTE(rule_body_, __LINE__)(void); \
    TEST("P" #number ": " sentence)                        \
    {                                                      \
        rule_begin(number);                                \
        HARNESS_PASTE(rule_body_, __LINE__)();             \
        rule_end();                                        \
    }                                                      \
    static void HARNESS_PASTE(rule_body_, __LINE__)(void)

/* What the rule demands: if not, it is broken. */
#define MUST(condition) rule_check(__FILE__, __LINE__, #condition, condition, RULE_BROKEN)
#define MUST_EQ(a, b) \
    rule_check_equal(__FILE__, __LINE__, #a " == " #b, (uint64_t)(a), (uint64_t)(b))
/* What other rules demand and this condition only needs: if not, it is not reached. */
#define NEEDS(condition) rule_check(__FILE__, __LINE__, #condition, condition, RULE_NOT_REACHED)

enum rule_verdict { RULE_KEPT, RULE_BROKEN, RULE_NOT_REACHED };

void rule_begin(unsigned rule);
void rule_end(void);
void rule_check(const char *file, int line, const char *text, bool holds,
                enum rule_verdict verdict);
void rule_check_equal(const char *file, int line, const char *text, uint64_t a, uint64_t b);

/* Of the tests that ran so far: how many conditions of a rule were kept, and what that makes. */
unsigned rule_kept(unsigned rule);
enum rule_verdict rule_verdict(unsigned rule);

#endif
