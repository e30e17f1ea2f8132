/* One proof, REPLAY, with given inputs, as an ordinary program: its arguments are what proof_any returns,
 * in this order.  Ends with 1 and the text when a claim or an assert fails; an input that an assumption
 * excludes ends it with 0. */
#include <stdio.h>
#include <stdlib.h>

#include "proof.h"

void REPLAY(void);
_Noreturn void mm_assert_failed(const char *file, int line, const char *text);

static char **inputs;

uint64_t proof_any(const char *name)
{
    if (*inputs == NULL) {
        fprintf(stderr, "no input %s\n", name);
        exit(2);
    }
    return strtoull(*inputs++, NULL, 0);
}

void proof_assume(bool condition)
{
    if (!condition)
        exit(0);
}

void proof_claim(bool condition, const char *text)
{
    if (condition)
        return;
    printf("%s\n", text);
    exit(1);
}

void mm_assert_failed(const char *file, int line, const char *text)
{
    printf("%s:%d: %s\n", file, line, text);
    exit(1);
}

int main(int count, char **arguments)
{
    (void)count;
    inputs = arguments + 1;
    REPLAY();
    return 0;
}
