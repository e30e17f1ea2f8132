/* Where asserts of mm/ end in a test program: the test has failed. */
#include "check.h"
#include "harness.h"

_Noreturn void mm_assert_failed(const char *file, int line, const char *text)
{
    harness_fail(file, line, text);
}
